/*
 * compile/watermark.c
 *		weir.watermark(time, bound) and weir.arrival() in what a job reads.
 *
 * Of a scan whose query calls weir.watermark the time becomes a further column, which
 * only the scan itself looks at; the call gives way to its first argument.
 * weir.arrival() becomes a look at the record that a row is made of, found by the
 * row's ordinal.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "common/hashfn.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/optimizer.h"
#include "parser/parse_func.h"
#include "parser/parsetree.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

#include "base/interval.h"
#include "compile/compile.h"
#include "decide/position.h"
#include "source/stream.h"

#define NOT_WHERE_READ "weir.watermark must be called in a query whose FROM reads the stream"
#define ABOVE_STEP "weir.watermark cannot be used above a keyed step"
#define WHERE_HINT "Write it where the stream is read: in a view or subquery over it, below the keyed step."

/* In the select list: a time that (a) takes along for whoever computes with it. */
bool
weir_level_takes_along(WeirLevel *level, Node *node, int depth)
{
	if (weir_compile_is_call(node, WEIR_WATERMARK))
		return depth == 0 && !weir_level_is_grouped(level) && !weir_level_mentions_function(level, node, NULL);
	if (!weir_compile_is_call(node, WEIR_ARRIVAL))
		return false;
	if (weir_level_is_grouped(level))
		ereport(ERROR,
				errcode(ERRCODE_GROUPING_ERROR),
				errmsg("weir.arrival() must be in GROUP BY or used in an aggregate function"),
				errdetail("Each record has its own."),
				errhint("Add weir.arrival() to GROUP BY, or use it in an aggregate, as in max(weir.arrival())."),
				weir_level_position(level, exprLocation(node)));
	return true;
}

/* ---- weir.watermark ---- */

static void
refuse_call(WeirLevel *level, const Node *call, const char *message, const char *hint)
{
	ereport(ERROR,
			errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
			errmsg("%s", message),
			errhint("%s", hint),
			weir_level_position(level, exprLocation(call)));
}

typedef struct Calls
{
	List	   *found;
	bool		in_sublinks;
} Calls;

/* Of this SELECT, not of those in its FROM. */
static bool
own_calls_walker(Node *node, Calls *calls)
{
	if (node == NULL)
		return false;
	if (weir_compile_is_call(node, WEIR_WATERMARK))
		calls->found = lappend(calls->found, node);
	if (IsA(node, Query))
		calls->in_sublinks = calls->in_sublinks || weir_compile_find_calls((Query *) node, WEIR_WATERMARK) != NIL;
	return !IsA(node, Query) && expression_tree_walker(node, own_calls_walker, calls);
}

/* Calls in the queries that bring the branch's rows, with how deep they stand. */
static void
collect_calls(Query *query, const WeirBranch *branch, Calls *calls, int *nqueries)
{
	int			before = list_length(calls->found);
	int			index = weir_branch_entry(query, branch);

	query_tree_walker(query, own_calls_walker, calls, QTW_IGNORE_RT_SUBQUERIES);
	if (list_length(calls->found) > before)
		(*nqueries)++;
	if (index > 0 && rt_fetch(index, query->rtable)->rtekind == RTE_SUBQUERY)
		collect_calls(rt_fetch(index, query->rtable)->subquery, branch, calls, nqueries);
}

static int64
read_bound(WeirLevel *level, const FuncExpr *call)
{
	Node	   *bound = eval_const_expressions(NULL, copyObject(lsecond(call->args)));
	const char *hint = "Write how late a record may come, such as weir.watermark(ts, '5 s').";
	const Interval *span;
	int64		us;

	if (!IsA(bound, Const) || ((Const *) bound)->constisnull)
		refuse_call(level, (const Node *) call, "the bound of weir.watermark must be a constant", hint);
	span = DatumGetIntervalP(((Const *) bound)->constvalue);
	if (span->month != 0 || !weir_interval_length(span, &us) || us < 0)
		ereport(ERROR,
				errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				errmsg("the bound of weir.watermark must be days, hours, minutes or seconds, 0 or more"),
				errdetail("It is %s.", DatumGetCString(DirectFunctionCall1(interval_out, IntervalPGetDatum(span)))),
				errhint("%s", hint),
				weir_level_position(level, exprLocation((const Node *) call)));
	return us;
}

