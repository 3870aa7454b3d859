/*
 * task/begin.h
 *		How the tasks of an attempt that restores a checkpoint take up event time where it
 *		stood, so that what was late stays late.
 *
 * Watermarks are kept by sources alone, as part of their positions.  A source's task says
 * its own before anything else; any other one first hears those of all its inputs, and says
 * what follows of them for those behind it.  Only then does it take rows.
 *
 * Rows that the checkpoint kept on their way (passed.h) were before these watermarks: they
 * are judged by what the task had reached when a barrier passed them, nothing is due until
 * all of them are worked off, and until then the next tasks are told no more than what was
 * reached before the first of them.
 */
#ifndef WEIR_TASK_BEGIN_H
#define WEIR_TASK_BEGIN_H

#include "postgres.h"

#include "task/checkpoint.h"

/* Do tasks of the graph begin so?  All of them do, or none: WeirAttempt says it. */
extern bool weir_begin_is_of(const WeirGraph *graph);

/* Of a source's task. */
extern void weir_begin_feed(WeirFeed *feed);
/* Of any other one: hears the inputs that have not said theirs; false if there is nothing now. */
extern bool weir_begin_inputs(WeirTaskCheckpoints *c);
/* Takes up event time if all inputs have been heard, and it has not. */
extern bool weir_begin_heard(WeirTaskCheckpoints *c);
/* One of the rows that a restore brought is worked off. */
extern void weir_begin_restored(WeirTaskCheckpoints *c);

#endif
