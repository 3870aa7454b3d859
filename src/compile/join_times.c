/*
 * compile/join_times.c
 *		Bounds between times of two streams: until when a partner of a row may come.
 *
 * A condition compares a time of one side with one of the other, each perhaps with
 * intervals added to it.  The time of a side, by which its rows are in order, is what such
 * conditions bound from above; so that rows of the other side can be freed.  A bound is
 * turned round to be one of that time alone: b.ts - '5 s' <= a.x says of b that b.ts <=
 * a.x + '5 s'.  Days and months, which are not always as long, are turned round with some
 * room: then the condition is asked of each pair besides.
 */
#include "postgres.h"

#include "access/nbtree.h"
#include "catalog/pg_type.h"
#include "datatype/timestamp.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/optimizer.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/timestamp.h"
#include "utils/typcache.h"

#include "base/compat.h"
#include "compile/stream_join.h"

/* A time, and what is added to it. */
typedef struct Term
{
	Node	   *whole;
	Node	   *base;
	int64		plus;			/* us */
	int32		days;
	int32		months;
	int64		room;			/* us: how far off that may be when it is taken away again */
	bool		has_days;		/* or months, even if they come to nothing */
	bool		infinite;		/* something is: it bounds nothing */
} Term;

/* left <operator> right + shift */
typedef struct Comparison
{
	Node	   *qual;
	Term		terms[2];		/* a side */
	int64		shift;
	int			strategy;
	bool		exact[2];		/* the view of a side says all of it */
} Comparison;

/* ---- terms ---- */

static bool
is_time(Oid type)
{
	return type == TIMESTAMPTZOID || type == TIMESTAMPOID;
}

/* Function and arguments of a call or an operator. */
static Oid
called(Node *node, List **args)
{
	if (IsA(node, OpExpr))
	{
		*args = ((OpExpr *) node)->args;
		return get_opcode(((OpExpr *) node)->opno);
	}
	if (IsA(node, FuncExpr))
	{
		*args = ((FuncExpr *) node)->args;
		return ((FuncExpr *) node)->funcid;
	}
	*args = NIL;
	return InvalidOid;
}

static const Interval *
constant_interval(Node *node)
{
	Const	   *value;

	if (exprType(node) != INTERVALOID || contain_mutable_functions(node))
		return NULL;
	value = (Const *) eval_const_expressions(NULL, (Node *) copyObject(node));
	if (!IsA(value, Const) || value->constisnull)
		return NULL;
	return DatumGetIntervalP(value->constvalue);
}

/* One "time + interval" less; false: it is none. */
static bool
strip(Term *term)
{
	List	   *args;
	Oid			function = called(term->base, &args);
	bool		turned = function == F_INTERVAL_PL_TIMESTAMPTZ || function == F_INTERVAL_PL_TIMESTAMP;
	int			sign = function == F_TIMESTAMPTZ_MI_INTERVAL || function == F_TIMESTAMP_MI_INTERVAL ? -1 : 1;
	const Interval *interval;

	if (!turned && sign > 0 && function != F_TIMESTAMPTZ_PL_INTERVAL && function != F_TIMESTAMP_PL_INTERVAL)
		return false;
	interval = constant_interval(turned ? linitial(args) : lsecond(args));
	if (interval == NULL)
		return false;
	if (INTERVAL_NOT_FINITE(interval))
	{
		term->infinite = true;
		return false;
	}
	term->has_days = term->has_days || interval->day != 0 || interval->month != 0;
	term->room += (interval->month != 0 ? 4 * USECS_PER_DAY : 0) + (interval->day != 0 ? USECS_PER_DAY : 0);
	term->plus += sign * interval->time;
	term->days += sign * interval->day;
	term->months += sign * interval->month;
	term->base = turned ? lsecond(args) : linitial(args);
	return true;
}

static Term
make_term(Node *expr)
{
	Term		term = {.whole = expr, .base = expr};

	while (strip(&term))
		;
	return term;
}

/* ---- comparisons ---- */

static int
strategy_of(Oid operator, Oid type)
{
	return get_op_opfamily_strategy(operator, lookup_type_cache(type, TYPECACHE_BTREE_OPFAMILY)->btree_opf);
}

/* first <strategy> second + shift; false: these are not of one side each. */
static bool
set_terms(Comparison *comparison, Node *first, Node *second, int strategy, int64 shift)
{
	int			side = weir_join_side_of(first);

	if (strategy == 0 || side < 0 || weir_join_side_of(second) != 1 - side)
		return false;
	comparison->terms[side] = make_term(first);
	comparison->terms[1 - side] = make_term(second);
	comparison->strategy = side == 0 ? strategy : BTCommuteStrategyNumber(strategy);
	comparison->shift = side == 0 ? shift : -shift;
	return !comparison->terms[0].infinite && !comparison->terms[1].infinite;
}

