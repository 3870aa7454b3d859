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
#include "catalog/pg_type.h"
#include "mb/pg_wchar.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/resowner.h"
#include "utils/snapmgr.h"

#include "decide/poison.h"
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
	initStringInfo(&d->text);
	weir_decoder_reset(d);
	return d;
}

/* One outsized record is no reason to keep its memory. */
static void
reset_text(WeirDecoder *d)
{
	MemoryContext caller;

	if (d->text.maxlen <= WEIR_OUTSIZED_BYTES)
	{
		resetStringInfo(&d->text);
		return;
	}
	caller = MemoryContextSwitchTo(d->context);
	pfree(d->text.data);
	initStringInfo(&d->text);
	MemoryContextSwitchTo(caller);
}

void
weir_decoder_reset(WeirDecoder *d)
{
	reset_text(d);
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

bool
weir_decoder_append(WeirDecoder *d, const char *data, Size len)
{
	appendBinaryStringInfo(&d->text, data, len);
	return true;
}

/* What is no record is a fault of the batch; nothing of it is to be decoded. */
static void
add_aside(WeirDecoder *d, WeirBatch *batch, const WeirFramedRecord *record)
{
	char	   *error = weir_record_fault_text(d->stream, record);

	weir_batch_keep_bytes(batch, batch->nrecords, record->data, record->len);
	weir_batch_fault(batch, batch->nrecords, weir_record_fault_code(record), error);
	pfree(error);
}

static void
add_record(WeirDecoder *d, WeirBatch *batch, const WeirFramedRecord *record)
{
	int			start = d->text.len;

	/* in one step, since twice as much as it needs would be reserved otherwise */
	enlargeStringInfo(&d->text, (int) record->len + 1);
	if (d->format->append(d, record->data, record->len))
		weir_batch_keep_text(batch, batch->nrecords, &d->text, start, (int) record->len);
	else
		weir_batch_keep_bytes(batch, batch->nrecords, record->data, record->len);
	appendStringInfoChar(&d->text, d->format->terminator);
}

void
weir_decoder_add(WeirDecoder *d, WeirBatch *batch, const WeirFramedRecord *record)
{
	if (d->nstarts == d->max_starts)
	{
		d->max_starts *= 2;
		d->starts = repalloc(d->starts, d->max_starts * sizeof(Size));
	}
	d->bytes += record->len;
	d->starts[d->nstarts++] = d->text.len;
	if (record->fault != WEIR_RECORD_WHOLE)
		add_aside(d, batch, record);
	else
		add_record(d, batch, record);

	batch->lines[batch->nrecords] = record->line;
	batch->stamps[batch->nrecords] = record->stamp;
	batch->nrecords++;
}

char *
weir_decoder_string(const WeirDecoder *d, int index)
{
	Size		len;
	const char *data = weir_decoder_record(d, index, &len);

	return pg_any_to_server(data, (int) len, d->stream->encoding);
}

bool
weir_column_is_read(TupleDesc desc, int column)
{
	Form_pg_attribute att = TupleDescAttr(desc, column);

	return !att->attisdropped && att->attgenerated == '\0';
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
		MemoryContextSwitchTo(caller);
	}
	d->rel = rel;
}

/* Nothing to decode: the record was a fault when it came. */
static bool
is_fault(const WeirBatch *batch, int index)
{
	return batch->faults && batch->faults[index];
}

static void
decode_record(WeirDecoder *d, WeirBatch *batch, int index, WeirConstraints *constraints)
{
	Size		first = (Size) index * d->desc->natts;

	d->current = index;
	d->in_input = false;
	d->column = NULL;
	d->value = NULL;
	d->format->row(d, batch->values + first, batch->nulls + first);
	if (constraints != NULL)
		weir_constraints_apply(constraints, batch->values + first, batch->nulls + first);
}

