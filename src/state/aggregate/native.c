/*
 * state/aggregate/native.c
 *		Native aggregates: which there are, and what of a set's state is where.
 *
 * Aggregates over the same arguments share a transition value where they do in an
 * Agg node, so that what an Agg node kept of them can be read.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "catalog/pg_aggregate.h"
#include "catalog/pg_type.h"
#include "nodes/primnodes.h"
#include "utils/fmgroids.h"
#include "utils/syscache.h"

#include "state/aggregate/native_int.h"

/* ---- which ---- */

typedef struct KnownAggregate
{
	Oid			aggregate;
	Oid			function;
	NativeKind	kind;
	NativeType	type;
	NativeFinal final;
} KnownAggregate;

static const KnownAggregate known[] = {
	{F_COUNT_, F_INT8INC, NATIVE_COUNT_ROWS, NATIVE_ANY, NATIVE_AS_IT_IS},
	{F_COUNT_ANY, F_INT8INC_ANY, NATIVE_COUNT, NATIVE_ANY, NATIVE_AS_IT_IS},
	{F_SUM_INT2, F_INT2_SUM, NATIVE_SUM, NATIVE_INT2, NATIVE_AS_IT_IS},
	{F_SUM_INT4, F_INT4_SUM, NATIVE_SUM, NATIVE_INT4, NATIVE_AS_IT_IS},
#ifdef HAVE_INT128
	{F_SUM_INT8, F_INT8_AVG_ACCUM, NATIVE_WIDE, NATIVE_INT8, NATIVE_AS_NUMERIC},
	{F_AVG_INT8, F_INT8_AVG_ACCUM, NATIVE_WIDE, NATIVE_INT8, NATIVE_AVERAGE},
#endif
	{F_SUM_FLOAT4, F_FLOAT4PL, NATIVE_FLOAT4_SUM, NATIVE_FLOAT4, NATIVE_AS_IT_IS},
	{F_SUM_FLOAT8, F_FLOAT8PL, NATIVE_FLOAT8_SUM, NATIVE_FLOAT8, NATIVE_AS_IT_IS},
	{F_AVG_INT2, F_INT2_AVG_ACCUM, NATIVE_COUNT_SUM, NATIVE_INT2, NATIVE_AVERAGE},
	{F_AVG_INT4, F_INT4_AVG_ACCUM, NATIVE_COUNT_SUM, NATIVE_INT4, NATIVE_AVERAGE},
	{F_AVG_FLOAT4, F_FLOAT4_ACCUM, NATIVE_YOUNGS_CRAMER, NATIVE_FLOAT4, NATIVE_AVERAGE},
	{F_AVG_FLOAT8, F_FLOAT8_ACCUM, NATIVE_YOUNGS_CRAMER, NATIVE_FLOAT8, NATIVE_AVERAGE},
	{F_MIN_INT2, F_INT2SMALLER, NATIVE_MIN, NATIVE_INT2, NATIVE_AS_IT_IS},
	{F_MIN_INT4, F_INT4SMALLER, NATIVE_MIN, NATIVE_INT4, NATIVE_AS_IT_IS},
	{F_MIN_INT8, F_INT8SMALLER, NATIVE_MIN, NATIVE_INT8, NATIVE_AS_IT_IS},
	{F_MIN_FLOAT4, F_FLOAT4SMALLER, NATIVE_FLOAT_MIN, NATIVE_FLOAT4, NATIVE_AS_IT_IS},
	{F_MIN_FLOAT8, F_FLOAT8SMALLER, NATIVE_FLOAT_MIN, NATIVE_FLOAT8, NATIVE_AS_IT_IS},
	{F_MAX_INT2, F_INT2LARGER, NATIVE_MAX, NATIVE_INT2, NATIVE_AS_IT_IS},
	{F_MAX_INT4, F_INT4LARGER, NATIVE_MAX, NATIVE_INT4, NATIVE_AS_IT_IS},
	{F_MAX_INT8, F_INT8LARGER, NATIVE_MAX, NATIVE_INT8, NATIVE_AS_IT_IS},
	{F_MAX_FLOAT4, F_FLOAT4LARGER, NATIVE_FLOAT_MAX, NATIVE_FLOAT4, NATIVE_AS_IT_IS},
	{F_MAX_FLOAT8, F_FLOAT8LARGER, NATIVE_FLOAT_MAX, NATIVE_FLOAT8, NATIVE_AS_IT_IS},
};

static const Oid type_oids[] = {
	[NATIVE_ANY] = InvalidOid,
	[NATIVE_INT2] = INT2OID,
	[NATIVE_INT4] = INT4OID,
	[NATIVE_INT8] = INT8OID,
	[NATIVE_FLOAT4] = FLOAT4OID,
	[NATIVE_FLOAT8] = FLOAT8OID
};

static bool
has_function(const KnownAggregate *aggregate)
{
	HeapTuple	tuple = SearchSysCache1(AGGFNOID, ObjectIdGetDatum(aggregate->aggregate));
	bool		result;

	if (!HeapTupleIsValid(tuple))
		return false;
	result = ((Form_pg_aggregate) GETSTRUCT(tuple))->aggtransfn == aggregate->function;
	ReleaseSysCache(tuple);
	return result;
}

