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
#include "miscadmin.h"
#include "utils/datum.h"
#include "utils/memutils.h"
#include "utils/resowner.h"

#include "base/blame.h"
#include "decide/isolate.h"
#include "sink/isolating.h"

#define FIRST_ROWS 1024
#define FULL_BYTES (4 * 1024 * 1024)
#define STATEMENT_ROWS 1024		/* rows behind one that is refused are read in vain */

struct WeirIsolating
{
	MemoryContext context;
	WeirSink   *sink;
	int64	   *line;			/* of the record being worked on */
	int64		at;				/* the row that the sink is at */
	WeirBatch  *waiting;		/* the lines of its rows are their numbers */
	WeirWaitingRow *rows;		/* waiting->capacity of them */
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
	g->waiting = weir_batch_create(node->in, FIRST_ROWS);
	g->rows = palloc(sizeof(WeirWaitingRow) * FIRST_ROWS);
	MemoryContextSwitchTo(old);
	weir_isolating_rebuild(g, node, text);
	return g;
}

void
weir_isolating_rebuild(WeirIsolating *g, const WeirNode *node, const char *text)
{
	MemoryContext old = MemoryContextSwitchTo(g->context);

	if (g->sink)
		weir_sink_close(g->sink);
	g->sink = weir_sink_open(node, text, &g->at);
	MemoryContextSwitchTo(old);
}

static void
make_room(WeirIsolating *g, int rows)
{
	MemoryContext old = MemoryContextSwitchTo(g->context);
	int			capacity = g->waiting->capacity;

	while (g->waiting->capacity < g->waiting->nrows + rows)
		weir_batch_grow(g->waiting);
	if (g->waiting->capacity > capacity)
		g->rows = repalloc_huge(g->rows, sizeof(WeirWaitingRow) * g->waiting->capacity);
	MemoryContextSwitchTo(old);
}

static void
copy_column(WeirIsolating *g, const WeirBatch *batch, int column)
{
	const WeirVector *from = &batch->columns[column];
	Form_pg_attribute att = TupleDescAttr(batch->desc, column);
	int			base = g->waiting->nrows;

	for (int i = 0; i < batch->nrows; i++)
	{
		Datum		value = from->values[i];

		if (weir_vector_is_null(from, i))
		{
			weir_batch_set_null(g->waiting, column, base + i);
			continue;
		}
		if (!att->attbyval)
		{
			value = datumCopy(value, false, att->attlen);
			g->bytes += datumGetSize(value, false, att->attlen);
		}
		weir_batch_set_value(g->waiting, column, base + i, value);
	}
}

/* Bytes of the rows' records. */
static Size
raw_bytes(const WeirBatch *batch)
{
	Size		bytes = 0;

	for (int i = 0; batch->raw != NULL && i < batch->nrows; i++)
		bytes += batch->raw[i].data ? batch->raw[i].len : 0;
	return bytes;
}

static void
copy_records(WeirIsolating *g, const WeirBatch *batch)
{
	Size		bytes = raw_bytes(batch);
	char	   *at = bytes > 0 ? palloc_extended(bytes, MCXT_ALLOC_HUGE) : NULL;

	for (int i = 0; i < batch->nrows; i++)
	{
		WeirWaitingRow *row = &g->rows[g->waiting->nrows + i];
		WeirRaw		raw = weir_batch_raw(batch, i);

		row->source = batch->source;
		row->line = batch->lines[i];
		row->stamp = batch->stamps[i];
		row->raw = raw.data ? at : NULL;
		row->raw_len = raw.data ? raw.len : 0;
		if (row->raw_len > 0)
			memcpy(at, raw.data, raw.len);
		at += row->raw_len;
	}
	g->bytes += bytes;
}

void
weir_isolating_rows(WeirIsolating *g, const WeirBatch *batch)
{
	WeirBatch  *waiting = g->waiting;
	MemoryContext old;

	make_room(g, batch->nrows);
	old = MemoryContextSwitchTo(waiting->context);
	for (int i = 0; i < batch->desc->natts; i++)
		copy_column(g, batch, i);
	copy_records(g, batch);
	MemoryContextSwitchTo(old);
	for (int i = 0; i < batch->nrows; i++)
		waiting->lines[waiting->nrows + i] = waiting->nrows + i;
	waiting->nrows += batch->nrows;
	g->bytes += batch->nrows * (sizeof(WeirWaitingRow) + sizeof(Datum) * batch->desc->natts);
}

int
weir_isolating_count(const WeirIsolating *g)
{
	return g->waiting->nrows;
}

void
weir_isolating_truncate(WeirIsolating *g, int n)
{
	g->waiting->nrows = n;
}

bool
weir_isolating_full(const WeirIsolating *g)
{
	return g->bytes >= FULL_BYTES;
}

static void
run_range(WeirIsolating *g, int from, int to)
{
	for (; from < to; from += STATEMENT_ROWS)
	{
		weir_sink_rows(g->sink, g->waiting, from, Min(from + STATEMENT_ROWS, to));
		weir_sink_flush(g->sink);
	}
}

/* An error before the statement reads rows is not a row's; nor is one whose class says so. */
static bool
blames_row(WeirIsolating *g, const ErrorData *error)
{
	return g->sink->at_rows &&
		weir_error_blame(error) != WEIR_BLAME_NONE;
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
		MemoryContextSwitchTo(g->waiting->context);
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
	return error;
}

void
weir_isolating_flush(WeirIsolating *g, WeirRefusedFunction refused, void *arg)
{
	WeirIsolate iso;
	int			from;
	int			to;

	weir_isolate_begin(&iso, g->waiting->nrows);
	while (weir_isolate_next(&iso, &from, &to))
	{
		ErrorData  *error = try_range(g, from, to);

		if (error == NULL)
			weir_isolate_succeeded(&iso);
		else if (weir_isolate_failed(&iso, (int) g->at))
			refused(arg, &g->rows[from], error);
	}
	g->bytes = 0;
	weir_batch_reset(g->waiting);
}
