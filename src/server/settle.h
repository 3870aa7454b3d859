/*
 * server/settle.h
 *		What stays prepared, whatever became of its job: found by name.
 */
#ifndef WEIR_SERVER_SETTLE_H
#define WEIR_SERVER_SETTLE_H

#include "postgres.h"

/* Is a transaction of this job (0: any) prepared in the database? */
extern bool weir_is_unsettled(Oid database, int64 job);

/*
 * Has a worker in the database of a hold wait for the last process of what is
 * held, and resolve what is prepared.  An error if that fails or takes too long.
 */
extern void weir_settle(int hold, const char *command);
extern PGDLLEXPORT void weir_settle_main(Datum arg);

/* The scan worker's: what is prepared in this database and no coordinator will resolve. */
extern void weir_settle_orphans(void);

#endif
