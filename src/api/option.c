/*
 * api/option.c
 *		Optional arguments of the functions that configure a job.
 */
#include "postgres.h"

#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/timestamp.h"

#include "api/option.h"
#include "api/state/access.h"
#include "base/interval.h"

#define MAX_INTERVAL_DAYS 36500

Interval *
weir_option_interval(FunctionCallInfo fcinfo, int n, const char *name, int min_ms)
{
	Interval   *i;
	int64		us;

	if (PG_ARGISNULL(n))
		return NULL;
	i = PG_GETARG_INTERVAL_P(n);
	if (i->month != 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("%s must not have months", name),
				 errdetail("A month is no fixed length of time."),
				 errhint("Give %s in days or smaller units.", name)));
	if (!weir_interval_length(i, &us) ||
		us > MAX_INTERVAL_DAYS * USECS_PER_DAY)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("%s is too long", name),
				 errdetail("%s is %s.", name, DatumGetCString(DirectFunctionCall1(interval_out, PointerGetDatum(i)))),
				 errhint("Set %s to %d days at most.", name, MAX_INTERVAL_DAYS)));
	if (us < (int64) min_ms * 1000)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("%s is too short", name),
				 errdetail("%s is %s.", name, weir_interval_text(us)),
				 min_ms > 0 ? errhint("Set %s to %d ms or more.", name, min_ms) :
				 errhint("Set %s to 0 or more.", name)));
	return i;
}

int64
weir_option_bytes(FunctionCallInfo fcinfo, int n, const char *name, int64 min)
{
	char	   *given = weir_arg_text(fcinfo, n);
	const char *unit_hint = NULL;
	double		value;

	if (given == NULL)
		return 0;
	if (!parse_real(given, &value, GUC_UNIT_BYTE, &unit_hint))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("%s is not a size: \"%s\"", name, given),
				 errhint("%s", unit_hint ? unit_hint : "Give a number of bytes, or one with a unit, such as '1GB'.")));
	if (value < min || value > (double) (PG_INT64_MAX / 2))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("%s is out of range", name),
				 errdetail("%s is \"%s\".", name, given),
				 errhint("Set %s to " INT64_FORMAT "MB or more, or to null for no limit.", name,
						 min / (1024 * 1024))));
	return (int64) value;
}

int
weir_option_int(FunctionCallInfo fcinfo, int n, const char *name, int min, const char *hint)
{
	int			value;

	if (PG_ARGISNULL(n))
		return -1;
	value = PG_GETARG_INT32(n);
	if (value < min)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("%s must not be less than %d", name, min),
				 errdetail("%s is %d.", name, value),
				 errhint("%s", hint)));
	return value;
}
