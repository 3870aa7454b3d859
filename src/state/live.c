/*
 * state/live.c
 *		Which kinds of state keep live objects.
 */
#include "postgres.h"

#include "state/entry.h"

const WeirLiveOps *
weir_live_ops(WeirStateKind kind)
{
	static const WeirLiveOps *const ops[] = {
		[WEIR_STATE_VALUE] = NULL,
		[WEIR_STATE_LIST] = &weir_list_ops,
		[WEIR_STATE_MAP] = &weir_map_ops,
		[WEIR_STATE_REDUCING] = NULL,
		[WEIR_STATE_AGGREGATING] = &weir_aggregating_ops,
		[WEIR_STATE_WINDOW] = &weir_window_ops,
		[WEIR_STATE_RUNNING] = &weir_window_ops,
		[WEIR_STATE_ROWS] = &weir_rows_ops,
		[WEIR_STATE_RANKED] = &weir_ranked_ops,
		[WEIR_STATE_TIME_WINDOW] = &weir_time_window_ops,
		[WEIR_STATE_EVENT_TIMER] = &weir_timers_ops,
		[WEIR_STATE_ARRIVAL_TIMER] = &weir_timers_ops
	};

	return ops[kind];
}
