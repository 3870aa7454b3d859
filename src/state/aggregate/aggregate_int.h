/*
 * state/aggregate/aggregate_int.h
 *		Inside a set of aggregates.  For aggregate*.c only.
 */
#ifndef WEIR_STATE_AGGREGATE_AGGREGATE_INT_H
#define WEIR_STATE_AGGREGATE_AGGREGATE_INT_H

#include "postgres.h"

#include "executor/executor.h"
#include "fmgr.h"

#include "state/aggregate/aggregate.h"
#include "state/flat.h"

/* How an aggregate is computed. */
typedef enum WeirAggregateWay
{
	WEIR_AGGREGATE_SHARED,		/* its transition value is one chunk, which pfree frees */
	WEIR_AGGREGATE_OWN,			/* it has a memory context for itself */
	WEIR_AGGREGATE_KEPT			/* its arguments are kept */
} WeirAggregateWay;

#define WEIR_AGGREGATE_WAYS 3

/* What pg_aggregate says of a transition value. */
typedef struct WeirTransition
{
	bool		internal;
	FmgrInfo	serialize;		/* of one that is of type internal */
	FmgrInfo	deserialize;
	FmgrInfo	combine;		/* of one that is, or whose set is combined */
	WeirFlatType type;			/* of any other */
} WeirTransition;

/* The aggregates of one way: an Agg node over rows handed to it. */
typedef struct WeirAggregatePart
{
	MemoryContext context;		/* NULL: there are none */
	int			naggs;
	int		   *results;		/* an aggregate: its place among the set's */
	int		   *aggno;			/* and in agg->peragg */
	AggState   *agg;
	TupleTableSlot *input;		/* what the node below agg returns */
	AttrNumber *columns;		/* of the set's input, an attribute of input */
	WeirTransition *transitions;	/* as agg->pertrans */
	int			first;			/* of its transition values in an accumulator */
	bool		running;		/* agg is being run, or was when it failed */

	/* WEIR_AGGREGATE_KEPT: what the node below agg returns next */
	MinimalTuple *next;
	MinimalTuple *end;
} WeirAggregatePart;

struct WeirAggregates
{
	MemoryContext context;
	MemoryContext scratch;
	List	   *aggrefs;
	TupleDesc	input;
	bool		keep;			/* all are WEIR_AGGREGATE_KEPT */
	bool		combined;		/* those that have no combine function are */
	bool		consumes;		/* a final function spoils the transition value */
	int			nvalues;		/* transition values of an accumulator */
	WeirAggregatePart parts[WEIR_AGGREGATE_WAYS];
};

/* aggregate_part.c */
extern void weir_aggregate_part_create(WeirAggregates *set, WeirAggregateWay way);
extern WeirAggregateWay weir_aggregate_way(const WeirAggregates *set, const Aggref *aggref);

/* aggregate.c */
extern void weir_accumulator_clear(WeirAggregates *set, WeirAccumulator *acc);
extern void weir_accumulator_make_room(WeirAggregates *set, WeirAccumulator *acc, int nrows);
extern MemoryContext weir_values_context(const WeirAggregates *set, const WeirAggregatePart *part,
										 const WeirAccumulator *acc);
extern void weir_transition_free(AggStatePerTrans pertrans, const WeirTransition *transition,
								 AggStatePerGroup value);

/* aggregate_flat.c: a call as nodeAgg.c makes it, not of a strict function. */
extern Datum weir_aggregate_function_call(AggState *agg, FmgrInfo *function, Oid collation, NullableDatum first,
										  NullableDatum second, bool *isnull);

/* Make the accumulator the one whose memory the part's functions see */
extern void weir_aggregate_enter(WeirAggregates *set, WeirAggregatePart *part,
								 WeirAccumulator *acc);
extern void weir_aggregate_leave(WeirAggregatePart *part, WeirAccumulator *acc);

#endif
