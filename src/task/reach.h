/*
 * task/reach.h
 *		Tells the coordinator when what a source had before it is handed out.
 */
#ifndef WEIR_TASK_REACH_H
#define WEIR_TASK_REACH_H

#include "postgres.h"

#include "task/feed.h"

/* It is told once all that is committed by now is handed out. */
extern void weir_reach_begin(WeirFeed *feed, int64 token);
/* It is told of what has been reached. */
extern void weir_reach_tell(WeirFeed *feed);

#endif
