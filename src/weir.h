/*
 * weir.h
 *		Keyed state for functions in C.
 *
 * A keyed function of a Weir job - one that stands in
 * JOIN LATERAL f(r) a ON weir.key_by(...) - may be written in C.  It reaches
 * the states declared for it with weir.create_value_state() through this
 * header, by handle instead of by text, and needs nothing to link with:
 *
 *		#include "postgres.h"
 *		#include "fmgr.h"
 *		#include "extension/weir/weir.h"
 *
 *		Datum
 *		count_records(PG_FUNCTION_ARGS)
 *		{
 *			WeirStateHandle count = weir_state_handle(fcinfo, "count");
 *			bool		isnull;
 *			int64		n = DatumGetInt64(weir_state_get(count, &isnull));
 *
 *			n = isnull ? 1 : n + 1;
 *			weir_state_set(count, Int64GetDatum(n), false);
 *			PG_RETURN_INT64(n);
 *		}
 *
 * Types.  Values are datums of the declared type (weir_state_type() tells which);
 * nothing converts them, so a datum of another type is the function's error.
 *
 * Lifetime.  A handle is valid until the function returns; getting one is
 * cheap.  A value that weir_state_get() returns by reference belongs to Weir: it
 * must not be changed, and stays until the next call of weir_state_set() or
 * weir_state_remove() for the same state, or until the function returns.  What is
 * passed to weir_state_set() is copied; it may be out of line, compressed or
 * expanded.
 *
 * Time to live, subtransactions and snapshots work as for functions in SQL:
 * weir_state_get() counts as a read, weir_state_set() as a write; what a
 * subtransaction did to state is undone when it aborts.
 *
 * Errors.  Outside a job's keyed step, weir_state_handle() raises
 * object_not_in_prerequisite_state; for a name that the function did not
 * declare, undefined_object.
 */
#ifndef WEIR_H
#define WEIR_H

#include "postgres.h"

#include "fmgr.h"

#define WEIR_API_VERSION 1

typedef struct WeirState *WeirStateHandle;

/* What weir.so offers; later versions add members at the end. */
typedef struct WeirStateApi
{
	int			version;
	WeirStateHandle (*handle) (FunctionCallInfo fcinfo, const char *name);
	Oid			(*type) (WeirStateHandle handle);
	Datum		(*get) (WeirStateHandle handle, bool *isnull);
	void		(*set) (WeirStateHandle handle, Datum value, bool isnull);
	void		(*remove) (WeirStateHandle handle);
} WeirStateApi;

static inline const WeirStateApi *
weir_api(void)
{
	static const WeirStateApi *api = NULL;

	if (api == NULL)
	{
		const WeirStateApi *(*get_api) (int) = (const WeirStateApi *(*) (int))
			load_external_function("$libdir/weir", "weir_c_api", true, NULL);

		api = get_api(WEIR_API_VERSION);
	}
	return api;
}

/* The state of this name of the function being run, for the current key. */
static inline WeirStateHandle
weir_state_handle(FunctionCallInfo fcinfo, const char *name)
{
	return weir_api()->handle(fcinfo, name);
}

/* The declared type. */
static inline Oid
weir_state_type(WeirStateHandle handle)
{
	return weir_api()->type(handle);
}

/* The value; the declared default, else NULL, where there is none. */
static inline Datum
weir_state_get(WeirStateHandle handle, bool *isnull)
{
	return weir_api()->get(handle, isnull);
}

static inline void
weir_state_set(WeirStateHandle handle, Datum value, bool isnull)
{
	weir_api()->set(handle, value, isnull);
}

/* Clears the state of the current key. */
static inline void
weir_state_remove(WeirStateHandle handle)
{
	weir_api()->remove(handle);
}

#endif
