/*
 * task/advance.h
 *		Event time in a task: the watermarks of its inputs become those of its rows,
 *		go through its operators, one after the other, and on to the next tasks.
 */
#ifndef WEIR_TASK_ADVANCE_H
#define WEIR_TASK_ADVANCE_H

#include "postgres.h"

#include "task/chain.h"

/*
 * The rows of a message that an input has brought: the watermark of each becomes the
 * task's.  Nothing happens where nobody goes by event time.
 */
extern void weir_advance_merge(WeirInputs *inputs, int input, const WeirMessage *message,
							   WeirBatch *batch);
/* Those that a restore has brought are as late as they would have been. */
extern void weir_advance_judge(const WeirChain *chain, WeirInputs *inputs, const WeirMessage *message,
							   WeirBatch *batch);
/* Behind them, in the chain's transaction. */
extern void weir_advance_behind_rows(WeirChain *chain, const WeirInputs *inputs);
/* The same, outside a transaction: the watermark of an input may have moved. */
extern void weir_advance_chain(WeirChain *chain, const WeirInputs *inputs);

/* All inputs have said what their watermarks were at the checkpoint that is restored (begin.h). */
extern void weir_advance_begin(WeirChain *chain, const WeirInputs *inputs);
/* Nothing is due, until it does not wait any more. */
extern void weir_advance_wait(WeirChain *chain, bool waits);

#endif
