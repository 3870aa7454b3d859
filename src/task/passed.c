/*
 * task/passed.c
 *		What a barrier has passed, kept in memory, with a checkpoint, and restored.
 *
 * A row that goes by key is restored at the task that owns its key group now,
 * which need not be the one before which it waited.  What of an input was before
 * what stays so; so does what of a key was before what, as a key's rows wait
 * before one task.
 */
#include "postgres.h"

#include "access/xact.h"
#include "common/hashfn.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"

#include "catalog/in_flight.h"
#include "decide/keygroup.h"
#include "state/flat.h"
#include "task/passed.h"

#define PASSED_FORMAT 2			/* of messages in weir_internal.in_flight */

void
weir_passed_add(WeirInputs *inputs, int input, bool restored, const WeirMessage *message, int size)
{
	MemoryContext old = MemoryContextSwitchTo(inputs->context);
	WeirPassed *passed = palloc(sizeof(WeirPassed));

	passed->input = input;
	passed->restored = restored;
	passed->size = size;
	passed->message = palloc(size);
	memcpy(passed->message, message, size);
	inputs->passed = lappend(inputs->passed, passed);
	inputs->nrestored += restored;
	MemoryContextSwitchTo(old);
}

/* An input's end is behind what it has brought; its first watermark is before anything. */
bool
weir_passed_put(WeirInputs *inputs, int input, const WeirMessage *message)
{
	switch ((WeirMessageKind) message->kind)
	{
		case WEIR_MESSAGE_ROWS:
		case WEIR_MESSAGE_LETTER:
		case WEIR_MESSAGE_END:
			weir_passed_add(inputs, input, false, message, weir_receiver_bytes(inputs->receivers[input]));
			return message->kind != WEIR_MESSAGE_END;
		case WEIR_MESSAGE_WATERMARK:
			if (inputs->begun || weir_watermark_merge_has_begun(inputs->watermarks, input))
				weir_passed_add(inputs, input, false, message, sizeof(WeirMessage));
			else if (message->ended)
				weir_watermark_merge_end(inputs->watermarks, input);
			else
				weir_watermark_merge_set(inputs->watermarks, input, message->watermark, message->idle);
			return true;
		case WEIR_MESSAGE_BARRIER:
		case WEIR_MESSAGE_CANCEL:
			break;
	}
	return false;
}

WeirPassed *
weir_passed_take(WeirInputs *inputs)
{
	WeirPassed *first;

	if (inputs->passed == NIL)
		return NULL;
	first = linitial(inputs->passed);
	inputs->passed = list_delete_first(inputs->passed);
	return first;
}

void
weir_passed_free(WeirPassed *passed)
{
	pfree(passed->message);
	pfree(passed);
}

/*
 * The form of what is kept, what its columns' values look like, and what has the
 * numbers of exchanges and sources that it names: by it rows of others are told.
 */
static char *
types_of(const WeirTask *task, int exchange)
{
	TupleDesc	desc = weir_task_input(task, exchange);
	const char *shape = weir_graph_shape(task->dataflow->graph);
	StringInfoData types;

	initStringInfo(&types);
	appendStringInfo(&types, "%d %08x:", PASSED_FORMAT,
					 hash_bytes((const unsigned char *) shape, strlen(shape)));
	for (int i = 0; i < desc->natts; i++)
	{
		WeirFlatType flat;

		weir_flat_type(&flat, TupleDescAttr(desc, i)->atttypid, CurrentMemoryContext);
		appendStringInfo(&types, " %u/%d/%u", TupleDescAttr(desc, i)->atttypid,
						 TupleDescAttr(desc, i)->atttypmod, weir_flat_fingerprint(&flat));
	}
	return types.data;
}

/* A row is judged by what the task has reached now, and by its own if no other input counts. */
static void
note_watermark(const WeirInputs *inputs, const WeirPassed *passed)
{
	WeirMessage *message = passed->message;

	if (passed->restored)
		return;
	message->alone = inputs->n == 1;
	message->kept_at = weir_watermark_merge_get(inputs->watermarks);
}

static bool
is_kept(const WeirPassed *passed)
{
	return passed->message->kind == WEIR_MESSAGE_ROWS ||
		passed->message->kind == WEIR_MESSAGE_LETTER;
}

int64
weir_passed_write(WeirInputs *inputs, const WeirTask *task, int64 checkpoint)
{
	WeirAttempt *attempt = task->attempt;
	char	  **types = palloc0(sizeof(char *) * inputs->n);
	int64		bytes = 0;
	ListCell   *lc;

	foreach(lc, inputs->passed)
	{
		WeirPassed *passed = lfirst(lc);
		WeirInFlight message;

		if (!is_kept(passed))
			continue;
		note_watermark(inputs, passed);
		message.exchange = inputs->exchanges[passed->input];
		if (types[passed->input] == NULL)
			types[passed->input] = types_of(task, message.exchange);
		message.types = types[passed->input];
		message.payload = (const char *) passed->message;
		message.size = passed->size;
		weir_in_flight_insert(attempt->job, attempt->timeline, checkpoint, task->index,
							  foreach_current_index(lc), &message);
		bytes += passed->size;
	}
	return bytes;
}

typedef struct Restoring
{
	WeirInputs *inputs;
	const WeirTask *task;
	char	   *types;
	int			input;			/* one of the exchange's */
	bool		by_key;
	int			first;			/* key groups of this task */
	int			end;
	WeirRunReader *reader;
	WeirRunWriter *writer;
} Restoring;

