/*
 * state/due.h
 *		When something is to be done with what keys have, earliest first: the timer
 *		queue of a store.
 *
 * Of a kind of state whose objects say when they are due (entry.h) the store notes each
 * cell once, at the time that the kind gives to weir_due_set or at an earlier one.  Then:
 *
 *		while (weir_due_enter(store, watermark, &due))
 *		{
 *			do what is due at due.at with the current key's due.state
 *			weir_due_leave(store);
 *		}
 *
 * The object may turn out to have nothing to do yet: what it has to do may have been
 * taken back since it was noted.  Notes follow subtransactions and chunks as state does;
 * no chunk holds them.
 */
#ifndef WEIR_STATE_DUE_H
#define WEIR_STATE_DUE_H

#include "postgres.h"

#include "state/store.h"

typedef struct WeirDue
{
	int64		at;				/* when it is, or, as far as was known, may be due */
	WeirState  *state;
	const Datum *key;			/* good until the key is left */
	const bool *isnull;
	uint64		hash;
} WeirDue;

/* When the next of all is due, or earlier; PG_INT64_MAX: nothing is. */
extern int64 weir_due_next(const WeirStore *store);

/*
 * Makes current the key of the earliest that is due at "upto" or before, as
 * weir_store_enter does, and takes its note off; the clock stays.  False: there is none.
 * Of equal times each comes once, those of the first state before those of the next.
 */
extern bool weir_due_enter(WeirStore *store, int64 upto, WeirDue *due);

/*
 * Leaves that key, noted again at what its object says now: a later time than the one at
 * which it was due, or nothing.
 */
extern void weir_due_leave(WeirStore *store);

#endif
