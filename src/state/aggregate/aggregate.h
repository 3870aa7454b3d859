/*
 * state/aggregate/aggregate.h
 *		Aggregates computed record by record, side by side, over rows of one
 *		shape: by the executor's own Agg node, without running it a record.
 *
 * WeirAggregates is what is computed, WeirAccumulator what it has come to for
 * one key.  An accumulator is a piece of the caller's memory, of
 * weir_accumulator_size; what it points to lies in the memory of the set.
 */
#ifndef WEIR_STATE_AGGREGATE_AGGREGATE_H
#define WEIR_STATE_AGGREGATE_AGGREGATE_H

#include "postgres.h"

#include "access/htup.h"
#include "access/tupdesc.h"
#include "executor/nodeAgg.h"
#include "lib/stringinfo.h"
#include "nodes/execnodes.h"
#include "nodes/primnodes.h"

typedef struct WeirAggregates WeirAggregates;

typedef struct WeirAccumulator
{
	MemoryContext own;			/* of transition values that need one; else NULL */
	ExprContext_CB *callbacks;	/* that aggregates registered for its end */

	/* arguments that wait until a result is asked for */
	MinimalTuple *rows;
	int			nrows;
	int			room;
	int64		row_bytes;

	AggStatePerGroupData values[FLEXIBLE_ARRAY_MEMBER];
} WeirAccumulator;

/*
 * aggrefs: of Aggref as the parser makes them, their arguments, FILTER and
 * direct arguments expressions over Vars (varno 1) of input.  keep: of all the
 * arguments are kept, so that the oldest can be taken out again.  In a
 * transaction with a snapshot; lives in a context of its own below the current
 * one, across transactions.  Checks the user's rights as the executor does.
 */
extern WeirAggregates *weir_aggregates_create(List *aggrefs, TupleDesc input, bool keep);

/* The same of aggregates of which what parts of the rows have come to is to become one. */
extern WeirAggregates *weir_aggregates_create_combined(List *aggrefs, TupleDesc input);
extern void weir_aggregates_free(WeirAggregates *set);

/*
 * The Aggref of a call over columns of these types, in their order, for
 * weir_aggregates_create.  name: as in SQL, qualified and quoted as needed.
 */
extern Aggref *weir_aggregate_call(const char *name, int nargs, const Oid *types);

/*
 * Can it be computed without keeping its arguments?  Not with DISTINCT or
 * ORDER BY, not of an ordered set, and not where its state cannot be
 * serialised.
 */
extern bool weir_aggregate_is_incremental(const Aggref *aggref);

/* Do accumulators have a memory context each? */
extern bool weir_aggregates_are_large(const WeirAggregates *set);

extern Size weir_accumulator_size(const WeirAggregates *set);
/* Begins with no rows. */
extern void weir_accumulator_init(WeirAggregates *set, WeirAccumulator *acc);
/* A row of input. */
extern void weir_accumulator_add(WeirAggregates *set, WeirAccumulator *acc,
								 const Datum *values, const bool *nulls);
/* Takes the n oldest rows out; of a set that keeps all only. */
extern void weir_accumulator_drop(WeirAggregates *set, WeirAccumulator *acc, int n);

/*
 * One value an aggref, in the current memory context.  last: nobody will use
 * the accumulator after this, but to free it.
 */
extern void weir_accumulator_results(WeirAggregates *set, WeirAccumulator *acc, bool last,
									 Datum *values, bool *nulls);

/*
 * aggregate_combine.c, of sets of aggregates that are combined.  What earlier rows have come
 * to becomes what these and the later ones of "from" have; that has no rows any more.
 */
extern void weir_accumulator_combine(WeirAggregates *set, WeirAccumulator *into, WeirAccumulator *from);
/* What the rows of all of these come to, in their order; they stay as they are. */
extern void weir_accumulators_results(WeirAggregates *set, WeirAccumulator *const *accs, int n,
									  Datum *values, bool *nulls);

/* Frees what it points to. */
extern void weir_accumulator_reset(WeirAggregates *set, WeirAccumulator *acc);

/*
 * As bytes, and back into a piece of memory; wrong says why bytes cannot be
 * one, then the piece holds nothing to be freed.
 */
extern void weir_accumulator_flatten(WeirAggregates *set, WeirAccumulator *acc, StringInfo out);
extern const char *weir_accumulator_unflatten(WeirAggregates *set, WeirAccumulator *acc,
											  const char *bytes, Size size);

/* What it takes beside its own piece, as near as accounting needs. */
extern int64 weir_accumulator_bytes(const WeirAggregates *set, const WeirAccumulator *acc);

#endif
