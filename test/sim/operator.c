/*
 * operator.c
 *		A keyed task, or the sink task: as task/operator_task.c, step by step.
 */
#include <string.h>

#include "decide/keygroup.h"
#include "sim.h"

void
operator_load(World *w, Task *t)
{
	Attempt    *a = attempt_of(w, t);
	int			first;
	int			end;

	if (t->kind == T_SINK)
		return;
	weir_task_groups(t->index - a->nsources, a->nkeyed, w->groups, &first, &end);
	t->owned = (uint8_t) (prefix(end) & ~prefix(first));
	db_read(w, a->restore_timeline, a->restore, t->owned, t->count);
	TRACE(w, "task %d: groups %d to %d of checkpoint %d", t->index, first, end - 1, a->restore);
	check_state(w, a->position, t->owned, t->count);
}

static Ring *
output_of(Attempt *a, const Task *t)
{
	return &a->tasks[a->nsources + a->nkeyed].in[t->index - a->nsources];
}

static void
send_on(World *w, Task *t, MessageKind kind, int checkpoint)
{
	Message		m = {0};

	m.kind = (uint8_t) kind;
	m.checkpoint = (int16_t) checkpoint;
	ring_put(output_of(attempt_of(w, t), t), m);
}

static void
report(World *w, Task *t, MessageKind kind, int checkpoint, WeirVote vote)
{
	Message		m = {0};

	m.kind = (uint8_t) kind;
	m.checkpoint = (int16_t) checkpoint;
	m.value = (uint8_t) vote;
	task_report(w, t, m);
}

/* ---- rows ---- */

static void
fail_on_lock(World *w, Task *t, const Message *row)
{
	t->lock_wait = true;
	t->failed_record = row->source * MAX_RECORDS + row->index;
	TRACE(w, "task %d: waits for a lock too long", t->index);
	task_kill(w, t);
}

static void
write_row(World *w, Task *t, const Message *row)
{
	uint32_t	bit = UINT32_C(1) << row->index;
	int			right = w->ordinal[row->source][row->index];
	Output	   *out = &t->output;

	if (w->now < w->locked_until)
	{
		fail_on_lock(w, t, row);
		return;
	}
	out->open = true;
	out->repeated = out->repeated || (out->rows[row->source] & bit);
	out->rows[row->source] |= bit;
	if (exactly_once(w) ? row->value != right : row->value < right)
		out->wrong = true;
	TRACE(w, "task %d: writes row of record %d of source %d, count %d", t->index,
		  row->index, row->source, row->value);
}

static void
process_row(World *w, Task *t, Message row)
{
	t->records_in++;
	if (t->kind == T_KEYED)
	{
		int			key = w->key[row.source][row.index];

		row.value = ++t->count[key][row.source];
		t->dirty |= (uint8_t) (1 << key);
	}
	else if (attempt_of(w, t)->nkeyed == 0)
		row.value = w->ordinal[row.source][row.index];
	if (t->has_sink)
		write_row(w, t, &row);
	else
		ring_put(output_of(attempt_of(w, t), t), row);
}

/* ---- snapshots ---- */

static bool
writes_full(World *w, const Task *t, int checkpoint)
{
	return (attempt_of(w, t)->write_full && !t->completed) ||
		w->kind[checkpoint] == WEIR_SAVEPOINT;
}

static bool
state_changed(World *w, const Task *t, int checkpoint)
{
	return t->kind == T_KEYED && (t->dirty != 0 || writes_full(w, t, checkpoint));
}

static uint8_t
keys_of_group(const World *w, int group)
{
	uint8_t		keys = 0;
	int			k;

	for (k = 0; k < KEYS; k++)
	{
		if (w->group[k] == group)
			keys |= (uint8_t) (1 << k);
	}
	return keys;
}

/* In the task's transaction: what changed since its last snapshot, or the whole group. */
static void
write_chunk(World *w, Task *t, int group, bool full, int checkpoint)
{
	Chunk		chunk;
	uint8_t		keys = keys_of_group(w, group);

	if (!full && (t->dirty & keys) == 0)
		return;
	full = full || below(w, 4) == 0;
	chunk.checkpoint = (int16_t) checkpoint;
	chunk.timeline = (int8_t) w->db.timeline;
	chunk.group = (int8_t) group;
	chunk.owner = OPEN(t->slot);
	chunk.full = full;
	chunk.keys = full ? keys : keys & t->dirty;
	memcpy(chunk.count, t->count, sizeof(chunk.count));
	db_add_chunk(w, &chunk);
}

static void
write_state(World *w, Task *t, int checkpoint)
{
	bool		full = writes_full(w, t, checkpoint);
	int			g;

	for (g = 0; g < w->groups && t->kind == T_KEYED; g++)
	{
		if (t->owned >> g & 1)
			write_chunk(w, t, g, full, checkpoint);
	}
	t->dirty = 0;
	TRACE(w, "task %d: writes %sstate of %d", t->index, full ? "full " : "", checkpoint);
}

