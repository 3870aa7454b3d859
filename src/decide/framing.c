/*
 * decide/framing.c
 *		Cuts a byte stream into records.
 *
 * A record ends at the delimiter.  Where the delimiter is a newline, a
 * carriage return before it belongs to the delimiter.
 *
 * text: a delimiter whose first byte stands behind an odd number of
 * backslashes belongs to the record, as a backslash makes COPY take the next
 * character as data; so does a carriage return behind such a backslash.  This
 * does not apply to a delimiter that has a backslash in it.
 *
 * csv: what stands inside quotes belongs to the record.  Inside quotes the
 * escape character takes the meaning from a quote; where it is the quote
 * character itself, a doubled quote closes and opens again.
 *
 * The record that is being read is always one run of bytes: while nothing of
 * it came with an earlier piece it lies in the caller's piece, else in the
 * tail buffer, to which bytes of the piece are added only up to the next place
 * where the record could end.  So at most one record of a piece is copied, and
 * its delimiter may be split over pieces anywhere.  Records handed out must
 * stay until the next piece, while what is left of this one has to be kept:
 * hence two buffers, which change places when a record is handed out from one.
 *
 * With cut_long, a record that is too long is not kept but for its head: once
 * nothing more than the end is looked for, the tail buffer holds only the last
 * bytes that the search can look back to.
 *
 * The end is looked for by the delimiter's last byte, with memchr, from where
 * the last search stopped: no byte is looked at twice.
 */
#include "decide/framing.h"

#include <stdlib.h>
#include <string.h>

#include "decide/memory.h"

#define MAX_DELIMITER 16

typedef struct Buffer
{
	char	   *data;
	size_t		len;
	size_t		capacity;
} Buffer;

struct WeirFramer
{
	char		delimiter[MAX_DELIMITER];
	size_t		delimiter_len;
	char		last;			/* the delimiter's last byte */
	bool		csv;
	bool		drop_cr;		/* the delimiter is a newline */
	bool		escapes;		/* a backslash takes the next byte as data */
	char		quote;
	char		escape;
	int			(*char_len) (const char *s);
	size_t		max_record;
	bool		cut_long;

	int64_t		offset;			/* of the end of the last record */
	int64_t		line;			/* records before that */

	const char *piece;			/* not yet looked at: piece .. piece_end */
	const char *piece_end;
	int64_t		stamp;

	Buffer		tail;			/* begun record; empty: it begins at piece */
	Buffer		handed;			/* last record handed out from a buffer */

	/* a record that is too long, of which only the end is looked for */
	bool		skipping;
	Buffer		head;			/* its first max_record bytes */
	size_t		skipped;		/* bytes of it that are in no buffer any more */

	/* the search in the begun record */
	size_t		scanned;		/* no end in its first bytes up to here */
	bool		in_quote;
	bool		behind_escape;
};

WeirFramer *
weir_framer_create(const WeirFramingOptions *options, int64_t offset, int64_t line)
{
	WeirFramer *f = weir_alloc(1, sizeof(WeirFramer));

	f->delimiter_len = (size_t) options->delimiter_len;
	memcpy(f->delimiter, options->delimiter, f->delimiter_len);
	f->last = f->delimiter[f->delimiter_len - 1];
	f->csv = options->csv;
	f->drop_cr = f->delimiter_len == 1 && f->last == '\n';
	f->escapes = !f->csv && !options->plain && memchr(f->delimiter, '\\', f->delimiter_len) == NULL;
	f->quote = options->quote;
	f->escape = options->escape;
	f->char_len = options->char_len;
	f->max_record = options->max_record;
	f->cut_long = options->cut_long;
	f->offset = offset;
	f->line = line;
	return f;
}

void
weir_framer_destroy(WeirFramer *f)
{
	free(f->tail.data);
	free(f->handed.data);
	free(f->head.data);
	free(f);
}

static void
append(Buffer *buffer, const char *data, size_t len)
{
	size_t		wanted = buffer->len + len;
	char	   *p;

	if (wanted > buffer->capacity)
	{
		wanted = wanted < 512 ? 1024 : wanted * 2;
		p = realloc(buffer->data, wanted);
		if (p == NULL)
			weir_out_of_memory(wanted);
		buffer->data = p;
		buffer->capacity = wanted;
	}
	memcpy(buffer->data + buffer->len, data, len);
	buffer->len += len;
}

