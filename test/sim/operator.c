/*
 * operator.c
 *		A task with input: as task/loop.c and task/checkpoint.c, step by step.
 */
#include <string.h>

#include "decide/keygroup.h"
#include "sim.h"

void
operator_load(World *w, Task *t)
{
	Attempt    *a = attempt_of(w, t);
	int			step = w->graph.nodes[t->node].step;
	int			first;
	int			end;

	restore_rows(w, t);
	time_load(w, t);
	if (!t->is_keyed)
		return;
	weir_task_groups(weir_task_subtask(&a->topology, t->index), w->width[t->node], w->groups,
					 &first, &end);
	t->owned = (uint8_t) (prefix(end) & ~prefix(first));
	db_read(w, mutant == MUTANT_FIRST_STEP ? 0 : step, a->restore_timeline, a->restore, t->owned,
			t->count);
	TRACE(w, "task %d: step %d, groups %d to %d of checkpoint %d", t->index, step, first, end - 1,
		  a->restore);
	check_state(w, t->node, a->from, a->position, &a->missing, t->owned, t->count);
}

/* exactly_once, with a sink: into the epoch, which stays open. */
static void
write_epoch(World *w, Task *t)
{
	Attempt    *a = attempt_of(w, t);

	t->held = true;
	t->held_for = t->checkpoint;
	t->phase = P_VOTE;
	t->vote = (uint8_t) weir_participant_vote(&a->topology, t->index, w->config.mode,
											  t->output.open || t->overtakes ||
											  state_changed(w, t, t->checkpoint));
	if (t->vote == WEIR_VOTE_READY_EMPTY)
		return;
	t->output.open = true;
	if (t->overtakes)
		keep_rows(w, t, t->checkpoint);
	write_state(w, t, t->checkpoint);
	if (t->marked && mutant != MUTANT_KEEP_MARKER)
		db_delete_marker(w, a->id, t->index, OPEN(t->slot));
	db_add_marker(w, a->id, t->checkpoint, t->index, OPEN(t->slot));
	t->marked = true;
}

static bool
is_two_phase(const World *w, const Task *t)
{
	return weir_participant_prepares(&attempt_of((World *) w, t)->topology, t->index, w->config.mode);
}

static void
vote(World *w, Task *t)
{
	TRACE(w, "task %d: votes %d for %d", t->index, t->vote, t->checkpoint);
	task_report(w, t, M_VOTE, t->checkpoint, (WeirVote) t->vote);
	t->phase = P_IDLE;
	if (mutant == MUTANT_PREPARE_EARLY && t->vote == WEIR_VOTE_READY)
	{
		db_prepare(w, t, t->checkpoint);
		t->marked = false;
	}
	if (mutant == MUTANT_ACK_BEFORE_CHUNK && !is_two_phase(w, t))
		t->phase = P_COMMIT;
}

static void
commit_chunks(World *w, Task *t)
{
	db_commit(w, OPEN(t->slot), t->sink, t->has_sink ? &t->output : NULL);
	t->phase = mutant == MUTANT_ACK_BEFORE_CHUNK ? P_IDLE :
		t->has_sink ? P_VOTE : P_FORWARD;
}

static void
forward(World *w, Task *t)
{
	if (!weir_align_all_ended(t->align) && !t->forwarded)
		send_all(w, t, M_BARRIER, t->checkpoint);
	t->forwarded = false;
	t->phase = P_VOTE;
}

static void
advance(World *w, Task *t)
{
	switch (t->phase)
	{
		case P_WRITE:
			if (is_two_phase(w, t))
			{
				write_epoch(w, t);
				break;
			}
			t->vote = WEIR_VOTE_ACK;
			if (t->overtakes)
				keep_rows(w, t, t->checkpoint);
			if (state_changed(w, t, t->checkpoint))
				write_state(w, t, t->checkpoint);
			t->phase = mutant != MUTANT_ACK_BEFORE_CHUNK ? P_COMMIT :
				t->has_sink ? P_VOTE : P_FORWARD;
			break;
		case P_COMMIT:
			commit_chunks(w, t);
			break;
		case P_FORWARD:
			forward(w, t);
			break;
		case P_VOTE:
			vote(w, t);
			break;
		default:
			task_report(w, t, M_PREPARED, t->checkpoint, WEIR_VOTE_ACK);
			t->phase = P_IDLE;
			break;
	}
}

