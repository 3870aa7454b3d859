/*
 * state/aggregate/aggregate_part.c
 *		An Agg node of the executor for aggregates of one way.
 *
 * "SELECT aggregate, ... FROM rows" is planned and initialised as any
 * query is, so rights, polymorphic types, initial values, shared transition
 * values, FILTER and what functions may ask of their caller (AggCheckCallContext
 * and the like) are PostgreSQL's own.  Then it is driven from outside: a row is
 * the node's expression of all transitions, evaluated over the transition values
 * of one key (aggregate.c).  The node itself runs only over arguments that were
 * kept; the node below it, a scan of an ephemeral relation, then returns those.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "catalog/pg_aggregate.h"
#include "catalog/pg_language.h"
#include "catalog/pg_proc.h"
#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "nodes/makefuncs.h"
#include "parser/parse_node.h"
#include "parser/parse_relation.h"
#include "tcop/tcopprot.h"
#include "utils/fmgroids.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/queryenvironment.h"
#include "utils/syscache.h"
#include "utils/tuplestore.h"

#include "base/compat.h"
#include "base/rowdesc.h"
#include "state/aggregate/aggregate_int.h"

#define INPUT_NAME "weir_aggregate_input"
#define EXPECTED_ROWS 100

/* ---- which way ---- */

static Form_pg_aggregate
aggregate_form(Oid function, HeapTuple *tuple)
{
	*tuple = SearchSysCache1(AGGFNOID, ObjectIdGetDatum(function));
	if (!HeapTupleIsValid(*tuple))
		elog(ERROR, "cache lookup failed for aggregate %u", function);
	return (Form_pg_aggregate) GETSTRUCT(*tuple);
}

bool
weir_aggregate_is_incremental(const Aggref *aggref)
{
	HeapTuple	tuple;
	Form_pg_aggregate form;
	bool		result;

	if (aggref->aggorder != NIL || aggref->aggdistinct != NIL || aggref->aggkind != AGGKIND_NORMAL)
		return false;
	form = aggregate_form(aggref->aggfnoid, &tuple);
	if (form->aggtranstype == INTERNALOID)
		result = OidIsValid(form->aggserialfn) && OidIsValid(form->aggdeserialfn) &&
			OidIsValid(form->aggcombinefn) && !weir_serializes_trusted(form->aggserialfn);
	else
		result = form->aggtranstype != RECORDOID && form->aggtranstype != RECORDARRAYOID;
	ReleaseSysCache(tuple);
	return result;
}

/* A function in C could leave more than its result in the memory it is given. */
static bool
is_foreign_c(Oid function)
{
	HeapTuple	tuple = SearchSysCache1(PROCOID, ObjectIdGetDatum(function));
	bool		result;

	if (!HeapTupleIsValid(tuple))
		elog(ERROR, "cache lookup failed for function %u", function);
	result = ((Form_pg_proc) GETSTRUCT(tuple))->prolang == ClanguageId;
	ReleaseSysCache(tuple);
	return result;
}

/* Is the state of type internal that this transition function makes one chunk? */
static bool
is_one_chunk(Oid transition)
{
#ifdef HAVE_INT128
	return transition == F_INT8_AVG_ACCUM || transition == F_INT2_ACCUM ||
		transition == F_INT4_ACCUM;
#else
	return false;
#endif
}

/* Sums of floats would depend on how the rows were parted. */
static bool
has_exact_combine(const Aggref *aggref)
{
	HeapTuple	tuple;
	Oid			combine = aggregate_form(aggref->aggfnoid, &tuple)->aggcombinefn;

	ReleaseSysCache(tuple);
	return OidIsValid(combine) && combine != F_FLOAT4PL && combine != F_FLOAT8PL &&
		combine != F_FLOAT8_COMBINE && combine != F_FLOAT8_REGR_COMBINE;
}

