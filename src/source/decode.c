/*
 * source/decode.c
 *		Framed records into rows: the records of a batch, in transactions, and
 *		what becomes of one that cannot be decoded.
 *
 * An error ends the transaction.  If it is about a record and the stream has
 * dead letters, the next transaction goes on behind that record; the rows
 * before it stay as they are.
 */
#include "postgres.h"

#include "access/table.h"
#include "access/xact.h"
#include "mb/pg_wchar.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/resowner.h"
#include "utils/snapmgr.h"

#include "source/constraint.h"
#include "source/decoder.h"
#include "source/excerpt.h"
#include "source/record_error.h"
#include "source/record_fault.h"

#define FULL_BYTES		(1024 * 1024)

static const WeirFormat *
format_of(const WeirStream *stream)
{
	switch (stream->format)
	{
		case WEIR_FORMAT_JSONL:
			return &weir_format_jsonl;
		case WEIR_FORMAT_LINE:
			return &weir_format_line;
		case WEIR_FORMAT_RAW:
			return &weir_format_raw;
		case WEIR_FORMAT_TEXT:
		case WEIR_FORMAT_CSV:
			break;
	}
	return &weir_format_copy;
}

WeirDecoder *
weir_decoder_create(const WeirStream *stream, const WeirSuspects *suspects)
{
	WeirDecoder *d = palloc0(sizeof(WeirDecoder));

	d->stream = stream;
	d->suspects = suspects;
	d->format = format_of(stream);
	d->context = CurrentMemoryContext;
	d->max_starts = 1024;
	d->starts = palloc(d->max_starts * sizeof(Size));
	d->done = palloc(d->max_starts * sizeof(bool));
	d->absent = palloc(d->max_starts * sizeof(bool));
	d->about = palloc(d->max_starts * sizeof(void *));
	d->metadata = weir_metadata_filler(stream);
	initStringInfo(&d->text);
	weir_decoder_reset(d);
	return d;
}

void
weir_decoder_shrink(StringInfo text, MemoryContext context)
{
	MemoryContext caller;

	if (text->maxlen <= WEIR_OUTSIZED_BYTES)
		return;
	caller = MemoryContextSwitchTo(context);
	pfree(text->data);
	initStringInfo(text);
	MemoryContextSwitchTo(caller);
}

void
weir_decoder_reset(WeirDecoder *d)
{
	weir_decoder_shrink(&d->text, d->context);
	resetStringInfo(&d->text);
	d->nstarts = 0;
	d->npending = 0;
	d->bytes = 0;
	d->next = 0;
	d->current = -1;
	d->checked = -1;
	d->now_about = NULL;
	if (d->metadata)
		weir_metadata_reset(d->metadata);
	if (d->direct)
		weir_direct_reset(d->direct);
}

void
weir_decoder_describe(WeirDecoder *d, const void *about)
{
	d->now_about = about;
}

bool
weir_decoder_full(const WeirDecoder *d)
{
	return d->bytes >= FULL_BYTES;
}

bool
weir_decoder_append(WeirDecoder *d, const char *data, Size len)
{
	appendBinaryStringInfo(&d->text, data, len);
	return true;
}

/* A copy of its bytes. */
static void
keep_bytes(WeirBatch *batch, const char *data, Size len)
{
	char	   *copy;

	if (batch->raw == NULL)
		return;
	copy = MemoryContextAllocHuge(batch->context, Max(len, 1));
	if (len > 0)
		memcpy(copy, data, len);
	batch->raw[batch->nrows].data = copy;
	batch->raw[batch->nrows].len = (int) len;
}

/* They stay in text, which may move while records are added. */
static void
keep_in_text(WeirBatch *batch, Size len)
{
	if (batch->raw == NULL)
		return;
	batch->raw[batch->nrows].data = NULL;
	batch->raw[batch->nrows].len = (int) len;
}

/* Text does not move any more. */
static void
place_raw(WeirDecoder *d, WeirBatch *batch)
{
	for (int i = 0; batch->raw && i < batch->nrows; i++)
	{
		if (batch->raw[i].data == NULL)
			batch->raw[i].data = d->text.data + d->starts[i];
	}
}

