/*
 * job/checkpoint_run.c
 *		Carries out what the decision code (decide/checkpointer.h) decides
 *		about checkpoints: writes the rows, tells the tasks, commits.
 *
 *	trigger		row "in progress"; sources (and tasks whose input ended) told
 *	 votes		collected from all tasks
 *	prepare		the completed row is inserted, its transaction stays open; each
 *				task that voted ready is told to PREPARE
 *	decide		all prepared: that transaction commits.  This is the decision.
 *	commit		COMMIT PREPARED of all
 *	complete	tasks and waiting callers are told; what nothing needs any more
 *				is deleted
 *	abort		as if it had never been triggered
 *
 * Without prepared transactions (at_least_once, at_most_once) decide inserts
 * and commits in one.
 */
#include "postgres.h"

#include "access/xact.h"
#include "miscadmin.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"

#include "base/fault.h"
#include "catalog/retry.h"
#include "decide/participant.h"
#include "decide/recovery.h"
#include "job/coordinator.h"
#include "job/group.h"
#include "sink/output.h"
#include "task/task.h"

/* Recovery has told whether the one in doubt completed: so does its caller learn. */
static void
settle_doubt(WeirCoordinator *co, bool completed)
{
	if (co->doubt.token != co->stop.token)
		weir_request_done(co, co->doubt.token, completed, co->doubt.checkpoint,
						  completed ? NULL : weir_checkpoint_failure_text(WEIR_FAILURE_COMPLETING));
	co->doubt = (WeirDoubt) {0};
}

void
weir_checkpoints_init(WeirCoordinator *co)
{
	WeirCheckpointConfig config = co->job->checkpoint;
	List	   *rows;
	ListCell   *lc;

	weir_coordinator_begin(co);
	rows = weir_completed_all(co->job->id);
	if (!co->job->checkpointing)
		config.mode = WEIR_AT_LEAST_ONCE;
	config.periodic = co->job->checkpointing;
	co->checkpoints.checkpointer = weir_checkpointer_create(&config, co->run.ntasks, co->run.attempt->attempt,
												co->checkpoints.next_id, weir_now());
	foreach(lc, rows)
	{
		WeirCompleted *row = lfirst(lc);

		weir_checkpointer_completed_before(co->checkpoints.checkpointer, row->checkpoint,
										   row->savepoint != NULL);
		weir_checkpointer_completion_before(co->checkpoints.checkpointer, row->completed_at,
											weir_now(), weir_date());
		if (row->checkpoint == co->doubt.checkpoint)
			settle_doubt(co, true);
	}
	weir_coordinator_end(co, false);
	weir_checkpointer_set_failures(co->checkpoints.checkpointer, co->checkpoints.failures);
	if (co->doubt.checkpoint != 0)
	{
		co->checkpoints.failed = co->doubt.checkpoint;
		co->checkpoints.failed_reason = weir_checkpoint_failure_text(WEIR_FAILURE_COMPLETING);
		weir_checkpointer_completing_failed(co->checkpoints.checkpointer, co->doubt.checkpoint, co->doubt.kind);
		settle_doubt(co, false);
	}
	co->checkpoints.pending = NIL;
	co->checkpoints.reaching = NIL;
	co->checkpoints.activity = 0;
	co->checkpoints.output_waits = false;
	MemoryContextSwitchTo(co->run.context);
}

static WeirPendingCheckpoint *
find_pending(WeirCoordinator *co, int64 id)
{
	ListCell   *lc;

	foreach(lc, co->checkpoints.pending)
	{
		WeirPendingCheckpoint *p = lfirst(lc);

		if (p->id == id)
			return p;
	}
	return NULL;
}

static void
drop_pending(WeirCoordinator *co, WeirPendingCheckpoint *p)
{
	co->checkpoints.pending = list_delete_ptr(co->checkpoints.pending, p);
	for (int i = 0; i < co->run.ntasks; i++)
	{
		if (p->positions[i])
			pfree(p->positions[i]);
	}
	pfree(p->positions);
	pfree(p->times);
	pfree(p);
}

bool
weir_checkpoints_open(WeirCoordinator *co)
{
	for (int i = 0; i < co->run.ntasks; i++)
	{
		if (co->run.attempt->tasks[i].stats.epoch_open)
			return true;
	}
	return false;
}

