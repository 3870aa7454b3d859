/*
 * weir.h
 *		Keyed state for functions in C.
 *
 * A keyed function of a Weir job - one that stands in
 * JOIN LATERAL f(r) a ON weir.key_by(...) - may be written in C.  It reaches
 * the states declared for it with weir.create_value_state() and its like through
 * this header, by handle instead of by text, and needs nothing to link with:
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
 * Kinds.  A handle is of a state of any kind; each function below says for
 * which it is, and raises wrong_object_type for others.  weir_state_get() and
 * weir_state_remove() serve several:
 *
 *		weir.create_value_state()		weir_state_get, weir_state_set
 *		weir.create_list_state()		weir_list_get, weir_list_add, weir_list_update
 *		weir.create_map_state()			weir_map_get, weir_map_put, weir_map_remove,
 *										weir_map_entries
 *		weir.create_reducing_state()	weir_state_add, weir_state_get
 *		weir.create_aggregating_state()	weir_state_add, weir_state_get
 *		weir.create_timer()				weir_timer_set, weir_timer_clear, weir_timer_first
 *		any of them						weir_state_remove
 *
 * Timers.  weir.create_timer() declares one with a handler, which may be in C as
 * the function itself: it gets the columns of the key, and then the moment.
 *
 *		weir_timer_set(weir_state_handle(fcinfo, "gone"), at + 10 * USECS_PER_SEC);
 *
 * Types.  Values are datums of the declared type, which weir_state_type() tells:
 * of the value, the element, a map's value, or what is aggregated; of a map's
 * keys, weir_state_key_type().  What weir_state_get() returns of an aggregating
 * state is of the aggregate's result type.  Nothing converts datums, so one of
 * another type is the function's error.
 *
 * Lifetime.  A handle is valid until the function returns; getting one is
 * cheap.  What is returned by reference belongs to Weir: it must not be changed,
 * and stays until the same state is next changed or read (reading may remove
 * what has expired), until a subtransaction ends, or the function returns.
 * Arrays that weir_list_get() and weir_map_entries() return are allocated in the
 * current memory context, the values in them are as any other.  What is passed
 * in is copied; it may be out of line, compressed or expanded.
 *
 * Time to live, subtransactions and snapshots work as for functions in SQL:
 * what gets is a read, what sets, adds, updates or puts is a write, and
 * what a subtransaction did to state is undone when it aborts.
 *
 * Errors.  Outside a job's keyed step, weir_state_handle() raises
 * object_not_in_prerequisite_state; for a name that the function did not
 * declare, undefined_object.  Errors of a reduce function or an aggregate are
 * raised by weir_state_add() and weir_state_get().
 *
 * An example with its Makefile and test is in examples/c_function.
 */
#ifndef WEIR_H
#define WEIR_H

#include "postgres.h"

#include "fmgr.h"

#define WEIR_API_VERSION 3

typedef struct WeirState *WeirStateHandle;

/* An entry of a map. */
typedef struct WeirMapEntry
{
	Datum		key;
	Datum		value;
	bool		key_isnull;
	bool		value_isnull;
} WeirMapEntry;

