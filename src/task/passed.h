/*
 * task/passed.h
 *		What a barrier has passed: rows and letters taken out of a task's channels
 *		before they were worked off.
 *
 * They come first, before anything that is still in a channel, and belong to
 * every checkpoint that is taken before they are worked off.
 */
#ifndef WEIR_TASK_PASSED_H
#define WEIR_TASK_PASSED_H

#include "postgres.h"

#include "task/input.h"

/* One of them; by a restore, or out of a channel, which counts its rows. */
typedef struct WeirPassed
{
	int			input;
	bool		restored;
	int			size;			/* of the message, bytes */
	WeirMessage *message;
} WeirPassed;

/* Takes a copy. */
extern void weir_passed_add(WeirInputs *inputs, int input, bool restored,
							const WeirMessage *message, int size);
/* What an input has before a barrier; false: who aligns must know of it, too. */
extern bool weir_passed_put(WeirInputs *inputs, int input, const WeirMessage *message);
/* The first; the caller frees it.  NULL: there is none. */
extern WeirPassed *weir_passed_take(WeirInputs *inputs);
extern void weir_passed_free(WeirPassed *passed);

/* In a transaction: as part of a checkpoint; returns their bytes. */
extern int64 weir_passed_write(WeirInputs *inputs, const WeirTask *task, int64 checkpoint);

/* Outside a transaction: those of the checkpoint that the attempt restores, as far as they are this task's. */
extern void weir_passed_restore(WeirInputs *inputs, const WeirTask *task);

#endif
