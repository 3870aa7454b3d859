/*
 * job/positions.c
 *		Where the sources of a job stand, from what their tasks say.
 */
#include "postgres.h"

#include "job/coordinator.h"

/* Of a source that several tasks read, each has said where it stands in its own part. */
static void
add_position(const WeirSourceOps *source, int ntasks, WeirPosition *sum, const WeirPosition *task, bool first)
{
	if (ntasks == 1)
	{
		*sum = *task;
		return;
	}
	source->merge(sum, task);
	sum->retried = Max(sum->retried, task->retried);
	if (!weir_position_merge_marks(sum, task, first))
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("the tasks of a stream have more watermarks than its position can hold"),
				 errdetail("At most %d can be kept.", WEIR_POSITION_MARKS),
				 errhint("Let several jobs read some of its partitions each, or call weir.watermark in fewer reads of it.")));
}

int
weir_positions_merge(const WeirCoordinator *co, const WeirPendingCheckpoint *p, WeirPosition **positions)
{
	const WeirAttempt *attempt = co->run.attempt;
	int			n = 0;

	for (int i = 0; i < co->run.ntasks; i++)
		n = Max(n, attempt->tasks[i].source_number + 1);
	*positions = palloc0(sizeof(WeirPosition) * Max(n, 1));
	for (int i = 0; i < co->run.ntasks; i++)
	{
		int			number = attempt->tasks[i].source_number;

		if (number >= 0 && p->positions[i] != NULL)
			add_position(co->run.tasks[i].source, weir_attempt_stage(attempt, i)->parallelism,
						 &(*positions)[number], p->positions[i],
						 weir_task_subtask(&attempt->topology, i) == 0);
	}
	return n;
}
