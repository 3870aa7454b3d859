/*
 * server/hold.h
 *		Jobs kept from running while a command needs them out of the way.
 */
#ifndef WEIR_SERVER_HOLD_H
#define WEIR_SERVER_HOLD_H

#include "postgres.h"

/*
 * Stops this job of a database (0: all of them), resolves what is prepared
 * there, and keeps the launcher from starting it until the current transaction,
 * or the subtransaction, ends.  "command" is for messages.  An error when they
 * cannot be stopped in time.
 */
extern void weir_hold(Oid database, int64 job, const char *command);

/* A database whose jobs are held goes with the transaction: so do their slots. */
extern void weir_hold_drop(Oid database);

/* Does the current transaction drop the jobs of this database? */
extern bool weir_hold_drops(Oid database);

#endif