/* A column of the result is the call's time, whatever stands round it; NULL: not in this query. */
static Expr *
time_of(Query *query, void *arg)
{
	WeirBranch *branch = arg;
	Calls		calls = {NIL};
	int			index = weir_branch_entry(query, branch);

	query_tree_walker(query, own_calls_walker, &calls, QTW_IGNORE_RT_SUBQUERIES);
	if (calls.found != NIL)
		return (Expr *) copyObject(weir_call_time(linitial(calls.found)));
	return (Expr *) makeVar(index, weir_branch_add_column(query, index, time_of, branch, "weir_time"),
							branch->plan->time_type, -1, InvalidOid, 0);
}

static Node *
without_calls(Node *node, void *context)
{
	if (node == NULL)
		return NULL;
	if (weir_compile_is_call(node, WEIR_WATERMARK))
		return without_calls(weir_call_time((FuncExpr *) node), context);
	if (IsA(node, Query))
		return (Node *) query_tree_mutator((Query *) node, without_calls, context, 0);
	return expression_tree_mutator(node, without_calls, context);
}

/* What a number in the text of a node says of where it stands in the query, not of what it is. */
static bool
is_place(const char *text)
{
	static const char *const places[] = {":location ", ":varno ", ":varnosyn ", ":varattnosyn "};

	for (int i = 0; i < lengthof(places); i++)
		if (strncmp(text, places[i], strlen(places[i])) == 0)
			return true;
	return false;
}

/* The watermark is kept under what it is of, so that it is found in a query that was changed elsewhere. */
static int64
mark_of(const FuncExpr *call)
{
	StringInfoData text;

	initStringInfo(&text);
	for (const char *from = nodeToString(call); *from != '\0'; from++)
	{
		if (is_place(from))
			from += strcspn(from + 1, ":)}");
		else
			appendStringInfoChar(&text, *from);
	}
	return (int64) (hash_bytes_extended((unsigned char *) text.data, text.len, 0) >> 8) + 1;
}

static void
add_time(WeirBranch *scan, const FuncExpr *call)
{
	Query	   *query = scan->query;
	AttrNumber	attno;
	Expr	   *time;

	scan->plan->mark = mark_of(call);
	scan->plan->time_type = exprType(linitial(call->args));
	time = time_of(query, scan);
	attno = list_length(query->targetList) + 1;
	query->targetList = lappend(query->targetList, makeTargetEntry(time, attno, "weir_time", false));
	scan->plan->time = attno;
	(void) query_tree_mutator(query, without_calls, NULL, QTW_DONT_COPY_QUERY);
}

static void
find_watermark(WeirLevel *level, WeirBranch *scan)
{
	List	   *all = weir_compile_find_calls(scan->query, WEIR_WATERMARK);
	Calls		calls = {NIL};
	int			nqueries = 0;
	FuncExpr   *call;
	ListCell   *lc;

	if (all == NIL)
		return;
	if (scan->step != NULL)
		refuse_call(level, linitial(all), ABOVE_STEP, WHERE_HINT);
	collect_calls(scan->query, scan, &calls, &nqueries);
	if (calls.found == NIL || calls.in_sublinks)
		refuse_call(level, linitial(all), NOT_WHERE_READ, WHERE_HINT);
	/* which spelling it has does not tell one call from another */
	call = weir_complete_call(linitial(calls.found));
	foreach(lc, calls.found)
		if (nqueries > 1 || !equal(weir_complete_call(lfirst(lc)), call))
			refuse_call(level, lfirst(lc), "weir.watermark can be called of one time only",
						"Leave out the others: the records of a stream have one watermark.");
	if (weir_contains_call((Node *) call, WEIR_ARRIVAL))
		refuse_call(level, (Node *) call, "weir.watermark cannot be called of weir.arrival()",
					"Leave weir.watermark out: records arrive in the order of their arrival times.");
	scan->plan->bound = read_bound(level, call);
	add_time(scan, call);
}

/* ---- weir.arrival ---- */

