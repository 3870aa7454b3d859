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
	WeirWatermarkReached is;
} Reached;

bool
weir_reached_is_kept(const WeirInputs *inputs)
{
	WeirWatermarkReached reached;

	return weir_watermark_merge_reached(inputs->watermarks, &reached);
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
	(void) weir_watermark_merge_reached(inputs->watermarks, &reached.is);
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
	WeirWatermarkReached lowest;
	WeirWatermarkReached own;	/* of the task that had the same keys */
} Restoring;

static void
take_lowest(WeirWatermarkReached *lowest, const WeirWatermarkReached *reached, bool first)
{
	lowest->watermark = first ? reached->watermark : Min(lowest->watermark, reached->watermark);
	for (int port = 0; port < WEIR_WATERMARK_PORTS; port++)
		lowest->ports[port] = first ? reached->ports[port] :
			Min(lowest->ports[port], reached->ports[port]);
}

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
	take_lowest(&r->lowest, &reached.is, r->n++ == 0);
	if (reached.subtask == r->task->subtask)
		r->own = reached.is;
}

/* Of another number of tasks, what all of them had reached. */
void
weir_reached_restore(WeirInputs *inputs, const WeirTask *task)
{
	const WeirAttempt *attempt = task->attempt;
	Restoring	r = {0};

	r.task = task;
	weir_watermark_reached_nothing(&r.own);
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
