/*
 * server/mark.h
 *		A mark on disk for each process of a job while it lives.
 */
#ifndef WEIR_SERVER_MARK_H
#define WEIR_SERVER_MARK_H

#include "postgres.h"

#include "decide/crash.h"

/* This process runs a job's code from here on: task is its name, or "coordinator". */
extern void weir_mark_set(Oid database, int64 job, const char *task);

/*
 * Of the job's processes before, none of which lives: did one end without taking
 * its mark away?  Its name then is in task.
 */
extern bool weir_mark_find(Oid database, int64 job, char *task, Size size);
extern void weir_mark_forget(Oid database, int64 job);

/* The launcher's: tells how the server ended before, and leaves one for this time. */
extern WeirServerEnd weir_mark_server(void);

#endif
