/*
 * task/try_time.c
 *		How far event time has come in weir.try_job, from call to call of a
 *		transaction.
 *
 * A job's clocks lie in one piece of memory.  The first call at a level of
 * subtransactions keeps a copy of it, which its abort brings back.
 */
#include "postgres.h"

#include "access/xact.h"
#include "utils/memutils.h"

#include "task/try_time.h"

/* What there was before the first call at a level of subtransactions. */
typedef struct Mark
{
	struct Mark *below;
	int			level;
	bool		existed;
	WeirTryClock *clocks;		/* a copy */
} Mark;

typedef struct TryTime
{
	struct TryTime *next;
	MemoryContext context;		/* holds this and all of it */
	int64		job;
	char	   *shape;
	Size		size;
	WeirTryClock *clocks;
	Mark	   *top;			/* none of level 1 */
	MemoryContextCallback on_delete;
} TryTime;

static TryTime *all = NULL;

static void
forget(void *arg)
{
	for (TryTime **link = &all; *link; link = &(*link)->next)
	{
		if (*link == arg)
		{
			*link = (*link)->next;
			return;
		}
	}
}

static void
note_level(TryTime *time, bool existed)
{
	int			level = GetCurrentTransactionNestLevel();
	Mark	   *mark;

	if (level == 1 || (time->top && time->top->level >= level))
		return;
	mark = MemoryContextAlloc(time->context, sizeof(Mark));
	mark->below = time->top;
	mark->level = level;
	mark->existed = existed;
	mark->clocks = MemoryContextAlloc(time->context, time->size);
	memcpy(mark->clocks, time->clocks, time->size);
	time->top = mark;
}

static void
drop_mark(TryTime *time)
{
	Mark	   *mark = time->top;

	time->top = mark->below;
	pfree(mark->clocks);
	pfree(mark);
}

/* The parent's mark is the older one, where it has one; level 1 needs none. */
static void
commit_level(TryTime *time, int level)
{
	Mark	   *top = time->top;

	if (top == NULL || top->level < level)
		return;
	top->level = level - 1;
	if (top->level == 1 || (top->below && top->below->level == top->level))
		drop_mark(time);
}

static void
abort_level(TryTime *time, int level)
{
	Mark	   *top = time->top;

	if (top == NULL || top->level < level)
		return;
	if (!top->existed)
	{
		MemoryContextDelete(time->context);
		return;
	}
	memcpy(time->clocks, top->clocks, time->size);
	drop_mark(time);
}

static void
subtransaction_event(SubXactEvent event, SubTransactionId subid, SubTransactionId parent, void *arg)
{
	int			level = GetCurrentTransactionNestLevel();
	TryTime    *next;

	for (TryTime *time = all; time; time = next)
	{
		next = time->next;
		if (event == SUBXACT_EVENT_COMMIT_SUB)
			commit_level(time, level);
		else if (event == SUBXACT_EVENT_ABORT_SUB)
			abort_level(time, level);
	}
}

static void
listen(void)
{
	static bool listening = false;

	if (!listening)
		RegisterSubXactCallback(subtransaction_event, NULL);
	listening = true;
}

static int
ninputs(const WeirGraph *graph, const WeirNode *node)
{
	int			n = 0;

	while (weir_node_input(graph, node, n) != NULL)
		n++;
	return n;
}

/* All of them, with the merges behind them. */
static void
init_clocks(TryTime *time, const WeirGraph *graph)
{
	char	   *to;

	time->size = sizeof(WeirTryClock) * graph->nnodes;
	for (int i = 0; i < graph->nnodes; i++)
		time->size += MAXALIGN(weir_watermark_merge_size(ninputs(graph, graph->nodes[i])));
	time->clocks = palloc0(time->size);
	to = (char *) (time->clocks + graph->nnodes);
	for (int i = 0; i < graph->nnodes; i++)
	{
		int			n = ninputs(graph, graph->nodes[i]);
		WeirTryClock *clock = &time->clocks[i];

		clock->watermark = clock->passed = PG_INT64_MIN;
		clock->merge = n > 0 ? (WeirWatermarkMerge *) to : NULL;
		if (n > 0)
			weir_watermark_merge_init(clock->merge, n);
		to += MAXALIGN(weir_watermark_merge_size(n));
	}
}

static TryTime *
create(const WeirJob *job, const WeirGraph *graph)
{
	MemoryContext context = AllocSetContextCreate(TopTransactionContext, "weir tried event time",
												  ALLOCSET_SMALL_SIZES);
	MemoryContext caller = MemoryContextSwitchTo(context);
	TryTime    *time = palloc0(sizeof(TryTime));

	listen();
	time->context = context;
	time->job = job->id;
	time->shape = weir_graph_shape(graph);
	init_clocks(time, graph);
	time->next = all;
	all = time;
	time->on_delete.func = forget;
	time->on_delete.arg = time;
	MemoryContextRegisterResetCallback(context, &time->on_delete);
	MemoryContextSwitchTo(caller);
	note_level(time, false);
	return time;
}

static TryTime *
find(int64 job)
{
	for (TryTime *time = all; time; time = time->next)
	{
		if (time->job == job)
			return time;
	}
	return NULL;
}

/* Where the query is another, what was said of time does not fit it. */
static void
check_shape(const WeirJob *job, const TryTime *time, const WeirGraph *graph)
{
	if (strcmp(time->shape, weir_graph_shape(graph)) == 0)
		return;
	ereport(ERROR,
			(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
			 errmsg("the query of job \"%s\" has changed since it was first tried in this transaction",
					job->name),
			 errdetail("How far event time had come does not fit it."),
			 errhint("Roll back, to a savepoint before the first weir.try_job if there is one, and begin again.")));
}

WeirTryClock *
weir_try_clocks(const WeirJob *job, const WeirGraph *graph)
{
	TryTime    *time = find(job->id);

	if (time == NULL)
		return create(job, graph)->clocks;
	check_shape(job, time, graph);
	note_level(time, true);
	return time->clocks;
}