static bool
is_active(WeirCoordinator *co)
{
	return weir_checkpoints_open(co) || weir_attempt_activity(co->run.attempt) != co->checkpoints.activity ||
		weir_crash_is_suspect(&co->job->crashes);
}

static bool
is_savepoint(const WeirPendingCheckpoint *p)
{
	return p->savepoint[0] != '\0';
}

/* An ended task is not reached by barriers: it is told itself. */
static void
tell_trigger(WeirCoordinator *co, int task, const WeirPendingCheckpoint *p,
			 WeirCheckpointKind kind)
{
	WeirControl message = {0};

	message.checkpoint = p->id;
	message.ckind = kind;
	message.full = is_savepoint(p);
	message.triggered_at = p->triggered_at;
	weir_attempt_tell(co, task, WEIR_CONTROL_TRIGGER, &message);
}

/* Its inputs have ended: it hears of what is under way. */
static void
tell_pending(WeirCoordinator *co, int task)
{
	ListCell   *lc;

	foreach(lc, co->checkpoints.pending)
	{
		WeirPendingCheckpoint *p = lfirst(lc);
		WeirCheckpointKind kind;
		uint64		token;

		if (weir_checkpointer_find(co->checkpoints.checkpointer, p->id, &kind, &token))
			tell_trigger(co, task, p, kind);
	}
}

static void
take_vote(WeirCoordinator *co, WeirPendingCheckpoint *p, const WeirControl *message)
{
	WeirPosition **position = &p->positions[message->task];

	p->times[message->task] = message->times;
	if (co->run.attempt->tasks[message->task].source_number < 0)
		return;
	if (*position == NULL)
		*position = MemoryContextAlloc(co->run.context, sizeof(WeirPosition));
	**position = message->position;
}

void
weir_checkpoints_message(WeirCoordinator *co, const WeirControl *message)
{
	int64		now = weir_now();
	WeirPendingCheckpoint *p = find_pending(co, message->checkpoint);

	switch ((WeirControlKind) message->kind)
	{
		case WEIR_CONTROL_VOTE:
			if (p)
				take_vote(co, p, message);
			if (!weir_checkpointer_vote(co->checkpoints.checkpointer, message->attempt, message->task,
										message->checkpoint, message->vote, now))
				ereport(DEBUG1,
						(errmsg_internal("acknowledgement of checkpoint " INT64_FORMAT
										 " by task %d dropped", message->checkpoint, message->task)));
			break;
		case WEIR_CONTROL_DECLINE:
			weir_checkpointer_decline(co->checkpoints.checkpointer, message->attempt, message->task,
									  message->checkpoint, now);
			break;
		case WEIR_CONTROL_PREPARED:
			weir_checkpointer_prepared(co->checkpoints.checkpointer, message->attempt, message->task,
									   message->checkpoint, now);
			break;
		case WEIR_CONTROL_ENDED:
			if (weir_participant_catches_up(&co->run.attempt->topology, message->task))
				tell_pending(co, message->task);
			break;
		default:
			break;
	}
}

static void
do_trigger(WeirCoordinator *co, const WeirAction *action)
{
	WeirPendingCheckpoint *p;
	MemoryContext old = MemoryContextSwitchTo(co->run.context);

	p = palloc0(sizeof(WeirPendingCheckpoint));
	p->id = action->checkpoint;
	weir_request_name(co, action->token, p->savepoint);
	p->triggered_at = weir_date();
	p->activity = weir_attempt_activity(co->run.attempt);
	p->positions = palloc0(sizeof(WeirPosition *) * co->run.ntasks);
	p->times = palloc0(sizeof(WeirTaskTimes) * co->run.ntasks);
	co->checkpoints.pending = lappend(co->checkpoints.pending, p);
	co->checkpoints.next_id = Max(co->checkpoints.next_id, p->id + 1);
	MemoryContextSwitchTo(old);
	WEIR_FAULT(before_trigger);
	weir_coordinator_begin(co);
	weir_checkpoint_triggered(co->job->id, p->id, co->start.timeline, co->run.attempt->attempt,
							  is_savepoint(p) ? WEIR_SAVEPOINT : action->ckind,
							  is_savepoint(p) ? p->savepoint : NULL, co->run.ntasks,
							  p->triggered_at);
	weir_coordinator_end(co, false);
	WEIR_FAULT(after_trigger);
	for (int i = 0; i < co->run.ntasks; i++)
	{
		if (weir_participant_is_told(&co->run.attempt->topology, i, co->run.tasks[i].ended))
			tell_trigger(co, i, p, action->ckind);
	}
}

