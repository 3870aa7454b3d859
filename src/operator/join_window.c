/*
 * operator/join_window.c
 *		A window join: rows of both sides are kept until their window, which is part of
 *		the key, is over; then all its pairs come.
 */
#include "postgres.h"

#include "utils/rangetypes.h"
#include "utils/typcache.h"

#include "operator/join_int.h"

/* The window's bounds; false: it is none. */
static bool
window_bounds(const StreamJoin *j, const WeirBatch *in, int row, int64 *begin, int64 *end)
{
	int			column = j->plan->sides[j->op.port].time - 1;
	const WeirVector *vector = &in->columns[column];
	RangeBound	lower;
	RangeBound	upper;
	RangeType  *range;
	bool		empty;

	if (weir_vector_is_null(vector, row))
		return false;
	range = DatumGetRangeTypeP(vector->values[row]);
	range_deserialize(lookup_type_cache(RangeTypeGetOid(range), TYPECACHE_RANGE_INFO), range,
					  &lower, &upper, &empty);
	if (empty || lower.infinite || upper.infinite)
		return false;
	*begin = DatumGetInt64(lower.val);
	*end = DatumGetInt64(upper.val);
	return true;
}

/* Late is what comes when the window is over. */
static bool
row_time(const StreamJoin *j, const WeirBatch *in, int row, int64 *time)
{
	int64		begin;

	if (!window_bounds(j, in, row, &begin, time))
		return false;
	*time -= 1;
	return true;
}

static void
take(StreamJoin *j, const WeirBatch *in, int row, int64 time, int64 watermark)
{
	int64		begin;
	int64		end;

	if (window_bounds(j, in, row, &begin, &end))
		weir_join_keep(j, in, row, begin, end, 0);
}

/* The pairs of a row of the left; has it any?  Of EXISTS the first is enough. */
static bool
emit_pairs(StreamJoin *j, const WeirKept *left, const WeirKept *const *right, int n, bool *matched)
{
	bool		any = false;

	for (int i = 0; i < n; i++)
	{
		if (!weir_join_kept_fit(j, left, right[i]))
			continue;
		any = matched[i] = true;
		if (!j->plan->exists || !j->plan->sides[0].padded)
			weir_join_emit_kept(j, left, right[i]);
		if (j->plan->exists)
			break;
	}
	return any;
}

static void
fire(StreamJoin *j, const WeirDue *due, int64 upto)
{
	const WeirKept *const *left;
	const WeirKept *const *right;
	int			nleft = weir_rows_all(j->rows[0], &left);
	int			nright = weir_rows_all(j->rows[1], &right);
	bool	   *matched;

	if (weir_rows_due(due->state) > due->at)
		return;
	matched = palloc0(sizeof(bool) * Max(nright, 1));
	for (int i = 0; i < nleft; i++)
	{
		if (!emit_pairs(j, left[i], right, nright, matched) && j->plan->sides[0].padded)
			weir_join_emit_kept(j, left[i], NULL);
	}
	for (int i = 0; i < nright; i++)
	{
		if (!matched[i] && j->plan->sides[1].padded)
			weir_join_emit_kept(j, NULL, right[i]);
	}
	pfree(matched);
	weir_rows_remove(j->rows[0], 0, nleft);
	weir_rows_remove(j->rows[1], 0, nright);
}

const JoinOps weir_window_join = {
	.time_of = row_time,
	.take = take,
	.fire = fire
};
