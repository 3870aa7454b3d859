/*
 * operator/event_time.c
 *		The time of a row.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "utils/rangetypes.h"
#include "utils/typcache.h"

#include "operator/event_time.h"

static bool
window_end(Datum value, int64 *end)
{
	RangeType  *range = DatumGetRangeTypeP(value);
	RangeBound	lower;
	RangeBound	upper;
	bool		empty;

	range_deserialize(lookup_type_cache(RangeTypeGetOid(range), TYPECACHE_RANGE_INFO), range,
					  &lower, &upper, &empty);
	if (empty || upper.infinite)
		return false;
	*end = DatumGetInt64(upper.val);
	return true;
}

bool
weir_row_time(const WeirBatch *batch, int row, AttrNumber attno, int64 *time)
{
	const WeirVector *vector = &batch->columns[attno - 1];
	Oid			type = TupleDescAttr(batch->desc, attno - 1)->atttypid;

	if (weir_vector_is_null(vector, row))
		return false;
	if (type != TIMESTAMPTZOID && type != TIMESTAMPOID)
		return window_end(vector->values[row], time);
	*time = DatumGetInt64(vector->values[row]);
	return true;
}