/* Who drains waits on: the input has ended, so the final checkpoint is taken again. */
static void
refuse_request(WeirCoordinator *co, const WeirAction *action, const char *reason)
{
	if (action->ckind != WEIR_FINAL || !co->stop.draining)
		weir_request_done(co, action->token, false, 0, reason);
	co->checkpoints.unanswered = 0;
}

static void
do_abort(WeirCoordinator *co, const WeirAction *action)
{
	WeirPendingCheckpoint *p = find_pending(co, action->checkpoint);
	const char *reason = weir_checkpoint_failure_text(action->reason);
	WeirControl message = {0};

	co->checkpoints.unanswered = action->token;
	message.checkpoint = action->checkpoint;
	for (int i = 0; i < co->run.ntasks; i++)
		weir_attempt_tell(co, i, WEIR_CONTROL_ABORT, &message);
	co->checkpoints.failed = action->checkpoint;
	co->checkpoints.failed_reason = reason;
	co->slot->checkpoints_failed++;
	WEIR_FAULT(before_abort);
	weir_coordinator_begin(co);
	weir_checkpoint_failed(co->job->id, action->checkpoint, reason,
						   action->acknowledged);
	weir_checkpoint_forget(co->job->id, co->job->history);
	weir_coordinator_end(co, false);
	WEIR_FAULT(after_abort);
	if (action->reason != WEIR_FAILURE_RESTART)
		ereport(LOG,
				(errmsg("checkpoint " INT64_FORMAT " of job \"%s\" failed: %s",
						action->checkpoint, co->job->name, reason),
				 errhidestmt(true)));
	if (action->ckind == WEIR_FINAL && co->outcome == WEIR_OUTCOME_NONE)
		weir_stop_goes_on(co, reason);
	refuse_request(co, action, reason);
	if (p)
		drop_pending(co, p);
	weir_group_checkpoint_ended(co, action->checkpoint);
	weir_registry_changed();
}

/* Numbers of the tasks that have something to prepare. */
static List *
prepared_tasks(WeirCoordinator *co, int64 checkpoint)
{
	List	   *tasks = NIL;

	for (int i = 0; i < co->run.ntasks; i++)
	{
		if (weir_checkpointer_need_prepare(co->checkpoints.checkpointer, checkpoint, i))
			tasks = lappend_int(tasks, i);
	}
	return tasks;
}

static char *
prepared_name(WeirCoordinator *co, int64 checkpoint, int task)
{
	char	   *name = palloc(WEIR_GID_SIZE);

	weir_attempt_prepared_name(co->run.attempt, task, checkpoint, name);
	return name;
}

/* Records that came again before the checkpoint's positions will not come once more. */
static void
forget_retried(WeirCoordinator *co, const WeirPendingCheckpoint *p)
{
	for (int i = 0; i < co->run.ntasks; i++)
	{
		if (p->positions[i] && p->positions[i]->retried > 0)
			weir_retry_forget(co->job->id, co->run.attempt->tasks[i].relid, p->positions[i]->retried);
	}
}

/* The completed row of a checkpoint: inserted, not committed. */
static void
insert_completed(WeirCoordinator *co, WeirPendingCheckpoint *p)
{
	WeirCompleted row = {0};
	ListCell   *lc;

	row.checkpoint = p->id;
	row.timeline = co->start.timeline;
	row.attempt = co->run.attempt->attempt;
	row.parallelism = co->job->parallelism;
	row.max_parallelism = co->job->max_parallelism;
	row.npositions = weir_positions_merge(co, p, &row.positions);
	row.savepoint = is_savepoint(p) ? p->savepoint : NULL;
	row.prepared = palloc(sizeof(char *) * co->run.ntasks);
	foreach(lc, prepared_tasks(co, p->id))
		row.prepared[row.nprepared++] = prepared_name(co, p->id, lfirst_int(lc));
	WEIR_FAULT(before_completed);
	weir_completed_insert(co->job->id, &row);
	forget_retried(co, p);
	if (weir_crash_is_suspect(&co->job->crashes))
		weir_crash_clear(co);
	WEIR_FAULT(after_completed);
}

