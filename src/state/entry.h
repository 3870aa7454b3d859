/*
 * state/entry.h
 *		Inside the store: groups, entries, cells.  For the files of state/ only.
 *
 * An entry is one piece of slab memory:
 *
 *		hash, flags | a null byte a key column | a flags byte a state |
 *		a datum a key column | per state: its value, its stamp if it has a ttl,
 *		its note if it can be due
 *
 * Flat copies of key columns and values that are not by-value are pieces of
 * their own.  A cell is what an entry holds of one state: a value, or of some
 * kinds of state a live object, or bytes in place of the value.
 */
#ifndef WEIR_STATE_ENTRY_H
#define WEIR_STATE_ENTRY_H

#include "postgres.h"

#include "fmgr.h"
#include "lib/ilist.h"
#include "lib/stringinfo.h"

#include "base/keytype.h"
#include "record/batch.h"
#include "state/flat.h"
#include "state/input.h"
#include "state/slab.h"
#include "state/store.h"

#define WEIR_ENTRY_DIRTY 1		/* in its group's dirty list */
#define WEIR_ENTRY_WRITTEN 2	/* some chunk since the group's last full one may hold it */

#define WEIR_ENTRY_CHANGED 4	/* in the store's list of changed keys */

#define WEIR_CELL_PRESENT 1
#define WEIR_CELL_NULL 2		/* present, and the value is SQL NULL */

typedef struct WeirGroup WeirGroup;

typedef struct WeirEntry
{
	uint32		hash;
	uint8		flags;
	uint8		bytes[FLEXIBLE_ARRAY_MEMBER];
} WeirEntry;

typedef struct WeirCell
{
	Datum		value;
	int64		stamp;			/* 0 without a ttl */
	uint8		flags;
} WeirCell;						/* of a cell in place the value is the address of its bytes */

/*
 * A live object: what a cell of some kinds of state owns in memory, instead of
 * a flat datum, so that a record changes a part of it at the cost of that part.
 * Its kind's own struct begins with this.  It becomes bytes only in a chunk.
 *
 * Changing one, for its kind (cell.c):
 *
 *		live = weir_live_get(state, entry)		NULL: the cell is empty
 *		weir_live_put(state, entry, live)		the cell owns this one instead
 *		live = weir_live_modify(state, group, entry)
 *												one that may be changed at will
 *		weir_live_changed(state, group, entry, bytes_before)
 *												keeps the books after a change
 *
 * Inside a subtransaction weir_live_modify first copies the object, once a
 * subtransaction.  A kind for which that is too much asks weir_live_needs_undo,
 * notes what it changes in a piece of its own and hands that to
 * weir_undo_log_change.
 */
typedef struct WeirLive
{
	uint64		made_in;		/* weir_undo_mark() when it was made or copied */
	int64		bytes;			/* in a chunk, as near as accounting needs */
} WeirLive;

/* What a kind of live objects has to offer.  All in the store's memory. */
typedef struct WeirLiveOps
{
	/* When the store is created: fills state->detail. */
	void		(*init) (WeirState *state);

	/* As bytes of a chunk, and back; *wrong says why bytes cannot be one. */
	void		(*flatten) (WeirState *state, WeirLive *live, StringInfo out);
	WeirLive   *(*unflatten) (WeirState *state, const char *bytes, Size size,
							  const char **wrong);

	WeirLive   *(*copy) (WeirState *state, WeirLive *live);
	void		(*free) (WeirState *state, WeirLive *live);

	/* A hint that it will be changed soon: fetches what that takes beside its begin.  NULL: nothing. */
	void		(*ahead) (WeirState *state, WeirLive *live);

	/*
	 * Of a kind whose parts expire one by one (its cells have no stamp): removes
	 * at most limit expired parts, the whole cell with the last one.  Returns
	 * when the next part expires.  NULL: the cell expires as a whole.
	 */
	int64		(*expire) (WeirState *state, WeirGroup *group, WeirEntry *entry, int limit);

	/*
	 * What it handed to weir_undo_log_change: undo it, or only free it (the object
	 * may be gone by then; NULL: nothing to free).  Where weir_live_needs_undo said
	 * no, changes that came later than this one may not have been undone before:
	 * then the object is about to go, but must not be read beyond what it is.
	 */
	void		(*revert) (WeirState *state, WeirLive *live, void *change);
	void		(*forget) (WeirState *state, void *change);

	/*
	 * The earliest time at which something is to be done with the object, of a step
	 * that goes by event time (due.h); PG_INT64_MAX: nothing is.  NULL: of a kind of
	 * which nothing ever is.  Any change after which it is earlier ends with weir_due_set.
	 */
	int64		(*due) (WeirState *state, WeirLive *live);
} WeirLiveOps;

