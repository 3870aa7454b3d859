/*
 * job/stop.c
 *		Carries out what decide/stop.h decides: how the job comes to its end.
 */
#include "postgres.h"

#include "base/clock.h"
#include "job/coordinator.h"

static void
drain_sources(WeirCoordinator *co)
{
	for (int i = 0; i < co->run.ntasks; i++)
	{
		if (weir_attempt_is_source(co->run.attempt, i))
			weir_attempt_tell(co, i, WEIR_CONTROL_DRAIN, NULL);
	}
}

static void
end_attempt(WeirCoordinator *co)
{
	switch (co->stop.ending)
	{
		case WEIR_ENDING_NONE:
			break;
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
	}
}

/* A job ends when its rows for peers are sent, but for a cancel. */
static bool
must_emit(const WeirCoordinator *co)
{
	bool		emits = false;

	for (int i = 0; i < co->run.ntasks; i++)
		emits = emits || co->run.attempt->tasks[i].emits;
	return emits && !co->stop.cancelled;
}

void
weir_stop_act(WeirCoordinator *co)
{
	for (;;)
	{
		switch (weir_stop_next(&co->stop))
		{
			case WEIR_STOP_NOTHING:
				return;
			case WEIR_STOP_BEGIN:
				weir_coordinator_status(co, WEIR_JOB_STOPPING, NULL, NULL);
				break;
			case WEIR_STOP_DRAIN:
				drain_sources(co);
				break;
			case WEIR_STOP_FINAL:
				weir_checkpointer_request(co->checkpoints.checkpointer, WEIR_FINAL, co->stop.token, weir_now());
				break;
			case WEIR_STOP_END:
				if (!must_emit(co))
					end_attempt(co);
				return;
		}
	}
}

void
weir_stop_goes_on(WeirCoordinator *co, const char *reason)
{
	if (!weir_stop_final_failed(&co->stop))
		return;
	weir_stops_refuse(co, reason);
	weir_coordinator_status(co, WEIR_JOB_RUNNING, NULL, NULL);
}

void
weir_stop_leave(WeirCoordinator *co)
{
	bool		doubtful = co->doubt.checkpoint != 0 && co->doubt.kind == WEIR_FINAL;

	if (weir_stop_attempt_ended(&co->stop, co->outcome == WEIR_OUTCOME_FAILED, doubtful))
		weir_stops_refuse(co, weir_failure_text(&co->failure));
}

void
weir_stop_settle(WeirCoordinator *co)
{
	bool		completed;

	weir_coordinator_begin(co);
	completed = weir_completed_find(weir_completed_all(co->job->id), co->doubt.checkpoint) != NULL;
	weir_checkpoint_settle(co->job->id);
	weir_coordinator_end(co, true);
	if (weir_stop_recovered(&co->stop, completed))
		weir_stops_refuse(co, weir_failure_text(&co->failure));
	end_attempt(co);
}
