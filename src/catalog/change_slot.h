/*
 * catalog/change_slot.h
 *		weir_internal.change_slot: what Weir has made on a server whose changes a job
 *		reads, a row for each of its streams; weir_internal.change_copy: the rows that
 *		were there when the slot was made, as lines, until they are handed out.
 *
 * The functions need a transaction and an active snapshot.
 */
#ifndef WEIR_CATALOG_CHANGE_SLOT_H
#define WEIR_CATALOG_CHANGE_SLOT_H

#include "postgres.h"

#include "nodes/pg_list.h"

#include "decide/position.h"

/* A row. */
typedef struct WeirChangeSlot
{
	Oid			stream;
	Oid			database;		/* whose job it is: in a copy of the database the slot is another's */
	Oid			server;			/* the foreign server it is on .. */
	Oid			owner;			/* .. and who connects to it */
	char	   *slot;
	bool		made;			/* by Weir, which drops it */
	char	   *publication;	/* that Weir has made; NULL: none */
	int64		copied;			/* the copy is whole: LSN that it shows; 0: it is not */
	int64		stamp;			/* arrival of its rows, us since 2000 */
	int64		passed;			/* ends of the stream that were passed */
	WeirPosition handed;		/* what lies before it is not handed out again; no bytes: nothing */
} WeirChangeSlot;

/* Those of a job; the one of a stream, NULL: there is none.  In CurrentMemoryContext. */
extern List *weir_change_slots_of_job(int64 job);
extern WeirChangeSlot *weir_change_slot(int64 job, Oid stream);

/* Writes its database, server, owner, slot, made and publication; what there was of its copy is gone. */
extern void weir_change_slot_put(int64 job, const WeirChangeSlot *slot);
extern void weir_change_slot_set_copied(int64 job, Oid stream, int64 lsn, int64 stamp);
extern void weir_change_slot_set_passed(int64 job, Oid stream, int64 passed);
extern void weir_change_slot_set_handed(int64 job, Oid stream, const WeirPosition *position);
extern void weir_change_slot_forget_handed(int64 job, Oid stream);
/* With its copy. */
extern void weir_change_slot_delete(int64 job, Oid stream);

/* Lines of the copy, each ended by a newline, in pieces; so many rows are before it. */
extern void weir_change_copy_add(int64 job, Oid stream, int64 before, int nrows,
								 const char *data, int len);
/* The piece with the row behind so many; in CurrentMemoryContext.  False: there is none. */
extern bool weir_change_copy_read(int64 job, Oid stream, int64 rows, int64 *before, char **data, int *len);
extern void weir_change_copy_delete(int64 job, Oid stream);

#endif
