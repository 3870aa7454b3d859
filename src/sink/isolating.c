/*
 * sink/isolating.c
 *		Runs the sink statement so that rows it refuses are dropped alone.
 *
 * A statement that fails must leave no trace, so that it needs a
 * subtransaction; but more than 64 that wrote, in one transaction, slow the
 * snapshots of every session.  Rows therefore wait, over many batches, until
 * there are many or the epoch is about to be committed, and are written in one
 * subtransaction; only where that fails are there more (decide/isolate.h).
 */
#include "postgres.h"

#include "access/xact.h"
#include "executor/tuptable.h"
#include "miscadmin.h"
#include "utils/memutils.h"
#include "utils/resowner.h"

#include "base/compat.h"
#include "decide/isolate.h"
#include "decide/poison.h"
#include "sink/isolating.h"

#define FULL_BYTES (4 * 1024 * 1024)
#define STATEMENT_ROWS 1024		/* rows behind one that is refused are read in vain */

struct WeirIsolating
{
	MemoryContext context;
	const WeirNode *node;
	WeirSink   *sink;
	int64	   *line;			/* of the record being worked on */
	int64		at;				/* the row that the statement is at */
	TupleTableSlot *slot;		/* reads tuples */
	MemoryContext rows_context;	/* of what waits */
	WeirWaitingRow *rows;
	int			nrows;
	int			capacity;
	Size		bytes;
};

WeirIsolating *
weir_isolating_create(const WeirNode *node, const char *text, int64 *line)
{
	MemoryContext context = AllocSetContextCreate(CurrentMemoryContext, "weir isolating sink",
												  ALLOCSET_DEFAULT_SIZES);
	MemoryContext old = MemoryContextSwitchTo(context);
	WeirIsolating *g = palloc0(sizeof(WeirIsolating));

	g->context = context;
	g->line = line;
	g->capacity = 1024;
	g->rows = palloc(sizeof(WeirWaitingRow) * g->capacity);
	g->rows_context = AllocSetContextCreate(context, "weir rows for the sink",
											ALLOCSET_DEFAULT_SIZES);
	MemoryContextSwitchTo(old);
	weir_isolating_rebuild(g, node, text);
	return g;
}

void
weir_isolating_rebuild(WeirIsolating *g, const WeirNode *node, const char *text)
{
	MemoryContext old = MemoryContextSwitchTo(g->context);

	if (g->sink)
	{
		weir_sink_close(g->sink);
		ExecDropSingleTupleTableSlot(g->slot);
	}
	g->node = node;
	g->sink = weir_sink_open(node, text, &g->at);
	g->slot = MakeSingleTupleTableSlot(node->in, &TTSOpsMinimalTuple);
	MemoryContextSwitchTo(old);
}

void
weir_isolating_row(WeirIsolating *g, Datum *values, bool *nulls, int source, int64 line,
				   const char *raw, int raw_len)
{
	MemoryContext old = MemoryContextSwitchTo(g->rows_context);
	WeirWaitingRow *row;

	if (g->nrows == g->capacity)
	{
		g->capacity *= 2;
		g->rows = repalloc_huge(g->rows, sizeof(WeirWaitingRow) * g->capacity);
	}
	row = &g->rows[g->nrows++];
	row->tuple = weir_form_minimal_tuple(g->node->in, values, nulls);
	row->source = source;
	row->line = line;
	row->raw = NULL;
	row->raw_len = raw_len;
	if (raw)
	{
		char	   *copy = palloc(raw_len + 1);

		memcpy(copy, raw, raw_len);
		row->raw = copy;
	}
	g->bytes += row->tuple->t_len + raw_len + sizeof(WeirWaitingRow);
	MemoryContextSwitchTo(old);
}

int
weir_isolating_count(const WeirIsolating *g)
{
	return g->nrows;
}

void
weir_isolating_truncate(WeirIsolating *g, int n)
{
	g->nrows = n;
}

bool
weir_isolating_full(const WeirIsolating *g)
{
	return g->bytes >= FULL_BYTES;
}

static void
run_range(WeirIsolating *g, int from, int to)
{
	for (int i = from; i < to; i++)
	{
		g->at = i;
		ExecStoreMinimalTuple(g->rows[i].tuple, g->slot, false);
		slot_getallattrs(g->slot);
		weir_sink_row(g->sink, g->slot->tts_values, g->slot->tts_isnull);
		if ((i - from + 1) % STATEMENT_ROWS == 0)
			weir_sink_flush(g->sink);
	}
	weir_sink_flush(g->sink);
}

/* An error before the statement reads rows is not a row's; nor is one whose class says so. */
static bool
blames_row(WeirIsolating *g, const ErrorData *error)
{
	return g->sink->at_rows &&
		weir_blame(unpack_sql_state(error->sqlerrcode)) != WEIR_BLAME_NONE;
}

/* The error of a range, if it is about a row; NULL if there was none. */
static ErrorData *
try_range(WeirIsolating *g, int from, int to)
{
	MemoryContext context = CurrentMemoryContext;
	ResourceOwner owner = CurrentResourceOwner;
	ErrorData  *volatile error = NULL;

	BeginInternalSubTransaction(NULL);
	MemoryContextSwitchTo(context);
	PG_TRY();
	{
		run_range(g, from, to);
		ReleaseCurrentSubTransaction();
	}
	PG_CATCH();
	{
		MemoryContextSwitchTo(g->rows_context);
		error = CopyErrorData();
		*g->line = g->rows[g->at].line;
		if (!blames_row(g, error))
			PG_RE_THROW();
		FlushErrorState();
		RollbackAndReleaseCurrentSubTransaction();
		weir_sink_reset(g->sink);
	}
	PG_END_TRY();
	MemoryContextSwitchTo(context);
	CurrentResourceOwner = owner;
	ExecClearTuple(g->slot);
	return error;
}

void
weir_isolating_flush(WeirIsolating *g, WeirRefusedFunction refused, void *arg)
{
	WeirIsolate iso;
	int			from;
	int			to;

	weir_isolate_begin(&iso, g->nrows);
	while (weir_isolate_next(&iso, &from, &to))
	{
		ErrorData  *error = try_range(g, from, to);

		if (error == NULL)
			weir_isolate_succeeded(&iso);
		else if (weir_isolate_failed(&iso, (int) g->at))
			refused(arg, &g->rows[from], error);
	}
	g->nrows = 0;
	g->bytes = 0;
	MemoryContextReset(g->rows_context);
}
