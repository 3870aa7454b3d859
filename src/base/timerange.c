/*
 * base/timerange.c
 *		Windows of event time as values.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "datatype/timestamp.h"
#include "utils/rangetypes.h"
#include "utils/timestamp.h"
#include "utils/typcache.h"

#include "base/compat.h"
#include "base/timerange.h"

static RangeBound
bound(int64 time, bool lower)
{
	RangeBound	bound = {0};

	if (!IS_VALID_TIMESTAMP(time))
		ereport(ERROR,
				(errcode(ERRCODE_DATETIME_VALUE_OUT_OF_RANGE),
				 errmsg("timestamp out of range"),
				 errdetail("A window of event time would %s there.", lower ? "begin" : "end")));
	bound.val = TimestampTzGetDatum(time);
	bound.inclusive = bound.lower = lower;
	return bound;
}

Datum
weir_timerange(Oid type, int64 start, int64 end)
{
	RangeBound	lower = bound(start, true);
	RangeBound	upper;

	if (type == TIMESTAMPTZOID || type == TIMESTAMPOID)
		return lower.val;
	upper = bound(end, false);
	return RangeTypePGetDatum(weir_make_range(lookup_type_cache(type, TYPECACHE_RANGE_INFO), &lower, &upper));
}

bool
weir_timerange_read(Oid type, Datum value, int64 *start, int64 *end)
{
	RangeBound	lower;
	RangeBound	upper;
	bool		empty;

	range_deserialize(lookup_type_cache(type, TYPECACHE_RANGE_INFO), DatumGetRangeTypeP(value),
					  &lower, &upper, &empty);
	if (empty || lower.infinite || upper.infinite || !lower.inclusive || upper.inclusive)
		return false;
	*start = DatumGetTimestampTz(lower.val);
	*end = DatumGetTimestampTz(upper.val);
	return true;
}
