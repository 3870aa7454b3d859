/*
 * state/entry.h
 *		Inside the store: groups, entries, cells.  For the files of state/ only.
 *
 * An entry is one piece of slab memory:
 *
 *		hash, flags | a null byte a key column | a flags byte a state |
 *		a datum a key column | per state: its value, its stamp if it has a ttl
 *
 * Flat copies of key columns and values that are not by-value are pieces of
 * their own.  A cell is what an entry holds of one state.
 */
#ifndef WEIR_STATE_ENTRY_H
#define WEIR_STATE_ENTRY_H

#include "postgres.h"

#include "fmgr.h"
#include "lib/ilist.h"

#include "state/flat.h"
#include "state/slab.h"
#include "state/store.h"

#define WEIR_ENTRY_DIRTY 1		/* in its group's dirty list */
#define WEIR_ENTRY_WRITTEN 2	/* some chunk since the group's last full one may hold it */

#define WEIR_CELL_PRESENT 1
#define WEIR_CELL_NULL 2		/* present, and the value is SQL NULL */

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
} WeirCell;

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
	FmgrInfo	hash;			/* extended */
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
	bool		default_isnull;
	Datum		default_value;
	FmgrInfo	input;
	Oid			input_param;
	bool		coerces;		/* the type's modifier is enforced by */
	FmgrInfo	coercion;
	Size		value_offset;
	Size		stamp_offset;	/* 0: no ttl, no stamp */
};

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

typedef struct WeirGroup
{
	weir_table_hash *table;		/* NULL: no entry yet */
	WeirEntry **dirty;			/* each dirty entry once, in no order */
	int			ndirty;
	int			dirty_room;
	bool		has_base;		/* a full chunk was written or loaded */
	int64		delta_bytes;	/* chunks written or loaded since */
	int64		live_bytes;		/* what its entries would take in a full chunk */
} WeirGroup;

typedef struct WeirUndo
{
	WeirEntry  *entry;
	int			group;
	int			state;
	int			level;			/* of transaction nesting; ascending in the log */
	bool		stamp_only;
	WeirCell	old;			/* its value belongs to the log */
} WeirUndo;

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

	/* the current key */
	const Datum *key;
	const bool *key_isnull;
	uint64		key_hash;
	WeirGroup  *group;			/* its group, once looked up */
	WeirEntry  *entry;			/* its entry, once looked up and found */
	bool		looked_up;

	/* undo log */
	WeirUndo   *undo;
	int			nundo;
	int			undo_room;
	int			guard_level;	/* of the subtransaction round a batch, 0: none */

	/* incremental cleanup: where it is, what it has seen since group 0 */
	bool		has_ttl;
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

/* Does the cell own a piece of memory? */
#define weir_cell_has_piece(state, flags) \
	((flags) == WEIR_CELL_PRESENT && !(state)->type.typbyval)

/* key.c */
extern void weir_keys_init(WeirStore *store, const WeirStoreKey *keys);
extern bool weir_keys_equal(const WeirStore *store, WeirEntry *entry);
extern uint64 weir_keys_hash(const WeirStore *store, const Datum *key, const bool *isnull);
extern void weir_keys_copy(WeirStore *store, WeirEntry *entry);
extern void weir_keys_free(WeirStore *store, WeirEntry *entry);
extern Size weir_keys_size(const WeirStore *store, WeirEntry *entry);

/* entry.c: entries of the current key, and their end */
extern uint32 weir_table_hash_of(uint64 hash);
extern WeirGroup *weir_current_group(WeirStore *store);
extern WeirEntry *weir_entry_find(WeirStore *store);
extern WeirEntry *weir_entry_make(WeirStore *store);
extern void weir_entry_delete(WeirStore *store, WeirGroup *group, WeirEntry *entry);
extern void weir_entry_dirty(WeirStore *store, WeirGroup *group, WeirEntry *entry);
extern bool weir_entry_is_empty(const WeirStore *store, WeirEntry *entry);
extern void weir_group_shrink(WeirStore *store, WeirGroup *group);

/* cell.c: the one place where entries' contents change */
extern WeirCell weir_cell_get(const WeirState *state, WeirEntry *entry);
extern void weir_cell_put(WeirState *state, WeirGroup *group, WeirEntry *entry, WeirCell cell);
extern void weir_cell_free(WeirState *state, WeirCell cell);
extern void weir_cell_set(WeirState *state, WeirEntry *entry, Datum value, bool isnull);
extern void weir_cell_renew(WeirState *state, WeirEntry *entry);
extern void weir_cell_remove(WeirState *state, WeirGroup *group, WeirEntry *entry, bool undoable);
extern bool weir_cell_is_expired(const WeirState *state, WeirEntry *entry);

/* undo.c */
extern void weir_undo_attach(WeirStore *store);
extern void weir_undo_detach(WeirStore *store);
extern bool weir_undo_wanted(void);
extern void weir_undo_log(WeirState *state, WeirGroup *group, WeirEntry *entry, bool stamp_only);
extern void weir_undo_log_expired(WeirState *state, WeirGroup *group, WeirEntry *entry);

/* sweep.c: expired entries of other keys */
extern void weir_sweep(WeirStore *store);
extern void weir_entry_expire(WeirStore *store, WeirGroup *group, WeirEntry *entry);

#endif
