/*
 * task/try_time.c
 *		How far event time has come in weir.try_job, from call to call of a
 *		transaction.
 *
 * A job's clocks lie in one piece of memory, of which copies are noted (tried.c).
 */
#include "postgres.h"

#include "utils/memutils.h"

#include "task/tried.h"
#include "task/try_time.h"

typedef struct TryTime
{
	WeirTried	tried;			/* first */
	int64		job;
	char	   *shape;
	WeirTryClock *clocks;
} TryTime;

static void
note_clocks(const WeirTried *tried, void *noted)
{
	memcpy(noted, ((const TryTime *) tried)->clocks, tried->size);
}

static void
bring_clocks_back(WeirTried *tried, const void *noted)
{
	memcpy(((TryTime *) tried)->clocks, noted, tried->size);
}

static const WeirTriedOps times = {
	.note = note_clocks,
	.bring_back = bring_clocks_back,
};

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

	time->tried.size = sizeof(WeirTryClock) * graph->nnodes;
	for (int i = 0; i < graph->nnodes; i++)
		time->tried.size += MAXALIGN(weir_watermark_merge_size(ninputs(graph, graph->nodes[i])));
	time->clocks = palloc0(time->tried.size);
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

	time->job = job->id;
	time->shape = weir_graph_shape(graph);
	init_clocks(time, graph);
	MemoryContextSwitchTo(caller);
	weir_tried_add(&time->tried, &times, context, time->tried.size);
	return time;
}

static TryTime *
find(int64 job)
{
	WeirTried  *tried = NULL;

	while ((tried = weir_tried_next(&times, tried)) != NULL)
	{
		if (((TryTime *) tried)->job == job)
			return (TryTime *) tried;
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
	weir_tried_change(&time->tried);
	return time->clocks;
}
