/*
 * job/requests.c
 *		What backends ask of a job's coordinator, and how they are answered.
 */
#include "postgres.h"

#include "base/text.h"
#include "job/coordinator.h"
#include "task/task.h"

/* Whoever asked may have left; the caller holds the lock. */
static void
answer(WeirRequestSlot *request, bool ok, const char *error)
{
	request->state = request->abandoned ? WEIR_SLOT_FREE : WEIR_SLOT_DONE;
	request->result.ok = ok;
	request->result.ended = request->job->ended;
	weir_text_copy(request->result.error, error ? error : "", sizeof(request->result.error));
}

void
weir_request_done(WeirCoordinator *co, uint64 token, bool ok, int64 checkpoint,
				  const char *error)
{
	if (token == 0)
		return;
	LWLockAcquire(weir_registry->lock, LW_EXCLUSIVE);
	for (int i = 0; i < weir_registry->nrequests; i++)
	{
		WeirRequestSlot *request = &weir_registry->requests[i];

		if (request->token != token || request->state != WEIR_SLOT_TAKEN)
			continue;
		request->result.checkpoint = checkpoint;
		answer(request, ok, error);
	}
	LWLockRelease(weir_registry->lock);
	weir_registry_changed();
}

void
weir_request_detail(WeirCoordinator *co, uint64 token, const char *detail)
{
	LWLockAcquire(weir_registry->lock, LW_EXCLUSIVE);
	for (int i = 0; i < weir_registry->nrequests; i++)
	{
		WeirRequestSlot *request = &weir_registry->requests[i];

		if (request->token == token && request->state == WEIR_SLOT_TAKEN)
			weir_text_copy(request->result.detail, detail, sizeof(request->result.detail));
	}
	LWLockRelease(weir_registry->lock);
}

void
weir_request_name(WeirCoordinator *co, uint64 token, char name[NAMEDATALEN])
{
	name[0] = '\0';
	LWLockAcquire(weir_registry->lock, LW_SHARED);
	for (int i = 0; token != 0 && i < weir_registry->nrequests; i++)
	{
		WeirRequestSlot *request = &weir_registry->requests[i];

		if (request->token == token && request->state == WEIR_SLOT_TAKEN)
			strlcpy(name, request->name, NAMEDATALEN);
	}
	LWLockRelease(weir_registry->lock);
}

void
weir_requests_refuse(WeirCoordinator *co, const char *error)
{
	LWLockAcquire(weir_registry->lock, LW_EXCLUSIVE);
	for (int i = 0; i < weir_registry->nrequests; i++)
	{
		WeirRequestSlot *request = &weir_registry->requests[i];

		if (request->job != co->slot ||
			(request->state != WEIR_SLOT_ASKED && request->state != WEIR_SLOT_TAKEN))
			continue;
		answer(request, false, error);
	}
	LWLockRelease(weir_registry->lock);
	weir_registry_changed();
}

static bool
is_stop(const WeirRequestSlot *request)
{
	return request->kind == WEIR_REQUEST_STOP || request->kind == WEIR_REQUEST_DRAIN ||
		request->kind == WEIR_REQUEST_CANCEL;
}

/* All of them, as several sessions may want the job to stop. */
void
weir_stops_refuse(WeirCoordinator *co, const char *error)
{
	LWLockAcquire(weir_registry->lock, LW_EXCLUSIVE);
	for (int i = 0; i < weir_registry->nrequests; i++)
	{
		WeirRequestSlot *request = &weir_registry->requests[i];

		if (request->job != co->slot || !is_stop(request) || request->state != WEIR_SLOT_TAKEN)
			continue;
		request->result.stopping = co->slot->leaving;
		answer(request, false, error);
	}
	LWLockRelease(weir_registry->lock);
	weir_registry_changed();
}

/* In one go: what is asked from then on is for the coordinator of the next start. */
void
weir_requests_end(WeirCoordinator *co, bool ok, const char *error)
{
	LWLockAcquire(weir_registry->lock, LW_EXCLUSIVE);
	co->slot->ended = true;
	for (int i = 0; i < weir_registry->nrequests; i++)
	{
		WeirRequestSlot *request = &weir_registry->requests[i];
		bool		stop = is_stop(request) && (ok || request->state == WEIR_SLOT_TAKEN);

		if (request->job != co->slot ||
			(request->state != WEIR_SLOT_ASKED && request->state != WEIR_SLOT_TAKEN))
			continue;
		request->result.stopping = stop && co->slot->leaving;
		answer(request, stop && ok, stop ? error : "the job has ended");
	}
	LWLockRelease(weir_registry->lock);
	weir_registry_changed();
}

static WeirStopKind
stop_kind(const WeirRequestSlot *request)
{
	return request->kind == WEIR_REQUEST_STOP ? WEIR_STOP_CHECKPOINTED :
		request->kind == WEIR_REQUEST_DRAIN ? WEIR_STOP_DRAINED : WEIR_STOP_CANCEL;
}

static WeirStopReply
reply_to_stop(const WeirCoordinator *co, const WeirRequestSlot *request)
{
	return weir_stop_reply(&co->stop, stop_kind(request), request->name[0] != '\0');
}

/* What needs tasks that run waits until they do. */
static bool
must_wait(const WeirCoordinator *co, const WeirRequestSlot *request)
{
	if (is_stop(request))
		return reply_to_stop(co, request) == WEIR_STOP_WAITS;
	return !co->run.started && (request->kind == WEIR_REQUEST_CHECKPOINT ||
							request->kind == WEIR_REQUEST_SAVEPOINT);
}