WeirAggregateWay
weir_aggregate_way(const WeirAggregates *set, const Aggref *aggref)
{
	HeapTuple	tuple;
	Form_pg_aggregate form;
	bool		shared;

	if (set->keep || !weir_aggregate_is_incremental(aggref) ||
		(set->combined && !has_exact_combine(aggref)))
		return WEIR_AGGREGATE_KEPT;
	form = aggregate_form(aggref->aggfnoid, &tuple);
	if (form->aggtranstype == INTERNALOID)
		shared = is_one_chunk(form->aggtransfn);
	else
		shared = !is_foreign_c(form->aggtransfn);
	ReleaseSysCache(tuple);
	return shared ? WEIR_AGGREGATE_SHARED : WEIR_AGGREGATE_OWN;
}

/* ---- the plan ---- */

static QueryEnvironment *
input_environment(TupleDesc desc)
{
	QueryEnvironment *environment = create_queryEnv();
	EphemeralNamedRelation input = palloc0(sizeof(EphemeralNamedRelationData));

	input->md.name = INPUT_NAME;
	input->md.tupdesc = desc;
	input->md.enrtype = ENR_NAMED_TUPLESTORE;
	input->md.enrtuples = EXPECTED_ROWS;
	input->reldata = tuplestore_begin_heap(false, false, work_mem);
	register_ENR(environment, input);
	return environment;
}

static Plan *
plan_aggregates(List *aggrefs, QueryEnvironment *environment)
{
	ParseState *pstate = make_parsestate(NULL);
	Query	   *query = makeNode(Query);
	RangeTblRef *from = makeNode(RangeTblRef);
	PlannedStmt *planned;
	ListCell   *lc;
	int			level = NewGUCNestLevel();

	pstate->p_queryEnv = environment;
	(void) addRangeTableEntryForENR(pstate, makeRangeVar(NULL, pstrdup(INPUT_NAME), -1), true);
	from->rtindex = 1;
	query->commandType = CMD_SELECT;
	query->canSetTag = true;
	query->hasAggs = true;
	query->rtable = pstate->p_rtable;
	query->jointree = makeFromExpr(list_make1(from), NULL);
	foreach(lc, aggrefs)
		query->targetList = lappend(query->targetList,
									makeTargetEntry(copyObject(lfirst(lc)),
													foreach_current_index(lc) + 1,
													pstrdup("aggregate"), false));
	weir_presort_no_aggregate();
	planned = weir_plan_query(query, "");
	AtEOXact_GUC(false, level);
	if (!IsA(planned->planTree, Agg))
		elog(ERROR, "aggregates were not planned as such");
	return planned->planTree;
}

/* ---- the node ---- */

static PlanState *
lowest_node(PlanState *node)
{
	while (outerPlanState(node) != NULL)
		node = outerPlanState(node);
	return node;
}

/* In place of the scan of the ephemeral relation: the next of the rows kept. */
static TupleTableSlot *
next_row(PlanState *node)
{
	EphemeralNamedRelation input = get_ENR(node->state->es_queryEnv, INPUT_NAME);
	WeirAggregatePart *part = input->reldata;

	if (part->next == part->end)
		return ExecClearTuple(part->input);
	ExecForceStoreMinimalTuple(*part->next++, part->input, false);
	return part->input;
}

/* A value of type internal becomes bytes, and again one, by these. */
static void
init_transition(const WeirAggregates *set, WeirTransition *transition, AggStatePerTrans pertrans)
{
	HeapTuple	tuple;
	Form_pg_aggregate form = aggregate_form(pertrans->aggref->aggfnoid, &tuple);

	transition->internal = pertrans->aggtranstype == INTERNALOID;
	if (transition->internal)
	{
		fmgr_info(form->aggserialfn, &transition->serialize);
		fmgr_info(form->aggdeserialfn, &transition->deserialize);
	}
	else
		weir_flat_type(&transition->type, pertrans->aggtranstype, CurrentMemoryContext);
	if (transition->internal || set->combined)
		fmgr_info(form->aggcombinefn, &transition->combine);
	ReleaseSysCache(tuple);
}

static void
init_transitions(const WeirAggregates *set, WeirAggregatePart *part)
{
	AggState   *agg = part->agg;

	part->transitions = palloc0(sizeof(WeirTransition) * agg->numtrans);
	for (int i = 0; i < agg->numtrans; i++)
		init_transition(set, &part->transitions[i], &agg->pertrans[i]);
}

