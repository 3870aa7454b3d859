/*
 * decide/framing_json_seq.c
 *		JSON text sequences: RFC 7464.
 *
 * A record is a JSON text between a record separator (0x1E), which occurs
 * nowhere in JSON, and a newline.  A text may hold newlines between its tokens,
 * so that it is followed as far as to know whether it is complete: a newline
 * ends it where no object, array or string is open.  So it can be handed out
 * before the next one begins.
 *
 * A text that is not complete when another begins, or when the stream ends, was
 * truncated.  So was a number or a word that no newline ends: it might have been
 * longer.  Space between texts means nothing, nor
 * does a separator behind a separator.  What else stands before a separator is
 * put aside, line by line.
 */
#include <string.h>

#include "decide/framing_int.h"

#define RECORD_SEPARATOR '\x1e'

typedef enum Step
{
	STEP_ON,
	STEP_END,					/* the record ends with this byte */
	STEP_END_BEFORE				/* it ends before this byte */
} Step;

static bool
is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

/* Space and separators. */
static size_t
skip(WeirFramer *f, const char *data, size_t len)
{
	size_t		i = 0;

	for (; i < len && (is_space(data[i]) || data[i] == RECORD_SEPARATOR); i++)
		f->separated = f->separated || data[i] == RECORD_SEPARATOR;
	return i;
}

static Step
step_string(WeirJsonSeq *j, char c)
{
	if (j->escaped)
		j->escaped = false;
	else if (c == '\\')
		j->escaped = true;
	else if (c == '"')
	{
		j->in_string = false;
		j->closed = true;
	}
	return STEP_ON;
}

static Step
step_text(WeirJsonSeq *j, char c)
{
	if (c == '\n' && j->depth <= 0)
		return STEP_END;
	if (is_space(c))
		return STEP_ON;
	j->closed = c == '}' || c == ']';
	if (c == '"')
		j->in_string = true;
	else if (c == '{' || c == '[')
		j->depth++;
	else if (j->closed)
		j->depth--;
	return STEP_ON;
}

static Step
step(WeirFramer *f, char c)
{
	WeirJsonSeq *j = &f->json;

	if (c == RECORD_SEPARATOR)
		return STEP_END_BEFORE;
	if (j->lost)
		return STEP_ON;
	if (!f->separated)
		return c == '\n' ? STEP_END : STEP_ON;
	return j->in_string ? step_string(j, c) : step_text(j, c);
}

/* An object, an array or a string has an end of its own. */
static bool
is_complete(const WeirJsonSeq *j)
{
	return j->closed && j->depth <= 0;
}

static size_t
without_cr(const char *base, size_t len)
{
	return len > 0 && base[len - 1] == '\r' ? len - 1 : len;
}

static bool
find(WeirFramer *f, const char *base, size_t len, WeirFound *found)
{
	for (; f->scanned < len; f->scanned++)
	{
		Step		s = step(f, base[f->scanned]);

		if (s == STEP_ON)
			continue;
		found->begin = 0;
		found->len = without_cr(base, f->scanned);
		found->end = s == STEP_END ? f->scanned + 1 : f->scanned;
		found->fault = !f->separated ? WEIR_RECORD_NO_SEPARATOR :
			s == STEP_END || is_complete(&f->json) ? WEIR_RECORD_WHOLE : WEIR_RECORD_TRUNCATED;
		return true;
	}
	return false;
}

/* Up to the next place where the record could end. */
static size_t
want(const WeirFramer *f, const char *data, size_t len)
{
	size_t		i = 0;

	(void) f;
	while (i < len && data[i] != '\n' && data[i] != RECORD_SEPARATOR)
		i++;
	return i < len ? i + 1 : len;
}

/* Behind a record as long as allowed a carriage return may stand, and a newline. */
static WeirRecordFault
hopeless(WeirFramer *f, const char *base, size_t len)
{
	(void) base;
	if (len < f->max_record + 2)
		return WEIR_RECORD_WHOLE;
	return f->separated ? WEIR_RECORD_TOO_LONG : WEIR_RECORD_NO_SEPARATOR;
}

static void
begin_pass(WeirFramer *f, const char *base, size_t len, size_t *head, size_t *from)
{
	(void) f;
	(void) base;
	(void) len;
	*head = *from = 0;
}

static size_t
pass(WeirFramer *f, const char *data, size_t len, bool *done)
{
	for (size_t i = 0; i < len; i++)
	{
		Step		s = step(f, data[i]);

		*done = s != STEP_ON;
		if (*done)
			return s == STEP_END ? i + 1 : i;
	}
	return len;
}

static void
finish(WeirFramer *f, const char *base, size_t len, WeirFound *found)
{
	found->begin = 0;
	found->len = without_cr(base, len);
	found->fault = !f->separated ? WEIR_RECORD_NO_SEPARATOR :
		is_complete(&f->json) ? WEIR_RECORD_WHOLE : WEIR_RECORD_TRUNCATED;
}

const WeirFramingMethod weir_framing_json_seq = {
	skip, find, want, hopeless, begin_pass, pass, NULL, finish
};
