/*
 * catalog/outbox.h
 *		weir_internal.outbox: lines that wait for the server log.  The functions
 *		need a transaction and an active snapshot.
 */
#ifndef WEIR_CATALOG_OUTBOX_H
#define WEIR_CATALOG_OUTBOX_H

#include "postgres.h"

/* Lines (an array of text) that this table of the job was given. */
extern void weir_outbox_insert(int64 job, const char *sink, Datum lines);

/* Takes the job's oldest lines, at most limit; hands each out in order.  Returns how many. */
typedef void (*WeirOutboxFunction) (const char *line);
extern uint64 weir_outbox_take(int64 job, int limit, WeirOutboxFunction emit);

#endif
