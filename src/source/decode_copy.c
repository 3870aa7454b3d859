/*
 * source/decode_copy.c
 *		Formats text and csv, by COPY's own parser.
 *
 * Records are laid end to end, each ended by a newline, and handed to COPY
 * through its callback, so that a record is exactly one of its lines and the
 * types' input functions see what they would see in COPY: all records of a batch,
 * or one by one those of which others are not COPY's.  What
 * would make COPY see more or fewer lines than there are records is escaped
 * here or refused here:
 *
 *	- COPY takes the end of line it first meets for the stream's: it is told
 *	  that lines end in a newline.
 *	- `\.` ends a COPY, in csv too, without an error: it is a data error here.
 *	- Where records end otherwise than by newline, a newline or a carriage
 *	  return inside a record in text format is escaped; in csv it must be
 *	  quoted, as COPY has it.
 *	- A backslash at a record's very end would escape our newline: it is
 *	  dropped, as COPY does at the end of its input.
 *
 * The COPY state lives as long as the decoder.  All it keeps of the table is
 * the relation, given to it afresh in every transaction, and what follows from
 * the columns, which must not have changed.
 */
#include "postgres.h"

#include "commands/copy.h"
#include "commands/copyfrom_internal.h"
#include "commands/progress.h"
#include "utils/backend_progress.h"
#include "utils/memutils.h"

#include "base/compat.h"
#include "source/decoder.h"

/* What COPY would not report as we want it. */
typedef enum RecordFault
{
	FAULT_NONE,
	FAULT_END_OF_COPY,			/* \. */
	FAULT_NEWLINE				/* unquoted in csv */
} RecordFault;

typedef struct CopyState
{
	CopyFromState from;			/* NULL until the first batch, and after an error */
	const StringInfoData *text;
	Size		given;			/* bytes of it that COPY has taken */
	Size		limit;			/* and is to take */
} CopyState;

/* COPY's callback takes no argument. */
static CopyState *copying = NULL;

static bool
ends_in_newline(const WeirStream *stream)
{
	return stream->record_delimiter_len == 1 && stream->record_delimiter[0] == '\n';
}

static bool
ends_in_odd_backslash(const char *data, Size len)
{
	Size		n = 0;

	while (n < len && data[len - 1 - n] == '\\')
		n++;
	return n % 2 == 1;
}

/* Does a newline stand outside quotes? The scan is COPY's own. */
static bool
has_unquoted_newline(const WeirStream *stream, const char *data, Size len)
{
	char		escape = stream->escape == stream->quote ? '\0' : stream->escape;
	bool		in_quote = false;
	bool		escaped = false;

	if (memchr(data, '\n', len) == NULL)
		return false;
	for (Size i = 0; i < len; i++)
	{
		char		c = data[i];

		if (in_quote && escape != '\0' && c == escape)
			escaped = !escaped;
		if (c == stream->quote && !escaped)
			in_quote = !in_quote;
		if (c != escape)
			escaped = false;
		if (c == '\n' && !in_quote)
			return true;
	}
	return false;
}

/*
 * COPY reads `\.` as its end at the end of a line of text, and, where the server
 * does so, in csv alone on a line, be it the first of a quoted value.
 */
static RecordFault
find_fault(const WeirDecoder *d, const char *data, Size len)
{
	if (d->stream->csv)
	{
		if (WEIR_CSV_HAS_END_OF_COPY && len >= 2 && data[0] == '\\' && data[1] == '.' &&
			(len == 2 || data[2] == '\n'))
			return FAULT_END_OF_COPY;
		if (!ends_in_newline(d->stream) && has_unquoted_newline(d->stream, data, len))
			return FAULT_NEWLINE;
	}
	else if (len >= 2 && data[len - 1] == '.' &&
			 ends_in_odd_backslash(data, len - 1))
		return FAULT_END_OF_COPY;
	return FAULT_NONE;
}

/* Text whose records may hold newlines and carriage returns as they are. */
static void
append_escaped(StringInfo text, const char *data, Size len)
{
	bool		odd = false;	/* behind an odd number of backslashes */

	for (Size i = 0; i < len; i++)
	{
		char		c = data[i];

		if (c == '\n' || c == '\r')
		{
			if (!odd)
				appendStringInfoChar(text, '\\');
			appendStringInfoChar(text, c == '\n' ? 'n' : 'r');
			odd = false;
		}
		else
		{
			appendStringInfoChar(text, c);
			odd = c == '\\' && !odd;
		}
	}
}

static bool
append_record(WeirDecoder *d, const char *data, Size len)
{
	bool		csv = d->stream->csv;
	bool		as_it_is = true;

	if (!csv && len > 0 && data[len - 1] == '\\' && ends_in_odd_backslash(data, len))
	{
		len--;
		as_it_is = false;
	}
	if (csv || ends_in_newline(d->stream) ||
		(memchr(data, '\n', len) == NULL && memchr(data, '\r', len) == NULL))
	{
		(void) weir_decoder_append(d, data, len);
		return as_it_is;
	}
	append_escaped(&d->text, data, len);
	return false;
}