/*
 * What a kind of state offers whose cells are bytes in the entry itself, without
 * a pointer in them: copied by memcpy, not freed.  Aligned as a Datum.
 *
 *		bytes = weir_in_place(state, entry)		good only while the cell is present
 *		weir_undo_log(.., WEIR_UNDO_CELL)		before they change in a subtransaction
 *		weir_cell_written_in_place(..)			after they have
 */
typedef struct WeirInPlaceOps
{
	/* As bytes of a chunk, and back; what is wrong with bytes. */
	void		(*flatten) (WeirState *state, const void *cell, StringInfo out);
	const char *(*unflatten) (WeirState *state, const char *bytes, Size size, void *cell);
	/* The same of what a live object of the same state wrote. */
	const char *(*unflatten_live) (WeirState *state, const char *bytes, Size size, void *cell);
} WeirInPlaceOps;

/* How a key column is compared. */
typedef enum WeirKeyEquality
{
	WEIR_EQUAL_DATUM,			/* by-value, equal when the datums are */
	WEIR_EQUAL_BYTES,			/* equal when the bytes are */
	WEIR_EQUAL_CALL
} WeirKeyEquality;

typedef struct WeirKeyColumnState
{
	WeirFlatType type;
	WeirKeyEquality equality;
	FmgrInfo	equal;
	WeirKeyHash hash;
	Oid			collation;
	char	   *scratch;		/* aligned copy of the column, while a chunk is read */
	Size		scratch_size;
} WeirKeyColumnState;

struct WeirState
{
	WeirStore  *store;
	int			index;
	WeirStateDecl decl;
	int			name_length;
	WeirFlatType type;
	WeirInput	input;
	bool		converts;		/* values of what is being loaded are of another type */
	bool		default_isnull;
	Datum		default_value;
	const WeirLiveOps *live;	/* NULL: its cells are flat values, or in place */
	const WeirInPlaceOps *in_place; /* NULL: an entry has but a datum of it */
	Size		in_place_size;
	int64		flat_size;		/* of a cell in place in a chunk, as near as accounting needs */
	void	   *detail;			/* what its kind keeps for all keys */
	Size		value_offset;
	Size		stamp_offset;	/* 0: no ttl, no stamp */
	Size		due_offset;		/* 0: nothing of it is ever due */
};

/* Where an entry keeps when a cell of it is due, in the queue (due.c). */
typedef struct WeirDueNote
{
	dlist_node	node;			/* next is NULL: it is not noted */
	int64		at;
} WeirDueNote;

typedef struct WeirDueQueue WeirDueQueue;

typedef struct WeirSlot
{
	WeirEntry  *entry;
	uint32		hash;
	uint32		status;
} WeirSlot;

#define SH_PREFIX weir_table
#define SH_ELEMENT_TYPE WeirSlot
#define SH_KEY_TYPE WeirEntry *
#define SH_SCOPE extern
#define SH_DECLARE
#include "lib/simplehash.h"

/* The table's 32 bits, independent of those that chose the group. */
static inline uint32
weir_table_hash_of(uint64 hash)
{
	return (uint32) ((hash * UINT64CONST(0x9e3779b97f4a7c15)) >> 32);
}

struct WeirGroup
{
	weir_table_hash *table;		/* NULL: no entry yet */
	WeirEntry **dirty;			/* each dirty entry once, in no order */
	int			ndirty;
	int			dirty_room;
	bool		has_base;		/* a full chunk was written or loaded */
	int64		delta_bytes;	/* chunks written or loaded since */
	int64		live_bytes;		/* what its entries would take in a full chunk */
};

typedef enum WeirUndoKind
{
	WEIR_UNDO_CELL,				/* the whole cell, its value or object the log's */
	WEIR_UNDO_STAMP,
	WEIR_UNDO_CHANGE,			/* a part of its live object */
	WEIR_UNDO_NOTED,			/* its entry came into the list of changed keys */
	WEIR_UNDO_DUE				/* it was taken out of the queue of what is due */
} WeirUndoKind;

typedef struct WeirUndo
{
	WeirEntry  *entry;
	int			group;
	int			state;
	int			level;			/* of transaction nesting; ascending in the log */
	WeirUndoKind kind;
	WeirCell	old;
	void	   *change;			/* what the live object noted */
} WeirUndo;

/* A key that has changed, and the record that changed it first. */
typedef struct WeirChange
{
	WeirEntry  *entry;
	int64		line;
	char	   *raw;			/* NULL: it is not kept */
	int			raw_len;
	int			source;
	struct WeirRowBefore *before;	/* what its row was; NULL: it had none, or it is not kept */
} WeirChange;