static bool
is_ours(const Restoring *r, uint64 hash)
{
	int			group = weir_key_group(hash, r->task->attempt->max_parallelism);

	return group >= r->first && group < r->end;
}

/* Of a message, those rows that the selection names, as messages of their own. */
static void
add_rows(Restoring *r, const WeirMessage *message, const WeirBatch *batch, const int *selection,
		 int n)
{
	StringInfoData buffer;

	initStringInfo(&buffer);
	while (n > 0)
	{
		int			taken;

		resetStringInfo(&buffer);
		enlargeStringInfo(&buffer, WEIR_MESSAGE_DATA_AT);
		memcpy(buffer.data, message, sizeof(WeirMessage));
		buffer.len = WEIR_MESSAGE_DATA_AT;
		weir_run_begin(r->writer, &buffer, batch);
		taken = weir_run_add(r->writer, batch, selection, 0, n);
		weir_run_end(r->writer);
		weir_passed_add(r->inputs, r->input, true, (WeirMessage *) buffer.data, buffer.len);
		selection += taken;
		n -= taken;
	}
	pfree(buffer.data);
}

/* Only so much of it holds as was before the first of them. */
static void
note_floor(WeirInputs *inputs, const WeirMessage *message, const WeirBatch *batch, int first)
{
	int64		own = message->alone && batch->watermarks ? batch->watermarks[first] : PG_INT64_MIN;

	inputs->floor = Min(inputs->floor, Max(own, message->kept_at));
}

static void
restore_rows(Restoring *r, const WeirMessage *message)
{
	WeirBatch  *batch = weir_run_read(r->reader, (const char *) message + WEIR_MESSAGE_DATA_AT);
	int		   *selection = palloc(sizeof(int) * Max(batch->nrows, 1));
	int			n = 0;

	for (int i = 0; i < batch->nrows; i++)
	{
		if (!r->by_key || is_ours(r, batch->hashes[i]))
			selection[n++] = i;
	}
	if (n > 0)
		note_floor(r->inputs, message, batch, selection[0]);
	add_rows(r, message, batch, selection, n);
	pfree(selection);
}

/* Of another form, they are another version's; else something that the job uses is another. */
static void
refuse_kept(const Restoring *r, const WeirInFlight *kept)
{
	bool		form = atoi(kept->types) != PASSED_FORMAT;

	ereport(ERROR,
			(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
			 form ? errmsg("checkpoint " INT64_FORMAT " holds rows on their way to %s in a form that this version of Weir does not read",
						   r->task->attempt->restore, r->task->name) :
			 errmsg("checkpoint " INT64_FORMAT " holds rows on their way to %s, which takes others now",
					r->task->attempt->restore, r->task->name),
			 form ? errdetail("It was taken by another version, and its barriers overtook rows.") :
			 errdetail("A stream, view, table or type that the job uses was altered."),
			 form ? errhint("Install that version again, start the job, stop it with weir.stop_job, and install this one then.") :
			 errhint("Alter it back, start the job, stop it with weir.stop_job, and alter it then.")));
}

/* A letter has no key: the first task of the stage takes it. */
static void
restore_message(void *arg, const WeirInFlight *kept)
{
	Restoring  *r = arg;
	WeirMessage *message = palloc(kept->size);

	memcpy(message, kept->payload, kept->size);
	if (strcmp(kept->types, r->types) != 0)
		refuse_kept(r, kept);
	if (message->kind == WEIR_MESSAGE_ROWS)
		restore_rows(r, message);
	else if (r->task->subtask == 0)
		weir_passed_add(r->inputs, r->input, true, message, kept->size);
	pfree(message);
}

/* One input stands for all of its exchange. */
static bool
is_first_of_exchange(const WeirInputs *inputs, int input)
{
	for (int i = 0; i < input; i++)
	{
		if (inputs->exchanges[i] == inputs->exchanges[input])
			return false;
	}
	return true;
}

static void
restore_exchange(Restoring *r, int exchange)
{
	const WeirAttempt *attempt = r->task->attempt;

	r->types = types_of(r->task, exchange);
	r->reader = weir_run_reader_create(weir_task_input(r->task, exchange));
	r->writer = weir_run_writer_create();
	r->by_key = attempt->topology.exchanges[exchange].kind == WEIR_BY_KEY;
	weir_in_flight_read(attempt->job, attempt->restore, exchange, restore_message, r);
}

void
weir_passed_restore(WeirInputs *inputs, const WeirTask *task)
{
	WeirAttempt *attempt = task->attempt;
	Restoring	r = {0};
	MemoryContext context;

	if (attempt->restore == 0)
		return;
	StartTransactionCommand();
	PushActiveSnapshot(GetTransactionSnapshot());
	context = AllocSetContextCreate(CurrentMemoryContext, "weir restored rows", ALLOCSET_DEFAULT_SIZES);
	MemoryContextSwitchTo(context);
	r.inputs = inputs;
	r.task = task;
	weir_task_groups(task->subtask, task->stage->parallelism, attempt->max_parallelism,
					 &r.first, &r.end);
	for (r.input = 0; r.input < inputs->n; r.input++)
	{
		if (is_first_of_exchange(inputs, r.input))
			restore_exchange(&r, inputs->exchanges[r.input]);
	}
	PopActiveSnapshot();
	CommitTransactionCommand();
	MemoryContextSwitchTo(task->context);
}
