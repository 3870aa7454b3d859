/*
 * api/kept_state.h
 *		Keyed state that a checkpoint keeps, step by step.
 */
#ifndef WEIR_API_KEPT_STATE_H
#define WEIR_API_KEPT_STATE_H

#include "postgres.h"

#include "catalog/checkpoint.h"
#include "catalog/job.h"
#include "catalog/snapshot.h"
#include "graph/number.h"

/* Chunks of a step, all groups, whatever snapshot the caller has. */
extern void weir_kept_read(const WeirJob *job, const WeirCompleted *kept, int step,
						   WeirSnapshotReader reader, void *arg);
/* A step of which something is kept there and that the graph does not have; NULL: none. */
extern const WeirStoredNode *weir_kept_unknown(const WeirJob *job, const WeirCompleted *kept,
											   const WeirGraph *graph, List *stored);
/*
 * An error where the checkpoint (NULL: none) holds rows that a barrier overtook:
 * only the query and the state it was taken with can go on with them.
 */
extern void weir_kept_check_in_flight(const WeirJob *job, const WeirCompleted *kept, const char *what,
									  const char *then);
/* The step, as one knows it now. */
extern const char *weir_kept_by(const WeirStoredNode *step);

#endif
