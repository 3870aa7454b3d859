/*
 * decide/framing.c
 *		Cuts a byte stream into records: keeps the bytes of the begun one.
 *
 * The record that is being read is always one run of bytes: while nothing of
 * it came with an earlier piece it lies in the caller's piece, else in the
 * tail buffer, to which bytes of the piece are added only up to the next place
 * where the record could end.  So at most one record of a piece is copied, and
 * its end may be split over pieces anywhere.  Records handed out must stay until
 * the next piece, while what is left of this one has to be kept: hence two
 * buffers, which change places when a record is handed out from one.
 *
 * What is put aside is not kept but for its head: bytes are passed until its end
 * is seen.  Of one that takes more than max_aside bytes parts are handed out, so
 * that a position never lies further back than that.  Whoever begins at such a
 * position knows how to pass on from the part (weir_framer_pass), and nothing
 * else: so at a part's end the search for the end begins anew.
 */
#include "decide/framing.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "decide/framing_int.h"
#include "decide/memory.h"

static const WeirFramingMethod *
method_of(WeirFramingKind kind)
{
	switch (kind)
	{
		case WEIR_FRAMING_OCTET_COUNTED:
			return &weir_framing_counted;
		case WEIR_FRAMING_JSON_SEQ:
			return &weir_framing_json_seq;
		default:
			return &weir_framing_delimited;
	}
}

static void
set_delimiter(WeirFramer *f, const WeirFramingOptions *options)
{
	f->delimiter_len = (size_t) options->delimiter_len;
	memcpy(f->delimiter, options->delimiter, f->delimiter_len);
	f->last = f->delimiter[f->delimiter_len - 1];
	f->drop_cr = f->delimiter_len == 1 && f->last == '\n';
	f->escapes = f->kind == WEIR_FRAMING_TEXT &&
		memchr(f->delimiter, '\\', f->delimiter_len) == NULL;
}

/* More than can be kept of a record before it is known to be none. */
static size_t
least_aside(const WeirFramer *f)
{
	return 2 * f->max_record + 64;
}

