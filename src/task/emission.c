/*
 * task/emission.c
 *		A sink task sends the rows for peers that its epochs have left.
 *
 * The coordinator ends no job, but by a cancel, while slot->emits says that
 * there are rows: it is set before the task says that their epoch is ready, and
 * unset when they are sent.
 */
#include "postgres.h"

#include "base/text.h"
#include "graph/kinds/sink.h"
#include "sink/emitter.h"
#include "sink/output.h"
#include "task/emission.h"

bool
weir_task_may_emit(WeirTask *task)
{
	for (int i = 0; i < weir_task_nnodes(task); i++)
	{
		const WeirNode *node = weir_task_node(task, i);

		if (weir_node_ops(node->kind)->sink && weir_sink_plan(node)->alone)
			return true;
	}
	return false;
}

void
weir_task_tell_output(WeirTaskCheckpoints *c)
{
	if (weir_output_waits)
		weir_task_send(c->task, WEIR_CONTROL_OUTPUT, 0);
	weir_output_waits = false;
	c->task->slot->emits = c->task->slot->emits || weir_output_peers_wait;
}

void
weir_task_begin_emission(WeirTaskCheckpoints *c)
{
	MemoryContextSwitchTo(c->task->context);
	if (c->emitter == NULL)
		c->emitter = weir_emitter_create(c->task->attempt->job, c->task->job->name);
	weir_output_peers_sent();
	weir_emitter_begin(c->emitter);
	c->task->slot->emits = true;
	c->held = true;
	c->held_for = 0;
}

bool
weir_task_is_emitting(const WeirTaskCheckpoints *c)
{
	return c->emitter != NULL && weir_emitter_is_active(c->emitter);
}

/* A row of the outbox that cannot be sent is told from records by its sign. */
static WeirEmitResult
take_turn(WeirTaskCheckpoints *c)
{
	WeirEmitResult result;

	PG_TRY();
	{
		result = weir_emitter_turn(c->emitter);
	}
	PG_CATCH();
	{
		c->task->line = -weir_emitter_record(c->emitter);
		PG_RE_THROW();
	}
	PG_END_TRY();
	return result;
}

bool
weir_task_emit(WeirTaskCheckpoints *c)
{
	int64		began = weir_now();
	WeirEmitResult result;

	if (!weir_task_is_emitting(c))
		return false;
	result = take_turn(c);
	weir_text_copy(c->task->slot->sink_error, weir_emitter_error(c->emitter),
				   sizeof(c->task->slot->sink_error));
	c->task->slot->stats.in_sink_us += weir_now() - began;
	if (result != WEIR_EMIT_DONE)
		return result == WEIR_EMIT_PROGRESS;
	c->task->slot->emits = false;
	weir_task_send(c->task, WEIR_CONTROL_EMITTED, 0);
	weir_task_go_on(c);
	return true;
}

void
weir_task_wait_for_peer(WeirTaskCheckpoints *c)
{
	int			events;
	long		timeout;
	pgsocket	socket = weir_emitter_wait(c->emitter, &events, &timeout);

	weir_task_wait_in_sink(c->task, socket, events, timeout);
}
