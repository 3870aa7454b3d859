/*
 * decide/framing_delimited.c
 *		Records that end at a delimiter.
 *
 * Where the delimiter is a newline, a carriage return before it belongs to the
 * delimiter.
 *
 * text: a delimiter whose first byte stands behind an odd number of
 * backslashes belongs to the record, as a backslash makes COPY take the next
 * character as data; so does a carriage return behind such a backslash.  This
 * does not apply to a delimiter that has a backslash in it.
 *
 * csv: what stands inside quotes belongs to the record.  Inside quotes the
 * escape character takes the meaning from a quote; where it is the quote
 * character itself, a doubled quote closes and opens again.  A record that is
 * too long is likely to hold a quote that was never meant as one, so it ends at
 * the next delimiter, quotes or not.
 *
 * The end is looked for by the delimiter's last byte, with memchr, from where
 * the last search stopped: no byte is looked at twice.
 */
#include <string.h>

#include "decide/framing_int.h"

/* Does base[at] stand behind an odd number of backslashes? */
static bool
is_escaped(const WeirFramer *f, const char *base, size_t at)
{
	size_t		i = at;

	if (!f->escapes || at == 0 || base[at - 1] != '\\')
		return false;
	while (i > 0 && base[i - 1] == '\\')
		i--;
	return (at - i) % 2 == 1;
}

static bool
is_delimiter(const WeirFramer *f, const char *base, size_t end)
{
	size_t		n = f->delimiter_len;

	if (n > 1 && (end < n || memcmp(base + end - n, f->delimiter, n) != 0))
		return false;
	return !is_escaped(f, base, end - n);
}

/* Where the record ends, its delimiter included; 0: not in these bytes. */
static size_t
find_unquoted_end(WeirFramer *f, const char *base, size_t len)
{
	const char *end = base + len;
	const char *p = base + f->scanned;

	while (p < end && (p = memchr(p, f->last, (size_t) (end - p))) != NULL)
	{
		p++;
		if (is_delimiter(f, base, (size_t) (p - base)))
			return (size_t) (p - base);
	}
	f->scanned = len;
	return 0;
}

/* Goes on inside quotes; returns the place behind the closing one, or end. */
static const char *
skip_quoted(WeirFramer *f, const char *p, const char *end)
{
	if (f->escape == f->quote)
	{
		p = memchr(p, f->quote, (size_t) (end - p));
		f->in_quote = p == NULL;
		return p == NULL ? end : p + 1;
	}
	for (; p < end; p++)
	{
		if (f->behind_escape)
			f->behind_escape = false;
		else if (*p == f->escape)
			f->behind_escape = true;
		else if (*p == f->quote)
		{
			f->in_quote = false;
			return p + 1;
		}
	}
	return end;
}

static size_t
find_csv_end(WeirFramer *f, const char *base, size_t len)
{
	const char *end = base + len;
	const char *p = base + f->scanned;
	const char *d = NULL;		/* next last byte of a delimiter at or behind p, or end */

	while (p < end)
	{
		const char *q;

		if (f->in_quote)
		{
			p = skip_quoted(f, p, end);
			continue;
		}
		if (d == NULL || d < p)
		{
			d = memchr(p, f->last, (size_t) (end - p));
			if (d == NULL)
				d = end;
		}
		q = memchr(p, f->quote, (size_t) (d - p));
		if (q != NULL)
		{
			f->in_quote = true;
			p = q + 1;
			continue;
		}
		if (d == end)
			break;
		p = d + 1;
		if (is_delimiter(f, base, (size_t) (p - base)))
			return (size_t) (p - base);
	}
	f->scanned = len;
	return 0;
}

/* Without a carriage return at the end that is part of the delimiter. */
static size_t
without_cr(const WeirFramer *f, const char *base, size_t len)
{
	if (f->drop_cr && len > 0 && base[len - 1] == '\r' &&
		!f->in_quote && !is_escaped(f, base, len - 1))
		return len - 1;
	return len;
}

