/*
 * task/guarded.c
 *		Rows through a task's operators in subtransactions.
 */
#include "postgres.h"

#include "access/xact.h"
#include "miscadmin.h"
#include "utils/memutils.h"
#include "utils/resowner.h"

#include "base/blame.h"
#include "decide/isolate.h"
#include "task/guarded.h"
#include "task/late.h"

static void
guard_stores(WeirChain *chain, bool guard)
{
	ListCell   *lc;

	foreach(lc, chain->task->stores)
	{
		if (guard)
			weir_store_guard(lfirst(lc));
		else
			weir_store_unguard(lfirst(lc));
	}
}

/* How far time had come in an operator, of event time and of its store's clock. */
typedef struct Clocks
{
	int64		watermark;
	int64		passed;
	int64		arrival;
} Clocks;

static Clocks *
note_clocks(const WeirChain *chain)
{
	Clocks	   *clocks = palloc0(sizeof(Clocks) * Max(chain->nlinks, 1));

	for (int i = 0; i < chain->nlinks; i++)
	{
		const WeirOperator *op = chain->links[i].op;

		if (op == NULL)
			continue;
		clocks[i].watermark = op->watermark;
		clocks[i].passed = op->passed;
		clocks[i].arrival = op->store ? weir_store_clock(op->store) : 0;
	}
	return clocks;
}

/* After an error: state and clocks are what they were, and operators as new. */
static void
abandon_rows(WeirChain *chain, const Clocks *clocks)
{
	for (int i = 0; i < chain->nlinks; i++)
	{
		WeirOperator *op = chain->links[i].op;

		if (op == NULL)
			continue;
		if (op->store)
			weir_store_abandon(op->store, clocks[i].arrival);
		weir_operator_reset(op);
		op->watermark = clocks[i].watermark;
		op->passed = clocks[i].passed;
	}
}

/* The error of an operator for one of these rows, chain->task->line; NULL if there was none. */
static ErrorData *
try_rows(WeirLink *entry, WeirGuardedRun run, WeirBatch *batch, int from, int to)
{
	WeirChain  *chain = entry->chain;
	MemoryContext context = CurrentMemoryContext;
	ResourceOwner owner = CurrentResourceOwner;
	Clocks	   *clocks = note_clocks(chain);
	ErrorData  *volatile error = NULL;

	guard_stores(chain, true);
	BeginInternalSubTransaction(NULL);
	MemoryContextSwitchTo(context);
	PG_TRY();
	{
		run(entry, batch, from, to);
		ReleaseCurrentSubTransaction();
		guard_stores(chain, false);
	}
	PG_CATCH();
	{
		MemoryContextSwitchTo(chain->task->context);
		error = CopyErrorData();
		/* what was due comes of no record, and none can be put aside for it */
		if (weir_error_blame(error) == WEIR_BLAME_NONE || chain->task->line == 0)
			PG_RE_THROW();
		FlushErrorState();
		RollbackAndReleaseCurrentSubTransaction();
		abandon_rows(chain, clocks);
	}
	PG_END_TRY();
	MemoryContextSwitchTo(context);
	CurrentResourceOwner = owner;
	pfree(clocks);
	return error;
}

/* The first row of the range that comes of this record. */
static int
row_of_line(const WeirBatch *batch, int from, int to, int64 line)
{
	for (int i = from; i < to; i++)
	{
		if (batch->lines[i] == line)
			return i;
	}
	return -1;
}

/* What is done when its time has come is no row's fault that happens to bring the time. */
static void
check_at_fault(const WeirChain *chain, const WeirBatch *batch, int from, int to, ErrorData *error)
{
	if (batch->watermarks && row_of_line(batch, from, to, chain->task->line) < 0)
		ReThrowError(error);
}

/* Output so far is there to stay. */
static void
mark_output(WeirChain *chain)
{
	if (chain->out)
		weir_router_mark(chain->out);
	weir_task_sinks_mark(&chain->sinks);
}

static void
undo_output(WeirChain *chain)
{
	if (chain->out)
		weir_router_undo(chain->out);
	weir_task_sinks_undo(&chain->sinks);
}

void
weir_guarded_run(WeirLink *entry, WeirGuardedRun run, WeirBatch *batch, WeirGuardedDrop drop)
{
	WeirChain  *chain = entry->chain;
	WeirTaskStats *stats = &chain->task->slot->stats;
	WeirIsolate iso;
	int			from;
	int			to;

	mark_output(chain);
	weir_isolate_begin(&iso, batch->nrows);
	while (weir_isolate_next(&iso, &from, &to))
	{
		int64		records_out = stats->records_out;
		int64		late_records = stats->late_records;
		int			late_letters = list_length(chain->late_letters);
		ErrorData  *error = try_rows(entry, run, batch, from, to);

		if (error == NULL)
			weir_isolate_succeeded(&iso);
		else
		{
			undo_output(chain);
			stats->records_out = records_out;
			weir_late_undo(chain, late_records, late_letters);
			check_at_fault(chain, batch, from, to, error);
			if (weir_isolate_failed(&iso, row_of_line(batch, from, to, chain->task->line)))
				drop(chain, batch, from, error);
			FreeErrorData(error);
		}
		mark_output(chain);
	}
	if (chain->out)
		weir_router_release(chain->out);
}