static const KnownAggregate *
find_known(const Aggref *aggref)
{
	if (aggref->aggorder != NIL || aggref->aggdistinct != NIL || aggref->aggdirectargs != NIL)
		return NULL;
	for (int i = 0; i < lengthof(known); i++)
		if (known[i].aggregate == aggref->aggfnoid)
			return has_function(&known[i]) ? &known[i] : NULL;
	return NULL;
}

int
native_kind_words(NativeKind kind)
{
	switch (kind)
	{
		case NATIVE_WIDE:
		case NATIVE_YOUNGS_CRAMER:
			return 3;
		case NATIVE_COUNT_SUM:
			return 2;
		default:
			return 1;
	}
}

/* Typical for small numbers. */
static int
flat_bytes(NativeKind kind)
{
	switch (kind)
	{
		case NATIVE_FLOAT4_SUM:
		case NATIVE_FLOAT8_SUM:
		case NATIVE_FLOAT_MIN:
		case NATIVE_FLOAT_MAX:
			return 8;
		case NATIVE_YOUNGS_CRAMER:
			return 24;
		default:
			return 2 * native_kind_words(kind);
	}
}

/* False if it is neither a column nor a constant. */
static bool
read_argument(NativeTransition *transition, const Aggref *aggref, TupleDesc input)
{
	Expr	   *argument;

	transition->argument = -1;
	if (aggref->args == NIL)
		return transition->kind == NATIVE_COUNT_ROWS;
	argument = linitial_node(TargetEntry, aggref->args)->expr;
	transition->expression = copyObject((Node *) argument);
	if (IsA(argument, Const))
	{
		Const	   *constant = (Const *) argument;

		transition->constant_isnull = constant->constisnull;
		/* of one by reference nothing but its being there is looked at */
		transition->constant = constant->constbyval ? constant->constvalue : (Datum) 0;
		return transition->type == NATIVE_ANY || constant->consttype == type_oids[transition->type];
	}
	if (!IsA(argument, Var))
		return false;
	transition->argument = ((Var *) argument)->varattno - 1;
	return transition->argument >= 0 && transition->argument < input->natts &&
		(transition->type == NATIVE_ANY || ((Var *) argument)->vartype == type_oids[transition->type]);
}

static bool
read_filter(NativeTransition *transition, const Aggref *aggref, TupleDesc input)
{
	transition->filter = -1;
	if (aggref->aggfilter == NULL)
		return true;
	if (!IsA(aggref->aggfilter, Var))
		return false;
	transition->filter = ((Var *) aggref->aggfilter)->varattno - 1;
	return transition->filter >= 0 && transition->filter < input->natts;
}

static bool
same_transition(const NativeTransition *a, const NativeTransition *b)
{
	return a->function == b->function && a->filter == b->filter && equal(a->expression, b->expression);
}

/* The place of this transition, or of an equal one; -1 if there are too many. */
static int
add_transition(WeirNative *native, NativeTransition *transition)
{
	for (int i = 0; i < native->ntransitions; i++)
		if (same_transition(&native->transitions[i], transition))
			return i;
	if (native->ntransitions == WEIR_NATIVE_TRANSITIONS)
		return -1;
	transition->bit = (uint32) 1 << native->ntransitions;
	transition->word = native->nwords;
	native->nwords += native_kind_words(transition->kind);
	native->flat_size += flat_bytes(transition->kind);
	native->may_fail |= transition->kind == NATIVE_FLOAT4_SUM || transition->kind == NATIVE_FLOAT8_SUM ||
		transition->kind == NATIVE_YOUNGS_CRAMER;
	native->transitions[native->ntransitions] = *transition;
	return native->ntransitions++;
}

static bool
add_aggregate(WeirNative *native, const Aggref *aggref, TupleDesc input)
{
	const KnownAggregate *aggregate = find_known(aggref);
	NativeTransition transition = {0};
	NativeAggregate *agg = &native->aggs[native->naggs++];

	if (aggregate == NULL)
		return false;
	transition.kind = aggregate->kind;
	transition.type = aggregate->type;
	transition.function = aggregate->function;
	if (!read_argument(&transition, aggref, input) || !read_filter(&transition, aggref, input))
		return false;
	agg->final = aggregate->final;
	agg->transition = add_transition(native, &transition);
	return agg->transition >= 0;
}

WeirNative *
weir_native_create(List *aggrefs, TupleDesc input)
{
	WeirNative *native = palloc0(sizeof(WeirNative));
	ListCell   *lc;

	native->aggs = palloc0(sizeof(NativeAggregate) * Max(list_length(aggrefs), 1));
	native->transitions = palloc0(sizeof(NativeTransition) * WEIR_NATIVE_TRANSITIONS);
	foreach(lc, aggrefs)
		if (!add_aggregate(native, lfirst_node(Aggref, lc), input))
		{
			pfree(native->transitions);
			pfree(native->aggs);
			pfree(native);
			return NULL;
		}
	return native;
}

Size
weir_native_size(const WeirNative *native)
{
	return offsetof(WeirNativeState, words) + sizeof(int64) * native->nwords;
}

int64
weir_native_flat_size(const WeirNative *native)
{
	return native->flat_size;
}

void
weir_native_raise(const WeirNativeFault *fault)
{
	ereport(ERROR,
			(errcode(fault->sqlstate),
			 errmsg_internal("%s", _(fault->message))));
}