/* What weir.so offers; later versions add members at the end. */
typedef struct WeirStateApi
{
	int			version;
	WeirStateHandle (*handle) (FunctionCallInfo fcinfo, const char *name);
	Oid			(*type) (WeirStateHandle handle);
	Datum		(*get) (WeirStateHandle handle, bool *isnull);
	void		(*set) (WeirStateHandle handle, Datum value, bool isnull);
	void		(*remove) (WeirStateHandle handle);

	/* since version 2 */
	Oid			(*key_type) (WeirStateHandle handle);
	void		(*add) (WeirStateHandle handle, Datum value, bool isnull);
	int64		(*list_get) (WeirStateHandle handle, Datum **values, bool **nulls);
	void		(*list_add) (WeirStateHandle handle, Datum value, bool isnull);
	void		(*list_update) (WeirStateHandle handle, int64 n, const Datum *values,
								const bool *nulls);
	bool		(*map_get) (WeirStateHandle handle, Datum key, bool key_isnull,
							Datum *value, bool *isnull);
	void		(*map_put) (WeirStateHandle handle, Datum key, bool key_isnull,
							Datum value, bool isnull);
	void		(*map_remove) (WeirStateHandle handle, Datum key, bool key_isnull);
	int64		(*map_entries) (WeirStateHandle handle, WeirMapEntry **entries);

	/* since version 3 */
	void		(*timer_set) (WeirStateHandle handle, int64 at);
	void		(*timer_clear) (WeirStateHandle handle, int64 at);
	int64		(*timer_first) (WeirStateHandle handle);
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

/* The declared type of a map's keys. */
static inline Oid
weir_state_key_type(WeirStateHandle handle)
{
	return weir_api()->key_type(handle);
}

/*
 * Value: the value; the declared default, else NULL, where there is none.
 * Reducing, aggregating: what the values added have come to; NULL where none was.
 */
static inline Datum
weir_state_get(WeirStateHandle handle, bool *isnull)
{
	return weir_api()->get(handle, isnull);
}

/* Value only. */
static inline void
weir_state_set(WeirStateHandle handle, Datum value, bool isnull)
{
	weir_api()->set(handle, value, isnull);
}

/* Reducing, aggregating: adds a value. */
static inline void
weir_state_add(WeirStateHandle handle, Datum value, bool isnull)
{
	weir_api()->add(handle, value, isnull);
}

/* Clears the state of the current key, of any kind. */
static inline void
weir_state_remove(WeirStateHandle handle)
{
	weir_api()->remove(handle);
}

/* The elements in the order in which they were added; returns how many. */
static inline int64
weir_list_get(WeirStateHandle handle, Datum **values, bool **nulls)
{
	return weir_api()->list_get(handle, values, nulls);
}

/* Costs what one element takes. */
static inline void
weir_list_add(WeirStateHandle handle, Datum value, bool isnull)
{
	weir_api()->list_add(handle, value, isnull);
}

/* The list becomes these n elements. */
static inline void
weir_list_update(WeirStateHandle handle, int64 n, const Datum *values, const bool *nulls)
{
	weir_api()->list_update(handle, n, values, nulls);
}

/* Whether the map has the key; if not, *isnull is true.  NULL is a key like any other. */
static inline bool
weir_map_get(WeirStateHandle handle, Datum key, bool key_isnull, Datum *value, bool *isnull)
{
	return weir_api()->map_get(handle, key, key_isnull, value, isnull);
}

static inline void
weir_map_put(WeirStateHandle handle, Datum key, bool key_isnull, Datum value, bool isnull)
{
	weir_api()->map_put(handle, key, key_isnull, value, isnull);
}

static inline void
weir_map_remove(WeirStateHandle handle, Datum key, bool key_isnull)
{
	weir_api()->map_remove(handle, key, key_isnull);
}

/* All entries, in no order; returns how many. */
static inline int64
weir_map_entries(WeirStateHandle handle, WeirMapEntry **entries)
{
	return weir_api()->map_entries(handle, entries);
}

/*
 * Timer: its handler is called for the current key at this moment, a TimestampTz, once
 * however often that is set.  weir_state_remove() clears all of the current key.
 */
static inline void
weir_timer_set(WeirStateHandle handle, int64 at)
{
	weir_api()->timer_set(handle, at);
}

/* Not at this moment any more. */
static inline void
weir_timer_clear(WeirStateHandle handle, int64 at)
{
	weir_api()->timer_clear(handle, at);
}

/* The earliest moment at which it is set for the current key; PG_INT64_MAX: it is not set. */
static inline int64
weir_timer_first(WeirStateHandle handle)
{
	return weir_api()->timer_first(handle);
}

#endif
