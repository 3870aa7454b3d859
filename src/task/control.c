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

/* A message without what its position has room for and does not use. */
typedef struct Packed
{
	Size		size;
	char		data[FLEXIBLE_ARRAY_MEMBER];
} Packed;

#define HEAD (offsetof(WeirControl, position) + offsetof(WeirPosition, bytes))

struct WeirControlPort
{
	shm_mq_handle *out;
	shm_mq_handle *in;
	int64		attempt;
	List	   *pending;		/* Packed, oldest first */
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

static Packed *
pack(const WeirControl *message, int64 attempt)
{
	const WeirPosition *position = &message->position;
	Size		marks = sizeof(WeirMark) * position->nmarks;
	Packed	   *packed = palloc(offsetof(Packed, data) + HEAD + position->len + marks);

	packed->size = HEAD + position->len + marks;
	memcpy(packed->data, message, HEAD);
	((WeirControl *) packed->data)->attempt = attempt;
	memcpy(packed->data + HEAD, position->bytes, position->len);
	memcpy(packed->data + HEAD + position->len, position->marks, marks);
	return packed;
}

static void
unpack(const char *data, Size size, WeirControl *message)
{
	WeirPosition *position = &message->position;

	if (size >= HEAD)
		memcpy(message, data, HEAD);
	if (size < HEAD || position->len > WEIR_POSITION_MAX || position->nmarks > WEIR_POSITION_MARKS ||
		size != HEAD + position->len + sizeof(WeirMark) * position->nmarks)
		elog(ERROR, "control message of %zu bytes", size);
	memcpy(position->bytes, data + HEAD, position->len);
	memcpy(position->marks, data + HEAD + position->len, sizeof(WeirMark) * position->nmarks);
}

bool
weir_control_push(WeirControlPort *port)
{
	while (port->pending != NIL)
	{
		Packed	   *first = linitial(port->pending);
		shm_mq_result result = shm_mq_send(port->out, first->size, first->data, true, true);

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

	port->pending = lappend(port->pending, pack(message, port->attempt));
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
		unpack(data, size, message);
		if (message->attempt == port->attempt)
			return true;
	}
}
