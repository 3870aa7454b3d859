/*
 * task/input.h
 *		What comes to a task from others, its barriers aligned.
 */
#ifndef WEIR_TASK_INPUT_H
#define WEIR_TASK_INPUT_H

#include "postgres.h"

#include "decide/align.h"
#include "record/channel.h"
#include "task/task.h"

typedef struct WeirInputs
{
	int			n;
	WeirReceiver **receivers;
	WeirAlign  *align;
} WeirInputs;

/* All channels that lead to the task; NULL: it is a source's. */
extern WeirInputs *weir_inputs_open(WeirTask *task);

/* What an input has next, if it may be read now; NULL: nothing. */
extern WeirMessage *weir_inputs_next(WeirInputs *inputs, int i);

#endif
