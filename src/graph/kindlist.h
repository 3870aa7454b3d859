/*
 * graph/kindlist.h
 *		The kinds of nodes, a line each: WEIR_NODE_KIND(id, ops).  Included where
 *		that macro is defined, so there is no guard.
 */
WEIR_NODE_KIND(SOURCE, weir_source_node)
WEIR_NODE_KIND(SCAN, weir_scan_node)
WEIR_NODE_KIND(FUNCTION, weir_function_node)
WEIR_NODE_KIND(COUNT_WINDOW, weir_count_window_node)
WEIR_NODE_KIND(AGGREGATE, weir_aggregate_node)
WEIR_NODE_KIND(TIME_WINDOW, weir_time_window_node)
WEIR_NODE_KIND(JOIN, weir_join_node)
WEIR_NODE_KIND(RANK, weir_rank_node)
WEIR_NODE_KIND(WINDOW_RANK, weir_window_rank_node)
WEIR_NODE_KIND(ORDERED_RANK, weir_ordered_rank_node)
WEIR_NODE_KIND(OVER, weir_over_node)
WEIR_NODE_KIND(SINK, weir_sink_node)