static void
do_prepare(WeirCoordinator *co, const WeirAction *action)
{
	WeirControl message = {0};
	List	   *tasks;
	ListCell   *lc;

	weir_coordinator_begin(co);
	weir_coordinator_limit_waits(co);
	if (!weir_group_holds(co))
		return;
	insert_completed(co, find_pending(co, action->checkpoint));
	PopActiveSnapshot();
	co->checkpoints.deciding = true;
	MemoryContextSwitchTo(co->run.context);
	message.checkpoint = action->checkpoint;
	tasks = prepared_tasks(co, action->checkpoint);
	foreach(lc, tasks)
		weir_attempt_tell(co, lfirst_int(lc), WEIR_CONTROL_PREPARE, &message);
	list_free(tasks);
}

/* An error here ends the attempt: who comes next reads the row afresh. */
static void
do_decide(WeirCoordinator *co, const WeirAction *action)
{
	if (!co->checkpoints.deciding)
	{
		weir_coordinator_begin(co);
		if (!weir_group_holds(co))
			return;
		insert_completed(co, find_pending(co, action->checkpoint));
		PopActiveSnapshot();
	}
	WEIR_FAULT(before_decision);
	co->checkpoints.deciding = false;
	CommitTransactionCommand();
	co->doubt = (WeirDoubt) {action->checkpoint, action->ckind, action->token};
	WEIR_FAULT(after_decision);
	MemoryContextSwitchTo(co->run.context);
	weir_checkpointer_decided(co->checkpoints.checkpointer, action->checkpoint, true, weir_now());
}

static void
do_commit(WeirCoordinator *co, const WeirAction *action)
{
	MemoryContext old = MemoryContextSwitchTo(co->run.context);
	List	   *tasks = prepared_tasks(co, action->checkpoint);
	List	   *names = NIL;
	ListCell   *lc;

	foreach(lc, tasks)
		names = lappend(names, prepared_name(co, action->checkpoint, lfirst_int(lc)));
	list_free(tasks);
	MemoryContextSwitchTo(old);
	weir_commit_begin(co, action->checkpoint, names);
}

static void
do_complete(WeirCoordinator *co, const WeirAction *action)
{
	WeirPendingCheckpoint *p = find_pending(co, action->checkpoint);

	weir_complete_tell(co, p);
	co->start.write_full = false;
	co->checkpoints.activity = p->activity;
	weir_complete_record(co, p);
	if (co->checkpoints.output_waits)
		weir_outbox_emit(co->job->id);
	co->checkpoints.output_waits = false;
	weir_complete_trim(co, action->retained_from);
	if (action->ckind == WEIR_FINAL)
	{
		weir_stop_final_completed(&co->stop);
		weir_stop_act(co);
	}
	if (action->token != 0 && action->token != co->stop.token)
		weir_request_done(co, action->token, true, action->checkpoint, NULL);
	co->doubt = (WeirDoubt) {0};
	drop_pending(co, p);
	weir_group_checkpoint_ended(co, action->checkpoint);
	MemoryContextSwitchTo(co->run.context);
	weir_registry_changed();
}

static void
fail_incomplete(WeirCoordinator *co, int64 checkpoint)
{
	WeirFailure failure = {.sqlstate = ERRCODE_T_R_STATEMENT_COMPLETION_UNKNOWN};

	failure.message = psprintf("checkpoint " INT64_FORMAT " could not be completed", checkpoint);
	weir_coordinator_fail(co, WEIR_OUTCOME_FAILED, &failure);
}

static void
fail_intolerable(WeirCoordinator *co)
{
	WeirFailure failure = {
		.sqlstate = ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE,
		.message = "more checkpoints failed in a row than fail_on_errors and tolerable_failures allow",
		.hint = "Raise timeout or tolerable_failures with weir.enable_checkpointing."
	};

	failure.detail = psprintf("The last one, " INT64_FORMAT ", %s.", co->checkpoints.failed,
							  co->checkpoints.failed_reason);
	weir_coordinator_fail(co, WEIR_OUTCOME_FAILED, &failure);
}