/* Final functions that may run but once. */
static bool
consumes(const Aggref *aggref)
{
	HeapTuple	tuple;
	bool		result;

	result = aggregate_form(aggref->aggfnoid, &tuple)->aggfinalmodify == AGGMODIFY_READ_WRITE;
	ReleaseSysCache(tuple);
	return result;
}

static void
init_results(WeirAggregates *set, WeirAggregatePart *part)
{
	ListCell   *lc;

	part->aggno = palloc(sizeof(int) * part->naggs);
	foreach(lc, part->agg->ss.ps.plan->targetlist)
	{
		Aggref	   *aggref = castNode(Aggref, lfirst_node(TargetEntry, lc)->expr);

		part->aggno[foreach_current_index(lc)] = aggref->aggno;
		set->consumes |= consumes(aggref);
	}
}

static void
init_node(WeirAggregates *set, WeirAggregatePart *part, List *aggrefs)
{
	EState	   *estate = CreateExecutorState();
	Plan	   *plan;
	PlanState  *below;
	TupleDesc	desc;
	ListCell   *lc;

	estate->es_queryEnv = input_environment(set->input);
	plan = plan_aggregates(aggrefs, estate->es_queryEnv);
	MemoryContextSwitchTo(estate->es_query_cxt);
	part->agg = castNode(AggState, ExecInitNode(plan, estate, 0));
	MemoryContextSwitchTo(part->context);

	below = lowest_node(&part->agg->ss.ps);
	desc = CreateTupleDescCopy(below->ps_ResultTupleDesc);
	weir_keep_rows_plain(desc);
	TupleDescFinalize(desc);
	part->input = MakeSingleTupleTableSlot(desc, &TTSOpsVirtual);
	part->columns = palloc(sizeof(AttrNumber) * (list_length(below->plan->targetlist) + 1));
	foreach(lc, below->plan->targetlist)
		part->columns[foreach_current_index(lc)] =
			castNode(Var, lfirst_node(TargetEntry, lc)->expr)->varattno;
}

/* Replaces the scan, once the node has been initialised with it. */
static void
hand_rows(WeirAggregatePart *part)
{
	PlanState  *below = lowest_node(&part->agg->ss.ps);

	get_ENR(below->state->es_queryEnv, INPUT_NAME)->reldata = part;
	ExecSetExecProcNode(below, next_row);
}

static int
place_of(const WeirAggregates *set, const void *aggref)
{
	int			place = 0;

	while (list_nth(set->aggrefs, place) != aggref)
		place++;
	return place;
}

/* Makes the part for the set's aggregates of this way, if there are any; anew, if there was one. */
void
weir_aggregate_part_create(WeirAggregates *set, WeirAggregateWay way)
{
	WeirAggregatePart *part = &set->parts[way];
	int			first = part->first;
	List	   *aggrefs = NIL;
	MemoryContext old;
	ListCell   *lc;

	if (part->context != NULL)
		MemoryContextDelete(part->context);
	memset(part, 0, sizeof(*part));
	part->first = first;
	foreach(lc, set->aggrefs)
		if (weir_aggregate_way(set, lfirst_node(Aggref, lc)) == way)
			aggrefs = lappend(aggrefs, lfirst(lc));
	if (aggrefs == NIL)
		return;

	part->context = AllocSetContextCreate(set->context, "weir aggregate node", ALLOCSET_DEFAULT_SIZES);
	old = MemoryContextSwitchTo(part->context);
	part->naggs = list_length(aggrefs);
	part->results = palloc(sizeof(int) * part->naggs);
	foreach(lc, aggrefs)
		part->results[foreach_current_index(lc)] = place_of(set, lfirst(lc));
	init_node(set, part, aggrefs);
	init_results(set, part);
	if (way == WEIR_AGGREGATE_KEPT)
		hand_rows(part);
	else
		init_transitions(set, part);
	MemoryContextSwitchTo(old);
}
