/*
 * state/store.h
 *		The keyed state of one task: a hash table a key group, the key that is
 *		current while f runs, snapshots and restore.
 */
#ifndef WEIR_STATE_STORE_H
#define WEIR_STATE_STORE_H

#include "postgres.h"

#include "fmgr.h"

#include "decide/expiry.h"

typedef enum WeirStateKind
{
	WEIR_STATE_VALUE,
	WEIR_STATE_LIST,
	WEIR_STATE_MAP,
	WEIR_STATE_REDUCING,
	WEIR_STATE_AGGREGATING,
	WEIR_STATE_WINDOW,			/* of GROUP BY weir.count_window: no user declares it */
	WEIR_STATE_RUNNING,			/* of GROUP BY without a window: likewise */
	WEIR_STATE_ROWS,			/* rows that wait for others: likewise */
	WEIR_STATE_RANKED,			/* the best rows of a key: likewise */
	WEIR_STATE_TIME_WINDOW,		/* of GROUP BY a window of event time: likewise */
	WEIR_STATE_EVENT_TIMER,		/* of weir.create_timer, by its clock */
	WEIR_STATE_ARRIVAL_TIMER,
	WEIR_STATE_KINDS			/* none: how many there are */
} WeirStateKind;

/* Words of weir_internal.state.kind. */
extern const char *weir_state_kind_name(WeirStateKind kind);
extern bool weir_state_kind_parse(const char *word, WeirStateKind *out);

/* A declaration, resolved. */
typedef struct WeirStateDecl
{
	char	   *name;
	WeirStateKind kind;
	Oid			type;			/* of the value, element, accumulator, or what is aggregated */
	int32		typmod;
	Oid			key_type;		/* of a map */
	int32		key_typmod;
	Oid			result_type;	/* of reading: type, but for an aggregate */
	char	   *calls;			/* the reduce function's or handler's signature, the aggregate's name */
	bool		has_default;
	char	   *default_text;	/* NULL with has_default: SQL NULL */
	WeirTtl		ttl;
	const struct WeirWindowDecl *window;	/* WEIR_STATE_WINDOW, WEIR_STATE_RUNNING */
	const struct WeirTimeWindowDecl *time_window;	/* WEIR_STATE_TIME_WINDOW */
	const struct WeirRowsDecl *rows;	/* WEIR_STATE_ROWS */
	const struct WeirRankedDecl *ranked;	/* WEIR_STATE_RANKED */
} WeirStateDecl;

typedef struct WeirStoreKey
{
	Oid			type;
	Oid			eq_operator;
	Oid			collation;
} WeirStoreKey;

typedef struct WeirSnapshotStats
{
	int64		state_bytes;	/* bytes of all state held, as a full snapshot would count */
	int64		dirty_keys;
} WeirSnapshotStats;

typedef struct WeirStore WeirStore;
/* One declared state of a store. */
typedef struct WeirState WeirState;

/*
 * function is the keyed function's name for messages.  The store lives in a
 * context of its own below the current one; the default values are parsed now,
 * in the caller's transaction.
 */
extern WeirStore *weir_store_create(const char *function, int nkeys, const WeirStoreKey *keys,
									int nstates, const WeirStateDecl *states,
									int max_parallelism, int first_group, int end_group);
/* Before anything is loaded: a key's group is not by its hash, but the partition that it came of. */
extern void weir_store_group_by_partition(WeirStore *store);
extern void weir_store_destroy(WeirStore *store);

/*
 * Make a key current, so that the accessors work on it; leave it again.  The
 * clock rises to stamp; hash is weir_key_hash of the key.  Leaving expires a few entries elsewhere (incremental
 * cleanup).  Key and isnull stay the caller's, until it leaves.
 */
extern void weir_store_enter(WeirStore *store, const Datum *key, const bool *isnull,
							 uint64 hash, int64 stamp);
