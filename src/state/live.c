/*
 * state/live.c
 *		Which kinds of state keep live objects.
 */
#include "postgres.h"

#include "state/entry.h"

const WeirLiveOps *
weir_live_ops(WeirStateKind kind)
{
	return kind == WEIR_STATE_WINDOW ? &weir_window_ops : NULL;
}