/* The records from the next one on; in a transaction with a snapshot. */
static void
decode_records(WeirDecoder *d, WeirBatch *batch)
{
	MemoryContext caller = MemoryContextSwitchTo(batch->context);
	WeirConstraints *constraints;

	d->current = -1;
	open_table(d);
	if (batch->desc->natts != d->desc->natts)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("stream %s was altered while a job reads it", d->stream->name)));
	d->format->begin(d);
	constraints = weir_constraints_begin(d->rel);
	for (int i = d->next; i < batch->nrecords; i++)
	{
		if (!is_fault(batch, i))
			decode_record(d, batch, i, constraints);
	}
	d->current = -1;
	if (constraints != NULL)
		weir_constraints_end(constraints);
	d->format->end(d);
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
try(void (*work) (WeirDecoder *, WeirBatch *), WeirDecoder *d, WeirBatch *batch, bool nested)
{
	MemoryContext caller = CurrentMemoryContext;
	ResourceOwner owner = CurrentResourceOwner;
	ErrorData  *volatile error = NULL;

	begin(nested);
	PG_TRY();
	{
		MemoryContextSwitchTo(batch->context);
		work(d, batch);
		finish(nested);
	}
	PG_CATCH();
	{
		MemoryContextSwitchTo(batch->context);
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
examine(WeirDecoder *d, WeirBatch *batch)
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
explain_place(WeirDecoder *d, WeirBatch *batch, ErrorData *error, bool nested)
{
	ErrorData  *examined = try(examine, d, batch, nested);

	if (!d->is_text)
		d->column = d->value = NULL;
	else if (d->column == NULL && error->sqlerrcode == ERRCODE_NOT_NULL_VIOLATION)
		d->column = error->column_name;
	return !d->is_text && examined != NULL && examined->sqlerrcode == error->sqlerrcode ?
		examined : error;
}

static bool
is_unknown_name(const ErrorData *error)
{
	int			category = ERRCODE_TO_CATEGORY(error->sqlerrcode);

	return error->sqlerrcode == ERRCODE_INVALID_SCHEMA_NAME ||
		(category == ERRCODE_SYNTAX_ERROR_OR_ACCESS_RULE_VIOLATION &&
		 error->sqlerrcode != ERRCODE_INSUFFICIENT_PRIVILEGE);
}

/* Is the column at fault of a type whose values are names of the database's objects? */
static bool
names_object(const WeirDecoder *d)
{
	static const Oid types[] = {REGPROCOID, REGPROCEDUREOID, REGOPEROID, REGOPERATOROID,
		REGCLASSOID, REGTYPEOID, REGROLEOID, REGNAMESPACEOID, REGCONFIGOID, REGDICTIONARYOID,
	REGCOLLATIONOID};

	for (int i = 0; d->column != NULL && i < d->desc->natts; i++)
	{
		if (strcmp(NameStr(TupleDescAttr(d->desc, i)->attname), d->column) != 0)
			continue;
		for (int t = 0; t < lengthof(types); t++)
		{
			if (TupleDescAttr(d->desc, i)->atttypid == types[t])
				return true;
		}
	}
	return false;
}

/*
 * Is the error about the record it was met at?  An internal error is, in an
 * input function; elsewhere, as in a CHECK, if the attempt before met it, too.
 */
static bool
blames_record(const WeirDecoder *d, const WeirBatch *batch, const ErrorData *error, bool in_input)
{
	WeirBlame	blame = weir_blame(unpack_sql_state(error->sqlerrcode));

	if (blame == WEIR_BLAME_IF_REPEATED)
		return in_input || (d->suspects && weir_is_suspect(d->suspects, batch->lines[d->current]));
	return blame == WEIR_BLAME_RECORD || (in_input && is_unknown_name(error) && names_object(d));
}

/* NULL if the batch is done; else *blamed says whether the error is about d->current. */
static ErrorData *
try_records(WeirDecoder *d, WeirBatch *batch, bool nested, bool *blamed)
{
	ErrorData  *error = try(decode_records, d, batch, nested);

	*blamed = false;
	if (error == NULL)
		return NULL;
	if (d->current >= 0)
	{
		bool		in_input = d->format->in_input(d);

		error = explain_place(d, batch, error, nested);
		*blamed = blames_record(d, batch, error, in_input);
	}
	d->format->close(d);
	return error;
}

ErrorData *
weir_decoder_run(WeirDecoder *d, WeirBatch *batch, int64 *line)
{
	ErrorData  *error;
	bool		blamed;

	while ((error = try_records(d, batch, false, &blamed)) != NULL)
	{
		if (!blamed || batch->faults == NULL)
			break;
		weir_batch_fault(batch, d->current, error->sqlerrcode,
						 weir_record_error_letter(d, batch, error));
		d->next = d->current + 1;
	}
	*line = error && d->current >= 0 ? batch->lines[d->current] : 0;
	if (*line > 0)
		weir_record_error_explain(d, batch, error);
	return error;
}

void
weir_decoder_run_here(WeirDecoder *d, WeirBatch *batch)
{
	bool		blamed;
	ErrorData  *error = try_records(d, batch, true, &blamed);

	if (error == NULL)
		return;
	if (d->current >= 0)
		weir_record_error_explain(d, batch, error);
	ReThrowError(error);
}

void
weir_decoder_close(WeirDecoder *d)
{
	d->format->close(d);
}