/* time - time <strategy> interval, which are compared by their length */
static bool
read_difference(Comparison *comparison, Node *difference, Node *bound, int strategy)
{
	List	   *args;
	Oid			function = called(difference, &args);
	const Interval *interval = constant_interval(bound);

	if ((function != F_TIMESTAMPTZ_MI && function != F_TIMESTAMP_MI) || interval == NULL || INTERVAL_NOT_FINITE(interval))
		return false;
	return set_terms(comparison, linitial(args), lsecond(args), strategy,
					 interval->time + (interval->day + (int64) interval->month * DAYS_PER_MONTH) * USECS_PER_DAY);
}

static bool
read_comparison(Comparison *comparison, Node *qual)
{
	OpExpr	   *operator = (OpExpr *) qual;
	Node	   *first;
	Node	   *second;
	Oid			type;
	int			strategy;

	memset(comparison, 0, sizeof(*comparison));
	comparison->qual = qual;
	if (!IsA(qual, OpExpr) || list_length(operator->args) != 2)
		return false;
	first = linitial(operator->args);
	second = lsecond(operator->args);
	type = exprType(first);
	if (type != exprType(second))
		return false;
	if (is_time(type))
		return set_terms(comparison, first, second, strategy_of(operator->opno, type), 0);
	if (type != INTERVALOID)
		return false;
	strategy = strategy_of(operator->opno, type);
	return strategy != 0 && (read_difference(comparison, first, second, strategy) ||
							 read_difference(comparison, second, first, BTCommuteStrategyNumber(strategy)));
}

/* Does it say that a side's time is at most, or at least, something? */
static bool
bounds(const Comparison *comparison, int side, bool above)
{
	bool		left_is_less = comparison->strategy == BTLessStrategyNumber ||
		comparison->strategy == BTLessEqualStrategyNumber;

	return comparison->strategy == BTEqualStrategyNumber || left_is_less == ((side == 0) == above);
}

static bool
is_strict(const Comparison *comparison)
{
	return comparison->strategy == BTLessStrategyNumber || comparison->strategy == BTGreaterStrategyNumber;
}

/* ---- the time of a side ---- */

/* The higher, the better a time it is. */
static int
rank_time(WeirLevel *level, Node *time)
{
	return weir_expr_lies_before(level, time) ? 1 : weir_expr_is_event_time(level, time) ? 3 : 2;
}

static Node *
find_time(WeirLevel *level, List *comparisons, int side)
{
	Node	   *found = NULL;
	int			best = 0;
	ListCell   *lc;

	foreach(lc, comparisons)
	{
		const Comparison *comparison = lfirst(lc);
		Node	   *base = comparison->terms[side].base;

		if (!bounds(comparison, side, true) || rank_time(level, base) <= best)
			continue;
		found = base;
		best = rank_time(level, base);
	}
	return found;
}

static void
check_time(WeirLevel *level, int side, Node *time)
{
	if (weir_expr_lies_before(level, time))
		ereport(ERROR,
				errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				errmsg("a join of two streams cannot go by a time that lies before that of the row"),
				errdetail("By a time that date_trunc or date_bin cuts, or the lower bound of a window, most rows of \"%s\" would be late.",
						  level->stream_join->sides[side].name),
				errhint("Join by the time itself, by windows of both (w = w), or by upper(w)."),
				weir_level_position(level, exprLocation(time)));
}

/* Rows of the side "kept" could never be freed. */
static void
refuse_unbounded(WeirLevel *level, int kept)
{
	const char *keeps = level->stream_join->sides[kept].name;
	const char *comes = level->stream_join->sides[1 - kept].name;

	ereport(ERROR,
			errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
			errmsg("a join of two streams needs bounds between their times"),
			errdetail("Nothing says how much later than a row of \"%s\" its partner in \"%s\" may be: it would be kept for ever.", keeps, comes),
			errhint("Add a condition such as %s.ts <= %s.ts + interval '1 hour', or join windows of both.", comes, keeps),
			weir_level_position(level, level->stream_join->sides[1].location));
}

/* ---- bounds ---- */

