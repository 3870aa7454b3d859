/*
 * state/aggregate/aggregate.c
 *		Accumulators: rows in, results out.
 *
 * A transition value is one of three kinds.  A datum, or one chunk that pfree
 * frees, lies in the set's own memory, where millions of them cost no more than
 * they are.  What an aggregate's functions build of several chunks, behind the
 * type internal or a pointer of a function in C, has a memory context to
 * itself, so that all of it goes with the accumulator.  And where
 * the value cannot be turned into bytes, or depends on the order of all the rows, the
 * arguments are kept instead, and the Agg node is run over them when a result
 * is asked for.
 */
#include "postgres.h"

#include "access/detoast.h"
#include "access/htup_details.h"
#include "parser/analyze.h"
#include "parser/parser.h"
#include "utils/builtins.h"
#include "utils/datum.h"
#include "utils/expandeddatum.h"
#include "utils/memutils.h"

#include "base/compat.h"
#include "state/aggregate/aggregate_int.h"

#define FIRST_ROWS 8

/* As near as accounting needs. */
#define DATUM_BYTES 9
#define CHUNK_BYTES 64

static WeirAggregates *
create(List *aggrefs, TupleDesc input, bool keep, bool combined)
{
	MemoryContext context = AllocSetContextCreate(CurrentMemoryContext, "weir aggregates",
												  ALLOCSET_DEFAULT_SIZES);
	MemoryContext old = MemoryContextSwitchTo(context);
	WeirAggregates *set = palloc0(sizeof(WeirAggregates));

	set->context = context;
	set->scratch = AllocSetContextCreate(context, "weir aggregate scratch",
										 ALLOCSET_DEFAULT_SIZES);
	set->aggrefs = copyObject(aggrefs);
	set->input = CreateTupleDescCopy(input);
	set->keep = keep;
	set->combined = combined;
	for (int way = 0; way < WEIR_AGGREGATE_WAYS; way++)
	{
		set->parts[way].first = set->nvalues;
		weir_aggregate_part_create(set, (WeirAggregateWay) way);
		if (way != WEIR_AGGREGATE_KEPT && set->parts[way].context != NULL)
			set->nvalues += set->parts[way].agg->numtrans;
	}
	MemoryContextSwitchTo(old);
	return set;
}

WeirAggregates *
weir_aggregates_create(List *aggrefs, TupleDesc input, bool keep)
{
	return create(aggrefs, input, keep, false);
}

WeirAggregates *
weir_aggregates_create_combined(List *aggrefs, TupleDesc input)
{
	return create(aggrefs, input, false, true);
}

void
weir_aggregates_free(WeirAggregates *set)
{
	MemoryContextDelete(set->context);
}

/* "name(c1, c2)" over a row of NULLs of the types, analysed. */
Aggref *
weir_aggregate_call(const char *name, int nargs, const Oid *types)
{
	StringInfoData text;
	RawStmt    *raw;
	Query	   *query;
	Node	   *call;

	initStringInfo(&text);
	appendStringInfo(&text, "SELECT %s(", name);
	for (int i = 0; i < nargs; i++)
		appendStringInfo(&text, "%sc%d", i > 0 ? ", " : "", i + 1);
	appendStringInfoString(&text, nargs == 0 ? "*) FROM (SELECT 1" : ") FROM (SELECT ");
	for (int i = 0; i < nargs; i++)
		appendStringInfo(&text, "%sNULL::%s AS c%d", i > 0 ? ", " : "",
						 format_type_be_qualified(types[i]), i + 1);
	appendStringInfoString(&text, ") row");

	raw = linitial_node(RawStmt, raw_parser(text.data, RAW_PARSE_DEFAULT));
	query = parse_analyze_fixedparams(raw, text.data, NULL, 0, NULL);
	call = (Node *) linitial_node(TargetEntry, query->targetList)->expr;
	if (!IsA(call, Aggref))
		ereport(ERROR,
				(errcode(ERRCODE_WRONG_OBJECT_TYPE),
				 errmsg("function %s is not an aggregate", name),
				 errhint("Name an aggregate function, with the types of its arguments.")));
	return (Aggref *) call;
}

bool
weir_aggregates_are_large(const WeirAggregates *set)
{
	return set->parts[WEIR_AGGREGATE_OWN].context != NULL;
}

Size
weir_accumulator_size(const WeirAggregates *set)
{
	return offsetof(WeirAccumulator, values) + sizeof(AggStatePerGroupData) * set->nvalues;
}

/* ---- what the aggregates' functions see ---- */

static bool
is_incremental(const WeirAggregates *set, int way)
{
	return way != WEIR_AGGREGATE_KEPT && set->parts[way].context != NULL;
}

