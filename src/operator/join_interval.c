/*
 * operator/join_interval.c
 *		An interval join: a row finds its partners among the kept rows of the other side,
 *		whose times lie between bounds, and is kept for those that come later.
 */
#include "postgres.h"

#include "common/int.h"

#include "operator/join_int.h"

/* A row of infinite time has no partner, as one without a time. */
static bool
row_time(const StreamJoin *j, const WeirBatch *in, int row, int64 *time)
{
	const WeirVector *vector = &in->columns[j->plan->sides[j->op.port].time - 1];

	*time = DatumGetInt64(vector->values[row]);
	return !weir_vector_is_null(vector, row) && *time != PG_INT64_MIN && *time != PG_INT64_MAX;
}

/* An infinite time stays one; what is out of range is as good as that. */
static int64
plus(int64 time, int64 by)
{
	int64		sum;

	if (time == PG_INT64_MIN || time == PG_INT64_MAX)
		return time;
	if (pg_add_s64_overflow(time, by, &sum))
		return by > 0 ? PG_INT64_MAX : PG_INT64_MIN;
	return sum;
}

/* Between which times are the row's partners?  False: it can have none. */
static bool
row_bounds(const WeirJoinSide *side, const WeirBatch *in, int row, int64 *from, int64 *to)
{
	*from = PG_INT64_MIN;
	*to = PG_INT64_MAX;
	for (int i = 0; i < side->nfrom + side->nto; i++)
	{
		bool		is_from = i < side->nfrom;
		const WeirJoinBound *bound = is_from ? &side->from[i] : &side->to[i - side->nfrom];
		const WeirVector *vector = &in->columns[bound->column - 1];
		int64		time = plus(DatumGetInt64(vector->values[row]), bound->plus);

		if (weir_vector_is_null(vector, row))
			return false;
		if (is_from)
			*from = Max(*from, time);
		else
			*to = Min(*to, time);
	}
	return true;
}

/* Does a time fit the kept row's bounds, as far as the other side's do not say so? */
static bool
fits_bounds(const WeirJoinSide *side, const WeirKept *kept, int64 time)
{
	for (int i = 0; i < side->nfrom; i++)
	{
		const WeirJoinBound *bound = &side->from[i];

		if (bound->alone && time < plus(DatumGetInt64(kept->values[bound->column - 1]), bound->plus))
			return false;
	}
	for (int i = 0; i < side->nto; i++)
	{
		const WeirJoinBound *bound = &side->to[i];

		if (bound->alone && time > plus(DatumGetInt64(kept->values[bound->column - 1]), bound->plus))
			return false;
	}
	return true;
}

/*
 * A pair, of the row that comes and a kept one of this number.  Of EXISTS the row of the left
 * comes with the first, of NOT EXISTS it does not come.  False: no more are wanted.
 */
static bool
take_pair(StreamJoin *j, const WeirBatch *in, int row, int n, const WeirKept *partner)
{
	const WeirJoinPlan *plan = j->plan;
	int			other = 1 - j->op.port;
	bool		anti = plan->exists && plan->sides[0].padded;
	bool		was_matched = (partner->flags & JOIN_MATCHED) != 0;

	if (!plan->exists || (!anti && (other == 1 || !was_matched)))
		weir_join_emit(j, in, row, partner);
	if (!was_matched && (plan->sides[other].padded || (plan->exists && other == 0)))
		weir_rows_set(j->rows[other], n, partner->until, partner->flags | JOIN_MATCHED);
	return !plan->exists || other == 0;
}

/* Hands on the row's pairs; has it any? */
static bool
find_partners(StreamJoin *j, const WeirBatch *in, int row, int64 time, int64 from, int64 to)
{
	int			other = 1 - j->op.port;
	WeirState  *state = j->rows[other];
	const WeirKept *const *rows;
	int			n = weir_rows_all(state, &rows);
	bool		matched = false;

	for (int i = n > 0 && rows[0]->time < from ? weir_rows_first(state, from) : 0; i < n; i++)
	{
		const WeirKept *partner = rows[i];

		if (partner->time > to)
			break;
		if (!fits_bounds(&j->plan->sides[other], partner, time))
			continue;
		if (!matched)
			weir_join_begin_row(j, in, row);
		if (!weir_join_fits(j, partner))
			continue;
		matched = true;
		if (!take_pair(j, in, row, i, partner))
			break;
	}
	return matched;
}

static void
take(StreamJoin *j, const WeirBatch *in, int row, int64 time, int64 watermark)
{
	const WeirJoinSide *side = &j->plan->sides[j->op.port];
	bool		matched = false;
	int64		from;
	int64		to;
	int64		until = PG_INT64_MIN;

	if (row_bounds(side, in, row, &from, &to))
	{
		matched = from <= to && find_partners(j, in, row, time, from, to);
		until = from <= to ? weir_moment_after(to) : PG_INT64_MIN;
	}
	if (until > watermark && !(matched && j->plan->exists && j->op.port == 0))
		weir_join_keep(j, in, row, time, until, matched ? JOIN_MATCHED : 0);
	else if (side->padded && !matched)
		weir_join_emit(j, in, row, NULL);
}

/* Rows that wait in vain are freed, padded ones in the order of time. */
static void
fire(StreamJoin *j, const WeirDue *due, int64 upto)
{
	int			side = due->state == j->rows[1] ? 1 : 0;
	bool		padded = j->plan->sides[side].padded;
	WeirState  *state = j->rows[side];

	upto = padded ? due->at : Min(upto, PG_INT64_MAX - 1);
	while (weir_rows_due(state) <= upto)
	{
		int			n = weir_rows_first_due(state);
		const WeirKept *kept = weir_rows_at(state, n);

		if (padded && !(kept->flags & JOIN_MATCHED))
			weir_join_emit_kept(j, side == 0 ? kept : NULL, side == 0 ? NULL : kept);
		weir_rows_remove(state, n, n + 1);
	}
}

const JoinOps weir_interval_join = {
	.time_of = row_time,
	.take = take,
	.fire = fire
};
