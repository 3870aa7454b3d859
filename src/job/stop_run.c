/*
 * job/stop_run.c
 *		Carries out what the decision code (decide/stop.h) decides of stop,
 *		drain, cancel and the end of all input.
 */
#include "postgres.h"

#include "base/clock.h"
#include "job/coordinator.h"

/* The input of every source ends where it has read to. */
static void
drain(WeirCoordinator *co)
{
	for (int i = 0; i < co->run.ntasks; i++)
	{
		if (weir_attempt_is_source(co->run.attempt, i))
			weir_attempt_tell(co, i, WEIR_CONTROL_DRAIN, NULL);
	}
}

static void
set_outcome(WeirCoordinator *co)
{
	switch (co->stop.ending)
	{
		case WEIR_ENDING_CANCELLED:
			co->outcome = WEIR_OUTCOME_CANCELLED;
			break;
		case WEIR_ENDING_STOPPED:
			co->outcome = WEIR_OUTCOME_STOPPED;
			break;
		case WEIR_ENDING_FINISHED:
			co->outcome = WEIR_OUTCOME_FINISHED;
			co->finish_reason = weir_complete_reason(co);
			break;
		case WEIR_ENDING_NONE:
			break;
	}
}

/* A cancel ends the attempt whatever else has. */
void
weir_stop_act(WeirCoordinator *co)
{
	while (co->outcome == WEIR_OUTCOME_NONE || co->stop.cancelled)
	{
		switch (weir_stop_next(&co->stop))
		{
			case WEIR_STOP_NOTHING:
				return;
			case WEIR_STOP_BEGIN:
				weir_coordinator_status(co, WEIR_JOB_STOPPING, NULL, NULL);
				break;
			case WEIR_STOP_DRAIN:
				drain(co);
				break;
			case WEIR_STOP_FINAL:
				weir_checkpointer_request(co->checkpoints.checkpointer, WEIR_FINAL,
										  co->stop.token, weir_now());
				break;
			case WEIR_STOP_END:
				set_outcome(co);
				return;
		}
	}
}

void
weir_stop_begin_attempt(WeirCoordinator *co)
{
	weir_stop_attempt(&co->stop, co->job->checkpointing);
	co->run.under_way = true;
}

/* Whoever asked for the stop hears what the attempt failed for. */
static void
answer_failed(WeirCoordinator *co)
{
	weir_stops_answer(co, false, weir_failure_text(&co->failure));
}

void
weir_stop_end_attempt(WeirCoordinator *co)
{
	bool		failed = co->outcome == WEIR_OUTCOME_FAILED || co->outcome == WEIR_OUTCOME_HOPELESS ||
		co->outcome == WEIR_OUTCOME_SHORT;
	bool		doubtful = co->doubt.checkpoint != 0 && co->doubt.kind == WEIR_FINAL;

	if (!co->run.under_way)
		return;
	co->run.under_way = false;
	if (weir_stop_attempt_ended(&co->stop, failed, doubtful))
		answer_failed(co);
}

void
weir_stop_settle(WeirCoordinator *co)
{
	ListCell   *lc;
	bool		completed = false;

	if (!weir_stop_is_doubtful(&co->stop))
		return;
	weir_coordinator_begin(co);
	foreach(lc, weir_completed_all(co->job->id))
		completed |= ((WeirCompleted *) lfirst(lc))->checkpoint == co->doubt.checkpoint;
	weir_checkpoint_settle(co->job->id);
	weir_coordinator_end(co, true);
	if (weir_stop_recovered(&co->stop, completed))
		answer_failed(co);
	else if (co->stop.ending != WEIR_ENDING_NONE)
		set_outcome(co);
}