MemoryContext
weir_values_context(const WeirAggregates *set, const WeirAggregatePart *part,
					const WeirAccumulator *acc)
{
	return part == &set->parts[WEIR_AGGREGATE_OWN] ? acc->own : set->context;
}

void
weir_aggregate_enter(WeirAggregates *set, WeirAggregatePart *part, WeirAccumulator *acc)
{
	AggState   *agg = part->agg;
	ExprContext *context = agg->aggcontexts[0];

	context->ecxt_per_tuple_memory = weir_values_context(set, part, acc);
	context->ecxt_callbacks = acc->callbacks;
	agg->curaggcontext = context;
	agg->curperagg = NULL;
	agg->curpertrans = NULL;
	agg->all_pergroups[0] = &acc->values[part->first];
}

void
weir_aggregate_leave(WeirAggregatePart *part, WeirAccumulator *acc)
{
	acc->callbacks = part->agg->aggcontexts[0]->ecxt_callbacks;
}

/* ---- begin and end ---- */

static void
init_value(AggStatePerTrans pertrans, AggStatePerGroup value, MemoryContext context)
{
	MemoryContext old = MemoryContextSwitchTo(context);

	value->transValueIsNull = pertrans->initValueIsNull;
	value->noTransValue = pertrans->initValueIsNull;
	value->transValue = pertrans->initValue;
	if (!pertrans->initValueIsNull)
		value->transValue = datumCopy(pertrans->initValue, pertrans->transtypeByVal,
									  pertrans->transtypeLen);
	MemoryContextSwitchTo(old);
}

/* Without values yet. */
void
weir_accumulator_clear(WeirAggregates *set, WeirAccumulator *acc)
{
	memset(acc, 0, weir_accumulator_size(set));
	for (int i = 0; i < set->nvalues; i++)
		acc->values[i].transValueIsNull = acc->values[i].noTransValue = true;
	if (weir_aggregates_are_large(set))
		acc->own = AllocSetContextCreate(set->context, "weir accumulator", ALLOCSET_SMALL_SIZES);
}

void
weir_accumulator_init(WeirAggregates *set, WeirAccumulator *acc)
{
	weir_accumulator_clear(set, acc);
	for (int way = 0; way < WEIR_AGGREGATE_WAYS; way++)
	{
		WeirAggregatePart *part = &set->parts[way];

		for (int i = 0; is_incremental(set, way) && i < part->agg->numtrans; i++)
			init_value(&part->agg->pertrans[i], &acc->values[part->first + i],
					   weir_values_context(set, part, acc));
	}
}

void
weir_transition_free(AggStatePerTrans pertrans, const WeirTransition *transition, AggStatePerGroup value)
{
	if (value->transValueIsNull || (pertrans->transtypeByVal && !transition->internal))
		return;
	if (DatumIsReadWriteExpandedObject(value->transValue, false, pertrans->transtypeLen))
		DeleteExpandedObject(value->transValue);
	else
		pfree(DatumGetPointer(value->transValue));
}

static void
free_shared(WeirAggregates *set, WeirAccumulator *acc)
{
	WeirAggregatePart *part = &set->parts[WEIR_AGGREGATE_SHARED];

	for (int i = 0; part->context != NULL && i < part->agg->numtrans; i++)
		weir_transition_free(&part->agg->pertrans[i], &part->transitions[i],
							 &acc->values[part->first + i]);
}

/* As ShutdownExprContext does it. */
static void
free_own(WeirAccumulator *acc)
{
	while (acc->callbacks != NULL)
	{
		ExprContext_CB *callback = acc->callbacks;

		acc->callbacks = callback->next;
		callback->function(callback->arg);
		pfree(callback);
	}
	if (acc->own != NULL)
		MemoryContextDelete(acc->own);
	acc->own = NULL;
}

void
weir_accumulator_reset(WeirAggregates *set, WeirAccumulator *acc)
{
	free_shared(set, acc);
	free_own(acc);
	for (int i = 0; i < acc->nrows; i++)
		pfree(acc->rows[i]);
	if (acc->rows != NULL)
		pfree(acc->rows);
	acc->rows = NULL;
	acc->nrows = 0;
}

/* ---- rows ---- */

static void
fill_input(const WeirAggregatePart *part, const Datum *values, const bool *nulls)
{
	TupleTableSlot *slot = part->input;

	ExecClearTuple(slot);
	for (int i = 0; i < slot->tts_tupleDescriptor->natts; i++)
	{
		slot->tts_values[i] = values[part->columns[i] - 1];
		slot->tts_isnull[i] = nulls[part->columns[i] - 1];
	}
	ExecStoreVirtualTuple(slot);
}

