/*
 * compile/event_time.c
 *		Which expressions are times that the watermark is of, which are windows of such
 *		times, and whether what is read has a watermark at all.
 *
 * A column of a subquery or view is what the SELECT in it computes, of a UNION ALL what
 * each of its SELECTs does.  Queries are looked at as they stand, before any is cut.
 */
#include "postgres.h"

#include "access/table.h"
#include "catalog/pg_class.h"
#include "catalog/pg_type.h"
#include "foreign/foreign.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/optimizer.h"
#include "parser/parsetree.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/timestamp.h"

#include "base/compat.h"
#include "compile/compile.h"

/* What is asked of an expression; a column that it says no to is asked for where it comes from. */
typedef bool (*Question) (Query *query, Node *expr, void *arg);

static bool ask(Query *query, Node *expr, Question question, void *arg);

static bool
ask_column(Query *query, AttrNumber attno, Question question, void *arg)
{
	ListCell   *lc;

	if (query->setOperations == NULL)
	{
		TargetEntry *entry = get_tle_by_resno(query->targetList, attno);

		return entry != NULL && ask(query, (Node *) entry->expr, question, arg);
	}
	foreach(lc, query->rtable)
	{
		const RangeTblEntry *rte = lfirst_node(RangeTblEntry, lc);

		if (rte->rtekind == RTE_SUBQUERY && rte->subquery != NULL && !ask_column(rte->subquery, attno, question, arg))
			return false;
	}
	return true;
}

/* The query that an entry of FROM stands for; NULL: none. */
static Query *
entry_query(const Query *query, const RangeTblEntry *rte)
{
	ListCell   *lc;

	if (rte->rtekind == RTE_SUBQUERY)
		return rte->subquery;
	if (rte->rtekind == RTE_RELATION && rte->relkind == RELKIND_VIEW && rte->inFromCl)
		return weir_view_query(rte->relid);
	foreach(lc, rte->rtekind == RTE_CTE && rte->ctelevelsup == 0 ? query->cteList : NIL)
		if (strcmp(lfirst_node(CommonTableExpr, lc)->ctename, rte->ctename) == 0)
			return castNode(Query, lfirst_node(CommonTableExpr, lc)->ctequery);
	return NULL;
}

/* With what columns of joins and of GROUP BY stand for in their place. */
static Node *
flattened(Query *query, Node *expr)
{
	expr = copyObject(expr);
	if (weir_has_group_entry(query))
		expr = weir_flatten_group_vars(query, expr);
	return weir_flatten_join_vars(query, expr);
}

static bool
ask(Query *query, Node *expr, Question question, void *arg)
{
	const Var  *var = (const Var *) flattened(query, expr);
	Query	   *below;

	if (question(query, (Node *) var, arg))
		return true;
	if (!IsA(var, Var) || var->varlevelsup != 0 || var->varattno <= 0)
		return false;
	below = entry_query(query, rt_fetch(var->varno, query->rtable));
	return below != NULL && ask_column(below, var->varattno, question, arg);
}

/* ---- windows ---- */

bool
weir_is_window_call(Node *node)
{
	return weir_compile_is_call(node, WEIR_TUMBLE) || weir_compile_is_call(node, WEIR_HOP) ||
		weir_compile_is_call(node, WEIR_CUMULATE) || weir_compile_is_call(node, WEIR_SESSION);
}

FuncExpr *
weir_window_entry_call(const RangeTblEntry *rte)
{
	Node	   *call;

	if (rte->rtekind != RTE_FUNCTION || list_length(rte->functions) != 1)
		return NULL;
	call = linitial_node(RangeTblFunction, rte->functions)->funcexpr;
	return weir_is_window_call(call) ? (FuncExpr *) call : NULL;
}

Node *
weir_call_time(const FuncExpr *call)
{
	ListCell   *lc;

	foreach(lc, call->args)
	{
		NamedArgExpr *named = lfirst(lc);

		if (IsA(named, NamedArgExpr) && named->argnumber == 0)
			return (Node *) named->arg;
	}
	return linitial(call->args);
}

static bool
is_window(Query *query, Node *expr, void *arg)
{
	const Var  *var = (const Var *) expr;

	if (!IsA(expr, Var))
		return weir_is_window_call(expr);
	return var->varlevelsup == 0 && var->varattno == 1 &&
		weir_window_entry_call(rt_fetch(var->varno, query->rtable)) != NULL;
}

/* Is it a range that is a window: of this query's FROM, or through columns of what is below? */
bool
weir_expr_is_window(const WeirLevel *level, Node *expr)
{
	return ask(level->query, expr, is_window, NULL);
}