/* What it says of the other side's time, by a row of this one. */
static WeirJoinBound
make_bound(WeirLevel *level, const Comparison *comparison, int side, bool above)
{
	const Term *own = &comparison->terms[side];
	const Term *other = &comparison->terms[1 - side];
	int64		strict = is_strict(comparison) ? 1 : 0;
	WeirJoinBound bound = {0};
	Node	   *expr = own->has_days ? own->whole : own->base;

	bound.plus = (own->has_days ? 0 : own->plus) - other->plus;
	bound.plus += side == 0 ? -comparison->shift : comparison->shift;
	bound.plus += above ? other->room - strict : strict - other->room;
	if (other->has_days)
		expr = weir_add_interval(expr, -other->months, -other->days, 0);
	bound.column = weir_join_side_column(level, side, expr, "bound");
	return bound;
}

static void
add_bound(WeirJoinBound **array, int *n, WeirJoinBound bound)
{
	*array = *array ? repalloc(*array, sizeof(WeirJoinBound) * (*n + 1)) : palloc(sizeof(WeirJoinBound));
	(*array)[(*n)++] = bound;
}

/* Does the side's row say by it where the other's time lies; and is that all of the condition? */
static bool
has_view(const Comparison *comparison, int side, Node *const *times, bool *exact)
{
	const Term *other = &comparison->terms[1 - side];
	bool		found = equal(other->base, times[1 - side]);

	*exact = found && !other->has_days;
	return found;
}

/* False: it is to be asked of each pair too. */
static bool
take_comparison(WeirLevel *level, Comparison *comparison, Node *const *times)
{
	bool		exact[2];
	bool		found[2];

	for (int side = 0; side < 2; side++)
		found[side] = has_view(comparison, side, times, &exact[side]);
	for (int side = 0; side < 2; side++)
	{
		WeirJoinSide *plan = &level->join_plan->sides[side];

		for (int above = 0; above < 2 && found[side]; above++)
		{
			WeirJoinBound bound;

			if (!bounds(comparison, 1 - side, above))
				continue;
			bound = make_bound(level, comparison, side, above);
			bound.alone = exact[side] && !exact[1 - side];
			if (above)
				add_bound(&plan->to, &plan->nto, bound);
			else
				add_bound(&plan->from, &plan->nfrom, bound);
		}
	}
	return exact[0] || exact[1];
}

List *
weir_join_find_bounds(WeirLevel *level, List *quals)
{
	List	   *comparisons = NIL;
	List	   *rest = NIL;
	Node	   *times[2];
	ListCell   *lc;

	foreach(lc, quals)
	{
		Comparison *comparison = palloc(sizeof(Comparison));

		if (read_comparison(comparison, lfirst(lc)))
			comparisons = lappend(comparisons, comparison);
		else
			rest = lappend(rest, lfirst(lc));
	}
	for (int side = 0; side < 2; side++)
	{
		times[side] = find_time(level, comparisons, side);
		if (times[side] == NULL)
			refuse_unbounded(level, 1 - side);
		check_time(level, side, times[side]);
		level->join_plan->sides[side].time = weir_join_side_column(level, side, times[side], "time");
	}
	foreach(lc, comparisons)
		if (!take_comparison(level, lfirst(lc), times))
			rest = lappend(rest, ((Comparison *) lfirst(lc))->qual);
	return rest;
}

/* As-of: the one comparison of times; what is left must be the key. */
List *
weir_join_find_version(WeirLevel *level, List *quals)
{
	WeirJoinPlan *plan = level->join_plan;
	List	   *rest = NIL;
	ListCell   *lc;

	foreach(lc, quals)
	{
		Comparison	comparison;
		const Term *version = &comparison.terms[1];
		const Term *row = &comparison.terms[0];

		if (plan->sides[1].time == 0 && read_comparison(&comparison, lfirst(lc)) && comparison.shift == 0 &&
			equal(version->whole, level->stream_join->order) && equal(row->whole, row->base) &&
			bounds(&comparison, 1, true) && comparison.strategy != BTEqualStrategyNumber)
		{
			check_time(level, 0, row->whole);
			check_time(level, 1, version->whole);
			plan->before = is_strict(&comparison);
			plan->sides[0].time = weir_join_side_column(level, 0, row->whole, "time");
			plan->sides[1].time = weir_join_side_column(level, 1, version->whole, "time");
		}
		else
			rest = lappend(rest, lfirst(lc));
	}
	if (plan->sides[1].time == 0)
		ereport(ERROR,
				errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				errmsg("the newest row of a stream must be the newest at the time of another"),
				errhint("Add a condition such as v.ts <= o.ts, for the same column as in ORDER BY."),
				weir_level_position(level, level->stream_join->sides[1].location));
	return rest;
}