/* Strictness, FILTER and arguments are in the expression, as nodeAgg.c runs it. */
static void
advance(WeirAggregates *set, WeirAggregatePart *part, WeirAccumulator *acc)
{
	AggState   *agg = part->agg;
	bool		isnull;

	weir_aggregate_enter(set, part, acc);
	agg->tmpcontext->ecxt_outertuple = part->input;
	(void) ExecEvalExprSwitchContext(agg->phase->evaltrans, agg->tmpcontext, &isnull);
	ResetExprContext(agg->tmpcontext);
	weir_aggregate_leave(part, acc);
}

/* What lies out of line may be gone by the time it is wanted. */
static void
fetch_values(TupleTableSlot *slot)
{
	for (int i = 0; i < slot->tts_tupleDescriptor->natts; i++)
	{
		struct varlena *value = (struct varlena *) DatumGetPointer(slot->tts_values[i]);

		if (slot->tts_isnull[i] || TupleDescAttr(slot->tts_tupleDescriptor, i)->attlen != -1)
			continue;
		if (VARATT_IS_EXTERNAL(value))
			slot->tts_values[i] = PointerGetDatum(detoast_external_attr(value));
	}
}

/* For so many rows. */
void
weir_accumulator_make_room(WeirAggregates *set, WeirAccumulator *acc, int nrows)
{
	if (nrows <= acc->room)
		return;
	acc->room = Max(Max(acc->room * 2, nrows), FIRST_ROWS);
	acc->rows = acc->rows == NULL ?
		MemoryContextAlloc(set->context, sizeof(MinimalTuple) * acc->room) :
		repalloc_huge(acc->rows, sizeof(MinimalTuple) * acc->room);
}

static void
keep_row(WeirAggregates *set, WeirAccumulator *acc, TupleTableSlot *slot)
{
	MemoryContext old = MemoryContextSwitchTo(set->scratch);

	fetch_values(slot);
	MemoryContextSwitchTo(set->context);
	weir_accumulator_make_room(set, acc, acc->nrows + 1);
	acc->rows[acc->nrows] = ExecCopySlotMinimalTuple(slot);
	acc->row_bytes += acc->rows[acc->nrows++]->t_len;
	MemoryContextSwitchTo(old);
	MemoryContextReset(set->scratch);
}

void
weir_accumulator_add(WeirAggregates *set, WeirAccumulator *acc, const Datum *values, const bool *nulls)
{
	for (int way = 0; way < WEIR_AGGREGATE_WAYS; way++)
	{
		WeirAggregatePart *part = &set->parts[way];

		if (part->context == NULL)
			continue;
		fill_input(part, values, nulls);
		if (way == WEIR_AGGREGATE_KEPT)
			keep_row(set, acc, part->input);
		else
			advance(set, part, acc);
	}
}

void
weir_accumulator_drop(WeirAggregates *set, WeirAccumulator *acc, int n)
{
	Assert(set->keep && n <= acc->nrows);
	for (int i = 0; i < n; i++)
	{
		acc->row_bytes -= acc->rows[i]->t_len;
		pfree(acc->rows[i]);
	}
	acc->nrows -= n;
	memmove(acc->rows, acc->rows + n, sizeof(MinimalTuple) * acc->nrows);
}

/* ---- results ---- */

/* finalize_aggregate of nodeAgg.c, for an aggregate without direct arguments. */
static Datum
finalize(AggState *agg, AggStatePerAgg peragg, AggStatePerGroup value, bool *isnull)
{
	LOCAL_FCINFO(fcinfo, FUNC_MAX_ARGS);
	AggStatePerTrans pertrans = &agg->pertrans[peragg->transno];
	Datum		result;

	*isnull = value->transValueIsNull;
	if (!OidIsValid(peragg->finalfn_oid))
		return value->transValue;
	InitFunctionCallInfoData(*fcinfo, &peragg->finalfn, peragg->numFinalArgs,
							 pertrans->aggCollation, (void *) agg, NULL);
	fcinfo->args[0].value = MakeExpandedObjectReadOnly(value->transValue, value->transValueIsNull,
													   pertrans->transtypeLen);
	fcinfo->args[0].isnull = value->transValueIsNull;
	for (int i = 1; i < peragg->numFinalArgs; i++)
	{
		fcinfo->args[i].value = (Datum) 0;
		fcinfo->args[i].isnull = true;
	}
	if (peragg->finalfn.fn_strict && (value->transValueIsNull || peragg->numFinalArgs > 1))
	{
		*isnull = true;
		return (Datum) 0;
	}
	agg->curperagg = peragg;
	result = FunctionCallInvoke(fcinfo);
	agg->curperagg = NULL;
	*isnull = fcinfo->isnull;
	return result;
}

