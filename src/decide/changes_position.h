/*
 * decide/changes_position.h
 *		The position of the source weir_changes, and its bytes.
 *
 * Changes come transaction by transaction, in the order of their commits, and those
 * of a transaction always in the same order: how many of its halves were handed out
 * is where reading goes on within one.  A change has two halves, as an update may be
 * two records, so that what a half is does not hang on options.
 *
 * Version 1 is, in network byte order: the byte 1; the byte phase; system, lsn,
 * transaction, halves, copied, line, clock and ended, eight bytes each.
 */
#ifndef WEIR_DECIDE_CHANGES_POSITION_H
#define WEIR_DECIDE_CHANGES_POSITION_H

#include <stdbool.h>
#include <stdint.h>

#include "decide/position.h"

typedef enum WeirChangesPhase
{
	WEIR_CHANGES_NOWHERE,		/* nothing was handed out: the slot and the copy are made anew */
	WEIR_CHANGES_COPY,			/* of the rows that were there, so many were */
	WEIR_CHANGES_FOLLOW
} WeirChangesPhase;

typedef struct WeirChangesPosition
{
	WeirChangesPhase phase;
	int64_t		system;			/* identifier of the cluster that the changes are of */
	int64_t		lsn;			/* transactions whose commit lies before it were handed out .. */
	int64_t		transaction;	/* .. and of the one whose commit lies here, 0: of none .. */
	int64_t		halves;			/* .. so many halves of changes */
	int64_t		copied;			/* rows of the copy that were handed out */
	int64_t		line;			/* records before it */
	int64_t		clock;			/* highest arrival stamp handed out, us since 2000 */
	int64_t		ended;			/* the end of the stream, made by a drain, was handed out: its number; 0: not */
} WeirChangesPosition;

extern void weir_changes_position_encode(const WeirChangesPosition *position, WeirPosition *out);

/* False if these are no such bytes. */
extern bool weir_changes_position_decode(const WeirPosition *position, WeirChangesPosition *out);

/* Was more handed out before the first than before the other, of the same stream? */
extern bool weir_changes_position_is_behind(const WeirChangesPosition *a, const WeirChangesPosition *b);

#endif