static int
give_text(void *buffer, int minread, int maxread)
{
	Size		n = Min((Size) maxread, copying->limit - copying->given);

	memcpy(buffer, copying->text->data + copying->given, n);
	copying->given += n;
	return (int) n;
}

/* Those that records have values for; NIL: all. */
static List *
column_names(const WeirDecoder *d)
{
	List	   *names = NIL;

	if (d->stream->nmetadata == 0)
		return NIL;
	for (int i = 0; i < d->desc->natts; i++)
	{
		if (weir_stream_has_column(d->stream, d->desc, i))
			names = lappend(names, makeString(pstrdup(NameStr(TupleDescAttr(d->desc, i)->attname))));
	}
	return names;
}

static void
open_copy(WeirDecoder *d, CopyState *copy)
{
	MemoryContext caller = MemoryContextSwitchTo(d->context);

	copy->from = BeginCopyFrom(NULL, d->rel, NULL, NULL, false, give_text, column_names(d),
							   d->stream->copy_options);
	copy->from->eol_type = EOL_NL;
	/* Reading a stream is not to be seen as a COPY in progress. */
	pgstat_progress_end_command();
	MemoryContextSwitchTo(caller);
}

static void
begin_copy(WeirDecoder *d)
{
	CopyState  *copy = d->state;

	if (copy == NULL)
	{
		copy = d->state = MemoryContextAllocZero(d->context, sizeof(CopyState));
		copy->text = &d->text;
	}
	copying = copy;
	if (copy->from == NULL)
		open_copy(d, copy);
	copy->from->rel = d->rel;
	copy->given = copy->limit = 0;
}

/* What COPY took before ended there, but not with the stream. */
static void
begin_text(WeirDecoder *d)
{
	Size		len;

	(void) weir_decoder_record(d, d->current, &len);
	copying->from->raw_reached_eof = false;
	copying->from->input_reached_eof = false;
	copying->given = d->starts[d->current];
	copying->limit = d->direct ? copying->given + len + 1 : (Size) d->text.len;
}

/* The record being decoded: what COPY would not report as we want it. */
static void
check_fault(WeirDecoder *d)
{
	Size		len;
	const char *data = weir_decoder_record(d, d->current, &len);
	RecordFault fault = find_fault(d, data, len);

	if (fault == FAULT_NONE)
		return;
	if (fault == FAULT_END_OF_COPY)
		ereport(ERROR,
				(errcode(ERRCODE_BAD_COPY_FILE_FORMAT),
				 errmsg("end-of-copy marker \"\\.\" found in data"),
				 d->stream->csv ?
				 errhint("Put the value in quotes.") :
				 errhint("Write a backslash in data as \"\\\\\".")));
	ereport(ERROR,
			(errcode(ERRCODE_BAD_COPY_FILE_FORMAT),
			 errmsg("unquoted newline found in data"),
			 errhint("Use quoted CSV field to represent newline.")));
}

static void
fail_to_match(const WeirDecoder *d, int rows)
{
	ereport(ERROR,
			(errcode(ERRCODE_INTERNAL_ERROR),
			 errmsg("records of stream %s and the rows COPY made of them do not match",
					d->stream->name),
			 errdetail("%d records gave %d rows.", d->nstarts, rows)));
}

/* Without transcoding COPY's two buffers are one, and only one index is kept. */
static bool
used_all(const WeirDecoder *d)
{
	CopyFromState copy = copying->from;

	if (copying->given < copying->limit)
		return false;
	if (copy->need_transcoding)
		return INPUT_BUF_BYTES(copy) == 0 && RAW_BUF_BYTES(copy) == 0;
	return copy->input_buf_index == copy->raw_buf_len;
}

static void
read_copy(WeirDecoder *d, Datum *values, bool *nulls)
{
	int			row = d->current;

	check_fault(d);
	if (d->direct || copying->limit == 0)
		begin_text(d);
	if (NextCopyFrom(copying->from, NULL, values, nulls) && (!d->direct || used_all(d)))
		return;
	d->current = -1;
	fail_to_match(d, row);
}

/* A row a record, and every byte of them used.  What an outsized record took is given back. */
static void
end_copy(WeirDecoder *d)
{
	if (!used_all(d))
		fail_to_match(d, d->nstarts);
	if (d->text.len >= WEIR_OUTSIZED_BYTES)
		d->format->close(d);
	copying = NULL;
}

static bool
copy_reads_value(const WeirDecoder *d)
{
	const CopyState *copy = d->state;

	return copy->from != NULL && copy->from->cur_attname != NULL;
}

static void
locate_value(WeirDecoder *d)
{
	const CopyState *copy = d->state;

	if (!copy_reads_value(d))
		return;
	d->column = pstrdup(copy->from->cur_attname);
	if (copy->from->cur_attval)
		d->value = pstrdup(copy->from->cur_attval);
}

/* What COPY has read is not to be relied on after an error. */
static void
close_copy(WeirDecoder *d)
{
	CopyState  *copy = d->state;

	if (copy != NULL && copy->from != NULL)
	{
		EndCopyFrom(copy->from);
		copy->from = NULL;
	}
}

const WeirFormat weir_format_copy = {
	'\n', append_record, begin_copy, read_copy, end_copy, copy_reads_value, locate_value, close_copy,
};
