/*
 * catalog/outbox.h
 *		weir_internal.outbox: what waits for the server log, or for a peer (source/peer.h).
 *		The functions need a transaction and an active snapshot.
 */
#ifndef WEIR_CATALOG_OUTBOX_H
#define WEIR_CATALOG_OUTBOX_H

#include "postgres.h"

#include "nodes/pg_list.h"

/* A row for a peer; text and record NULL: the rows up to here are those of this checkpoint. */
typedef struct WeirOutboxLine
{
	int64		id;
	int64		checkpoint;
	char	   *text;			/* a line .. */
	bytea	   *record;			/* .. or bytes */
} WeirOutboxLine;

/* Lines (an array of text) that this table of the job was given; peer InvalidOid: they are for the log. */
extern void weir_outbox_insert(int64 job, Oid peer, const char *name, Datum lines);
/* Records (an array of bytea) likewise. */
extern void weir_outbox_insert_records(int64 job, Oid peer, const char *name, Datum records);

/* Takes the job's oldest lines for the log, at most limit; hands each out in order.  Returns how many. */
typedef void (*WeirOutboxFunction) (const char *line);
extern uint64 weir_outbox_take(int64 job, int limit, WeirOutboxFunction emit);

/* The table's rows so far are of this checkpoint, not of the one before, which was aborted (0: none). */
extern void weir_outbox_end_epoch(int64 job, Oid table, int64 checkpoint, int64 before);

/* OIDs of the tables of which the job has rows for peers. */
extern List *weir_outbox_tables(int64 job);
/* The checkpoint of the first rows behind this id; 0: none is known. */
extern int64 weir_outbox_epoch(int64 job, Oid table, int64 after);
/* The rows behind this id, not many bytes of them, and no further than an epoch's end; how many. */
extern PGDLLEXPORT int weir_outbox_read(int64 job, Oid table, int64 after, WeirOutboxLine **lines);
extern PGDLLEXPORT void weir_outbox_delete(int64 job, Oid table, int64 through);

#endif
