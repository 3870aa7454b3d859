/*
 * state/kinds/running.h
 *		Running aggregates: over all records of a key so far.
 */
#ifndef WEIR_STATE_KINDS_RUNNING_H
#define WEIR_STATE_KINDS_RUNNING_H

#include "postgres.h"

#include "record/batch.h"
#include "state/aggregate/native.h"
#include "state/store.h"

/*
 * Adds a row of the batch, of the current key, and notes that the key has changed.
 * Where that fails without having run a user's code it says why, and what the key has
 * is as before; else NULL.
 */
extern const WeirNativeFault *weir_running_add(WeirState *state, const WeirBatch *in, int row);
/* The same, of a step that asks for what the key has (weir_window_results): nothing is noted. */
extern const WeirNativeFault *weir_running_accumulate(WeirState *state, const WeirBatch *in, int row);

/*
 * The keys that have changed and were not forgotten since, by number from 0, in the order
 * in which they did first.  No key is current meanwhile.
 */
typedef struct WeirRunningChange
{
	const Datum *key;			/* good until the store changes */
	const bool *key_isnull;
	int			source;			/* of the record that changed it first */
	int64		line;
	WeirRaw		raw;
} WeirRunningChange;

extern int64 weir_running_nchanges(const WeirState *state);
extern void weir_running_change(const WeirState *state, int64 n, WeirRunningChange *change);
/* What its aggregates have come to, in the current memory context; false: it has nothing any more. */
extern bool weir_running_results(WeirState *state, int64 n, Datum *values, bool *nulls);
/*
 * The same of what they had come to when the key's row was handed on last; false: it had none.  Of a
 * state that corrects.  The values are the list's.
 */
extern bool weir_running_results_before(const WeirState *state, int64 n, Datum *values, bool *nulls);
/* The first n. */
extern void weir_running_forget(WeirState *state, int64 n);

#endif