/* exactly_once, with a sink: into the epoch, which stays open. */
static void
write_epoch(World *w, Task *t)
{
	Attempt    *a = attempt_of(w, t);

	t->held = true;
	t->held_for = t->checkpoint;
	t->phase = P_VOTE;
	if (!t->output.open && !state_changed(w, t, t->checkpoint))
	{
		t->vote = WEIR_VOTE_READY_EMPTY;
		return;
	}
	t->output.open = true;
	write_state(w, t, t->checkpoint);
	if (t->marked && mutant != MUTANT_KEEP_MARKER)
		db_delete_marker(w, a->id, t->index, OPEN(t->slot));
	db_add_marker(w, a->id, t->checkpoint, t->index, OPEN(t->slot));
	t->marked = true;
	t->vote = WEIR_VOTE_READY;
}

static bool
is_two_phase(const World *w, const Task *t)
{
	return t->has_sink && exactly_once(w);
}

static void
vote(World *w, Task *t)
{
	TRACE(w, "task %d: votes %d for %d", t->index, t->vote, t->checkpoint);
	report(w, t, M_VOTE, t->checkpoint, (WeirVote) t->vote);
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
	db_commit(w, OPEN(t->slot), t->has_sink ? &t->output : NULL);
	t->phase = mutant == MUTANT_ACK_BEFORE_CHUNK ? P_IDLE :
		t->has_sink ? P_VOTE : P_FORWARD;
}

static void
forward(World *w, Task *t)
{
	if (!weir_align_all_ended(t->align))
		send_on(w, t, M_BARRIER, t->checkpoint);
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
			report(w, t, M_PREPARED, t->checkpoint, WEIR_VOTE_ACK);
			t->phase = P_IDLE;
			break;
	}
}

static void
decline(World *w, Task *t, int checkpoint)
{
	TRACE(w, "task %d: declines %d", t->index, checkpoint);
	if (!t->has_sink && !weir_align_all_ended(t->align))
		send_on(w, t, M_CANCEL, checkpoint);
	report(w, t, M_DECLINE, checkpoint, WEIR_VOTE_ACK);
}

static void
align_action(World *w, Task *t, const WeirAlignAction *action)
{
	int			checkpoint = (int) action->checkpoint;

	if (action->kind == WEIR_ALIGN_SNAPSHOT && !fault(w, 24))
	{
		t->phase = P_WRITE;
		t->checkpoint = checkpoint;
		return;
	}
	if (action->kind == WEIR_ALIGN_SNAPSHOT || action->subsumed)
		decline(w, t, checkpoint);
	else if (!t->has_sink && !weir_align_all_ended(t->align))
		send_on(w, t, M_CANCEL, checkpoint);
}

/* ---- what the coordinator says ---- */

static void
prepare(World *w, Task *t, int checkpoint)
{
	if (mutant == MUTANT_PREPARE_EARLY)
	{
		report(w, t, M_PREPARED, checkpoint, WEIR_VOTE_ACK);
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
	if (!t->has_sink && output_of(attempt_of(w, t), t)->n >= CHANNEL_ROWS)
		return false;
	if (!ring_get(&t->in[input], &m))
		return false;
	switch ((MessageKind) m.kind)
	{
		case M_ROW:
			process_row(w, t, m);
			break;
		case M_BARRIER:
			weir_align_barrier(t->align, input, m.checkpoint);
			break;
		case M_CANCEL:
			weir_align_cancel(t->align, input, m.checkpoint);
			break;
		default:
			weir_align_end(t->align, input);
			break;
	}
	return true;
}

static bool
read_inputs(World *w, Task *t)
{
	int			first = t->ninputs > 1 ? below(w, t->ninputs) : 0;
	int			i;

	for (i = 0; i < t->ninputs; i++)
	{
		if (read_input(w, t, (first + i) % t->ninputs))
			return true;
	}
	return false;
}

static bool
flush_output(World *w, Task *t)
{
	if (!t->has_sink || exactly_once(w) || !t->output.open)
		return false;
	TRACE(w, "task %d: commits its output", t->index);
	db_commit(w, OPEN(t->slot), &t->output);
	return true;
}

static bool
tell_end(World *w, Task *t)
{
	if (t->end_told || t->held || !weir_align_all_ended(t->align))
		return false;
	(void) flush_output(w, t);
	if (!t->has_sink)
		send_on(w, t, M_END, 0);
	report(w, t, M_ENDED, 0, WEIR_VOTE_ACK);
	t->end_told = true;
	TRACE(w, "task %d: all inputs have ended", t->index);
	return true;
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
	if (weir_align_next(t->align, &action))
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
	return read_inputs(w, t) || tell_end(w, t) || flush_output(w, t);
}
