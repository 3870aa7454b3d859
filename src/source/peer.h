/*
 * source/peer.h
 *		Whoever is sent the rows that a job inserts into a stream's table.
 *
 * Rows wait in the outbox, each as a line or as bytes that its peer alone reads, and
 * are sent when their epoch is committed.  A source's table takes rows where its
 * WeirSourceOps name such a peer: weir_socket's and those of other modules.
 */
#ifndef WEIR_SOURCE_PEER_H
#define WEIR_SOURCE_PEER_H

#include "postgres.h"

#include "executor/tuptable.h"

#include "source/stream.h"

typedef enum WeirEmitResult
{
	WEIR_EMIT_PROGRESS,			/* go on */
	WEIR_EMIT_WAIT,				/* as "wait" says */
	WEIR_EMIT_DONE				/* all that was committed is sent */
} WeirEmitResult;

/* The peer of a table, in a task's process; its own struct begins with this. */
typedef struct WeirPeer
{
	const struct WeirPeerOps *ops;
	int64		job;
	const char *job_name;
	Oid			table;
	WeirStream *stream;
	MemoryContext context;		/* of what it keeps, for as long as the process lives */
	MemoryContext scratch;		/* between weir_peer_begin and weir_peer_end */
	int64		record;			/* for who catches what turn raises: id of the outbox's row that it is
								 * about, 0: none's */
	char		error[256];		/* why it waits for its peer; "": it does not */
} WeirPeer;

typedef struct WeirPeerOps
{
	const char *written;		/* how, for weir.explain_job: "as lines to a socket" */
	Size		size;			/* of its own struct, zeroed */

	/*
	 * What waits in the outbox for a row, and what is to be known of the table for that, in
	 * CurrentMemoryContext both; NULL: rows wait as lines (sink/line.h).
	 */
	void	   *(*format) (const WeirStream *stream);
	bytea	   *(*encode) (void *format, TupleTableSlot *row);

	/* The metadata that an insert may set, ending with NULL; NULL: its tables can have no metadata. */
	const struct WeirMetadata *const *sets;

	/* In a transaction, in the peer's context. */
	void		(*open) (WeirPeer *peer);
	/* As far as it goes without waiting.  Outside a transaction. */
	WeirEmitResult (*turn) (WeirPeer *peer);
	/* What to wait for: a socket (PGINVALID_SOCKET: none) with these events, and no longer than *timeout ms (-1: for ever). */
	pgsocket	(*wait) (WeirPeer *peer, int *events, long *timeout);
} WeirPeerOps;

extern const WeirPeerOps weir_socket_peer;	/* sink/socket_peer.c */

/* A transaction on the outbox (catalog/outbox.h), in the scratch context, which is empty afterwards. */
extern PGDLLEXPORT void weir_peer_begin(WeirPeer *peer);
extern PGDLLEXPORT void weir_peer_end(WeirPeer *peer);

/* All up to this row of the outbox is the peer's: it is deleted, in a transaction. */
extern PGDLLEXPORT void weir_peer_has(WeirPeer *peer, int64 through);

#endif