static bool
find(WeirFramer *f, const char *base, size_t len, WeirFound *found)
{
	size_t		end = f->kind == WEIR_FRAMING_CSV ?
		find_csv_end(f, base, len) : find_unquoted_end(f, base, len);

	if (end == 0)
		return false;
	found->begin = 0;
	found->len = without_cr(f, base, end - f->delimiter_len);
	found->end = end;
	found->fault = WEIR_RECORD_WHOLE;
	return true;
}

/* Up to the next place where the record could end. */
static size_t
want(const WeirFramer *f, const char *data, size_t len)
{
	const char *p = memchr(data, f->last, len);

	return p != NULL ? (size_t) (p + 1 - data) : len;
}

/* More bytes without an end than a record and its delimiter can have. */
static WeirRecordFault
hopeless(WeirFramer *f, const char *base, size_t len)
{
	size_t		spare = f->delimiter_len + (f->drop_cr ? 1 : 0);

	(void) base;
	return len >= spare && len - spare >= f->max_record ?
		WEIR_RECORD_TOO_LONG : WEIR_RECORD_WHOLE;
}

static void
begin_pass(WeirFramer *f, const char *base, size_t len, size_t *head, size_t *from)
{
	(void) len;
	*head = 0;
	*from = f->max_record;
	weir_framing_begin_window(f, is_escaped(f, base, f->max_record));
}

static size_t
pass(WeirFramer *f, const char *data, size_t len, bool *done)
{
	return weir_framing_pass_delimiter(f, f->delimiter, f->delimiter_len, f->escapes,
									   data, len, done);
}

/*
 * Where a delimiter is one byte it ends a record, but behind a backslash or a
 * quote: of these find decides.
 */
static size_t
run(const WeirFramer *f, const char *data, size_t len, WeirRecordSpan *spans, size_t max,
	size_t *used)
{
	const char *p = data;
	const char *end = data + len;
	size_t		n = 0;

	if (f->delimiter_len != 1)
		return 0;
	if (f->kind == WEIR_FRAMING_CSV)
	{
		const char *quote = memchr(data, f->quote, len);

		if (quote != NULL)
			end = quote;
	}
	while (n < max)
	{
		const char *q = memchr(p, f->last, (size_t) (end - p));
		size_t		size;

		if (q == NULL)
			break;
		size = (size_t) (q - p);
		if (f->escapes && size > 0 &&
			(q[-1] == '\\' || (size > 1 && q[-1] == '\r' && q[-2] == '\\')))
			break;
		if (f->drop_cr && size > 0 && q[-1] == '\r')
			size--;
		if (size > f->max_record)
			break;
		spans[n].data = p;
		spans[n++].len = size;
		p = q + 1;
	}
	*used = (size_t) (p - data);
	return n;
}

static void
finish(WeirFramer *f, const char *base, size_t len, WeirFound *found)
{
	found->begin = 0;
	found->len = without_cr(f, base, len);
	found->fault = WEIR_RECORD_WHOLE;
}

void
weir_framing_begin_window(WeirFramer *f, bool odd)
{
	f->nwindow = 0;
	f->odd = odd;
}

/* The window takes a byte; it holds the last n. */
static void
shift_window(WeirFramer *f, size_t n, char c)
{
	if (f->nwindow == n)
	{
		f->nwindow--;
		memmove(f->window, f->window + 1, f->nwindow);
		memmove(f->behind_backslash, f->behind_backslash + 1, f->nwindow * sizeof(bool));
	}
	f->window[f->nwindow] = c;
	f->behind_backslash[f->nwindow++] = f->odd;
	f->odd = c == '\\' && !f->odd;
}

size_t
weir_framing_pass_delimiter(WeirFramer *f, const char *delimiter, size_t n, bool escapes,
							const char *data, size_t len, bool *done)
{
	size_t		i = 0;

	while (i < len && !*done)
	{
		shift_window(f, n, data[i++]);
		*done = f->nwindow == n && memcmp(f->window, delimiter, n) == 0 &&
			!(escapes && f->behind_backslash[0]);
	}
	return i;
}

const WeirFramingMethod weir_framing_delimited = {
	NULL, find, want, hopeless, begin_pass, pass, run, finish
};
