/*
 * api/consumer.h
 *		The one job that a sender of the protocol "resume" serves.
 */
#ifndef WEIR_API_CONSUMER_H
#define WEIR_API_CONSUMER_H

#include "postgres.h"

#include "graph/graph.h"

/* Error if a sender of the job's streams serves another job. */
extern void weir_check_consumers(int64 job, const WeirGraph *graph);

#endif
