/*
 * task/late.h
 *		Rows that come to a task's operators when what they belong to is over, or without a time.
 *
 * They are counted, and as their stream says it they are left out, or their records put
 * aside, or the attempt ends.  Letters wait until the rows of a message are through: of a
 * part that is taken back there are none.
 */
#ifndef WEIR_TASK_LATE_H
#define WEIR_TASK_LATE_H

#include "postgres.h"

#include "task/chain.h"

extern void weir_late_open(WeirChain *chain);
/* From now on the operator tells of them. */
extern void weir_late_watch(WeirChain *chain, WeirOperator *op);

/* Those since this many of them, and this many letters, are taken back. */
extern void weir_late_undo(WeirChain *chain, int64 records, int letters);
/* Letters go their way; in the chain's transaction, not in a subtransaction. */
extern void weir_late_settle(WeirChain *chain);

#endif