/* What is no record is dead; nothing of it is to be decoded. */
static void
add_aside(WeirDecoder *d, WeirScanInput *scan, const WeirFramedRecord *record)
{
	char	   *error = weir_record_fault_text(d->stream, record);

	keep_bytes(scan->batch, record->data, record->len);
	weir_scan_input_fail(scan, scan->batch->nrows, weir_record_fault_code(record), error, true);
	pfree(error);
}

static void
add_text(WeirDecoder *d, WeirBatch *batch, const char *data, Size len)
{
	if (data == NULL)
	{
		keep_bytes(batch, data, 0);
		return;
	}
	/* in one step, since twice as much as it needs would be reserved otherwise */
	enlargeStringInfo(&d->text, (int) len + 1);
	if (d->format->append(d, data, len))
		keep_in_text(batch, len);
	else
		keep_bytes(batch, data, len);
	appendStringInfoChar(&d->text, d->format->terminator);
}

static void
add_record(WeirDecoder *d, WeirScanInput *scan, const char *data, Size len)
{
	WeirBatch  *batch = scan->batch;
	bool		done = d->at_once && data != NULL && weir_direct_row(d->direct, batch, batch->nrows, data, len);

	if (done && d->metadata)
		weir_metadata_fill(d->metadata, batch, batch->nrows, d->now_about);
	if (!done || d->keeps_text)
		add_text(d, batch, data, len);
	d->done[batch->nrows] = done;
	if (!done)
		d->npending++;
}

static void
begin_record(WeirDecoder *d, WeirBatch *batch, const char *data, Size len, int64 line, int64 stamp)
{
	if (d->nstarts == d->max_starts)
	{
		d->max_starts = Max(d->max_starts * 2, batch->capacity);
		d->starts = repalloc(d->starts, d->max_starts * sizeof(Size));
		d->done = repalloc(d->done, d->max_starts * sizeof(bool));
		d->absent = repalloc(d->absent, d->max_starts * sizeof(bool));
		d->about = repalloc(d->about, d->max_starts * sizeof(void *));
	}
	batch->lines[batch->nrows] = line;
	batch->stamps[batch->nrows] = stamp;
	d->bytes += len;
	d->about[d->nstarts] = d->now_about;
	d->absent[d->nstarts] = data == NULL;
	d->starts[d->nstarts++] = d->text.len;
}

void
weir_decoder_add(WeirDecoder *d, WeirScanInput *scan, const WeirFramedRecord *record)
{
	WeirBatch  *batch = scan->batch;

	begin_record(d, batch, record->data, record->len, record->line, record->stamp);
	if (record->fault != WEIR_RECORD_WHOLE)
	{
		d->done[batch->nrows] = true;
		add_aside(d, scan, record);
	}
	else
		add_record(d, scan, record->data, record->len);
	batch->nrows++;
}

void
weir_decoder_add_run(WeirDecoder *d, WeirScanInput *scan, const WeirRecordSpan *spans, int n,
					 int64 line, int64 stamp)
{
	WeirBatch  *batch = scan->batch;
	bool		skip_empty = d->stream->skip_empty;

	for (int i = 0; i < n; i++, line++)
	{
		if (spans[i].len == 0 && skip_empty)
			continue;
		begin_record(d, batch, spans[i].data, spans[i].len, line, stamp);
		add_record(d, scan, spans[i].data, spans[i].len);
		batch->nrows++;
	}
}

char *
weir_decoder_string(const WeirDecoder *d, int index)
{
	Size		len;
	const char *data = weir_decoder_record(d, index, &len);

	return pg_any_to_server(data, (int) len, d->stream->encoding);
}

static void
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
	if (d->desc == NULL)
	{
		MemoryContext caller = MemoryContextSwitchTo(d->context);

		d->desc = CreateTupleDescCopyConstr(RelationGetDescr(rel));
		d->values = palloc(sizeof(Datum) * Max(d->desc->natts, 1));
		d->nulls = palloc(sizeof(bool) * Max(d->desc->natts, 1));
		d->direct = weir_direct_create(d->stream, d->desc);
		MemoryContextSwitchTo(caller);
	}
	d->rel = rel;
}