WeirFramer *
weir_framer_create(const WeirFramingOptions *options, int64_t offset, int64_t line)
{
	WeirFramer *f = weir_alloc(1, sizeof(WeirFramer));

	f->kind = options->kind;
	f->method = method_of(f->kind);
	if (f->method == &weir_framing_delimited)
		set_delimiter(f, options);
	f->quote = options->quote;
	f->escape = options->escape;
	f->max_record = options->max_record;
	f->put_aside = options->put_aside;
	if (options->max_aside > 0)
		f->max_aside = options->max_aside > least_aside(f) ? options->max_aside : least_aside(f);
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
append(WeirByteBuffer *buffer, const char *data, size_t len)
{
	size_t		wanted = buffer->len + len;
	char	   *p;

	if (len == 0)
		return;
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

/* The next search begins at the first byte of a record. */
static void
restart_search(WeirFramer *f)
{
	f->scanned = 0;
	f->in_quote = false;
	f->behind_escape = false;
	f->body = 0;
	memset(&f->json, 0, sizeof(f->json));
}

/* Nothing is put aside any more. */
static void
end_passing(WeirFramer *f)
{
	f->fault = WEIR_RECORD_WHOLE;
	f->passed = 0;
	f->head.len = 0;
}

static void
set_record(WeirFramer *f, WeirFramedRecord *record, const char *base, const WeirFound *found)
{
	f->offset += (int64_t) found->end;
	f->line++;
	record->data = base + found->begin;
	record->len = found->len;
	record->stamp = f->stamp;
	record->line = f->line;
	record->end_offset = f->offset;
	record->size = (int64_t) found->end;
	record->first = f->first;
	record->fault = found->fault;
	record->open = false;
	record->passing = 0;
	f->first = false;
	f->separated = false;
	restart_search(f);
}

/* What was passed so far is handed out, as far as it is kept. */
static void
set_aside(WeirFramer *f, WeirFramedRecord *record)
{
	WeirFound	found = {0, f->head.len, f->passed, f->fault};

	set_record(f, record, f->head.data, &found);
}

void
weir_framer_pass(WeirFramer *f, int64_t passing)
{
	if (passing == 0)
		return;
	f->fault = WEIR_RECORD_TOO_LONG;
	f->passed = 0;
	f->count = passing;
	weir_framing_begin_window(f, false);
	f->json.lost = true;
}

/* A part of it: the next one begins with nothing but how to go on. */
static void
set_part(WeirFramer *f, WeirFramedRecord *record)
{
	set_aside(f, record);
	record->open = true;
	record->passing = f->count > 0 ? f->count : -1;
	weir_framer_pass(f, record->passing);
}

void
weir_framer_connected(WeirFramer *f)
{
	f->first = true;
}

/* Keeps what is to be kept of passed bytes. */
static void
keep_head(WeirFramer *f, const char *data, size_t len)
{
	size_t		room = f->max_record - f->head.len;

	append(&f->head, data, len < room ? len : room);
	f->passed += len;
}

/* What was passed is all there is of it; false if that is nothing, behind its last part. */
static bool
finish_passing(WeirFramer *f, WeirFramedRecord *record)
{
	bool		some = f->passed > 0;

	if (some)
		set_aside(f, record);
	f->fault = WEIR_RECORD_WHOLE;
	f->passed = 0;
	f->separated = false;
	restart_search(f);
	return some;
}

/* Passes bytes, up to the end of what is put aside or of its part. */
static WeirFramingResult
pass_on(WeirFramer *f, WeirFramedRecord *record, const char *data, size_t len, size_t *used)
{
	size_t		n = len;
	bool		done = false;

	if (f->passed == 0)
		f->head.len = 0;
	if (f->max_aside > 0 && n > f->max_aside - f->passed)
		n = f->max_aside - f->passed;
	*used = n == 0 ? 0 : f->method->pass(f, data, n, &done);
	keep_head(f, data, *used);
	if (done)
		return finish_passing(f, record) ? WEIR_FRAMING_RECORD : WEIR_FRAMING_MORE;
	if (f->max_aside > 0 && f->passed >= f->max_aside)
	{
		set_part(f, record);
		return WEIR_FRAMING_RECORD;
	}
	return WEIR_FRAMING_MORE;
}

static WeirFramingResult
next_passing(WeirFramer *f, WeirFramedRecord *record)
{
	WeirFramingResult result;
	size_t		used;

	result = pass_on(f, record, f->piece, (size_t) (f->piece_end - f->piece), &used);
	f->piece += used;
	if (result == WEIR_FRAMING_MORE && f->fault == WEIR_RECORD_WHOLE)
		return weir_framer_next(f, record);
	return result;
}

/*
 * What begins here is no record.  Its bytes lie in the piece or in the tail
 * buffer; of those in the tail, the ones behind its end came with this piece.
 */
static WeirFramingResult
begin_passing(WeirFramer *f, WeirFramedRecord *record, WeirRecordFault fault,
			  const char *base, size_t len)
{
	WeirFramingResult result;
	size_t		head;
	size_t		from;
	size_t		used;

	restart_search(f);
	end_passing(f);
	f->fault = fault;
	f->count = -1;
	f->method->begin_pass(f, base, len, &head, &from);
	append(&f->head, base + head, from - head);
	f->passed = from;
	if (base == f->piece)
	{
		f->piece += from;
		return next_passing(f, record);
	}
	result = pass_on(f, record, base + from, len - from, &used);
	f->tail.len = 0;
	f->piece -= len - from - used;
	return result == WEIR_FRAMING_MORE ? next_passing(f, record) : result;
}

static WeirFramingResult
broken(WeirFramer *f, WeirFramedRecord *record, WeirRecordFault fault,
	   const char *base, size_t len)
{
	size_t		data = len - f->body;

	if (f->put_aside)
		return begin_passing(f, record, fault, base, len);
	memset(record, 0, sizeof(*record));
	record->data = base + f->body;
	record->len = data < f->max_record ? data : f->max_record;
	record->stamp = f->stamp;
	record->line = f->line + 1;
	record->end_offset = f->offset;
	record->first = f->first;
	record->fault = fault;
	f->is_broken = true;
	f->broken = *record;
	return WEIR_FRAMING_BROKEN;
}

/* The begun record's end was found in these bytes. */
static WeirFramingResult
cut(WeirFramer *f, WeirFramedRecord *record, const char *base, size_t len,
	const WeirFound *found)
{
	if (found->len > f->max_record)
		return broken(f, record, found->fault == WEIR_RECORD_NO_SEPARATOR ?
					  found->fault : WEIR_RECORD_TOO_LONG, base, len);
	if (found->fault != WEIR_RECORD_WHOLE && !f->put_aside)
		return broken(f, record, found->fault, base, found->end);
	set_record(f, record, base, found);
	return WEIR_FRAMING_RECORD;
}

static void
swap_buffers(WeirFramer *f)
{
	WeirByteBuffer b = f->tail;

	f->tail = f->handed;
	f->tail.len = 0;
	f->handed = b;
}

/* The record began in an earlier piece: complete it in the tail buffer. */
static WeirFramingResult
next_from_tail(WeirFramer *f, WeirFramedRecord *record)
{
	WeirFramingResult result;
	WeirRecordFault fault = f->method->hopeless(f, f->tail.data, f->tail.len);
	WeirFound	found = {0};

	while (fault == WEIR_RECORD_WHOLE)
	{
		size_t		left = (size_t) (f->piece_end - f->piece);
		size_t		take;

		if (left == 0)
			return WEIR_FRAMING_MORE;
		take = f->method->want(f, f->piece, left);
		append(&f->tail, f->piece, take);
		f->piece += take;
		if (f->method->find(f, f->tail.data, f->tail.len, &found))
			break;
		fault = f->method->hopeless(f, f->tail.data, f->tail.len);
	}
	if (fault != WEIR_RECORD_WHOLE)
		return broken(f, record, fault, f->tail.data, f->tail.len);
	result = cut(f, record, f->tail.data, f->tail.len, &found);
	if (result != WEIR_FRAMING_RECORD || record->data == f->head.data)
		return result;
	f->piece -= f->tail.len - found.end;
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

/* What stands before a record is no part of it. */
static size_t
skip(WeirFramer *f)
{
	size_t		n;

	if (f->method->skip == NULL)
		return 0;
	n = f->method->skip(f, f->piece, (size_t) (f->piece_end - f->piece));
	f->piece += n;
	f->offset += (int64_t) n;
	return n;
}

WeirFramingResult
weir_framer_next(WeirFramer *f, WeirFramedRecord *record)
{
	size_t		left = (size_t) (f->piece_end - f->piece);
	WeirRecordFault fault;
	WeirFound	found;

	if (f->is_broken)
	{
		*record = f->broken;
		return WEIR_FRAMING_BROKEN;
	}
	if (f->fault != WEIR_RECORD_WHOLE)
		return next_passing(f, record);
	if (f->tail.len > 0)
		return next_from_tail(f, record);
	left -= skip(f);
	if (left == 0)
		return WEIR_FRAMING_MORE;
	if (f->method->find(f, f->piece, left, &found))
	{
		const char *base = f->piece;
		WeirFramingResult result = cut(f, record, base, left, &found);

		if (result == WEIR_FRAMING_RECORD && f->piece == base)
			f->piece += found.end;
		return result;
	}
	fault = f->method->hopeless(f, f->piece, left);
	if (fault != WEIR_RECORD_WHOLE)
		return broken(f, record, fault, f->piece, left);
	append(&f->tail, f->piece, left);
	f->piece = f->piece_end;
	return WEIR_FRAMING_MORE;
}

size_t
weir_framer_run(WeirFramer *f, WeirRecordSpan *spans, size_t max, int64_t *line, int64_t *stamp)
{
	size_t		used = 0;
	size_t		n;

	if (f->method->run == NULL || f->is_broken || f->first || f->fault != WEIR_RECORD_WHOLE ||
		f->tail.len > 0)
		return 0;
	assert(f->scanned == 0 && !f->in_quote);
	n = f->method->run(f, f->piece, (size_t) (f->piece_end - f->piece), spans, max, &used);
	*line = f->line + 1;
	*stamp = f->stamp;
	f->piece += used;
	f->offset += (int64_t) used;
	f->line += (int64_t) n;
	return n;
}

/* What was begun ends where it stands; fault: why it is no record, if that is not its own. */
static bool
finish(WeirFramer *f, WeirFramedRecord *record, WeirRecordFault fault)
{
	WeirFound	found = {0, 0, f->tail.len, WEIR_RECORD_WHOLE};

	if (f->fault != WEIR_RECORD_WHOLE)
		return finish_passing(f, record);
	if (f->tail.len == 0)
	{
		f->separated = false;
		return false;
	}
	f->method->finish(f, f->tail.data, f->tail.len, &found);
	if (fault != WEIR_RECORD_WHOLE)
		found.fault = fault;
	if (found.fault != WEIR_RECORD_WHOLE && found.len > f->max_record)
		found.len = f->max_record;
	set_record(f, record, f->tail.data, &found);
	swap_buffers(f);
	return true;
}

bool
weir_framer_finish(WeirFramer *f, WeirFramedRecord *record)
{
	return finish(f, record, WEIR_RECORD_WHOLE);
}

bool
weir_framer_leave(WeirFramer *f, WeirFramedRecord *record)
{
	return finish(f, record, WEIR_RECORD_PARTIAL);
}

void
weir_framer_drop(WeirFramer *f)
{
	f->offset += (int64_t) weir_framer_tail(f);
	f->tail.len = 0;
	f->separated = false;
	end_passing(f);
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
	return f->passed + f->tail.len + (size_t) (f->piece_end - f->piece);
}

const char *
weir_framer_text(const WeirFramer *f, size_t *len)
{
	const WeirByteBuffer *b = f->fault != WEIR_RECORD_WHOLE ? &f->head : &f->tail;

	*len = b->len;
	return b->data;
}