/* Where calls are replaced. */
typedef struct Place
{
	const WeirBranch *branch;
	Oid			function;		/* that looks a record up */
	Expr	   *ordinal;		/* of a row of the nearest query with the branch's rows */
	int			depth;			/* of the query we are in, below that one */
} Place;

static void replace_in(Query *query, const Place *outer);

static Node *
replace_mutator(Node *node, Place *place)
{
	Node	   *ordinal;

	if (node == NULL)
		return NULL;
	if (IsA(node, Query))
	{
		Query	   *copy = copyObject((Query *) node);

		replace_in(copy, place);
		return (Node *) copy;
	}
	if (!weir_compile_is_call(node, WEIR_ARRIVAL))
		return expression_tree_mutator(node, replace_mutator, place);
	ordinal = copyObject((Node *) place->ordinal);
	((Var *) ordinal)->varlevelsup = place->depth;
	return (Node *) makeFuncExpr(place->function, TIMESTAMPTZOID, list_make1(ordinal), InvalidOid, InvalidOid,
								 COERCE_EXPLICIT_CALL);
}

/* What calls it in FROM refers to what stands beside it, now. */
static void
set_lateral(Query *query, const WeirBranch *branch)
{
	int			index = weir_branch_entry(query, branch);
	ListCell   *lc;

	foreach(lc, query->rtable)
	{
		RangeTblEntry *rte = lfirst_node(RangeTblEntry, lc);
		Node	   *what = rte->rtekind == RTE_FUNCTION ? (Node *) rte->functions : (Node *) rte->subquery;

		if (foreach_current_index(lc) + 1 != index && (rte->rtekind == RTE_FUNCTION || rte->rtekind == RTE_SUBQUERY) &&
			weir_contains_call(what, WEIR_ARRIVAL))
			rte->lateral = true;
	}
}

static void
replace_in(Query *query, const Place *outer)
{
	Place		place = *outer;

	if (weir_branch_entry(query, place.branch) > 0)
	{
		place.ordinal = weir_branch_ordinal(query, place.branch);
		place.depth = 0;
	}
	else
		place.depth++;
	set_lateral(query, place.branch);
	(void) query_tree_mutator(query, replace_mutator, &place, QTW_DONT_COPY_QUERY);
}

static void
replace_arrival(WeirBranch *scan)
{
	Oid			argument = TIDOID;
	Place		place = {scan, InvalidOid, NULL, 0};

	if (!weir_contains_call((Node *) scan->query, WEIR_ARRIVAL))
		return;
	place.function = LookupFuncName(list_make2(makeString("weir_internal"), makeString("arrival")), 1, &argument, false);
	replace_in(scan->query, &place);
}

/* Of the rewritten query of a scan, before its ordinal is added. */
void
weir_scan_times(WeirLevel *level, WeirBranch *scan)
{
	find_watermark(level, scan);
	replace_arrival(scan);
}

/* ---- the whole job ---- */

/* A level that goes by time. */
typedef struct TimeUse
{
	WeirLevel  *level;
	bool		arrival;		/* of records */
	const char *what;
	int			location;
} TimeUse;

/* Is what the level goes by when records came? */
static bool
goes_by_arrival(const WeirLevel *level)
{
	ListCell   *lc;

	if (level->time_call && weir_expr_is_arrival(level, (Node *) level->time_call))
		return true;
	if (level->time_window && weir_expr_is_arrival(level, level->time_window))
		return true;
	foreach(lc, level->rank_exprs)
		if (weir_expr_is_arrival(level, lfirst(lc)))
			return true;
	return false;
}

static void
use_time(WeirLevel *level, bool arrival, const char *what, int location)
{
	TimeUse    *use = palloc(sizeof(TimeUse));

	use->level = level;
	use->arrival = arrival;
	use->what = what;
	use->location = location;
	level->c->job->times = lappend(level->c->job->times, use);
}

/* Of a join each side has a time of its own. */
static void
use_times_of_sides(WeirLevel *level, const char *what, int location)
{
	for (int side = 0; side < 2; side++)
	{
		WeirLevel  *below = list_nth(level->below, side);
		TargetEntry *entry = get_tle_by_resno(below->query->targetList, level->join_plan->sides[side].time);

		use_time(below, weir_expr_is_arrival(below, (Node *) entry->expr), what, location);
	}
}

