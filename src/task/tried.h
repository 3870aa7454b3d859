/*
 * task/tried.h
 *		What weir.try_job keeps from call to call of a transaction, and how that
 *		follows subtransactions.
 *
 * It is gone with the transaction, or with the subtransaction that made it.  The first
 * call at a level of subtransactions notes what there was before, which its abort
 * brings back.
 */
#ifndef WEIR_TASK_TRIED_H
#define WEIR_TASK_TRIED_H

#include "postgres.h"

/* A thing that is kept; its own struct begins with this, and lies in its context. */
typedef struct WeirTried
{
	struct WeirTried *next;
	const struct WeirTriedOps *ops;
	MemoryContext context;		/* holds all of it */
	Size		size;			/* of what is noted */
	struct WeirTriedMark *top;	/* none of level 1 */
	MemoryContextCallback on_delete;
} WeirTried;

/* A kind of things. */
typedef struct WeirTriedOps
{
	void		(*note) (const WeirTried *tried, void *noted);
	void		(*bring_back) (WeirTried *tried, const void *noted);
} WeirTriedOps;

/* A new one, made at this level; below TopTransactionContext. */
extern void weir_tried_add(WeirTried *tried, const WeirTriedOps *ops, MemoryContext context, Size size);
/* A call at this level begins to change it. */
extern void weir_tried_change(WeirTried *tried);
/* Those of a kind, in no order; NULL: the first, or there is no further one. */
extern WeirTried *weir_tried_next(const WeirTriedOps *ops, const WeirTried *tried);

#endif
