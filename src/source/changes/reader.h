/*
 * source/changes/reader.h
 *		Reads the changes of a table of another server, or of this one.
 */
#ifndef WEIR_SOURCE_CHANGES_READER_H
#define WEIR_SOURCE_CHANGES_READER_H

#include "postgres.h"

#include "decide/changes_position.h"
#include "source/source.h"

typedef struct WeirChanges WeirChanges;

/* The position, or an error if it cannot be read. */
extern WeirChangesPosition weir_changes_read_position(const WeirPosition *bytes);

/* As the functions of WeirSourceOps. */
extern WeirChanges *weir_changes_open(const WeirStream *stream, const WeirSourceOptions *options,
									  const WeirPosition *start, WeirSourceStats *stats);
extern void weir_changes_close(WeirChanges *r);
extern WeirReadResult weir_changes_next(WeirChanges *r, WeirScanInput *scan);
extern bool weir_changes_began_ended(const WeirChanges *r);
extern bool weir_changes_hopeless(const WeirChanges *r);
extern int64 weir_changes_failed_line(const WeirChanges *r);
extern pgsocket weir_changes_wait(WeirChanges *r, int *events, long *timeout);
extern long weir_changes_due(WeirChanges *r);
extern void weir_changes_flush(WeirChanges *r);
extern void weir_changes_position(const WeirChanges *r, bool final, WeirChangesPosition *position);
extern void weir_changes_trim(WeirChanges *r, const WeirChangesPosition *position);
extern int64 weir_changes_tick(WeirChanges *r);
extern void weir_changes_drain(WeirChanges *r);
extern int64 weir_changes_committed(WeirChanges *r);
extern bool weir_changes_has_reached(WeirChanges *r, int64 mark);
extern char *weir_changes_missing(int64 job, Oid stream, const WeirChangesPosition *position);

/* For WeirSourceOps.keep and forget. */
extern void weir_change_slots_keep(int64 job, List *streams);
extern void weir_change_slots_forget(int64 job);

#endif
