/*
 * state/kinds/timers.h
 *		The timers of the current key that go by one name: moments at which a handler is
 *		to be called for it.
 */
#ifndef WEIR_STATE_KINDS_TIMERS_H
#define WEIR_STATE_KINDS_TIMERS_H

#include "postgres.h"

#include "state/store.h"

#define weir_is_timer(kind) ((kind) == WEIR_STATE_EVENT_TIMER || (kind) == WEIR_STATE_ARRIVAL_TIMER)

/* An error unless it can be the moment of a timer. */
extern void weir_timers_check(const WeirState *state, int64 moment);
/* Between true and false no timer can be set: there would be nothing to make it fire. */
extern void weir_timers_end(WeirStore *store, bool end);
/* Nothing is done where there is one at that moment already. */
extern void weir_timers_set(WeirState *state, int64 moment);
/* Nothing is done where there is none. */
extern void weir_timers_clear(WeirState *state, int64 moment);

/* The earliest; PG_INT64_MAX: there is none. */
extern int64 weir_timers_first(WeirState *state);
/* All, in order, in CurrentMemoryContext; how many. */
extern int64 weir_timers_get(WeirState *state, int64 **moments);

#endif