static void
carry_out(WeirCoordinator *co, const WeirAction *action)
{
	switch (action->kind)
	{
		case WEIR_DO_TRIGGER:
			do_trigger(co, action);
			break;
		case WEIR_DO_ABORT:
			do_abort(co, action);
			break;
		case WEIR_DO_PREPARE:
			do_prepare(co, action);
			break;
		case WEIR_DO_DECIDE:
			do_decide(co, action);
			break;
		case WEIR_DO_COMMIT:
			do_commit(co, action);
			break;
		case WEIR_DO_COMPLETE:
			do_complete(co, action);
			break;
		case WEIR_DO_REFUSE:
			refuse_request(co, action, weir_checkpoint_failure_text(action->reason));
			if (action->ckind == WEIR_FINAL)
				weir_stop_goes_on(co, weir_checkpoint_failure_text(action->reason));
			break;
		case WEIR_DO_FAIL_ATTEMPT:
			fail_incomplete(co, action->checkpoint);
			break;
		case WEIR_DO_FAIL_JOB:
			fail_intolerable(co);
			break;
	}
}

/* Lines that are committed already need not wait for a checkpoint. */
static void
emit_output(WeirCoordinator *co)
{
	bool		now_visible = !co->job->checkpointing ||
		co->job->checkpoint.mode != WEIR_EXACTLY_ONCE;

	if (!co->checkpoints.output_waits || !now_visible || co->checkpoints.deciding)
		return;
	co->checkpoints.output_waits = false;
	weir_outbox_emit(co->job->id);
	MemoryContextSwitchTo(co->run.context);
}

void
weir_checkpoints_act(WeirCoordinator *co)
{
	WeirAction	action;

	weir_commit_go_on(co);
	emit_output(co);
	weir_reach_tick(co);
	weir_checkpointer_set_active(co->checkpoints.checkpointer, is_active(co));
	weir_checkpointer_tick(co->checkpoints.checkpointer, weir_now());
	while (co->outcome == WEIR_OUTCOME_NONE &&
		   weir_checkpointer_next(co->checkpoints.checkpointer, &action))
		carry_out(co, &action);
}

/* Where none is decided, one may be about to be. */
void
weir_checkpoints_note_doubt(WeirCoordinator *co)
{
	WeirDoubt	doubt = {weir_checkpointer_doubtful(co->checkpoints.checkpointer)};

	if (co->doubt.checkpoint == 0 &&
		weir_checkpointer_find(co->checkpoints.checkpointer, doubt.checkpoint, &doubt.kind,
							   &doubt.token))
		co->doubt = doubt;
}

/* An error in an abort has kept its request from being answered. */
static void
close_checkpointer(WeirCoordinator *co)
{
	weir_reach_end(co);
	weir_request_done(co, co->checkpoints.unanswered, false, 0,
					  weir_checkpoint_failure_text(WEIR_FAILURE_RESTART));
	co->checkpoints.unanswered = 0;
	co->checkpoints.failures = weir_checkpointer_failures(co->checkpoints.checkpointer);
	weir_checkpointer_destroy(co->checkpoints.checkpointer);
	co->checkpoints.checkpointer = NULL;
	co->checkpoints.pending = NIL;
	co->commit.names = NIL;
	co->commit.checkpoint = 0;
}

void
weir_checkpoints_end(WeirCoordinator *co)
{
	WeirAction	action;

	if (co->checkpoints.deciding)
	{
		co->checkpoints.deciding = false;
		AbortCurrentTransaction();
	}
	MemoryContextSwitchTo(co->run.context);
	if (!co->job->checkpointing || co->checkpoints.output_waits)
		weir_outbox_emit(co->job->id);
	MemoryContextSwitchTo(co->run.context);
	weir_checkpointer_end(co->checkpoints.checkpointer, WEIR_FAILURE_RESTART, weir_now());
	while (weir_checkpointer_next(co->checkpoints.checkpointer, &action))
	{
		if (action.kind == WEIR_DO_ABORT)
			do_abort(co, &action);
		else if (action.kind == WEIR_DO_REFUSE)
			weir_request_done(co, action.token, false, 0,
							  weir_checkpoint_failure_text(action.reason));
	}
	close_checkpointer(co);
}

void
weir_checkpoints_abandon(WeirCoordinator *co)
{
	WeirAction	action;

	if (co->checkpoints.checkpointer == NULL)
		return;
	weir_checkpoints_note_doubt(co);
	weir_checkpointer_end(co->checkpoints.checkpointer, WEIR_FAILURE_RESTART, weir_now());
	while (weir_checkpointer_next(co->checkpoints.checkpointer, &action))
	{
		if (action.kind == WEIR_DO_REFUSE || action.kind == WEIR_DO_ABORT)
			weir_request_done(co, action.token, false, 0,
							  weir_checkpoint_failure_text(action.reason));
	}
	close_checkpointer(co);
}
