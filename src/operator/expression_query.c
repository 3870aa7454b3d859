/*
 * operator/expression_query.c
 *		Queries of the keyed function that only compute: SELECT without FROM.
 *
 * PL/pgSQL runs PERFORM g(x) and RETURN QUERY SELECT x, y as queries, through
 * SPI, and so do other languages with any statement.  To set the executor up and
 * take it down again costs many times what such a query computes.  While a
 * keyed function runs, what is set up for a plan that SPI keeps (a generic one)
 * stays with it: its expressions, a row, memory.  It goes when the plan does.
 *
 * This stands in the executor's hooks, and only where nobody else does, who would
 * count on seeing each query.
 */
#include "postgres.h"

#include "executor/executor.h"
#include "miscadmin.h"
#include "nodes/nodeFuncs.h"
#include "utils/memutils.h"

#include "base/compat.h"
#include "base/executor_hooks.h"
#include "operator/expression_query.h"
#include "state/store.h"

typedef struct Kept
{
	const PlannedStmt *planned;
	Oid			user;			/* who may call what it calls */
	ParamCompileHook compile;	/* of the parameters it was set up with */
	MemoryContext context;		/* of what follows */
	EState	   *estate;
	ExprContext *econtext;
	ProjectionInfo *projection;
	TupleDesc	desc;
	uint64		runs_in;		/* the call of f in which it was started, 0: it has ended */
} Kept;

typedef struct KeptSlot
{
	const PlannedStmt *planned;
	Kept	   *kept;
	char		status;
} KeptSlot;

#define SH_PREFIX kept
#define SH_ELEMENT_TYPE KeptSlot
#define SH_KEY_TYPE const PlannedStmt *
#define SH_KEY planned
#define SH_HASH_KEY(tb, key) ((uint32) (((uint64) (key) * UINT64CONST(0x9e3779b97f4a7c15)) >> 32))
#define SH_EQUAL(tb, a, b) ((a) == (b))
#define SH_SCOPE static inline
#define SH_DECLARE
#define SH_DEFINE
#include "lib/simplehash.h"

/* Goes with a plan's memory. */
typedef struct PlanWatch
{
	MemoryContextCallback callback;
	const PlannedStmt *planned;
} PlanWatch;

static kept_hash *all = NULL;
static uint64 call_number = 0;

static Kept *
find(const QueryDesc *query)
{
	KeptSlot   *slot = kept_lookup(all, query->plannedstmt);

	return slot ? slot->kept : NULL;
}

static void
plan_freed(void *arg)
{
	PlanWatch  *watch = arg;
	KeptSlot   *slot = kept_lookup(all, watch->planned);

	if (slot == NULL)
		return;
	MemoryContextDelete(slot->kept->context);
	kept_delete(all, watch->planned);
}

static void
watch_plan(const PlannedStmt *planned)
{
	MemoryContext context = GetMemoryChunkContext((void *) planned);
	PlanWatch  *watch = MemoryContextAlloc(context, sizeof(PlanWatch));

	watch->planned = planned;
	watch->callback.func = plan_freed;
	watch->callback.arg = watch;
	MemoryContextRegisterResetCallback(context, &watch->callback);
}

static bool
needs_executor_walker(Node *node, void *arg)
{
	if (node == NULL)
		return false;
	if (IsA(node, SubPlan) || IsA(node, AlternativeSubPlan) || IsA(node, Var))
		return true;
	if (IsA(node, Param))
		return ((Param *) node)->paramkind != PARAM_EXTERN;
	return expression_tree_walker(node, needs_executor_walker, arg);
}

/* A plan that is kept, and is nothing but a list of expressions. */
static bool
only_computes(const PlannedStmt *planned)
{
	const Result *result = (const Result *) planned->planTree;

	return planned->commandType == CMD_SELECT &&
		MemoryContextGetParent(GetMemoryChunkContext((void *) planned)) == CacheMemoryContext &&
		IsA(result, Result) && result->plan.lefttree == NULL && result->resconstantqual == NULL &&
		result->plan.qual == NIL && result->plan.initPlan == NIL &&
		planned->subplans == NIL && planned->rowMarks == NIL && planned->relationOids == NIL &&
		!needs_executor_walker((Node *) result->plan.targetlist, NULL);
}

