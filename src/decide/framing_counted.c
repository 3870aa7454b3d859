/*
 * decide/framing_counted.c
 *		Records behind their length: RFC 6587's octet counting.
 *
 * A record is "LEN SP MSG": LEN is its length in decimal digits, the first of
 * them not 0, and MSG is that many bytes, whatever they are.  Newlines between
 * two records are passed over, since some senders end each message with one
 * that they do not count.  Others, rsyslog and syslog-ng among them, count it:
 * one at a message's end is no part of the record.
 *
 * Bytes that do not begin with a count cannot be told from what follows them.
 * They are put aside up to a newline: so are the lines of a sender that does
 * not count at all, one by one.
 */
#include <string.h>

#include "decide/framing_int.h"

#define MAX_DIGITS 9

typedef enum CountResult
{
	COUNT_MORE,					/* as far as it goes */
	COUNT_FOUND,
	COUNT_BAD
} CountResult;

typedef struct Count
{
	size_t		body;			/* where the record begins */
	size_t		value;
} Count;

static size_t
skip(WeirFramer *f, const char *data, size_t len)
{
	size_t		i = 0;

	(void) f;
	while (i < len && (data[i] == '\n' || data[i] == '\r'))
		i++;
	return i;
}

static CountResult
read_count(const char *base, size_t len, Count *count)
{
	size_t		i;

	count->value = 0;
	if (len > 0 && base[0] == '0')
		return COUNT_BAD;
	for (i = 0; i < len && base[i] >= '0' && base[i] <= '9'; i++)
	{
		if (i == MAX_DIGITS)
			return COUNT_BAD;
		count->value = count->value * 10 + (size_t) (base[i] - '0');
	}
	if (i == len)
		return COUNT_MORE;
	count->body = i + 1;
	return base[i] == ' ' && i > 0 ? COUNT_FOUND : COUNT_BAD;
}

/* The length without one newline at its end, and a carriage return before it. */
static size_t
without_newline(const char *body, size_t len)
{
	if (len == 0 || body[len - 1] != '\n')
		return len;
	return len > 1 && body[len - 2] == '\r' ? len - 2 : len - 1;
}

static bool
find(WeirFramer *f, const char *base, size_t len, WeirFound *found)
{
	Count		count;

	f->body = 0;
	if (read_count(base, len, &count) != COUNT_FOUND)
		return false;
	f->body = count.body;
	if (len - count.body < count.value)
		return false;
	found->begin = count.body;
	found->len = count.value > f->max_record ? count.value : without_newline(base + count.body, count.value);
	found->end = count.body + count.value;
	found->fault = WEIR_RECORD_WHOLE;
	return true;
}

/* The count byte by byte, then what it says. */
static size_t
want(const WeirFramer *f, const char *data, size_t len)
{
	Count		count;
	size_t		missing;

	(void) data;
	if (read_count(f->tail.data, f->tail.len, &count) != COUNT_FOUND)
		return 1;
	missing = count.value - (f->tail.len - count.body);
	return missing < len ? missing : len;
}

static WeirRecordFault
hopeless(WeirFramer *f, const char *base, size_t len)
{
	Count		count;

	switch (read_count(base, len, &count))
	{
		case COUNT_BAD:
			return WEIR_RECORD_BAD_COUNT;
		case COUNT_FOUND:
			return count.value > f->max_record ? WEIR_RECORD_TOO_LONG : WEIR_RECORD_WHOLE;
		case COUNT_MORE:
			break;
	}
	return WEIR_RECORD_WHOLE;
}

static void
begin_pass(WeirFramer *f, const char *base, size_t len, size_t *head, size_t *from)
{
	Count		count;

	if (read_count(base, len, &count) == COUNT_FOUND)
	{
		*head = *from = count.body;
		f->count = (int64_t) count.value;
		return;
	}
	*head = *from = 0;
	weir_framing_begin_window(f, false);
}

static size_t
pass(WeirFramer *f, const char *data, size_t len, bool *done)
{
	if (f->count < 0)
		return weir_framing_pass_delimiter(f, "\n", 1, false, data, len, done);
	if ((int64_t) len >= f->count)
	{
		len = (size_t) f->count;
		*done = true;
	}
	f->count -= (int64_t) len;
	return len;
}

static void
finish(WeirFramer *f, const char *base, size_t len, WeirFound *found)
{
	(void) f;
	(void) base;
	found->begin = 0;
	found->len = len;
	found->fault = WEIR_RECORD_TRUNCATED;
}

const WeirFramingMethod weir_framing_counted = {
	skip, find, want, hopeless, begin_pass, pass, NULL, finish
};