/* What lower() or upper() is of; NULL: it is neither. */
Node *
weir_bound_of(Node *expr)
{
	const FuncExpr *call = (const FuncExpr *) expr;

	if (!IsA(expr, FuncExpr) || (call->funcid != F_LOWER_ANYRANGE && call->funcid != F_UPPER_ANYRANGE))
		return NULL;
	return linitial(call->args);
}

/* Of a step that hands its windows on when they are complete. */
static bool
is_complete_window(Query *query, Node *expr, void *arg)
{
	Node	   *within = weir_bound_of(expr);

	if (within != NULL)
		return ask(query, within, is_complete_window, NULL);
	return weir_is_grouped(query) && is_window(query, expr, NULL);
}

/* Is it such a window, or a bound of one? */
bool
weir_expr_is_complete_window(const WeirLevel *level, Node *expr)
{
	return ask(level->query, expr, is_complete_window, NULL);
}

typedef struct Bound
{
	bool		found;
	bool		upper;
	List	   *calls;			/* of the windows, those that differ */
} Bound;

/* What its arguments are of may differ. */
static void
add_call(List **calls, FuncExpr *call)
{
	ListCell   *lc;

	foreach(lc, *calls)
	{
		const FuncExpr *other = lfirst_node(FuncExpr, lc);

		if (other->funcid == call->funcid && equal(other->args, call->args))
			return;
	}
	*calls = lappend(*calls, call);
}

/* As is_window, with the call. */
static bool
is_window_of_call(Query *query, Node *expr, void *arg)
{
	const Var  *var = (const Var *) expr;
	FuncExpr   *call = (FuncExpr *) expr;
	Bound	   *bound = arg;

	if (!is_window(query, expr, NULL))
		return false;
	if (IsA(expr, Var))
		call = weir_window_entry_call(rt_fetch(var->varno, query->rtable));
	add_call(&bound->calls, call);
	return true;
}

static bool
is_bound(Query *query, Node *expr, void *arg)
{
	Node	   *within = weir_bound_of(expr);
	Bound	   *bound = arg;
	bool		upper;

	if (within == NULL || !ask(query, within, is_window_of_call, bound))
		return false;
	upper = ((FuncExpr *) expr)->funcid == F_UPPER_ANYRANGE;
	if (bound->found && upper != bound->upper)
		return false;
	bound->upper = upper;
	bound->found = true;
	return true;
}

bool
weir_expr_is_bound(const WeirLevel *level, Node *expr, bool *upper, FuncExpr **call)
{
	Bound		bound = {false};

	if (!ask(level->query, expr, is_bound, &bound))
		return false;
	*upper = bound.upper;
	*call = list_length(bound.calls) == 1 ? linitial(bound.calls) : NULL;
	return true;
}

/* ---- where a window comes from ---- */

static bool is_time(Query *query, Node *expr, void *arg);
static Node *cut_time(Node *expr);

/* date_bin and date_trunc of a time too */
static bool
is_window_or_cut(Query *query, Node *expr, void *arg)
{
	Node	   *time = cut_time(expr);

	return time ? ask(query, time, is_time, NULL) : is_window(query, expr, NULL);
}

/* Is one of these another window than expr is of? */
static bool
has_other_window(Query *query, List *clauses, Node *expr)
{
	ListCell   *lc;

	foreach(lc, clauses)
	{
		Node	   *key = flattened(query, get_sortgroupclause_expr(lfirst(lc), query->targetList));

		if (weir_bound_of(key) != NULL)
			key = weir_bound_of(key);
		if (!equal(key, expr) && ask(query, key, is_window_or_cut, NULL))
			return true;
	}
	return false;
}

/* Does it hand on its rows when a window is complete that is not the one that expr is of? */
static bool
waits_for_other(Query *query, Node *expr)
{
	ListCell   *lc;

	foreach(lc, query->windowClause)
		if (has_other_window(query, lfirst_node(WindowClause, lc)->partitionClause, expr))
			return true;
	return has_other_window(query, query->groupClause, expr) ||
		(query->hasDistinctOn && has_other_window(query, query->distinctClause, expr));
}

typedef struct Origins
{
	const Query *top;
	bool		delayed;
	List	   *calls;
} Origins;

static bool
find_origins(Query *query, Node *expr, void *arg)
{
	Origins    *origins = arg;
	Node	   *within = weir_bound_of(expr);

	if (within != NULL)
		return ask(query, within, find_origins, arg);
	if (query != origins->top && waits_for_other(query, expr))
		origins->delayed = true;
	if (!is_window_or_cut(query, expr, NULL))
		return false;
	if (IsA(expr, Var))
		expr = (Node *) weir_window_entry_call(rt_fetch(((Var *) expr)->varno, query->rtable));
	add_call(&origins->calls, (FuncExpr *) expr);
	return true;
}

