/*
 * state/kinds/rows_int.h
 *		Inside kept rows: for rows*.c only.
 */
#ifndef WEIR_STATE_KINDS_ROWS_INT_H
#define WEIR_STATE_KINDS_ROWS_INT_H

#include "postgres.h"

#include "state/entry.h"
#include "state/kinds/rows.h"

/* What all keys of a state share. */
typedef struct RowsDetail
{
	TupleDesc	desc;
	WeirKeptSources sources;
	WeirFlatColumns columns;	/* with a row that is being made */
	int64		longest;		/* weir_rows_longest */
	bool		retains;		/* rows that are removed go to "removed" */
	WeirKept  **removed;
	int			nremoved;
	int			removed_room;
} RowsDetail;

/*
 * A key's.  While "until" ascends along the rows, the first is the next that is due;
 * else the rows are in a heap too, the next that is due on top.
 */
typedef struct WeirRows
{
	WeirLive	live;
	uint64		next_seq;
	uint32		first;			/* where the rows begin */
	uint32		n;
	uint32		room;
	WeirKept  **rows;
	WeirKept  **heap;			/* of the same room and number; NULL: not needed */
} WeirRows;

static inline const RowsDetail *
rows_detail(const WeirState *state)
{
	return state->detail;
}

/* Where a row's record is from. */
typedef struct RowRecord
{
	int64		line;
	int64		stamp;
	int			source;
	WeirRaw		raw;
} RowRecord;

/* rows_array.c: rows and their order, as they are, without undo */
extern void weir_rows_init(WeirState *state);
extern WeirRows *weir_rows_make(WeirState *state, uint32 room);
extern void weir_rows_free(WeirState *state, WeirLive *live);
/* Of the values and nulls in the detail. */
extern WeirKept *weir_kept_make(WeirState *state, const RowRecord *record);
extern void weir_kept_free(WeirState *state, WeirKept *kept);
extern void weir_rows_make_room(WeirState *state, WeirRows *rows);
/* The number of the first row that does not come before this time and arrival. */
extern uint32 weir_rows_place(const WeirRows *rows, int64 time, uint64 seq);
/* There must be room. */
extern uint32 weir_rows_insert(WeirState *state, WeirRows *rows, WeirKept *kept);
/* Takes out rows, which are the caller's then. */
extern void weir_rows_take_out(WeirState *state, WeirRows *rows, uint32 from, uint32 to);
extern void weir_rows_set_until(WeirState *state, WeirRows *rows, uint32 n, int64 until);
extern const WeirKept *weir_rows_next_due(const WeirRows *rows);

/* rows_heap.c */
extern void weir_rows_heap_fill(WeirRows *rows);
extern void weir_rows_heap_add(WeirRows *rows, WeirKept *kept, uint32 n);
extern void weir_rows_heap_remove(WeirRows *rows, WeirKept *kept, uint32 n);
extern void weir_rows_heap_moved(WeirRows *rows, WeirKept *kept, uint32 n);

/* rows_flat.c: as bytes */
extern void weir_rows_flatten(WeirState *state, WeirLive *live, StringInfo out);
extern WeirLive *weir_rows_unflatten(WeirState *state, const char *bytes, Size size,
									 const char **wrong);

#endif