struct WeirStore
{
	dlist_node	node;			/* in the process's list of stores */
	MemoryContext context;
	MemoryContextCallback on_delete;
	uint64		generation;
	char	   *function;
	WeirSlab   *slab;

	int			nkeys;
	WeirKeyColumnState *keys;
	int			nstates;
	WeirState  *states;
	Size		key_offset;
	Size		entry_size;

	int			max_parallelism;
	int			first_group;
	int			ngroups;
	WeirGroup  *groups;			/* of first_group, and so on */
	int64		nentries;		/* that hold something */
	int64		ndirty;
	int64		clock;
	struct WeirConversion *conversion;	/* of what is loaded; NULL: none */

	/* the current key */
	const Datum *key;
	const bool *key_isnull;
	uint64		key_hash;
	bool		by_partition;	/* groups are, of keys: the hash alone does not tell which */
	WeirGroup  *group;			/* its group, once looked up */
	WeirEntry  *entry;			/* its entry, once looked up and found */
	bool		looked_up;

	/* changed.c: keys whose rows are to be handed on */
	WeirChange *changes;
	int64		nchanges;
	int64		nforgotten;		/* of them, the first: not in the list any more */
	int64		changes_room;
	MemoryContext changes_raw;	/* of the records' bytes; NULL: none yet */

	WeirDueQueue *due;			/* NULL: of no state anything is ever due */
	bool		timers_end;		/* none can be set (kinds/timers.h) */

	/* undo log */
	WeirUndo   *undo;
	int			nundo;
	int			undo_room;
	uint32		undo_serial;	/* how often the log was emptied */

	/* incremental cleanup: where it is, what it has seen since group 0 */
	bool		has_ttl;
	bool		guarded;		/* put off: it could not be undone */
	int			sweeps_due;
	int64		shortest_ttl;
	int			sweep_group;
	uint32		sweep_slot;
	int64		sweep_started;	/* clock then */
	int64		sweep_next_expiry;	/* earliest among what it left */
	int64		sweep_not_before;
};

static inline Datum *
weir_entry_key(const WeirStore *store, WeirEntry *entry)
{
	return (Datum *) ((char *) entry + store->key_offset);
}

static inline uint8 *
weir_entry_key_nulls(WeirEntry *entry)
{
	return entry->bytes;
}

static inline uint8 *
weir_cell_flags(const WeirState *state, WeirEntry *entry)
{
	return &entry->bytes[state->store->nkeys + state->index];
}

static inline Datum *
weir_cell_value(const WeirState *state, WeirEntry *entry)
{
	return (Datum *) ((char *) entry + state->value_offset);
}

static inline int64 *
weir_cell_stamp(const WeirState *state, WeirEntry *entry)
{
	return state->stamp_offset ? (int64 *) ((char *) entry + state->stamp_offset) : NULL;
}

static inline WeirDueNote *
weir_due_note_of(const WeirState *state, WeirEntry *entry)
{
	return (WeirDueNote *) ((char *) entry + state->due_offset);
}

/* Does it hold nothing? */
static inline bool
weir_entry_is_empty(const WeirStore *store, WeirEntry *entry)
{
	for (int i = 0; i < store->nstates; i++)
		if (entry->bytes[store->nkeys + i] & WEIR_CELL_PRESENT)
			return false;
	return true;
}

/* The object of a live state's cell, NULL if it is empty. */
static inline WeirLive *
weir_live_get(const WeirState *state, WeirEntry *entry)
{
	if (!(*weir_cell_flags(state, entry) & WEIR_CELL_PRESENT))
		return NULL;
	return (WeirLive *) DatumGetPointer(*weir_cell_value(state, entry));
}

/* The bytes of a cell in place, of a size that its state knows. */
static inline void *
weir_in_place(const WeirState *state, WeirEntry *entry)
{
	return (char *) entry + state->value_offset;
}

#define weir_state_expires_in_parts(state) ((state)->live && (state)->live->expire)

/* Does the cell own a flat piece of memory? */
#define weir_cell_has_piece(state, flags) \
	((flags) == WEIR_CELL_PRESENT && (state)->live == NULL && (state)->in_place == NULL && \
	 !(state)->type.typbyval)

/* key.c */
extern void weir_key_column_init(WeirKeyColumnState *column, const WeirStoreKey *key,
								 MemoryContext context);
extern bool weir_key_column_equal(WeirKeyColumnState *column, Datum stored, bool stored_isnull,
								  Datum given, bool given_isnull);
extern void weir_keys_init(WeirStore *store, const WeirStoreKey *keys);
extern bool weir_keys_equal(const WeirStore *store, WeirEntry *entry);
extern uint64 weir_keys_hash(const WeirStore *store, const Datum *key, const bool *isnull);
extern void weir_keys_copy(WeirStore *store, WeirEntry *entry);
extern void weir_keys_free(WeirStore *store, WeirEntry *entry);
extern Size weir_keys_size(const WeirStore *store, WeirEntry *entry);