static void
pass_cancel(World *w, Task *t, int checkpoint)
{
	if (!weir_align_all_ended(t->align))
		send_all(w, t, M_CANCEL, checkpoint);
}

static void
decline(World *w, Task *t, int checkpoint)
{
	TRACE(w, "task %d: declines %d", t->index, checkpoint);
	pass_cancel(w, t, checkpoint);
	task_report(w, t, M_DECLINE, checkpoint, WEIR_VOTE_ACK);
}

static void
align_action(World *w, Task *t, const WeirAlignAction *action)
{
	int			checkpoint = (int) action->checkpoint;

	if (action->kind == WEIR_ALIGN_SNAPSHOT && !fault(w, 24))
	{
		while (!t->begun && time_begin(w, t))
			;
		time_snapshot(w, t, checkpoint);
		t->checkpoint = checkpoint;
		t->overtakes = action->overtakes;
		if (mutant == MUTANT_BARRIER_FIRST && t->nout > 0 && !weir_align_all_ended(t->align))
		{
			send_all(w, t, M_BARRIER, checkpoint);
			t->forwarded = true;
		}
		else
			t->phase = P_WRITE;
		return;
	}
	if (action->kind == WEIR_ALIGN_SNAPSHOT || action->subsumed)
		decline(w, t, checkpoint);
	else
		pass_cancel(w, t, checkpoint);
}

/* ---- what the coordinator says ---- */

static void
prepare(World *w, Task *t, int checkpoint)
{
	if (mutant == MUTANT_PREPARE_EARLY)
	{
		task_report(w, t, M_PREPARED, checkpoint, WEIR_VOTE_ACK);
		return;
	}
	if (fault(w, 16))
	{
		TRACE(w, "task %d: PREPARE fails", t->index);
		task_kill(w, t);
		return;
	}
	TRACE(w, "task %d: PREPARE of %d", t->index, checkpoint);
	db_prepare(w, t, checkpoint);
	t->marked = false;
	t->phase = P_PREPARED;
	t->checkpoint = checkpoint;
}

static void
forget_trigger(Task *t, int checkpoint)
{
	int			kept = 0;
	int			i;

	for (i = 0; i < t->ntriggers; i++)
	{
		if (t->triggers[i] != checkpoint)
			t->triggers[kept++] = t->triggers[i];
	}
	t->ntriggers = kept;
}

static void
release(Task *t, int checkpoint)
{
	if (t->held && t->held_for == checkpoint)
		t->held = false;
}

static void
lose_epoch(World *w, Task *t)
{
	db_abort(w, OPEN(t->slot));
	memset(&t->output, 0, sizeof(t->output));
	t->marked = false;
}

static void
handle_abort(World *w, Task *t, int checkpoint)
{
	forget_trigger(t, checkpoint);
	weir_align_abort(t->align, checkpoint);
	if (mutant == MUTANT_ABORT_LOSES_EPOCH && t->held && t->held_for == checkpoint)
		lose_epoch(w, t);
	release(t, checkpoint);
}

static void
handle_control(World *w, Task *t, const Message *m)
{
	switch ((MessageKind) m->kind)
	{
		case M_TRIGGER:
			if (t->ntriggers < MAX_TRIGGERS)
				t->triggers[t->ntriggers++] = m->checkpoint;
			break;
		case M_ABORT:
			handle_abort(w, t, m->checkpoint);
			break;
		case M_PREPARE:
			prepare(w, t, m->checkpoint);
			break;
		case M_COMPLETE:
			t->completed = true;
			release(t, m->checkpoint);
			break;
		default:
			break;
	}
}

/* ---- the loop ---- */

