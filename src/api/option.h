/*
 * api/option.h
 *		Optional arguments of the functions that configure a job, checked
 *		against their ranges.
 */
#ifndef WEIR_API_OPTION_H
#define WEIR_API_OPTION_H

#include "postgres.h"

#include "fmgr.h"
#include "utils/timestamp.h"

#define WEIR_MIN_STATE_MEMORY (1024 * 1024)	/* of max_state_memory */

/* An interval of at least so many ms; NULL if it is null. */
extern Interval *weir_option_interval(FunctionCallInfo fcinfo, int n, const char *name,
									  int min_ms);
/* A size such as '1GB', at least min bytes; 0 if it is null. */
extern int64 weir_option_bytes(FunctionCallInfo fcinfo, int n, const char *name, int64 min);
/* An integer of at least min; -1 if it is null. */
extern int	weir_option_int(FunctionCallInfo fcinfo, int n, const char *name, int min,
							const char *hint);

#endif
