/*
 * operator/join_as_of.c
 *		An as-of join: a row of the left waits until the watermark has passed its time,
 *		then it gets the newest row of the right, a version, that there was at that time.
 *
 * A version is freed when a later one is in force for all rows that are still to come.
 */
#include "postgres.h"

#include "operator/join_int.h"

static bool
row_time(const StreamJoin *j, const WeirBatch *in, int row, int64 *time)
{
	const WeirVector *vector = &in->columns[j->plan->sides[j->op.port].time - 1];

	*time = DatumGetInt64(vector->values[row]);
	return !weir_vector_is_null(vector, row);
}

/* When is a version out of force whose successor has this time? */
static int64
out_of_force(const StreamJoin *j, int64 time)
{
	return j->plan->before ? weir_moment_after(time) : Min(time, PG_INT64_MAX - 1);
}

static void
take_version(StreamJoin *j, const WeirBatch *in, int row, int64 time)
{
	WeirState  *versions = j->rows[1];
	int			n = weir_rows_first(versions, weir_moment_after(time));
	int64		until = PG_INT64_MAX;

	if (n < weir_rows_count(versions))
		until = out_of_force(j, weir_rows_at(versions, n)->time);
	weir_join_keep(j, in, row, time, until, 0);
	if (n == 0)
		return;
	weir_rows_set(versions, n - 1, out_of_force(j, time), 0);
	j->op.due = Min(j->op.due, out_of_force(j, time));
}

static void
take(StreamJoin *j, const WeirBatch *in, int row, int64 time, int64 watermark)
{
	if (j->op.port == 1)
		take_version(j, in, row, time);
	else
		weir_join_keep(j, in, row, time,
					   j->plan->before ? Min(time, PG_INT64_MAX - 1) : weir_moment_after(time), 0);
}

/* NULL: there was none yet. */
static const WeirKept *
version_at(const StreamJoin *j, int64 time)
{
	int			n = weir_rows_first(j->rows[1], j->plan->before ? time : weir_moment_after(time));

	return n > 0 ? weir_rows_at(j->rows[1], n - 1) : NULL;
}

static void
fire(StreamJoin *j, const WeirDue *due, int64 upto)
{
	WeirState  *state = due->state;

	while (weir_rows_due(state) <= due->at)
	{
		int			n = weir_rows_first_due(state);

		if (state == j->rows[0])
		{
			const WeirKept *kept = weir_rows_at(state, n);
			const WeirKept *version = version_at(j, kept->time);

			if (version || j->plan->sides[0].padded)
				weir_join_emit_kept(j, kept, version);
		}
		weir_rows_remove(state, n, n + 1);
	}
}

const JoinOps weir_as_of_join = {
	.time_of = row_time,
	.take = take,
	.fire = fire
};
