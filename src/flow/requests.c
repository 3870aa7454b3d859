/*
 * flow/requests.c
 *		What backends ask of a job's coordinator, and how they are answered.
 */
#include "postgres.h"

#include "flow/coordinator.h"
#include "flow/task.h"

void
weir_request_done(WeirCoordinator *co, uint64 token, bool ok, int64 checkpoint,
				  const char *error)
{
	if (token == 0)
		return;
	LWLockAcquire(weir_registry->lock, LW_EXCLUSIVE);
	for (int i = 0; i < WEIR_REQUESTS_PER_JOB; i++)
	{
		WeirRequestSlot *request = &co->slot->requests[i];

		if (request->token != token || request->state != WEIR_SLOT_TAKEN)
			continue;
		request->state = request->abandoned ? WEIR_SLOT_FREE : WEIR_SLOT_DONE;
		request->result.ok = ok;
		request->result.checkpoint = checkpoint;
		strlcpy(request->result.error, error ? error : "", sizeof(request->result.error));
	}
	LWLockRelease(weir_registry->lock);
	weir_registry_changed();
}

void
weir_requests_refuse(WeirCoordinator *co, const char *error)
{
	LWLockAcquire(weir_registry->lock, LW_EXCLUSIVE);
	for (int i = 0; i < WEIR_REQUESTS_PER_JOB; i++)
	{
		WeirRequestSlot *request = &co->slot->requests[i];

		if (request->state != WEIR_SLOT_ASKED && request->state != WEIR_SLOT_TAKEN)
			continue;
		request->state = request->abandoned ? WEIR_SLOT_FREE : WEIR_SLOT_DONE;
		request->result.ok = false;
		strlcpy(request->result.error, error, sizeof(request->result.error));
	}
	LWLockRelease(weir_registry->lock);
	weir_registry_changed();
}

/* Takes the next request that was put; false if there is none. */
static bool
take_one(WeirCoordinator *co, WeirRequestSlot *taken)
{
	bool		found = false;

	LWLockAcquire(weir_registry->lock, LW_EXCLUSIVE);
	for (int i = 0; i < WEIR_REQUESTS_PER_JOB && !found; i++)
	{
		WeirRequestSlot *request = &co->slot->requests[i];

		if (request->state != WEIR_SLOT_ASKED)
			continue;
		request->state = WEIR_SLOT_TAKEN;
		*taken = *request;
		found = true;
	}
	LWLockRelease(weir_registry->lock);
	return found;
}

static void
ask_checkpoint(WeirCoordinator *co, uint64 token, WeirCheckpointKind kind)
{
	if (!co->started)
	{
		weir_request_done(co, token, false, 0, "the job's tasks are not running yet");
		return;
	}
	weir_checkpointer_request(co->checkpointer, kind, token, weir_now());
}

/* All tasks run: the last checkpoint now, or once the input has ended. */
void
weir_stop_begin(WeirCoordinator *co)
{
	weir_coordinator_status(co, WEIR_JOB_STOPPING, NULL, NULL);
	if (!co->draining)
		weir_checkpointer_request(co->checkpointer, WEIR_FINAL, co->stop_token, weir_now());
	for (int i = 0; co->draining && i < co->attempt->nsources; i++)
		weir_attempt_tell(co, i, WEIR_CONTROL_DRAIN, NULL);
}

static void
ask_stop(WeirCoordinator *co, uint64 token, bool drain)
{
	if (co->stopping)
	{
		weir_request_done(co, token, false, 0, "the job is being stopped already");
		return;
	}
	co->stop_token = token;
	co->stopping = true;
	co->draining = drain;
	if (co->started)
		weir_stop_begin(co);
}

static void
handle(WeirCoordinator *co, const WeirRequestSlot *request)
{
	switch (request->kind)
	{
		case WEIR_REQUEST_CHECKPOINT:
			ask_checkpoint(co, request->token, WEIR_MANUAL);
			break;
		case WEIR_REQUEST_SAVEPOINT:
			weir_request_done(co, request->token, false, 0, "savepoints are not yet supported");
			break;
		case WEIR_REQUEST_STOP:
		case WEIR_REQUEST_DRAIN:
			ask_stop(co, request->token, request->kind == WEIR_REQUEST_DRAIN);
			break;
		case WEIR_REQUEST_CANCEL:
			co->cancelled = true;
			co->stop_token = request->token;
			break;
		case WEIR_REQUEST_CONFIGURE:
			weir_request_done(co, request->token, true, 0, NULL);
			break;
	}
}

/* Options changed by a committed enable_checkpointing or set_restart_strategy. */
static void
configure(WeirCoordinator *co)
{
	WeirJob    *fresh;

	weir_coordinator_begin(co);
	MemoryContextSwitchTo(co->context);
	fresh = weir_job_by_id(co->job->id);
	weir_coordinator_end(co, false);
	if (fresh == NULL)
		return;
	fresh->checkpoint.mode = co->job->checkpoint.mode;
	co->job = fresh;
	weir_restart_configure(&co->restart, &fresh->restart);
	if (co->attempt == NULL)
		return;
	co->attempt->sink_flush = fresh->sink_flush;
	co->attempt->lock_wait = fresh->lock_wait;
	co->attempt->checkpointing = fresh->checkpointing;
	for (int i = 0; i < co->ntasks; i++)
		weir_attempt_tell(co, i, WEIR_CONTROL_CONFIGURE, NULL);
	if (co->checkpointer)
		weir_checkpointer_configure(co->checkpointer, &fresh->checkpoint, weir_now());
}

void
weir_requests_take(WeirCoordinator *co)
{
	WeirRequestSlot request;
	bool		reconfigure;

	LWLockAcquire(weir_registry->lock, LW_EXCLUSIVE);
	reconfigure = co->slot->configure;
	co->slot->configure = false;
	if (co->slot->cancel)
		co->cancelled = true;
	co->slot->cancel = false;
	LWLockRelease(weir_registry->lock);
	if (reconfigure)
		configure(co);
	while (take_one(co, &request))
		handle(co, &request);
}