/* Is the byte before "at" the second half of a multi-byte character? */
static bool
is_trail_byte(const WeirFramer *f, const char *base, size_t at)
{
	size_t		i = 0;

	if (f->char_len == NULL)
		return false;
	while (i < at - 1)
	{
		int			len = f->char_len(base + i);

		i += len > 0 ? (size_t) len : 1;
	}
	return i != at - 1;
}

/* Does base[at] stand behind an odd number of backslashes? */
static bool
is_escaped(const WeirFramer *f, const char *base, size_t at)
{
	size_t		i = at;

	if (!f->escapes || at == 0 || base[at - 1] != '\\')
		return false;
	while (i > 0 && base[i - 1] == '\\')
		i--;
	/* the first of the run may end a character that began before it */
	if (is_trail_byte(f, base, i + 1))
		i++;
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
find_text_end(WeirFramer *f, const char *base, size_t len)
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

static size_t
find_end(WeirFramer *f, const char *base, size_t len)
{
	return f->csv ? find_csv_end(f, base, len) : find_text_end(f, base, len);
}

/* A carriage return at the end of the record that is part of its delimiter. */
static bool
ends_with_cr(const WeirFramer *f, const char *base, size_t len)
{
	return f->drop_cr && len > 0 && base[len - 1] == '\r' &&
		!f->in_quote && !is_escaped(f, base, len - 1);
}

/* The next search begins at the first byte of a record. */
static void
restart_search(WeirFramer *f)
{
	f->scanned = 0;
	f->in_quote = false;
	f->behind_escape = false;
}

/* Fills in the record of len bytes, taken bytes with its delimiter. */
static void
set_record(WeirFramer *f, WeirFramedRecord *record, const char *base,
		   size_t len, size_t taken)
{
	f->offset += (int64_t) taken;
	f->line++;
	record->data = base;
	record->len = ends_with_cr(f, base, len) ? len - 1 : len;
	record->stamp = f->stamp;
	record->line = f->line;
	record->end_offset = f->offset;
	record->is_cut = false;
	restart_search(f);
}

/* More bytes without an end than a record and its delimiter can have. */
static bool
is_hopeless(const WeirFramer *f, size_t len)
{
	return len >= f->delimiter_len + (f->drop_cr ? 1 : 0) &&
		len - f->delimiter_len - (f->drop_cr ? 1 : 0) >= f->max_record;
}

/* The record ends, taken bytes from where it began: what is handed out is its head. */
static void
set_cut_record(WeirFramer *f, WeirFramedRecord *record, size_t taken)
{
	f->offset += (int64_t) taken;
	f->line++;
	f->skipping = false;
	record->data = f->head.data;
	record->len = f->head.len;
	record->stamp = f->stamp;
	record->line = f->line;
	record->end_offset = f->offset;
	record->is_cut = true;
	restart_search(f);
}

/* Drops what the search for the end does not look at again. */
static void
drop_searched(WeirFramer *f)
{
	size_t		keep = f->delimiter_len - 1;
	size_t		start;
	size_t		run = 0;

	if (f->char_len != NULL || f->tail.len <= keep)
		return;
	start = f->tail.len - keep;
	while (f->escapes && run < start && f->tail.data[start - run - 1] == '\\')
		run++;
	start -= run % 2;
	memmove(f->tail.data, f->tail.data + start, f->tail.len - start);
	f->tail.len -= start;
	f->scanned -= start;
	f->skipped += start;
}

/* Goes on to the end of the record that is too long. */
static WeirFramingResult
next_skipping(WeirFramer *f, WeirFramedRecord *record)
{
	for (;;)
	{
		size_t		left = (size_t) (f->piece_end - f->piece);
		size_t		end = f->tail.len > 0 ? find_end(f, f->tail.data, f->tail.len) : 0;
		const char *p;
		size_t		take;

		if (end > 0)
		{
			f->tail.len = 0;
			set_cut_record(f, record, f->skipped + end);
			return WEIR_FRAMING_RECORD;
		}
		drop_searched(f);
		if (left == 0)
			return WEIR_FRAMING_MORE;
		p = memchr(f->piece, f->last, left);
		take = p != NULL ? (size_t) (p + 1 - f->piece) : left;
		append(&f->tail, f->piece, take);
		f->piece += take;
	}
}

static WeirFramingResult
begin_skipping(WeirFramer *f, WeirFramedRecord *record, const char *base)
{
	f->skipping = true;
	f->skipped = 0;
	f->head.len = 0;
	append(&f->head, base, f->max_record);
	restart_search(f);
	return next_skipping(f, record);
}

static WeirFramingResult
too_long(WeirFramer *f, WeirFramedRecord *record, const char *base)
{
	if (f->cut_long)
		return begin_skipping(f, record, base);
	record->data = base;
	record->len = f->max_record;
	record->stamp = f->stamp;
	record->line = f->line + 1;
	record->end_offset = f->offset;
	record->is_cut = false;
	restart_search(f);			/* the next call finds the same */
	return WEIR_FRAMING_TOO_LONG;
}

/* The begun record ends at "end" of these bytes. */
static WeirFramingResult
cut(WeirFramer *f, WeirFramedRecord *record, const char *base, size_t end)
{
	size_t		len = end - f->delimiter_len;

	if (len > f->max_record &&
		(len - 1 > f->max_record || !ends_with_cr(f, base, len)))
		return too_long(f, record, base);
	set_record(f, record, base, len, end);
	return WEIR_FRAMING_RECORD;
}

static void
swap_buffers(WeirFramer *f)
{
	Buffer		b = f->tail;

	f->tail = f->handed;
	f->tail.len = 0;
	f->handed = b;
}

/* The record began in an earlier piece: complete it in the tail buffer. */
static WeirFramingResult
next_from_tail(WeirFramer *f, WeirFramedRecord *record)
{
	WeirFramingResult result;
	size_t		end = 0;

	while (end == 0 && !is_hopeless(f, f->tail.len))
	{
		size_t		left = (size_t) (f->piece_end - f->piece);
		const char *p;
		size_t		take;

		if (left == 0)
			return WEIR_FRAMING_MORE;
		p = memchr(f->piece, f->last, left);
		take = p != NULL ? (size_t) (p + 1 - f->piece) : left;
		append(&f->tail, f->piece, take);
		f->piece += take;
		end = find_end(f, f->tail.data, f->tail.len);
	}
	if (end == 0)
		return too_long(f, record, f->tail.data);
	result = cut(f, record, f->tail.data, end);
	if (result == WEIR_FRAMING_RECORD && !record->is_cut)
		swap_buffers(f);
	return result;
}

void
weir_framer_feed(WeirFramer *f, const char *data, size_t len, int64_t stamp)
{
	f->piece = data;
	f->piece_end = data + len;
	f->stamp = stamp;
}

WeirFramingResult
weir_framer_next(WeirFramer *f, WeirFramedRecord *record)
{
	WeirFramingResult result;
	size_t		left = (size_t) (f->piece_end - f->piece);
	size_t		end;

	if (f->skipping)
		return next_skipping(f, record);
	if (f->tail.len > 0)
		return next_from_tail(f, record);
	if (left == 0)
		return WEIR_FRAMING_MORE;
	end = find_end(f, f->piece, left);
	if (end > 0)
	{
		result = cut(f, record, f->piece, end);
		if (result == WEIR_FRAMING_RECORD && !record->is_cut)
			f->piece += end;
		return result;
	}
	if (is_hopeless(f, left))
		return too_long(f, record, f->piece);
	append(&f->tail, f->piece, left);
	f->piece = f->piece_end;
	return WEIR_FRAMING_MORE;
}

bool
weir_framer_finish(WeirFramer *f, WeirFramedRecord *record)
{
	if (f->skipping)
	{
		size_t		taken = f->skipped + f->tail.len;

		f->tail.len = 0;
		set_cut_record(f, record, taken);
		return true;
	}
	if (f->tail.len == 0)
		return false;
	set_record(f, record, f->tail.data, f->tail.len, f->tail.len);
	swap_buffers(f);
	return true;
}

void
weir_framer_drop(WeirFramer *f)
{
	f->offset += (int64_t) weir_framer_tail(f);
	f->tail.len = 0;
	f->skipping = false;
	restart_search(f);
}

int64_t
weir_framer_offset(const WeirFramer *f)
{
	return f->offset;
}

int64_t
weir_framer_line(const WeirFramer *f)
{
	return f->line;
}

size_t
weir_framer_tail(const WeirFramer *f)
{
	return (f->skipping ? f->skipped : 0) + f->tail.len +
		(size_t) (f->piece_end - f->piece);
}
