/*
 * decide/rewrite.h
 *		Which key groups a checkpoint writes in full instead of their changes.
 *
 * A group's changes pile up behind its last full chunk: its debt, which a restore
 * must read and which the trimmer cannot delete.  Once debt and new changes
 * outgrow the group, it is due for a rewrite.  Groups of equal load fall due
 * together, so a checkpoint rewrites the most indebted ones until it has spent as
 * much on rewriting as its changes take, and leaves the others to the next:
 *
 *	- a checkpoint writes at most twice what changed, and one group more;
 *	- each checkpoint pays off as much debt as it makes, so that a restore reads
 *	  at most about three times what is held.
 */
#ifndef WEIR_DECIDE_REWRITE_H
#define WEIR_DECIDE_REWRITE_H

#include <stdbool.h>
#include <stdint.h>

/* A group that has changed.  All sizes in bytes. */
typedef struct WeirRewriteGroup
{
	int			group;			/* the caller's number for it */
	bool		has_base;		/* there is a full chunk its changes can build on */
	int64_t		live;			/* what it takes in full */
	int64_t		debt;			/* changes written since its last full chunk */
	int64_t		changes;		/* what its changes of this checkpoint take */
	bool		full;			/* the decision */
} WeirRewriteGroup;

/* Decides for all n of them; their order is lost. */
extern void weir_rewrite_choose(WeirRewriteGroup *groups, int n);

#endif