static Kept *
keep(const QueryDesc *query, bool watched)
{
	MemoryContext context = AllocSetContextCreate(CurrentMemoryContext, "weir expression query",
												  ALLOCSET_SMALL_SIZES);
	MemoryContext old = MemoryContextSwitchTo(context);
	Kept	   *kept = palloc0(sizeof(Kept));
	List	   *targets = query->plannedstmt->planTree->targetlist;
	ResultState *node = makeNode(ResultState);
	KeptSlot   *slot;
	bool		found;

	kept->planned = query->plannedstmt;
	kept->user = GetUserId();
	kept->compile = query->params ? query->params->paramCompile : NULL;
	kept->context = context;
	kept->estate = CreateExecutorState();
	kept->estate->es_param_list_info = query->params;
	kept->econtext = CreateExprContext(kept->estate);
	kept->desc = ExecTypeFromTL(targets);
	node->ps.state = kept->estate;
	kept->projection = ExecBuildProjectionInfo(targets, kept->econtext,
											   MakeTupleTableSlot(kept->desc, &TTSOpsVirtual),
											   &node->ps, NULL);
	MemoryContextSwitchTo(old);
	MemoryContextSetParent(context, TopMemoryContext);
	if (!watched)
		watch_plan(kept->planned);
	slot = kept_insert(all, kept->planned, &found);
	slot->kept = kept;
	return kept;
}

/* An error has left it: functions that it calls may have been left half way, too. */
static Kept *
keep_anew(Kept *kept, const QueryDesc *query)
{
	const PlannedStmt *planned = kept->planned;

	MemoryContextDelete(kept->context);
	kept_delete(all, planned);
	return keep(query, true);
}

/* What is kept for this query, if it may be run so; NULL: it may not. */
static Kept *
kept_for(const QueryDesc *query, int eflags)
{
	Kept	   *kept;

	if (weir_current_store == NULL || (eflags & ~EXEC_FLAG_SKIP_TRIGGERS) != 0 ||
		query->instrument_options != 0 || query->queryEnv != NULL ||
		(query->dest->mydest != DestSPI && query->dest->mydest != DestTuplestore))
		return NULL;
	kept = find(query);
	if (kept == NULL)
		return only_computes(query->plannedstmt) ? keep(query, false) : NULL;
	if (kept->runs_in == call_number)
		return NULL;			/* it runs already, or an error has left it */
	if (kept->runs_in != 0)
		return keep_anew(kept, query);
	if (kept->user != GetUserId() ||
		kept->compile != (query->params ? query->params->paramCompile : NULL))
		return NULL;
	return kept;
}

/* The query that was started so; NULL: the executor runs it. */
static Kept *
started(const QueryDesc *query)
{
	Kept	   *kept;

	if (query->planstate != NULL)
		return NULL;
	kept = find(query);
	return kept && query->estate == kept->estate ? kept : NULL;
}

static void
start(QueryDesc *query, int eflags)
{
	Kept	   *kept = kept_for(query, eflags);

	if (kept == NULL)
	{
		standard_ExecutorStart(query, eflags);
		return;
	}
	kept->runs_in = call_number;
	ResetExprContext(kept->econtext);
	kept->econtext->ecxt_param_list_info = query->params;
	kept->estate->es_param_list_info = query->params;
	kept->estate->es_processed = 0;
	query->estate = kept->estate;
	query->tupDesc = kept->desc;
	query->planstate = NULL;
}

static void
run(QueryDesc *query, WEIR_RUN_ARGS)
{
	Kept	   *kept = started(query);
	MemoryContext old;

	if (kept == NULL)
	{
		weir_standard_run(query);
		return;
	}
	CHECK_FOR_INTERRUPTS();
	old = MemoryContextSwitchTo(kept->econtext->ecxt_per_tuple_memory);
	query->dest->rStartup(query->dest, query->operation, query->tupDesc);
	(void) query->dest->receiveSlot(ExecProject(kept->projection), query->dest);
	kept->estate->es_processed = 1;
	query->dest->rShutdown(query->dest);
	MemoryContextSwitchTo(old);
}

static void
finish(QueryDesc *query)
{
	if (started(query) == NULL)
		standard_ExecutorFinish(query);
}

static void
end(QueryDesc *query)
{
	Kept	   *kept = started(query);

	if (kept == NULL)
	{
		standard_ExecutorEnd(query);
		return;
	}
	ExecClearTuple(kept->projection->pi_state.resultslot);
	kept->runs_in = 0;
	query->estate = NULL;
	query->tupDesc = NULL;
}

void
weir_expression_queries_keep(void)
{
	if (all == NULL && weir_executor_hooks_take(start, run, finish, end))
		all = kept_create(TopMemoryContext, 64, NULL);
}

void
weir_expression_queries_begin_call(void)
{
	call_number++;
}
