/*
 * decide/tolerance.c
 *		Counting failed checkpoints against tolerable_failures.
 *
 * The job fails when more than tolerable_failures checkpoints in a row have
 * failed.  Counted, once per id: a task declined, the checkpoint expired, a
 * snapshot could not be written (which a task says by declining), completing
 * it failed.  Not counted: subsumed, tasks not running, the end of an attempt,
 * the final checkpoint of a stop or of the end of the stream.
 *
 * A success resets the count.  A failure whose id is not above the last
 * success is old news and ignored.  Crossing the limit clears the count, so
 * that a job that goes on after it begins anew.
 *
 * An id is counted once because a pending checkpoint ends once.
 */
#include "decide/checkpointer_private.h"

static bool
is_counted(WeirCheckpointFailure reason)
{
	return reason == WEIR_FAILURE_DECLINED ||
		reason == WEIR_FAILURE_EXPIRED ||
		reason == WEIR_FAILURE_COMPLETING;
}

void
weir_tolerance_success(WeirTolerance *t, int64_t checkpoint)
{
	t->failures = 0;
	if (checkpoint > t->last_success)
		t->last_success = checkpoint;
}

/* True when this failure is one too many. */
bool
weir_tolerance_failure(WeirTolerance *t, int64_t checkpoint,
					   WeirCheckpointKind kind,
					   WeirCheckpointFailure reason, int64_t tolerable)
{
	if (!is_counted(reason) || kind == WEIR_FINAL || checkpoint <= t->last_success)
		return false;
	t->failures++;
	if (tolerable < 0 || t->failures <= tolerable)
		return false;
	t->failures = 0;
	return true;
}