/* Takes the request that was put first; false if there is none. */
static bool
take_one(WeirCoordinator *co, WeirRequestSlot *taken)
{
	WeirRequestSlot *first = NULL;

	LWLockAcquire(weir_registry->lock, LW_EXCLUSIVE);
	for (int i = 0; i < weir_registry->nrequests; i++)
	{
		WeirRequestSlot *request = &weir_registry->requests[i];

		if (request->job == co->slot && request->state == WEIR_SLOT_ASKED &&
			!must_wait(co, request) && (first == NULL || request->token < first->token))
			first = request;
	}
	if (first)
	{
		first->state = WEIR_SLOT_TAKEN;
		*taken = *first;
	}
	LWLockRelease(weir_registry->lock);
	return first != NULL;
}

static bool
is_being_taken(WeirCoordinator *co, const WeirRequestSlot *asked)
{
	bool		found = false;

	LWLockAcquire(weir_registry->lock, LW_SHARED);
	for (int i = 0; i < weir_registry->nrequests; i++)
	{
		const WeirRequestSlot *other = &weir_registry->requests[i];

		if (other->job == co->slot && other->state == WEIR_SLOT_TAKEN && other->token != asked->token &&
			strcmp(other->name, asked->name) == 0)
			found = true;
	}
	LWLockRelease(weir_registry->lock);
	return found;
}

static bool
name_exists(WeirCoordinator *co, const char *name)
{
	bool		exists;

	weir_coordinator_begin(co);
	exists = weir_savepoint_find(co->job->id, name) != NULL;
	weir_coordinator_end(co, false);
	return exists;
}

/* Names are unique in a job, those of savepoints under way too. */
static bool
name_is_free(WeirCoordinator *co, const WeirRequestSlot *request)
{
	if (is_being_taken(co, request))
		weir_request_done(co, request->token, false, 0,
						  psprintf("savepoint \"%s\" is being taken already", request->name));
	else if (name_exists(co, request->name))
		weir_request_done(co, request->token, false, 0,
						  psprintf("savepoint \"%s\" exists already", request->name));
	else
		return true;
	return false;
}

static void
ask_checkpoint(WeirCoordinator *co, const WeirRequestSlot *request, WeirCheckpointKind kind)
{
	if (kind != WEIR_SAVEPOINT || name_is_free(co, request))
		weir_reach_request(co, kind, request->token);
}

static void
ask_stop(WeirCoordinator *co, const WeirRequestSlot *request)
{
	WeirStopKind kind = stop_kind(request);

	switch (reply_to_stop(co, request))
	{
		case WEIR_STOP_TAKEN:
			if (request->name[0] == '\0' || name_is_free(co, request))
				weir_stop_take(&co->stop, kind, request->token);
			break;
		case WEIR_STOP_BUSY:
			weir_request_done(co, request->token, false, 0, "the job is being stopped already");
			break;
		case WEIR_STOP_ENDED:
			weir_request_done(co, request->token, false, 0,
							  "the input has ended, and the final checkpoint is being taken");
			break;
		case WEIR_STOP_JOINED:
		case WEIR_STOP_WAITS:
			break;
	}
}

static void
handle(WeirCoordinator *co, const WeirRequestSlot *request)
{
	switch (request->kind)
	{
		case WEIR_REQUEST_CHECKPOINT:
			ask_checkpoint(co, request, WEIR_MANUAL);
			break;
		case WEIR_REQUEST_SAVEPOINT:
			ask_checkpoint(co, request, WEIR_SAVEPOINT);
			break;
		case WEIR_REQUEST_STOP:
		case WEIR_REQUEST_DRAIN:
		case WEIR_REQUEST_CANCEL:
			ask_stop(co, request);
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
	weir_stop_configure(&co->stop, fresh->checkpointing);
	if (co->run.attempt == NULL)
		return;
	co->run.attempt->sink_flush = fresh->sink_flush;
	co->run.attempt->unaligned_after = fresh->unaligned_after;
	co->run.attempt->lock_wait = fresh->lock_wait;
	co->run.attempt->max_state_memory = fresh->max_state_memory;
	co->run.attempt->checkpointing = fresh->checkpointing;
	for (int i = 0; i < co->run.ntasks; i++)
		weir_attempt_tell(co, i, WEIR_CONTROL_CONFIGURE, NULL);
	if (co->checkpoints.checkpointer)
		weir_checkpointer_configure(co->checkpoints.checkpointer, &fresh->checkpoint, weir_now());
}

void
weir_requests_take(WeirCoordinator *co)
{
	WeirRequestSlot request;
	bool		reconfigure;
	bool		asked;

	LWLockAcquire(weir_registry->lock, LW_EXCLUSIVE);
	reconfigure = co->slot->configure;
	co->slot->configure = false;
	if (co->slot->cancel)
		weir_stop_take(&co->stop, WEIR_STOP_CANCEL, 0);
	co->slot->cancel = false;
	asked = co->slot->asked;
	co->slot->asked = false;
	LWLockRelease(weir_registry->lock);
	if (reconfigure)
		configure(co);
	while (asked && take_one(co, &request))
		handle(co, &request);
}

void
weir_requests_take_stops(WeirCoordinator *co)
{
	WeirRequestSlot request;

	LWLockAcquire(weir_registry->lock, LW_EXCLUSIVE);
	if (co->slot->cancel)
		weir_stop_take(&co->stop, WEIR_STOP_CANCEL, 0);
	co->slot->cancel = false;
	LWLockRelease(weir_registry->lock);
	/* No task runs: the others wait, or set no more than a flag. */
	while (take_one(co, &request))
		handle(co, &request);
}