/* Can a column be null that must not be, or not be read?  Then a record takes a transaction. */
static bool
may_lack_metadata(const WeirDecoder *d)
{
	for (int i = 0; i < d->stream->nmetadata; i++)
	{
		const WeirMetadataColumn *column = &d->stream->metadata[i];

		if (column->what->fails ||
			(column->what->nullable && TupleDescAttr(d->desc, column->column)->attnotnull))
			return true;
	}
	return false;
}

/*
 * A row that constraints are applied to, and one that may become a dead letter,
 * may have to be shown as it came.
 */
void
weir_decoder_prepare(WeirDecoder *d, const WeirBatch *batch)
{
	open_table(d);
	d->at_once = d->direct != NULL && weir_direct_is_alone(d->direct) &&
		!weir_constraints_exist(d->desc) && !may_lack_metadata(d);
	d->keeps_text = batch->raw != NULL;
	table_close(d->rel, AccessShareLock);
}

/* Straight from its bytes, unless that failed before: then the format has the error. */
static bool
decode_directly(WeirDecoder *d, WeirBatch *batch, int index)
{
	Size		len;
	const char *data = weir_decoder_record(d, index, &len);

	if (d->direct == NULL || index == d->checked || d->absent[index] ||
		!weir_direct_row(d->direct, batch, index, data, len))
		return false;
	if (d->metadata)
		weir_metadata_fill(d->metadata, batch, index, d->about[index]);
	return true;
}

static void
read_row(WeirDecoder *d, WeirBatch *batch, int index)
{
	if (d->absent[index])
		memset(d->nulls, true, d->desc->natts * sizeof(bool));
	else
		d->format->row(d, d->values, d->nulls);
	if (d->metadata)
		weir_metadata_fill_values(d->metadata, batch, index, d->about[index], d->values, d->nulls);
}

static void
decode_record(WeirDecoder *d, WeirScanInput *scan, int index, WeirConstraints *constraints)
{
	WeirBatch  *batch = scan->batch;
	bool		direct;

	d->current = index;
	d->in_input = false;
	d->column = NULL;
	d->value = NULL;
	direct = decode_directly(d, batch, index);
	if (!direct)
		read_row(d, batch, index);
	else if (constraints != NULL)
		weir_batch_get_row(batch, index, d->values, d->nulls);
	if (constraints != NULL)
		weir_constraints_apply(constraints, d->values, d->nulls);
	if (!direct || constraints != NULL)
		weir_batch_set_row(batch, index, d->values, d->nulls);
}

static void
decode_pending(WeirDecoder *d, WeirScanInput *scan)
{
	WeirConstraints *constraints = weir_constraints_begin(d->rel);

	d->format->begin(d);
	if (d->direct)
		weir_direct_begin(d->direct);
	for (int i = d->next; i < scan->batch->nrows; i++)
	{
		if (!d->done[i] && !weir_scan_input_is_dead(scan, i))
			decode_record(d, scan, i, constraints);
	}
	d->current = -1;
	if (constraints != NULL)
		weir_constraints_end(constraints);
	if (d->direct)
		weir_direct_end(d->direct);
	d->format->end(d);
}

/* The records from the next one on; in a transaction with a snapshot. */
static void
decode_records(WeirDecoder *d, WeirScanInput *scan)
{
	MemoryContext caller = MemoryContextSwitchTo(scan->batch->context);

	d->current = -1;
	open_table(d);
	if (scan->batch->desc->natts != d->desc->natts)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("stream %s was altered while a job reads it", d->stream->name)));
	if (d->npending > 0)
		decode_pending(d, scan);
	MemoryContextSwitchTo(caller);
	table_close(d->rel, AccessShareLock);
}

static void
begin(bool nested)
{
	if (nested)
		BeginInternalSubTransaction(NULL);
	else
		StartTransactionCommand();
	PushActiveSnapshot(GetTransactionSnapshot());
}

static void
finish(bool nested)
{
	PopActiveSnapshot();
	if (nested)
		ReleaseCurrentSubTransaction();
	else
		CommitTransactionCommand();
}

static void
undo(bool nested)
{
	if (nested)
		RollbackAndReleaseCurrentSubTransaction();
	else
		AbortCurrentTransaction();
}

