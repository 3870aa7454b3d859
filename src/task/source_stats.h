/*
 * task/source_stats.h
 *		What weir.sources shows of a stream that several tasks may read.
 */
#ifndef WEIR_TASK_SOURCE_STATS_H
#define WEIR_TASK_SOURCE_STATS_H

#include "postgres.h"

#include "task/attempt.h"

/* Of all tasks of a stage together; false: it is no source's. */
extern bool weir_source_stats(const WeirAttempt *attempt, int stage, WeirSourceStats *stats);

#endif
