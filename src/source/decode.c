/*
 * source/decode.c
 *		Framed records into rows, by COPY's own parser.
 *
 * The records of a batch are laid end to end, each ended by a newline, and
 * handed to COPY through its callback, so that a record is exactly one of its
 * lines and the types' input functions see what they would see in COPY.  What
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

#include "access/table.h"
#include "access/xact.h"
#include "commands/copy.h"
#include "commands/copyfrom_internal.h"
#include "commands/progress.h"
#include "lib/stringinfo.h"
#include "mb/pg_wchar.h"
#include "pgstat.h"
#include "utils/backend_progress.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"

#include "catalog/dead_letter.h"
#include "decide/poison.h"
#include "source/decode.h"
#include "source/record_fault.h"

#define EXCERPT_CHARS	200
#define FULL_BYTES		(1024 * 1024)

/* What COPY would not report as we want it. */
typedef enum RecordFault
{
	FAULT_NONE,
	FAULT_END_OF_COPY,			/* \. */
	FAULT_NEWLINE				/* unquoted in csv */
} RecordFault;

struct WeirDecoder
{
	const WeirStream *stream;
	MemoryContext context;
	bool		newline;		/* records end in a newline */
	CopyFromState copy;			/* NULL until the first batch */
	TupleDesc	desc;			/* of the table, as it was for the first batch */

	StringInfoData text;		/* the batch's records, as COPY reads them */
	Size		given;			/* bytes of it that COPY has taken */
	Size	   *starts;			/* of each record in text */
	int			nstarts;
	int			max_starts;
	Size		bytes;			/* of the batch's records */
	int			next;			/* first record not yet decoded */
	int			current;		/* record being decoded, -1: none */
};

/* COPY's callback takes no argument. */
static WeirDecoder *copying = NULL;

WeirDecoder *
weir_decoder_create(const WeirStream *stream)
{
	WeirDecoder *d = palloc0(sizeof(WeirDecoder));

	d->stream = stream;
	d->context = CurrentMemoryContext;
	d->newline = stream->record_delimiter_len == 1 &&
		stream->record_delimiter[0] == '\n';
	d->max_starts = 1024;
	d->starts = palloc(d->max_starts * sizeof(Size));
	initStringInfo(&d->text);
	weir_decoder_reset(d);
	return d;
}

void
weir_decoder_reset(WeirDecoder *d)
{
	resetStringInfo(&d->text);
	d->given = 0;
	d->nstarts = 0;
	d->bytes = 0;
	d->next = 0;
	d->current = -1;
}

bool
weir_decoder_full(const WeirDecoder *d)
{
	return d->bytes >= FULL_BYTES;
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
 * COPY reads `\.` as its end at the end of a line of text, and in csv alone on
 * a line, be it the first of a quoted value.
 */
static RecordFault
find_fault(WeirDecoder *d, const char *data, Size len)
{
	if (d->stream->csv)
	{
		if (len >= 2 && data[0] == '\\' && data[1] == '.' &&
			(len == 2 || data[2] == '\n'))
			return FAULT_END_OF_COPY;
		if (!d->newline && has_unquoted_newline(d->stream, data, len))
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

static void
append_record(WeirDecoder *d, const char *data, Size len)
{
	bool		csv = d->stream->csv;

	if (!csv && len > 0 && data[len - 1] == '\\' && ends_in_odd_backslash(data, len))
		len--;
	if (!csv && !d->newline &&
		(memchr(data, '\n', len) != NULL || memchr(data, '\r', len) != NULL))
		append_escaped(&d->text, data, len);
	else
		appendBinaryStringInfo(&d->text, data, len);
	appendStringInfoChar(&d->text, '\n');
}

/* The record's bytes are the batch's; one that is none is a fault of it. */
static void
keep_raw(WeirDecoder *d, WeirBatch *batch, const WeirFramedRecord *record)
{
	int			index = batch->nrecords;

	appendBinaryStringInfo(batch->raw, record->data, record->len);
	batch->raw_ends[index] = batch->raw->len;
	batch->faults[index] = NULL;
	if (record->fault != WEIR_RECORD_WHOLE)
	{
		char	   *error = weir_record_fault_text(d->stream, record);

		weir_batch_fault(batch, index, weir_record_fault_code(record), error);
		pfree(error);
	}
}

void
weir_decoder_add(WeirDecoder *d, WeirBatch *batch, const WeirFramedRecord *record)
{
	if (d->nstarts == d->max_starts)
	{
		d->max_starts *= 2;
		d->starts = repalloc(d->starts, d->max_starts * sizeof(Size));
	}
	if (batch->raw)
		keep_raw(d, batch, record);
	d->bytes += record->len;
	d->starts[d->nstarts++] = d->text.len;
	if (record->fault == WEIR_RECORD_WHOLE)
		append_record(d, record->data, record->len);

	batch->lines[batch->nrecords] = record->line;
	batch->stamps[batch->nrecords] = record->stamp;
	batch->nrecords++;
}

/* Behind the record's newline in text. */
static Size
record_end(const WeirDecoder *d, int index)
{
	return index + 1 < d->nstarts ? d->starts[index + 1] : (Size) d->text.len;
}

static int
give_text(void *buffer, int minread, int maxread)
{
	WeirDecoder *d = copying;
	Size		n = Min((Size) maxread, d->text.len - d->given);

	memcpy(buffer, d->text.data + d->given, n);
	d->given += n;
	return (int) n;
}

static void
begin_copy(WeirDecoder *d, Relation rel)
{
	MemoryContext caller = MemoryContextSwitchTo(d->context);

	if (d->desc == NULL)
		d->desc = CreateTupleDescCopyConstr(RelationGetDescr(rel));
	d->copy = BeginCopyFrom(NULL, rel, NULL, NULL, false, give_text, NIL,
							d->stream->copy_options);
	d->copy->eol_type = EOL_NL;
	/* Reading a stream is not to be seen as a COPY in progress. */
	pgstat_progress_end_command();
	MemoryContextSwitchTo(caller);
}

static Relation
open_table(WeirDecoder *d)
{
	Relation	rel = try_table_open(d->stream->relid, AccessShareLock);

	if (rel == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_TABLE),
				 errmsg("stream %s was dropped while a job reads it", d->stream->name)));
	if (d->desc != NULL && !equalTupleDescs(RelationGetDescr(rel), d->desc))
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("stream %s was altered while a job reads it", d->stream->name),
				 errdetail("Its columns are not those the job was started with."),
				 errhint("The job must be started again to read the stream as it is now.")));
	if (d->copy == NULL)
		begin_copy(d, rel);
	d->copy->rel = rel;
	return rel;
}