static bool
run_trigger(World *w, Task *t)
{
	int			checkpoint;

	if (t->held || t->ntriggers == 0)
		return false;
	checkpoint = t->triggers[0];
	t->ntriggers--;
	memmove(t->triggers, t->triggers + 1, (size_t) t->ntriggers * sizeof(int));
	weir_align_trigger(t->align, checkpoint);
	(void) w;
	return true;
}

static bool
read_input(World *w, Task *t, int input)
{
	Message		m;

	if (t->held || !weir_align_may_read(t->align, input))
		return false;
	if (!has_room(w, t) || !ring_get(&attempt_of(w, t)->channels[t->in[input]], &m))
		return false;
	switch ((MessageKind) m.kind)
	{
		case M_ROW:
			time_of_row(w, t, input, &m);
			process_row(w, t, m);
			if (t->alive)
				time_passed(w, t);
			break;
		case M_WATERMARK:
			time_set(w, t, input, &m);
			break;
		case M_BARRIER:
			weir_align_barrier(t->align, input, m.checkpoint);
			break;
		case M_CANCEL:
			weir_align_cancel(t->align, input, m.checkpoint);
			break;
		default:
			time_end(w, t, input);
			weir_align_end(t->align, input);
			t->ended_inputs |= UINT32_C(1) << input;
			break;
	}
	return true;
}

static bool
work_off_restored(World *w, Task *t)
{
	if (t->next_restored == t->nrestored || t->held || !has_room(w, t) ||
		(!w->calm && below(w, 4) != 0))
		return false;
	process_restored(w, t);
	if (t->alive && t->next_restored == t->nrestored)
		time_passed(w, t);
	return true;
}

static bool
read_inputs(World *w, Task *t)
{
	int			first = t->nin > 1 ? below(w, t->nin) : 0;
	int			i;

	if (!t->begun)
		return time_begin(w, t);
	if (mutant != MUTANT_PASSED_LAST && t->next_restored < t->nrestored)
		return work_off_restored(w, t);
	for (i = 0; i < t->nin; i++)
	{
		if (read_input(w, t, (first + i) % t->nin))
			return true;
	}
	return work_off_restored(w, t);
}

static bool
flush_output(World *w, Task *t)
{
	if (!t->has_sink || exactly_once(w) || !t->output.open)
		return false;
	TRACE(w, "task %d: commits its output", t->index);
	db_commit(w, OPEN(t->slot), t->sink, &t->output);
	return true;
}

static bool
has_ended(const Task *t)
{
	int			i;

	for (i = 0; i < t->nin && mutant == MUTANT_END_EARLY; i++)
	{
		if (t->ended_inputs >> i & 1)
			return true;
	}
	return weir_align_all_ended(t->align);
}

static bool
tell_end(World *w, Task *t)
{
	if (t->end_told || t->held || !has_ended(t))
		return false;
	(void) flush_output(w, t);
	send_all(w, t, M_END, 0);
	task_report(w, t, M_ENDED, 0, WEIR_VOTE_ACK);
	t->end_told = true;
	TRACE(w, "task %d: all inputs have ended", t->index);
	return true;
}

static bool
next_action(World *w, Task *t, WeirAlignAction *action)
{
	if (weir_align_next(t->align, action))
		return true;
	if (w->unaligned_after < 0 || t->held || below(w, 3) != 0)
		return false;
	look_ahead(w, t);
	return weir_align_next(t->align, action);
}

bool
operator_step(World *w, Task *t)
{
	WeirAlignAction action;
	Message		m;

	if (t->phase != P_IDLE)
	{
		do
			advance(w, t);
		while (t->phase != P_IDLE && below(w, 4) != 0);
		return true;
	}
	if (next_action(w, t, &action))
	{
		align_action(w, t, &action);
		return true;
	}
	if (run_trigger(w, t))
		return true;
	if (!w->calm && below(w, 16) == 0 && flush_output(w, t))
		return true;
	if ((w->calm || below(w, 4) != 0) && ring_get(&t->control, &m))
	{
		handle_control(w, t, &m);
		return true;
	}
	if (t->forwarded)
	{
		(void) read_inputs(w, t);
		t->phase = P_WRITE;
		return true;
	}
	return read_inputs(w, t) || tell_end(w, t) || flush_output(w, t);
}