/* entry.c: entries of the current key, and their end */
extern WeirGroup *weir_current_group(WeirStore *store);
extern WeirEntry *weir_entry_find(WeirStore *store);
extern WeirEntry *weir_entry_make(WeirStore *store);
/* Its key becomes the current one, without being searched for. */
extern void weir_entry_enter(WeirStore *store, WeirEntry *entry);
extern void weir_entry_delete(WeirStore *store, WeirGroup *group, WeirEntry *entry);
extern void weir_entry_dirty(WeirStore *store, WeirGroup *group, WeirEntry *entry);
extern void weir_group_shrink(WeirStore *store, WeirGroup *group);

/* cell.c: the one place where entries' contents change */
extern WeirCell weir_cell_get(const WeirState *state, WeirEntry *entry);
extern void weir_cell_put(WeirState *state, WeirGroup *group, WeirEntry *entry, WeirCell cell);
extern void weir_cell_free(WeirState *state, WeirCell cell);
extern void weir_cell_set(WeirState *state, WeirEntry *entry, Datum value, bool isnull);
extern void weir_cell_renew(WeirState *state, WeirEntry *entry);
extern void weir_cell_remove(WeirState *state, WeirGroup *group, WeirEntry *entry, bool undoable);
extern bool weir_cell_is_expired(const WeirState *state, WeirEntry *entry);
extern void weir_cell_written_in_place(WeirState *state, WeirGroup *group, WeirEntry *entry, bool present);
extern void weir_live_put(WeirState *state, WeirEntry *entry, WeirLive *live);
extern WeirLive *weir_live_modify(WeirState *state, WeirGroup *group, WeirEntry *entry);
extern void weir_live_changed(WeirState *state, WeirGroup *group, WeirEntry *entry,
							  int64 bytes_before);
extern bool weir_live_needs_undo(const WeirState *state, const WeirLive *live);

/* undo.c */
extern void weir_undo_attach(WeirStore *store);
extern void weir_undo_detach(WeirStore *store);
extern bool weir_undo_wanted(void);
extern uint64 weir_undo_mark(const WeirStore *store);
extern void weir_undo_log(WeirState *state, WeirGroup *group, WeirEntry *entry,
						  WeirUndoKind kind);
extern void weir_undo_log_change(WeirState *state, WeirGroup *group, WeirEntry *entry,
								 void *change);

/* changed.c */
extern void weir_changed_note(WeirState *state, WeirGroup *group, WeirEntry *entry,
							  const WeirBatch *in, int row);
/* Of what belongs to the changes in the list. */
extern MemoryContext weir_changed_context(WeirStore *store);
extern void weir_changed_take_back(WeirStore *store, WeirEntry *entry);
extern void weir_changed_forget(WeirStore *store, int64 n);

/*
 * due.c, see due.h.  After a change, what is due of the cell (PG_INT64_MAX: nothing): noted
 * if that is earlier than what is.
 */
extern void weir_due_set(WeirState *state, WeirEntry *entry, int64 due);
/* The same for what its object says, if it is of a kind that does. */
extern void weir_due_note(WeirState *state, WeirEntry *entry);
/* Before the entry goes. */
extern void weir_due_forget(WeirStore *store, WeirEntry *entry);
extern void weir_due_init(WeirStore *store);

/* How many are in the list; those, from 0. */
static inline int64
weir_changed_left(const WeirStore *store)
{
	return store->nchanges - store->nforgotten;
}

static inline WeirChange *
weir_changed_at(const WeirStore *store, int64 n)
{
	return &store->changes[store->nforgotten + n];
}

/* window_object.c */
extern const WeirLiveOps weir_window_ops;

/* time_window_object.c */
extern const WeirLiveOps weir_time_window_ops;

/* ranked_object.c */
extern const WeirLiveOps weir_ranked_ops;

/* live.c: which kinds have live objects */
extern const WeirLiveOps weir_list_ops;
extern const WeirLiveOps weir_map_ops;
extern const WeirLiveOps weir_aggregating_ops;
extern const WeirLiveOps weir_rows_ops;
extern const WeirLiveOps weir_timers_ops;
extern const WeirLiveOps *weir_live_ops(WeirStateKind kind);

/* sweep.c: expired entries of other keys */
extern void weir_sweep(WeirStore *store);
extern int64 weir_expiry_of(int64 stamp, int64 ttl);
extern void weir_entry_expire(WeirStore *store, WeirGroup *group, WeirEntry *entry);

#endif