/*
 * The calls that say of which windows it is: it is one, a bound of one, or a column that is
 * either.  *delayed: is there a step between whose rows wait for another window?
 */
List *
weir_expr_window_calls(const WeirLevel *level, Node *expr, bool *delayed)
{
	Origins		origins = {.top = level->query};
	bool		found = ask(level->query, expr, find_origins, &origins);

	*delayed = origins.delayed;
	return found ? origins.calls : NIL;
}

/* ---- times ---- */

static bool
column_has_watermark(Oid relid, AttrNumber attno)
{
	ListCell   *lc;

	foreach(lc, attno > 0 ? GetForeignColumnOptions(relid, attno) : NIL)
		if (strcmp(lfirst_node(DefElem, lc)->defname, "watermark") == 0)
			return true;
	return false;
}

static bool
is_stream(const RangeTblEntry *rte)
{
	return rte->rtekind == RTE_RELATION && weir_foreign_kind(rte->relid) == WEIR_FOREIGN_STREAM;
}

/* weir.watermark(expression, bound), weir.arrival() */
static bool
makes_time(Node *node)
{
	return weir_compile_is_call(node, WEIR_WATERMARK) || weir_compile_is_call(node, WEIR_ARRIVAL);
}

/* The time that date_bin or date_trunc cuts; NULL: it is neither. */
static Node *
cut_time(Node *expr)
{
	const FuncExpr *call = (const FuncExpr *) expr;

	if (!IsA(expr, FuncExpr))
		return NULL;
	switch (call->funcid)
	{
		case F_DATE_BIN_INTERVAL_TIMESTAMPTZ_TIMESTAMPTZ:
		case F_DATE_BIN_INTERVAL_TIMESTAMP_TIMESTAMP:
		case F_DATE_TRUNC_TEXT_TIMESTAMPTZ:
		case F_DATE_TRUNC_TEXT_TIMESTAMPTZ_TEXT:
		case F_DATE_TRUNC_TEXT_TIMESTAMP:
			return lsecond(call->args);
		default:
			return NULL;
	}
}

/* That the watermark is of; the begin of a window of it too. */
static bool
is_time(Query *query, Node *expr, void *arg)
{
	const Var  *var = (const Var *) expr;
	Node	   *within = weir_bound_of(expr);

	if (within != NULL)
		return ((FuncExpr *) expr)->funcid == F_LOWER_ANYRANGE && ask(query, within, is_window, NULL);
	if ((within = cut_time(expr)) != NULL)
		return ask(query, within, is_time, NULL);
	if (!IsA(expr, Var))
		return makes_time(expr);
	if (var->varlevelsup != 0 || !is_stream(rt_fetch(var->varno, query->rtable)))
		return false;
	return column_has_watermark(rt_fetch(var->varno, query->rtable)->relid, var->varattno);
}

bool
weir_expr_is_event_time(const WeirLevel *level, Node *expr)
{
	return ask(level->query, expr, is_time, NULL);
}

/* Notes whether it is the begin of something that a time lies in; true: there is no more to ask. */
static bool
note_before(Query *query, Node *expr, void *arg)
{
	const Var  *var = (const Var *) expr;
	bool		is_column = IsA(expr, Var) && var->varlevelsup == 0;
	bool	   *before = arg;

	if (!is_column && !makes_time(expr) && is_time(query, expr, NULL))
		*before = true;
	return *before || !is_column || entry_query(query, rt_fetch(var->varno, query->rtable)) == NULL;
}

/*
 * Does the time lie before that of the row, by which the watermark goes: a time that
 * date_trunc or date_bin cuts, or the lower bound of a window?  Rows with such a time
 * would be late for most of what is done by it.
 */
bool
weir_expr_lies_before(const WeirLevel *level, Node *expr)
{
	bool		before = false;

	(void) ask(level->query, expr, note_before, &before);
	return before;
}

static bool
is_cut_time(Query *query, Node *expr, void *arg)
{
	Node	   *time = cut_time(expr);
	FuncExpr  **found = arg;

	if (time == NULL || !ask(query, time, is_time, NULL))
		return false;
	if (*found != NULL && !equal(*found, expr))
		return false;
	*found = (FuncExpr *) expr;
	return true;
}

/*
 * The call of date_bin or date_trunc, of a time that the watermark is of, which the
 * expression is, or the column that it is comes from; NULL: it is none.
 */
FuncExpr *
weir_expr_cut_time(const WeirLevel *level, Node *expr)
{
	FuncExpr   *found = NULL;

	return ask(level->query, expr, is_cut_time, &found) ? found : NULL;
}

