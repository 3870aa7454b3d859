/*
 * state/kinds/rows.h
 *		Kept rows: those of a key that wait for others, in the order of their time,
 *		of equal times in that of their arrival.
 *
 * Each has a moment at which something is to be done with it, "until".  All functions
 * are of the current key; rows are numbered from 0, and numbers and pointers are good
 * until rows of the key are added or removed.  Adding behind the others and removing
 * from the front cost little however many there are, as does finding the first that is due.
 */
#ifndef WEIR_STATE_KINDS_ROWS_H
#define WEIR_STATE_KINDS_ROWS_H

#include "postgres.h"

#include "access/tupdesc.h"

#include "record/batch.h"
#include "state/kinds/kept_source.h"
#include "state/store.h"

/* A store copies what it keeps. */
typedef struct WeirRowsDecl
{
	TupleDesc	desc;			/* of the rows */
	WeirKeptSources sources;	/* whose records rows may come of */
} WeirRowsDecl;

/*
 * A row.  Behind the values stand as many bools, true for NULL (weir_kept_nulls), then
 * what values by reference point to, and the record's bytes.
 */
typedef struct WeirKept
{
	int64		time;
	int64		until;			/* when it is due; PG_INT64_MAX: never */
	uint64		seq;			/* ascends with the arrival of the key's rows */
	int64		line;			/* of its record, as in a batch */
	int64		stamp;
	const char *raw;			/* NULL: not kept */
	uint32		raw_len;
	int			source;
	uint32		flags;			/* whose meaning is the caller's */
	uint32		heap;			/* where it stands among the due ones */
	uint32		size;			/* of all of it */
	int			natts;
	Datum		values[FLEXIBLE_ARRAY_MEMBER];
} WeirKept;

static inline const bool *
weir_kept_nulls(const WeirKept *kept)
{
	return (const bool *) (kept->values + kept->natts);
}

/* A row of the declared columns, which is copied; its number. */
extern int	weir_rows_add(WeirState *state, const WeirBatch *in, int row, int64 time, int64 until,
						  uint32 flags);
extern int	weir_rows_count(WeirState *state);
extern const WeirKept *weir_rows_at(WeirState *state, int n);
/* All of them, from 0; how many there are. */
extern int	weir_rows_all(WeirState *state, const WeirKept *const **rows);
/* The first with at least this time; their number if there is none. */
extern int	weir_rows_first(WeirState *state, int64 time);

extern void weir_rows_set(WeirState *state, int n, int64 until, uint32 flags);
/* Those of from .. to - 1. */
extern void weir_rows_remove(WeirState *state, int from, int to);

/* The lowest "until", PG_INT64_MAX: none is due; the first row that has it, -1: there is no row. */
extern int64 weir_rows_due(WeirState *state);
extern int	weir_rows_first_due(WeirState *state);

/* From now on rows that are removed can be read until they are released. */
extern void weir_rows_retain(WeirState *state);
extern void weir_rows_release(WeirState *state);

/*
 * Of all keys: by how much at most "until" is behind a row's time, of the rows that are
 * kept; perhaps more, never less.  Rows that are never due do not count.
 */
extern int64 weir_rows_longest(const WeirState *state);

/* The row of a batch comes of a kept row's record. */
extern void weir_rows_set_record(WeirBatch *batch, int row, const WeirKept *kept);

/* What the columns are. */
extern TupleDesc weir_rows_desc(const WeirState *state);

#endif
