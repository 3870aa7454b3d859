/*
 * task/control.c
 *		Control messages over a pair of shm_mqs.
 *
 * A peer that is gone is no error here: the coordinator learns of a task's
 * end from the postmaster, a task of its coordinator's from the segment.
 */
#include "postgres.h"

#include "nodes/pg_list.h"
#include "storage/proc.h"
#include "utils/memutils.h"

#include "task/control.h"

struct WeirControlPort
{
	shm_mq_handle *out;
	shm_mq_handle *in;
	int64		attempt;
	List	   *pending;		/* WeirControl, oldest first */
	MemoryContext context;
};

static WeirControlPort *
open_port(WeirAttempt *attempt, shm_mq *out, shm_mq *in, dsm_segment *segment)
{
	WeirControlPort *port = palloc0(sizeof(WeirControlPort));

	shm_mq_set_sender(out, MyProc);
	shm_mq_set_receiver(in, MyProc);
	port->out = shm_mq_attach(out, segment, NULL);
	port->in = shm_mq_attach(in, segment, NULL);
	port->attempt = attempt->attempt;
	port->context = CurrentMemoryContext;
	return port;
}

WeirControlPort *
weir_control_task_port(WeirAttempt *attempt, int task, dsm_segment *segment)
{
	return open_port(attempt, weir_attempt_from_task(attempt, task),
					 weir_attempt_to_task(attempt, task), segment);
}

WeirControlPort *
weir_control_coordinator_port(WeirAttempt *attempt, int task, dsm_segment *segment)
{
	return open_port(attempt, weir_attempt_to_task(attempt, task),
					 weir_attempt_from_task(attempt, task), segment);
}

bool
weir_control_push(WeirControlPort *port)
{
	while (port->pending != NIL)
	{
		WeirControl *first = linitial(port->pending);
		shm_mq_result result = shm_mq_send(port->out, sizeof(WeirControl), first,
										   true, true);

		if (result == SHM_MQ_WOULD_BLOCK)
			return false;
		port->pending = list_delete_first(port->pending);
		pfree(first);
	}
	return true;
}

void
weir_control_send(WeirControlPort *port, const WeirControl *message)
{
	MemoryContext old = MemoryContextSwitchTo(port->context);
	WeirControl *copy = palloc(sizeof(WeirControl));

	*copy = *message;
	copy->attempt = port->attempt;
	port->pending = lappend(port->pending, copy);
	(void) weir_control_push(port);
	MemoryContextSwitchTo(old);
}

bool
weir_control_receive(WeirControlPort *port, WeirControl *message)
{
	for (;;)
	{
		Size		size;
		void	   *data;

		if (shm_mq_receive(port->in, &size, &data, true) != SHM_MQ_SUCCESS)
			return false;
		if (size != sizeof(WeirControl))
			elog(ERROR, "control message of %zu bytes", size);
		memcpy(message, data, sizeof(WeirControl));
		if (message->attempt == port->attempt)
			return true;
	}
}
