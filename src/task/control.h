/*
 * task/control.h
 *		What the coordinator and a task tell each other.  Every message carries
 *		its attempt; one of another attempt is dropped by who receives it.
 */
#ifndef WEIR_TASK_CONTROL_H
#define WEIR_TASK_CONTROL_H

#include "postgres.h"

#include "task/attempt.h"

typedef enum WeirControlKind
{
	/* to a task */
	WEIR_CONTROL_TRIGGER,		/* source: send barrier; ended task: snapshot */
	WEIR_CONTROL_ABORT,
	WEIR_CONTROL_PREPARE,
	WEIR_CONTROL_COMPLETE,		/* its output is visible */
	WEIR_CONTROL_DRAIN,			/* source: end the input here */
	WEIR_CONTROL_REACH,			/* source: say when all that is committed by now is handed out */
	WEIR_CONTROL_CONFIGURE,		/* sink_flush, lock_wait changed in the attempt; source: dead
								 * letters may come again */
	/* from a task */
	WEIR_CONTROL_RUNNING,
	WEIR_CONTROL_VOTE,
	WEIR_CONTROL_DECLINE,
	WEIR_CONTROL_PREPARED,
	WEIR_CONTROL_REACHED,		/* that is handed out */
	WEIR_CONTROL_ENDED,			/* all input has ended and was worked off */
	WEIR_CONTROL_OUTPUT,		/* lines wait in the outbox */
	WEIR_CONTROL_EMITTED		/* those for peers are sent */
} WeirControlKind;

/* How a task's part of a checkpoint went. */
typedef struct WeirTaskTimes
{
	int64		start_delay;	/* us, trigger to barrier's arrival */
	int64		alignment;
	int64		sync;
	int64		write;
	int64		bytes;
	int64		state_bytes;
	int64		dirty_keys;
} WeirTaskTimes;

typedef struct WeirControl
{
	int64		attempt;
	int32		kind;
	int32		task;			/* from a task: which */
	int64		checkpoint;		/* of REACH and REACHED: a number of its own */
	int32		ckind;			/* WeirCheckpointKind, of a trigger */
	bool		full;			/* of a trigger: state is to be written in full */
	int32		vote;			/* WeirVote */
	int64		triggered_at;	/* us */
	WeirTaskTimes times;		/* a vote */
	WeirPosition position;		/* a source's vote; a complete: trim to it */
} WeirControl;

/* One end of both queues of a task. */
typedef struct WeirControlPort WeirControlPort;

extern WeirControlPort *weir_control_task_port(WeirAttempt *attempt, int task,
											   dsm_segment *segment);
extern WeirControlPort *weir_control_coordinator_port(WeirAttempt *attempt, int task,
													  dsm_segment *segment);

/* Queues the message, and sends what there is room for. */
extern void weir_control_send(WeirControlPort *port, const WeirControl *message);
/* Sends what could not be sent before; true when nothing is left. */
extern bool weir_control_push(WeirControlPort *port);
/* False if nothing has come. */
extern bool weir_control_receive(WeirControlPort *port, WeirControl *message);

#endif
