/*
 * task/reached.c
 *		What watermark a task had reached, where that does not follow of its inputs.
 */
#include "postgres.h"

#include "access/xact.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"

#include "catalog/in_flight.h"
#include "task/reached.h"

#define NO_EXCHANGE (-1)		/* it came by none */

typedef struct Reached
{
	int32		stage;
	int32		subtask;
	int32		parallelism;	/* of the stage then */
	int64		watermark;
} Reached;

bool
weir_reached_is_kept(const WeirInputs *inputs)
{
	return weir_watermark_merge_is_ahead(inputs->watermarks);
}

static int
stage_of(const WeirTask *task)
{
	return (int) (task->stage - task->attempt->topology.stages);
}

int64
weir_reached_write(const WeirInputs *inputs, const WeirTask *task, int64 checkpoint, int seq)
{
	const WeirAttempt *attempt = task->attempt;
	Reached		reached = {0};
	WeirInFlight message;

	reached.stage = stage_of(task);
	reached.subtask = task->subtask;
	reached.parallelism = task->stage->parallelism;
	reached.watermark = weir_watermark_merge_get(inputs->watermarks);
	message.exchange = NO_EXCHANGE;
	message.types = weir_graph_shape(task->dataflow->graph);
	message.payload = (const char *) &reached;
	message.size = sizeof(reached);
	weir_in_flight_insert(attempt->job, attempt->timeline, checkpoint, task->index, seq, &message);
	return message.size;
}

/* Of the tasks that the stage had. */
typedef struct Restoring
{
	const WeirTask *task;
	const char *shape;
	int			n;				/* that have kept theirs .. */
	int			of;				/* .. of so many */
	int64		lowest;
	int64		own;			/* of the task that had the same keys */
} Restoring;

static void
take_reached(void *arg, const WeirInFlight *kept)
{
	Restoring  *r = arg;
	Reached		reached;

	if (kept->size != sizeof(Reached) || strcmp(kept->types, r->shape) != 0)
		return;
	memcpy(&reached, kept->payload, sizeof(Reached));
	if (reached.stage != stage_of(r->task))
		return;
	r->of = reached.parallelism;
	r->lowest = Min(r->lowest, reached.watermark);
	r->n++;
	if (reached.subtask == r->task->subtask)
		r->own = reached.watermark;
}

/* Of another number of tasks, what all of them had reached. */
void
weir_reached_restore(WeirInputs *inputs, const WeirTask *task)
{
	const WeirAttempt *attempt = task->attempt;
	Restoring	r = {0};

	r.task = task;
	r.own = PG_INT64_MIN;
	r.lowest = PG_INT64_MAX;
	StartTransactionCommand();
	PushActiveSnapshot(GetTransactionSnapshot());
	r.shape = weir_graph_shape(task->dataflow->graph);
	weir_in_flight_read(attempt->job, attempt->restore, NO_EXCHANGE, take_reached, &r);
	PopActiveSnapshot();
	CommitTransactionCommand();
	MemoryContextSwitchTo(task->context);
	if (r.of == task->stage->parallelism)
		inputs->reached_before = r.own;
	else if (r.n > 0 && r.n == r.of)
		inputs->reached_before = r.lowest;
}