/* A column of a stream, without a watermark. */
static bool
note_column(Query *query, Node *expr, void *arg)
{
	const Var  *var = (const Var *) expr;
	const RangeTblEntry *rte = IsA(expr, Var) && var->varlevelsup == 0 ? rt_fetch(var->varno, query->rtable) : NULL;

	if (rte == NULL || !is_stream(rte) || var->varattno <= 0 || column_has_watermark(rte->relid, var->varattno))
		return false;
	ObjectAddressSubSet(*(ObjectAddress *) arg, RelationRelationId, rte->relid, var->varattno);
	return true;
}

static bool
note_cut_column(Query *query, Node *expr, void *arg)
{
	Node	   *time = cut_time(expr);

	return time != NULL && ask(query, time, note_column, arg);
}

bool
weir_expr_cuts_column(const WeirLevel *level, Node *expr, ObjectAddress *column)
{
	return ask(level->query, expr, note_cut_column, column);
}

static bool
is_arrival(Query *query, Node *expr, void *arg)
{
	const Var  *var = (const Var *) expr;
	Node	   *within = weir_bound_of(expr);
	FuncExpr   *call;

	if (within == NULL)
		within = cut_time(expr);
	if (within == NULL && weir_is_window_call(expr))
		within = weir_call_time((FuncExpr *) expr);
	if (IsA(expr, Var) && var->varlevelsup == 0 &&
		(call = weir_window_entry_call(rt_fetch(var->varno, query->rtable))) != NULL)
		within = weir_call_time(call);
	return within ? ask(query, within, is_arrival, arg) : weir_compile_is_call(expr, WEIR_ARRIVAL);
}

bool
weir_expr_is_arrival(const WeirLevel *level, Node *expr)
{
	return ask(level->query, expr, is_arrival, NULL);
}

/* ---- computed ---- */

Node *
weir_add_interval(Node *time, int32 months, int32 days, int64 us)
{
	Interval   *interval = palloc0(sizeof(Interval));
	Oid			type = exprType(time);

	interval->month = months;
	interval->day = days;
	interval->time = us;
	return (Node *) makeFuncExpr(type == TIMESTAMPTZOID ? F_TIMESTAMPTZ_PL_INTERVAL : F_TIMESTAMP_PL_INTERVAL, type,
								 list_make2(copyObject(time), makeConst(INTERVALOID, -1, InvalidOid, sizeof(Interval),
																		IntervalPGetDatum(interval), false, false)),
								 InvalidOid, InvalidOid, COERCE_EXPLICIT_CALL);
}

/* ---- watermarks ---- */

static bool
makes_time_walker(Node *node, void *arg)
{
	if (node == NULL)
		return false;
	return makes_time(node) || expression_tree_walker(node, makes_time_walker, arg);
}

static bool
has_watermark(Oid relid)
{
	Relation	rel = table_open(relid, AccessShareLock);
	bool		found = false;

	for (AttrNumber attno = 1; attno <= RelationGetNumberOfAttributes(rel); attno++)
		found = found || column_has_watermark(relid, attno);
	table_close(rel, NoLock);
	return found;
}

/* A stream whose rows come without a watermark; InvalidOid: there is none. */
static Oid
stream_without(Query *query)
{
	ListCell   *lc;

	if (query->setOperations == NULL &&
		query_tree_walker(query, makes_time_walker, NULL, QTW_IGNORE_RT_SUBQUERIES | QTW_IGNORE_CTE_SUBQUERIES))
		return InvalidOid;
	foreach(lc, query->rtable)
	{
		const RangeTblEntry *rte = lfirst_node(RangeTblEntry, lc);
		Query	   *below = entry_query(query, rte);
		Oid			found = InvalidOid;

		/* views have entries that only ask for rights */
		if (!rte->inFromCl)
			continue;
		if (is_stream(rte) && !has_watermark(rte->relid))
			found = rte->relid;
		else if (below != NULL)
			found = stream_without(below);
		if (OidIsValid(found))
			return found;
	}
	return InvalidOid;
}

/* what: "a window of event time" */
void
weir_level_check_watermark(WeirLevel *level, const char *what, int location)
{
	Oid			stream = stream_without(level->query);

	weir_level_use_time(level, what, location);
	if (OidIsValid(stream))
		weir_level_refuse_without_watermark(level, stream, what, location);
}

void
weir_level_refuse_without_watermark(WeirLevel *level, Oid stream, const char *what, int location)
{
	ereport(ERROR,
			errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
			errmsg("%s needs a watermark", what),
			errdetail("Stream \"%s\" has none: it would never be known that no more records of a time come.", get_rel_name(stream)),
			errhint("Say how late its records may come: ALTER FOREIGN TABLE %s ALTER COLUMN ... OPTIONS (ADD watermark '5 s'), or read weir.watermark(expression, '5 s') in the query.",
					quote_identifier(get_rel_name(stream))),
			weir_level_position(level, location));
}
