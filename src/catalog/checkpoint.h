/*
 * catalog/checkpoint.h
 *		weir_internal.checkpoint, checkpoint_task, completed, timeline, marker.
 *		All functions need a transaction and an active snapshot.
 */
#ifndef WEIR_CATALOG_CHECKPOINT_H
#define WEIR_CATALOG_CHECKPOINT_H

#include "postgres.h"

#include "nodes/pg_list.h"

#include "decide/checkpointer.h"
#include "decide/position.h"
#include "decide/recovery.h"

typedef struct WeirCompleted
{
	int64		checkpoint;
	int64		timeline;
	int64		attempt;
	int			parallelism;
	int			max_parallelism;
	int			npositions;
	WeirPosition *positions;
	int			nprepared;
	char	  **prepared;		/* names of transactions */
	int64		completed_at;	/* us */
	char	   *savepoint;		/* its name; NULL: none */
} WeirCompleted;

typedef struct WeirTaskReport
{
	const char *name;			/* "keyed 1" */
	int64		start_delay;	/* us */
	int64		alignment;
	int64		sync;
	int64		write;
	int64		bytes;
} WeirTaskReport;

/* The first checkpoint id that was never used by this job. */
extern int64 weir_checkpoint_next_id(int64 job);

/* weir.checkpoints: a row from the trigger on. */
extern void weir_checkpoint_triggered(int64 job, int64 id, int64 timeline,
									  int64 attempt, WeirCheckpointKind kind,
									  const char *savepoint, int ntasks, int64 at);
extern void weir_checkpoint_failed(int64 job, int64 id, const char *failure,
								   int acknowledged);
extern void weir_checkpoint_visible(int64 job, int64 id, int64 state_bytes,
									int64 written_bytes, int64 dirty_keys,
									int acknowledged);
extern void weir_checkpoint_task(int64 job, int64 id, int task,
								 const WeirTaskReport *report);
/* What an attempt left in progress: visible if it has a completed row, else failed. */
extern void weir_checkpoint_settle(int64 job);
/* Keeps the newest rows, and those of savepoints. */
extern void weir_checkpoint_forget(int64 job, int history);

/* Positions as the tables have them: the text of a jsonb, and, after weir_internal_enter, back. */
extern Datum weir_positions_text(int n, const WeirPosition *positions);
extern WeirPosition *weir_positions_read(Datum json, int *n, MemoryContext context);

/* The decision: inserted, and decided by its transaction's commit. */
extern void weir_completed_insert(int64 job, const WeirCompleted *row);
/* All completed rows of a job, ascending; in CurrentMemoryContext. */
extern List *weir_completed_all(int64 job);
/* Of such rows that of a checkpoint; NULL if there is none. */
extern WeirCompleted *weir_completed_find(List *rows, int64 checkpoint);
/* Those of them whose transactions are known to have been committed. */
extern List *weir_completed_visible(int64 job);
/* Deletes completed rows without a name before an id, and their markers. */
extern void weir_completed_forget(int64 job, int64 before);

/*
 * Savepoints: completed checkpoints with a name.  The row of that name, in
 * CurrentMemoryContext; NULL if there is none.
 */
extern WeirCompleted *weir_savepoint_find(int64 job, const char *name);
/* Takes the name away; false if there is none of that name. */
extern bool weir_savepoint_drop(int64 job, const char *name);

extern void weir_marker_insert(int64 job, int64 attempt, int64 checkpoint, int task);
/* Of an aborted checkpoint, in the epoch that wrote it. */
extern void weir_marker_delete(int64 job, int64 attempt, int task);
/* The transactions that have left a marker; in CurrentMemoryContext. */
extern WeirGid *weir_marker_all(int64 job, int *n);

/*
 * Begins a timeline; returns its number.  drop_state, migrate: what becomes of
 * the base's state that is not declared any more, or of another type (migrate
 * NULL: refused).
 */
extern int64 weir_timeline_begin(int64 job, int64 base, int npositions,
								 const WeirPosition *positions, bool drop_state,
								 const char *migrate);
extern void weir_timeline_conversion(int64 job, int64 timeline, bool *drop_state,
									 char **migrate);
/* False if there is no such timeline; positions in CurrentMemoryContext, 0 where it began at the oldest byte. */
extern bool weir_timeline_get(int64 job, int64 timeline, int64 *base,
							  int *npositions, WeirPosition **positions);
/* Where it began: of sources that it did not have then, too. */
extern void weir_timeline_set_positions(int64 job, int64 timeline, int npositions,
										const WeirPosition *positions);

#endif