void
weir_level_use_time(WeirLevel *level, const char *what, int location)
{
	if (level->stream_join)
		use_times_of_sides(level, what, location);
	else
		use_time(level, goes_by_arrival(level), what, location);
}

void
weir_level_use_arrival(WeirLevel *level, int location)
{
	use_time(level, true, NULL, location);
}

static bool
reads_stream(const WeirLevel *level)
{
	ListCell   *lc;

	foreach(lc, level->scans)
		if (OidIsValid(((WeirBranch *) lfirst(lc))->stream))
			return true;
	return false;
}

/* Times made of the rows of a step are of the clock that these have. */
static void
choose_clock(WeirCompileJob *job)
{
	const TimeUse *event = NULL;
	const TimeUse *arrival = NULL;
	ListCell   *lc;

	foreach(lc, job->times)
	{
		const TimeUse *use = lfirst(lc);

		if (use->arrival)
			arrival = use;
		else if (reads_stream(use->level))
			event = use;
	}
	if (arrival && event)
		ereport(ERROR,
				errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				errmsg("a job cannot go by the arrival of records and by another time"),
				errdetail("Its records have one watermark."),
				errhint("Create a job for each."),
				weir_level_position(event->level, event->location));
	job->by_arrival = arrival != NULL;
}

/* The calls of weir.watermark, or none, fit the clock. */
static void
check_scans(WeirCompileJob *job, WeirLevel *level, const TimeUse *use)
{
	ListCell   *lc;

	foreach(lc, level->scans)
	{
		const WeirBranch *scan = lfirst(lc);

		if (scan->step)
			check_scans(job, scan->step, use);
		else if (job->by_arrival && scan->plan->time > 0)
			ereport(ERROR,
					errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
					errmsg("a job cannot go by weir.arrival() and by weir.watermark"),
					errhint("Leave one of them out."),
					weir_level_position(use->level, use->location));
		else if (!job->by_arrival && scan->plan->time == 0 && weir_stream_get(scan->stream)->watermark < 0)
			weir_level_refuse_without_watermark(use->level, scan->stream, use->what, use->location);
	}
}

/* A position has room for so many watermarks, and those of many partitions. */
static void
check_number(WeirCompileJob *job)
{
	List	   *streams = NIL;
	ListCell   *lc;
	ListCell   *cell;
	ListCell   *other;

	foreach(lc, job->inserts)
		foreach(cell, ((WeirCompile *) lfirst(lc))->levels)
			foreach(other, ((WeirLevel *) lfirst(cell))->scans)
				if (((WeirBranch *) lfirst(other))->plan->time > 0)
					streams = lappend_oid(streams, ((WeirBranch *) lfirst(other))->stream);
	foreach(lc, streams)
	{
		int			n = 0;

		foreach(other, streams)
			n += lfirst_oid(other) == lfirst_oid(lc);
		if (n > WEIR_POSITION_READS)
			ereport(ERROR,
					errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
					errmsg("a job cannot call weir.watermark in so many reads of one stream"),
					errdetail("There are %d, and at most %d are possible.", n, WEIR_POSITION_READS),
					errhint("Give a column of the stream the option watermark instead."));
	}
}

static void
check_sink(WeirCompile *c)
{
	static const char *const symbols[] = {WEIR_WATERMARK, WEIR_ARRIVAL};

	for (int i = 0; i < lengthof(symbols); i++)
	{
		List	   *calls = weir_compile_find_calls(c->sink, symbols[i]);

		if (calls != NIL)
			refuse_call(c->top, linitial(calls), i == 1 ? "weir.arrival() cannot stand here" :
						c->top->nkeys > 0 ? ABOVE_STEP : NOT_WHERE_READ, WHERE_HINT);
	}
}

void
weir_compile_check_times(WeirCompileJob *job)
{
	ListCell   *lc;

	foreach(lc, job->inserts)
		check_sink(lfirst(lc));
	choose_clock(job);
	foreach(lc, job->times)
		check_scans(job, ((TimeUse *) lfirst(lc))->level, lfirst(lc));
	check_number(job);
}