/* The record being decoded: what COPY would not report as we want it. */
static void
check_fault(WeirDecoder *d)
{
	Size		start = d->starts[d->current];
	RecordFault fault = find_fault(d, d->text.data + start, record_end(d, d->current) - start - 1);

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

/* Nothing to decode: the record was a fault when it came. */
static bool
is_fault(const WeirBatch *batch, int index)
{
	return batch->faults && batch->faults[index];
}

/* Without transcoding COPY's two buffers are one, and only one index is kept. */
static bool
used_all(WeirDecoder *d)
{
	CopyFromState copy = d->copy;

	if (d->given < d->text.len)
		return false;
	if (copy->need_transcoding)
		return INPUT_BUF_BYTES(copy) == 0 && RAW_BUF_BYTES(copy) == 0;
	return copy->input_buf_index == copy->raw_buf_len;
}

/* The records from the next one on; in a transaction with a snapshot. */
static void
decode_records(WeirDecoder *d, WeirBatch *batch)
{
	Relation	rel;
	int			natts = batch->desc->natts;
	MemoryContext caller = MemoryContextSwitchTo(batch->context);

	d->current = -1;
	rel = open_table(d);
	if (natts != d->desc->natts)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("stream %s was altered while a job reads it", d->stream->name)));
	copying = d;
	for (d->current = d->next; d->current < batch->nrecords; d->current++)
	{
		Size		first = (Size) d->current * natts;

		if (is_fault(batch, d->current))
			continue;
		check_fault(d);
		if (!NextCopyFrom(d->copy, NULL, batch->values + first, batch->nulls + first))
			break;
	}

	/* A row a record, and every byte of them used. */
	if (d->current < batch->nrecords || !used_all(d))
		ereport(ERROR,
				(errcode(ERRCODE_INTERNAL_ERROR),
				 errmsg("records of stream %s and the rows COPY made of them do not match",
						d->stream->name),
				 errdetail("%d records gave %d rows.", batch->nrecords, d->current)));
	d->current = -1;
	copying = NULL;
	MemoryContextSwitchTo(caller);
	table_close(rel, AccessShareLock);
}

/* Appends the character at data if it is valid, else its first byte escaped; returns its length. */
static int
append_character(StringInfo out, const char *data, Size len, bool convertible)
{
	int			n = convertible || !IS_HIGHBIT_SET(*data) ?
		pg_encoding_verifymbchar(GetDatabaseEncoding(), data, len) : -1;

	if (n > 0 && *data != '\0')
	{
		appendBinaryStringInfo(out, data, n);
		return n;
	}
	appendStringInfo(out, "\\x%02x", (unsigned char) *data);
	return 1;
}

