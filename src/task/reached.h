/*
 * task/reached.h
 *		What watermark a task had reached, where that does not follow of its inputs: of
 *		those that count now, one was idle and is behind.
 *
 * It is part of a checkpoint then, so that what was late stays late.
 */
#ifndef WEIR_TASK_REACHED_H
#define WEIR_TASK_REACHED_H

#include "postgres.h"

#include "task/input.h"

extern bool weir_reached_is_kept(const WeirInputs *inputs);
/* In a transaction: as part of a checkpoint, behind so many messages (passed.h); returns its bytes. */
extern int64 weir_reached_write(const WeirInputs *inputs, const WeirTask *task, int64 checkpoint, int seq);
/* Outside a transaction: what holds for this task of the checkpoint that the attempt restores. */
extern void weir_reached_restore(WeirInputs *inputs, const WeirTask *task);

#endif
