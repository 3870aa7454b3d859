/*
 * state/kinds/ranked.c
 *		The best rows of a key, and which of them have changed.
 */
#include "postgres.h"

#include "state/kinds/ranked.h"
#include "state/kinds/ranked_int.h"

bool
weir_ranked_calls_user(const WeirState *state)
{
	return weir_ranking_of(state)->order->calls_user;
}

/* Does the row that has come stand before this one? */
static inline bool
is_before(const WeirRanking *ranking, const WeirRankedRow *row)
{
	int			order = weir_order_compare(ranking->order, ranking->columns.values, ranking->columns.nulls,
										   row->values, weir_ranked_row_nulls(ranking, row));

	return order < 0 || (order == 0 && ranking->last_first);
}

/* Where the row that has come would stand; the limit: nowhere. */
static int
place(const WeirRanking *ranking, const WeirRanked *ranked)
{
	int			low = 0;
	int			high = ranked->n;

	if (high > 0 && !is_before(ranking, ranked->rows[high - 1]))
		return high;
	while (low < high)
	{
		int			middle = low + (high - low) / 2;

		if (is_before(ranking, ranked->rows[middle]))
			high = middle;
		else
			low = middle + 1;
	}
	return low;
}

static void
read_row(WeirRanking *ranking, const WeirBatch *in, int row)
{
	for (int i = 0; i < ranking->desc->natts; i++)
	{
		ranking->columns.values[i] = in->columns[i].values[row];
		ranking->columns.nulls[i] = weir_vector_is_null(&in->columns[i], row);
	}
}

/* The current key's, ready to be changed. */
static WeirRanked *
open_ranked(WeirState *state, WeirGroup *group, WeirEntry *entry)
{
	WeirRanked *ranked = (WeirRanked *) weir_live_get(state, entry);

	if (ranked)
		return (WeirRanked *) weir_live_modify(state, group, entry);
	ranked = weir_ranked_make(state);
	weir_live_put(state, entry, &ranked->live);
	return ranked;
}

void
weir_ranked_add(WeirState *state, const WeirBatch *in, int row)
{
	WeirRanking *ranking = weir_ranking_of(state);
	WeirEntry  *entry = weir_entry_find(state->store);
	WeirRanked *ranked = entry ? (WeirRanked *) weir_live_get(state, entry) : NULL;
	WeirGroup  *group;
	WeirRankedRow *kept;
	int64		before;
	int			at = 0;

	read_row(ranking, in, row);
	if (ranked && (at = place(ranking, ranked)) == ranking->limit)
		return;
	kept = weir_ranked_row_make(state);
	entry = weir_entry_make(state->store);
	group = weir_current_group(state->store);
	ranked = open_ranked(state, group, entry);
	before = ranked->live.bytes;
	if (ranked->n == ranking->limit)
		weir_ranked_drop_last(state, ranked);
	weir_ranked_insert(state, ranked, at, kept);
	ranked->changed = Min(ranked->changed, at);
	weir_live_changed(state, group, entry, before);
	weir_changed_note(state, group, entry, in, row);
}

/* ---- what has changed ---- */

static WeirRanked *
changed(WeirState *state, int64 n)
{
	return (WeirRanked *) weir_live_get(state, weir_changed_at(state->store, n)->entry);
}

int
weir_ranked_changed_rows(WeirState *state, int64 n, int *first)
{
	const WeirRanked *ranked = changed(state, n);

	*first = ranked ? ranked->changed : 0;
	return ranked ? ranked->n : 0;
}

static void
copy_row(const WeirRanking *ranking, const WeirRankedRow *row, Datum *values, bool *nulls)
{
	memcpy(values, row->values, sizeof(Datum) * ranking->desc->natts);
	memcpy(nulls, weir_ranked_row_nulls(ranking, row), sizeof(bool) * ranking->desc->natts);
}

void
weir_ranked_changed_row(WeirState *state, int64 n, int row, Datum *values, bool *nulls)
{
	copy_row(weir_ranking_of(state), changed(state, n)->rows[row], values, nulls);
}

/* What is not to be handed on again is no part of the state: it is written when all has been. */
void
weir_ranked_forget(WeirState *state, int64 n)
{
	for (int64 i = 0; i < n; i++)
	{
		WeirRanked *ranked = changed(state, i);

		if (ranked)
			ranked->changed = ranked->n;
	}
	weir_changed_forget(state->store, n);
}

/* ---- the current key's, to look at ---- */

static const WeirRanked *
current(WeirState *state)
{
	WeirEntry  *entry = weir_entry_find(state->store);

	return entry ? (const WeirRanked *) weir_live_get(state, entry) : NULL;
}

int
weir_ranked_count(WeirState *state)
{
	const WeirRanked *ranked = current(state);

	return ranked ? ranked->n : 0;
}

void
weir_ranked_row(WeirState *state, int row, Datum *values, bool *nulls)
{
	copy_row(weir_ranking_of(state), current(state)->rows[row], values, nulls);
}

TupleDesc
weir_ranked_desc(const WeirState *state)
{
	return weir_ranking_of(state)->desc;
}