char *
weir_record_text(const char *data, Size len, int encoding, int max_chars)
{
	StringInfoData out;
	bool		same = encoding == GetDatabaseEncoding();
	Size		used = 0;
	int			chars = 0;

	initStringInfo(&out);
	for (; used < len && chars < max_chars; chars++)
		used += append_character(&out, data + used, len - used, same);
	if (used < len)
		appendStringInfoString(&out, "...");
	return out.data;
}

char *
weir_record_excerpt(const char *data, Size len, int encoding)
{
	return weir_record_text(data, len, encoding, EXCERPT_CHARS);
}

/* Is the error of decode_records about the record it was at? */
static bool
blames_record(WeirDecoder *d, const ErrorData *error)
{
	return d->current >= 0 && weir_blames_record(unpack_sql_state(error->sqlerrcode));
}

/* COPY begins anew behind the record: what it has read is not to be relied on after an error. */
static bool
skip_record(WeirDecoder *d, WeirBatch *batch, const ErrorData *error)
{
	MemoryContext caller;
	char	   *text;

	if (batch->faults == NULL || !blames_record(d, error))
		return false;
	caller = MemoryContextSwitchTo(batch->context);
	text = weir_letter_error(error);
	if (d->copy->cur_attname)
		text = psprintf("%s\ncolumn %s", text, d->copy->cur_attname);
	weir_batch_fault(batch, d->current, error->sqlerrcode, text);
	MemoryContextSwitchTo(caller);
	d->next = d->current + 1;
	d->given = d->next < d->nstarts ? d->starts[d->next] : d->text.len;
	EndCopyFrom(d->copy);
	d->copy = NULL;
	return true;
}

static char *
join_lines(char *first, char *second)
{
	return second == NULL ? first : psprintf("%s\n%s", first, second);
}

/* Adds where in the stream it happened; returns the record's line, 0 if it is about none. */
static int64
explain(WeirDecoder *d, WeirBatch *batch, ErrorData *error)
{
	StringInfoData where;
	Size		start,
				end;
	int64		line;

	if (!blames_record(d, error))
		return 0;
	line = batch->lines[d->current];
	initStringInfo(&where);
	appendStringInfo(&where, "stream %s, line " INT64_FORMAT, d->stream->name, line);
	if (d->copy->cur_attname)
	{
		appendStringInfo(&where, ", column %s: ", d->copy->cur_attname);
		if (d->copy->cur_attval)
			appendStringInfo(&where, "\"%s\"",
							 weir_record_excerpt(d->copy->cur_attval,
												 strlen(d->copy->cur_attval),
												 GetDatabaseEncoding()));
		else
			appendStringInfoString(&where, "null input");
	}
	error->context = join_lines(where.data, error->context);

	start = d->starts[d->current];
	end = record_end(d, d->current);
	error->detail = join_lines(psprintf("Record: \"%s\"",
										weir_record_excerpt(d->text.data + start,
															end - start - 1,
															d->copy->file_encoding)),
							   error->detail);
	return line;
}

/* NULL if the batch is done, or what ended its transaction. */
static ErrorData *
try_records(WeirDecoder *d, WeirBatch *batch)
{
	MemoryContext caller = CurrentMemoryContext;
	ErrorData  *volatile error = NULL;

	StartTransactionCommand();
	PushActiveSnapshot(GetTransactionSnapshot());
	PG_TRY();
	{
		decode_records(d, batch);
		PopActiveSnapshot();
		CommitTransactionCommand();
	}
	PG_CATCH();
	{
		MemoryContextSwitchTo(batch->context);
		error = CopyErrorData();
		FlushErrorState();
		AbortCurrentTransaction();
	}
	PG_END_TRY();
	MemoryContextSwitchTo(caller);
	return error;
}

ErrorData *
weir_decoder_run(WeirDecoder *d, WeirBatch *batch, int64 *line)
{
	ErrorData  *error;

	while ((error = try_records(d, batch)) != NULL)
	{
		if (skip_record(d, batch, error))
			continue;
		*line = explain(d, batch, error);
		return error;
	}
	return NULL;
}

void
weir_decoder_run_here(WeirDecoder *d, WeirBatch *batch)
{
	MemoryContext caller = CurrentMemoryContext;

	PG_TRY();
	{
		decode_records(d, batch);
	}
	PG_CATCH();
	{
		ErrorData  *error;

		MemoryContextSwitchTo(caller);
		error = CopyErrorData();
		FlushErrorState();
		(void) explain(d, batch, error);
		ReThrowError(error);
	}
	PG_END_TRY();
}

void
weir_decoder_close(WeirDecoder *d)
{
	if (d->copy)
		EndCopyFrom(d->copy);
	d->copy = NULL;
}