/* What is not by value may be a part of the transition value: it is copied. */
static void
finalize_part(WeirAggregates *set, WeirAggregatePart *part, WeirAccumulator *acc,
			  Datum *values, bool *nulls)
{
	weir_aggregate_enter(set, part, acc);
	for (int i = 0; i < part->naggs; i++)
	{
		AggStatePerAgg peragg = &part->agg->peragg[part->aggno[i]];
		bool		isnull;
		Datum		value = finalize(part->agg, peragg,
									 &acc->values[part->first + peragg->transno], &isnull);

		if (!isnull)
			value = datumCopy(value, peragg->resulttypeByVal, peragg->resulttypeLen);
		values[part->results[i]] = value;
		nulls[part->results[i]] = isnull;
	}
	ResetExprContext(part->agg->tmpcontext);
	weir_aggregate_leave(part, acc);
}

/*
 * Runs the node over the rows kept.  A run that failed leaves behind what only
 * its transaction could clean up: then the node is made anew.
 */
static void
run_kept(WeirAggregates *set, WeirAccumulator *acc, Datum *values, bool *nulls)
{
	WeirAggregatePart *part = &set->parts[WEIR_AGGREGATE_KEPT];
	TupleTableSlot *row;

	if (part->running)
		weir_aggregate_part_create(set, WEIR_AGGREGATE_KEPT);
	part->running = true;
	part->next = acc->rows;
	part->end = acc->rows + acc->nrows;
	row = ExecProcNode(&part->agg->ss.ps);
	slot_getallattrs(row);
	for (int i = 0; i < part->naggs; i++)
	{
		Form_pg_attribute att = TupleDescAttr(row->tts_tupleDescriptor, i);

		nulls[part->results[i]] = row->tts_isnull[i];
		values[part->results[i]] = row->tts_isnull[i] ? (Datum) 0 :
			datumCopy(row->tts_values[i], att->attbyval, att->attlen);
	}
	ExecReScan(&part->agg->ss.ps);
	part->running = false;
}

static void
compute(WeirAggregates *set, WeirAccumulator *acc, Datum *values, bool *nulls)
{
	for (int way = 0; way < WEIR_AGGREGATE_WAYS; way++)
	{
		WeirAggregatePart *part = &set->parts[way];

		if (part->context == NULL)
			continue;
		if (way == WEIR_AGGREGATE_KEPT)
			run_kept(set, acc, values, nulls);
		else
			finalize_part(set, part, acc, values, nulls);
	}
}

/* A final function that spoils what it is given gets a copy. */
static void
compute_of_copy(WeirAggregates *set, WeirAccumulator *acc, Datum *values, bool *nulls)
{
	WeirAccumulator *copy = palloc(weir_accumulator_size(set));
	StringInfoData bytes;
	const char *wrong;

	initStringInfo(&bytes);
	weir_accumulator_flatten(set, acc, &bytes);
	wrong = weir_accumulator_unflatten(set, copy, bytes.data, bytes.len);
	if (wrong)
		elog(ERROR, "could not copy an accumulator: %s", wrong);
	PG_TRY();
	{
		compute(set, copy, values, nulls);
	}
	PG_FINALLY();
	{
		weir_accumulator_reset(set, copy);
	}
	PG_END_TRY();
	pfree(bytes.data);
	pfree(copy);
}

void
weir_accumulator_results(WeirAggregates *set, WeirAccumulator *acc, bool last,
						 Datum *values, bool *nulls)
{
	if (!last && set->consumes && set->nvalues > 0)
		compute_of_copy(set, acc, values, nulls);
	else
		compute(set, acc, values, nulls);
}

int64
weir_accumulator_bytes(const WeirAggregates *set, const WeirAccumulator *acc)
{
	const WeirAggregatePart *shared = &set->parts[WEIR_AGGREGATE_SHARED];
	int64		bytes = acc->row_bytes + (int64) sizeof(MinimalTuple) * acc->room;

	if (acc->own != NULL)
		bytes += MemoryContextMemAllocated(acc->own, false);
	for (int i = 0; shared->context != NULL && i < shared->agg->numtrans; i++)
	{
		const AggStatePerGroupData *value = &acc->values[shared->first + i];
		AggStatePerTrans pertrans = &shared->agg->pertrans[i];

		if (value->transValueIsNull || pertrans->transtypeByVal)
			bytes += shared->transitions[i].internal ? CHUNK_BYTES : DATUM_BYTES;
		else if (pertrans->transtypeLen == -1 &&
				 !VARATT_IS_EXTERNAL_EXPANDED(DatumGetPointer(value->transValue)))
			bytes += VARSIZE_ANY(DatumGetPointer(value->transValue));
		else
			bytes += CHUNK_BYTES;
	}
	return bytes;
}
