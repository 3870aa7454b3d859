/*
 * state/aggregate/native.h
 *		The common aggregates as plain machine arithmetic: count, sum, avg, min and
 *		max of integers and floats, with FILTER.
 *
 * What they come to is what PostgreSQL's functions make of the same values in the
 * same order, to the last bit.  Their state has no pointers: it is copied by
 * memcpy, and needs not be freed.  No code of a user runs.
 */
#ifndef WEIR_STATE_AGGREGATE_NATIVE_H
#define WEIR_STATE_AGGREGATE_NATIVE_H

#include "postgres.h"

#include "access/tupdesc.h"
#include "lib/stringinfo.h"
#include "nodes/pg_list.h"

#include "base/compat.h"
#include "record/batch.h"

typedef struct WeirNative WeirNative;

typedef struct WeirNativeState
{
	uint32		set;			/* a bit a transition: it holds a value */
	uint32		owner;			/* the owner's, left alone */
	int64		words[FLEXIBLE_ARRAY_MEMBER];
} WeirNativeState;

/* The largest state there is. */
#define WEIR_NATIVE_TRANSITIONS 32
#define WEIR_NATIVE_WORDS 3		/* of a transition, at most */
#define WEIR_NATIVE_LARGEST \
	(offsetof(WeirNativeState, words) + sizeof(int64) * WEIR_NATIVE_TRANSITIONS * WEIR_NATIVE_WORDS)

/* An error as a value. */
typedef struct WeirNativeFault
{
	int			sqlstate;
	const char *message;		/* to be translated */
} WeirNativeFault;

pg_noreturn extern void weir_native_raise(const WeirNativeFault *fault);

/*
 * aggrefs: as for weir_aggregates_create, which checks the user's rights.  NULL
 * if one of them is not of the common ones.  In the current memory context.
 */
extern WeirNative *weir_native_create(List *aggrefs, TupleDesc input);
extern Size weir_native_size(const WeirNative *native);

/* native_add.c */
extern void weir_native_init(const WeirNative *native, WeirNativeState *state);
/* A row of the columns.  NULL, or why it cannot be added: then the state is as before. */
extern const WeirNativeFault *weir_native_add(const WeirNative *native, WeirNativeState *state,
											  const WeirVector *columns, int row);
/* Takes out a row that was added before; of count, of sum(bigint) and of avg of integers. */
extern void weir_native_take_out(const WeirNative *native, WeirNativeState *state,
								 const WeirVector *columns, int row);
/*
 * native_combine.c: what earlier rows have come to becomes what these and later ones have.  NULL, or
 * why it cannot be; then "into" is good for nothing.
 */
extern const WeirNativeFault *weir_native_combine(const WeirNative *native, WeirNativeState *into,
												  const WeirNativeState *from);
/* Does that, however rows are parted, come to what all of them would have, and never fail? */
extern bool weir_native_is_exact(const WeirNative *native);
/* native_result.c: one value an aggref, in the current memory context. */
extern void weir_native_results(const WeirNative *native, const WeirNativeState *state,
								Datum *values, bool *nulls);

/* native_flat.c: as bytes of a chunk, and back; both say what is wrong with bytes. */
extern void weir_native_flatten(const WeirNative *native, const WeirNativeState *state,
								StringInfo out);
extern const char *weir_native_unflatten(const WeirNative *native, WeirNativeState *state,
										 const char *bytes, Size size);
/* The bytes of an accumulator of the same aggregates, see aggregate_flat.c. */
extern const char *weir_native_unflatten_accumulator(const WeirNative *native, WeirNativeState *state,
													 const char *bytes, Size size);
/* How many bytes it takes when flat, as near as accounting needs. */
extern int64 weir_native_flat_size(const WeirNative *native);

#endif