/* Does so in a transaction, or a subtransaction; NULL, or the error that ended it. */
static ErrorData *
try(void (*work) (WeirDecoder *, WeirScanInput *), WeirDecoder *d, WeirScanInput *scan, bool nested)
{
	MemoryContext caller = CurrentMemoryContext;
	ResourceOwner owner = CurrentResourceOwner;
	ErrorData  *volatile error = NULL;

	begin(nested);
	PG_TRY();
	{
		MemoryContextSwitchTo(scan->batch->context);
		work(d, scan);
		finish(nested);
	}
	PG_CATCH();
	{
		MemoryContextSwitchTo(scan->batch->context);
		error = CopyErrorData();
		FlushErrorState();
		undo(nested);
	}
	PG_END_TRY();
	MemoryContextSwitchTo(caller);
	if (nested)
		CurrentResourceOwner = owner;
	return error;
}

/* Are the record's characters any?  If so, which column is at fault? */
static void
examine(WeirDecoder *d, WeirScanInput *scan)
{
	d->is_text = false;
	(void) weir_decoder_string(d, d->current);
	d->is_text = true;
	d->format->locate(d);
}

/*
 * COPY looks at bytes beyond the record, so what it says of bytes that are no
 * character may be of the next one, too.
 */
static ErrorData *
explain_place(WeirDecoder *d, WeirScanInput *scan, ErrorData *error, bool nested)
{
	ErrorData  *examined = try(examine, d, scan, nested);

	if (!d->is_text)
		d->column = d->value = NULL;
	else if (d->column == NULL && error->sqlerrcode == ERRCODE_NOT_NULL_VIOLATION)
		d->column = error->column_name;
	return !d->is_text && examined != NULL && examined->sqlerrcode == error->sqlerrcode ?
		examined : error;
}

/*
 * NULL, or the error that the format has for d->current.  What ended the reading
 * of its bytes may have been an input function's word, without COPY's.  Whoever
 * cancelled the work is not to be ignored.
 */
static ErrorData *
try_decoding(WeirDecoder *d, WeirScanInput *scan, bool nested)
{
	ErrorData  *error = try(decode_records, d, scan, nested);

	while (error != NULL && d->direct != NULL && d->current >= 0 && d->current != d->checked &&
		   ERRCODE_TO_CATEGORY(error->sqlerrcode) != ERRCODE_OPERATOR_INTERVENTION)
	{
		weir_direct_end(d->direct);
		d->format->close(d);
		d->next = d->checked = d->current;
		error = try(decode_records, d, scan, nested);
	}
	return error;
}

/* NULL if the batch is done; else *blamed says whether the error is about d->current. */
static ErrorData *
try_records(WeirDecoder *d, WeirScanInput *scan, bool nested, bool *blamed)
{
	ErrorData  *error = try_decoding(d, scan, nested);

	*blamed = false;
	if (error == NULL)
		return NULL;
	if (d->direct)
		weir_direct_end(d->direct);
	if (d->current >= 0)
	{
		bool		in_input = d->format->in_input(d);

		error = explain_place(d, scan, error, nested);
		*blamed = weir_record_error_blames(d, scan, error, in_input);
	}
	d->format->close(d);
	return error;
}

ErrorData *
weir_decoder_run(WeirDecoder *d, WeirScanInput *scan, int64 *line)
{
	ErrorData  *error;
	bool		blamed;

	place_raw(d, scan->batch);
	while ((error = try_records(d, scan, false, &blamed)) != NULL)
	{
		if (!blamed || scan->errors == NULL)
			break;
		weir_scan_input_fail(scan, d->current, error->sqlerrcode,
							 weir_record_error_letter(d, scan, error), false);
		d->next = d->current + 1;
	}
	*line = error && d->current >= 0 ? scan->batch->lines[d->current] : 0;
	if (*line > 0)
		weir_record_error_explain(d, scan, error);
	return error;
}

void
weir_decoder_run_here(WeirDecoder *d, WeirScanInput *scan)
{
	bool		blamed;
	ErrorData  *error = try_records(d, scan, true, &blamed);

	if (error == NULL)
		return;
	if (d->current >= 0)
		weir_record_error_explain(d, scan, error);
	ReThrowError(error);
}

void
weir_decoder_close(WeirDecoder *d)
{
	d->format->close(d);
}
