/*
 * operator/late.c
 *		Rows that have no place among those of their key, and what is said of them.
 */
#include "postgres.h"

#include "utils/timestamp.h"

#include "catalog/dead_letter.h"
#include "operator/event_time.h"
#include "operator/late.h"

static const char *const problems[] = {
	[WEIR_TOO_LATE] = gettext_noop("came too late"),
	[WEIR_WITHOUT_TIME] = gettext_noop("has no time"),
	[WEIR_WITHOUT_END] = gettext_noop("has an infinite time"),
};

/* The times of a window that has no end, and of one that is none, tell nothing either. */
static WeirUntimely
why_late(const WeirBatch *in, int row, AttrNumber column)
{
	int64		time;

	if (weir_vector_is_null(&in->columns[column - 1], row))
		return WEIR_WITHOUT_TIME;
	if (!weir_row_time(in, row, column, &time) || TIMESTAMP_NOT_FINITE(time))
		return WEIR_WITHOUT_END;
	return WEIR_TOO_LATE;
}

void
weir_operator_late(WeirOperator *op, const WeirBatch *in, int row, AttrNumber time)
{
	op->late(op, in, row, why_late(in, row, time));
}

const char *
weir_late_problem(WeirUntimely why)
{
	return _(problems[why]);
}

const char *
weir_late_detail(const WeirBatch *in, int row, WeirUntimely why)
{
	switch (why)
	{
		case WEIR_WITHOUT_TIME:
			return _("The time by which its place is found is null.");
		case WEIR_WITHOUT_END:
			return _("The time by which its place is found is infinite.");
		default:
			return psprintf(_("The watermark had come to %s."), timestamptz_to_str(weir_batch_watermark(in, row)));
	}
}

static const char *
hint_of(WeirUntimely why, const char *remedy, const char *values)
{
	switch (why)
	{
		case WEIR_WITHOUT_TIME:
			return psprintf("Leave such records out by a condition in WHERE, or refuse them by NOT NULL on the column; or set the stream's option \"late\" to %s.",
							values);
		case WEIR_WITHOUT_END:
			return psprintf("Leave such records out by isfinite() in WHERE, or refuse them by CHECK (isfinite(...)) on the stream; or set the stream's option \"late\" to %s.",
							values);
		default:
			return remedy;
	}
}

void
weir_late_raise(const char *stream, const WeirBatch *in, int row, WeirUntimely why,
				const char *remedy, const char *values)
{
	ereport(ERROR,
			(errcode(WEIR_ERRCODE_LATE),
			 errmsg("a record of stream %s %s", stream, weir_late_problem(why)),
			 errdetail_internal("%s", weir_late_detail(in, row, why)),
			 errhint("%s", hint_of(why, remedy, values))));
}
