/*
 * catalog/feed.h
 *		weir_internal.feed: the journals of streams that INSERT and COPY fill, one
 *		for each job that reads the stream.
 *
 * A journal has two tables, weir_internal.feed_<job>_<stream>_<slot>.  The
 * functions need a transaction, those that run a statement an active snapshot, too.
 */
#ifndef WEIR_CATALOG_FEED_H
#define WEIR_CATALOG_FEED_H

#include "postgres.h"

#include "nodes/pg_list.h"

#include "decide/position.h"

#define WEIR_FEED_SLOTS	2

/* A row. */
typedef struct WeirFeedJournal
{
	int64		job;
	Oid			stream;
	int			slot;			/* the table that takes rows */
	WeirPosition forgotten;		/* rows before it are kept no more; no bytes: all are kept */
	int64		passed;			/* the place of an end of the stream that was passed */
} WeirFeedJournal;

/* A slot's table, without its schema; its OID, InvalidOid if there is none. */
extern char *weir_feed_table_name(int64 job, Oid stream, int slot);
extern Oid	weir_feed_table(int64 job, Oid stream, int slot);

/* The journals of a stream, as last committed: without an executor, since writers ask for each statement. */
extern List *weir_feed_journals(Oid stream);

/* Those of a job; the one of a stream, NULL: there is none.  In CurrentMemoryContext. */
extern List *weir_feed_journals_of_job(int64 job);
extern WeirFeedJournal *weir_feed_journal(int64 job, Oid stream);

extern void weir_feed_insert(int64 job, Oid stream);
extern void weir_feed_set_slot(int64 job, Oid stream, int slot);
extern void weir_feed_set_forgotten(int64 job, Oid stream, const WeirPosition *position);
extern void weir_feed_set_passed(int64 job, Oid stream, int64 place);
extern void weir_feed_truncate(int64 job, Oid stream, int slot);
extern void weir_feed_delete(int64 job, Oid stream);

#endif