extern void weir_store_leave(WeirStore *store);
/* Instead of leaving: nothing was changed, and the clock was this before. */
extern void weir_store_forget_row(WeirStore *store, int64 clock);
/* A function whose task has no declared state still enters a key: nstates 0. */

/* These keys, at most WEIR_STORE_AHEAD, will be entered soon: their memory is fetched. */
#define WEIR_STORE_AHEAD 64
extern void weir_store_prefetch(WeirStore *store, const uint64 *hashes, int n);

/*
 * Round a subtransaction that runs a batch: cleanup, which it could not undo,
 * waits for its end.  Abandon after its abort, with the clock as it was before,
 * since the records will come again.
 */
extern void weir_store_guard(WeirStore *store);
extern void weir_store_unguard(WeirStore *store);
extern void weir_store_abandon(WeirStore *store, int64 clock);

extern int64 weir_store_clock(const WeirStore *store);
extern void weir_store_set_clock(WeirStore *store, int64 clock);

/*
 * Snapshot: hands out chunks (group, is_full, seq, payload), groups ascending.
 * full: whole groups; else what changed since the last snapshot, or the whole
 * group once changes outgrow the base.  Afterwards nothing is dirty.
 * A group without changes (or, full, without keys) yields nothing - but a full snapshot of an
 * emptied group yields one empty full chunk where earlier chunks may exist.
 * A group's first snapshot is full in any case.  Not inside a subtransaction, nor
 * while a key is current or changed keys have not been handed on.  A payload is the writer's only during the call.
 */
typedef void (*WeirChunkWriter) (void *arg, int group, bool is_full, int seq, bytea *payload);
extern void weir_store_snapshot(WeirStore *store, bool full, WeirChunkWriter writer, void *arg,
								WeirSnapshotStats *stats);
extern bool weir_store_is_dirty(const WeirStore *store);

/*
 * Restore: chunks of a group in order (checkpoint ascending, seq ascending), beginning with the newest full
 * one.  A damaged chunk is ERRCODE_DATA_CORRUPTED; a state whose type changed, or
 * that is not declared any more, is ERRCODE_DATATYPE_MISMATCH or
 * ERRCODE_UNDEFINED_OBJECT.  Set the clock first.
 */
extern void weir_store_load(WeirStore *store, int group, bool is_full, bytea *payload);

/* The same, but only whether the chunk fits the store's key and states; nothing is loaded. */
extern void weir_store_check(WeirStore *store, int group, bool is_full, bytea *payload);

/*
 * Before load: what becomes of states in chunks that are not declared
 * (drop_state: left behind), and of values of another type (migrate: name or
 * signature of a function that converts them; NULL: refused).
 */
extern void weir_store_convert(WeirStore *store, bool drop_state, const char *migrate);

/*
 * Visits each state of each key that holds one, as of the store's clock: what
 * has expired is gone.  During the visit the key is current, so that its state can
 * be read; the store is good for nothing but scans afterwards.
 */
typedef struct WeirScanned
{
	WeirState  *state;
	int			group;
	const Datum *key;
	const bool *key_isnull;
	int64		expires_at;		/* us; the first of its parts, where they expire
								 * one by one; PG_INT64_MAX: never */
} WeirScanned;

typedef void (*WeirStoreVisitor) (void *arg, const WeirScanned *scanned);
extern void weir_store_scan(WeirStore *store, WeirStoreVisitor visit, void *arg);

/* Bytes of memory, number of keys. */
extern int64 weir_store_memory(const WeirStore *store);
extern int64 weir_store_keys(const WeirStore *store);

/* Identifies the store among all this process ever had, for caches. */
extern uint64 weir_store_generation(const WeirStore *store);
extern const char *weir_store_function(const WeirStore *store);

/* The state of this name; NULL if the function did not declare it. */
extern WeirState *weir_store_state(WeirStore *store, const char *name, int length);
extern const WeirStateDecl *weir_state_decl(const WeirState *state);

/* The store whose key is current in this process; NULL outside a keyed step. */
extern WeirStore *weir_current_store;

#endif
