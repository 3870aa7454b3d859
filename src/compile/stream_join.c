/*
 * compile/stream_join.c
 *		FROM with two streams: a SELECT of its own for their join, over two that make the
 *		rows of its sides.
 *
 * SELECT ... FROM a JOIN b ON ... JOIN t ON ... becomes SELECT ... FROM (SELECT ... FROM
 * (SELECT ... FROM a) l, (SELECT ... FROM b) r WHERE ...) j JOIN t ON ...: to all that is
 * round it the join is a keyed step like others.  The outermost join with streams on
 * both sides is taken; where a side has two of its own, that is its SELECT's affair.
 */
#include "postgres.h"

#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/optimizer.h"
#include "parser/parsetree.h"
#include "rewrite/rewriteManip.h"

#include "base/compat.h"
#include "compile/stream_join.h"

/* Which sides a condition names. */
#define NAMES_LEFT 1
#define NAMES_RIGHT 2
#define NAMES_OTHER 4

/* ---- where the join is ---- */

static bool
reads_stream(const Query *query, int index)
{
	RangeTblEntry *rte = rt_fetch(index, query->rtable);
	Query	   *alone = makeNode(Query);

	if (rte->rtekind != RTE_RELATION && rte->rtekind != RTE_SUBQUERY)
		return false;
	alone->commandType = CMD_SELECT;
	alone->rtable = list_make1(rte);
	return weir_count_streams((Node *) alone) > 0;
}

/* Entries of a part of FROM, and the joins in it. */
static void
collect(Node *node, Bitmapset **entries, Bitmapset **joins)
{
	ListCell   *lc;

	if (IsA(node, RangeTblRef))
		*entries = bms_add_member(*entries, ((RangeTblRef *) node)->rtindex);
	else if (IsA(node, JoinExpr))
	{
		*joins = bms_add_member(*joins, ((JoinExpr *) node)->rtindex);
		collect(((JoinExpr *) node)->larg, entries, joins);
		collect(((JoinExpr *) node)->rarg, entries, joins);
	}
	else
	{
		foreach(lc, castNode(FromExpr, node)->fromlist)
			collect(lfirst(lc), entries, joins);
	}
}

static int
streams_in(const Query *query, Node *node)
{
	Bitmapset  *entries = NULL;
	Bitmapset  *joins = NULL;
	int			index = -1;
	int			count = 0;

	collect(node, &entries, &joins);
	while ((index = bms_next_member(entries, index)) >= 0)
		count += reads_stream(query, index);
	return count;
}

bool
weir_joins_streams(Query *query)
{
	int			streams = query->setOperations == NULL ? streams_in(query, (Node *) query->jointree) : 0;

	return streams > 1 || (streams == 1 && weir_has_exists(query));
}

/* The outermost join with streams on both sides. */
static JoinExpr *
find_join(const Query *query, Node *node)
{
	JoinExpr   *join = (JoinExpr *) node;

	if (!IsA(node, JoinExpr))
		return NULL;
	if (streams_in(query, join->larg) == 0)
		return find_join(query, join->rarg);
	if (streams_in(query, join->rarg) == 0)
		return find_join(query, join->larg);
	return join;
}

/* Of items of FROM that are joined by conditions of WHERE: the one with a stream that is last. */
static Node *
last_stream(const Query *query, List *items)
{
	Node	   *last = NULL;
	ListCell   *lc;

	foreach(lc, items)
		if (streams_in(query, lfirst(lc)) > 0)
			last = lfirst(lc);
	return last;
}

/* What a LATERAL item of FROM refers to. */
static Bitmapset *
referred(const Query *query, Node *item)
{
	RangeTblEntry *rte;

	if (!IsA(item, RangeTblRef))
		return NULL;
	rte = rt_fetch(((RangeTblRef *) item)->rtindex, query->rtable);
	return rte->rtekind == RTE_FUNCTION ? pull_varnos(NULL, (Node *) rte->functions) : NULL;
}

/*
 * Items go to the side that they belong to: those with a stream, the last to the right if
 * that has none yet, and functions of one side's columns.
 */
static void
divide_items(StreamJoin *join, Query *query)
{
	List	   *items = query->jointree->fromlist;
	Node	   *last = join->sides[1].items == NIL ? last_stream(query, items) : NULL;
	List	   *rest = NIL;
	ListCell   *lc;

	foreach(lc, items)
	{
		Node	   *item = lfirst(lc);
		Bitmapset  *refers = referred(query, item);
		int			side = -1;

		if (streams_in(query, item) > 0)
			side = item == last ? 1 : 0;
		else if (!bms_is_empty(refers))
			side = bms_is_subset(refers, join->sides[0].entries) ? 0 :
				bms_is_subset(refers, join->sides[1].entries) ? 1 : -1;
		if (side < 0)
		{
			rest = lappend(rest, item);
			continue;
		}
		join->sides[side].items = lappend(join->sides[side].items, item);
		collect(item, &join->sides[side].entries, &join->sides[side].joins);
	}
	query->jointree->fromlist = lcons(join->ref, rest);
}

/* The tree with the reference in the place of the join. */
static Node *
replace_join(Node *node, StreamJoin *join)
{
	JoinExpr   *expr = (JoinExpr *) node;
	ListCell   *lc;

	if (node == (Node *) join->expr)
		return (Node *) join->ref;
	if (IsA(node, JoinExpr))
	{
		expr->larg = replace_join(expr->larg, join);
		expr->rarg = replace_join(expr->rarg, join);
	}
	else if (IsA(node, FromExpr))
	{
		foreach(lc, ((FromExpr *) node)->fromlist)
			lfirst(lc) = replace_join(lfirst(lc), join);
	}
	return node;
}

static void
divide_join(StreamJoin *join, Query *query)
{
	join->type = join->expr->jointype;
	join->sides[0].items = list_make1(join->expr->larg);
	join->sides[1].items = list_make1(join->expr->rarg);
	for (int side = 0; side < 2; side++)
		collect(linitial(join->sides[side].items), &join->sides[side].entries, &join->sides[side].joins);
	(void) replace_join((Node *) query->jointree, join);
}

static int
items_with_streams(const Query *query)
{
	int			count = 0;
	ListCell   *lc;

	foreach(lc, query->jointree->fromlist)
		count += streams_in(query, lfirst(lc)) > 0;
	return count;
}

/* Divides FROM. */
static void
divide(StreamJoin *join, WeirLevel *level)
{
	Query	   *query = level->query;

	weir_flatten_joins(query);
	join->type = JOIN_INNER;
	join->ref = makeNode(RangeTblRef);
	if (weir_stream_join_pull_exists(join, level) || items_with_streams(query) > 1)
		divide_items(join, query);
	else
	{
		join->expr = find_join(query, last_stream(query, query->jointree->fromlist));
		divide_join(join, query);
	}
	join->ref->rtindex = list_length(query->rtable) + 1;
}

/* ---- conditions ---- */

static int
names(const StreamJoin *join, Node *node)
{
	Bitmapset  *entries = pull_varnos(NULL, node);
	int			found = 0;

	for (int side = 0; side < 2; side++)
	{
		if (bms_overlap(entries, join->sides[side].entries))
			found |= side == 0 ? NAMES_LEFT : NAMES_RIGHT;
		entries = bms_difference(entries, join->sides[side].entries);
	}
	return bms_is_empty(entries) ? found : found | NAMES_OTHER;
}

static bool
is_true(Node *qual)
{
	return IsA(qual, Const) && !((Const *) qual)->constisnull && DatumGetBool(((Const *) qual)->constvalue);
}

/* May rows of this side that do not fit a condition be dropped before the join? */
static bool
may_filter(const StreamJoin *join, int side, bool in_where)
{
	if (join->type == JOIN_INNER)
		return true;
	if (join->type == JOIN_FULL)
		return false;
	if (join->type == JOIN_SEMI || join->type == JOIN_ANTI)
		return side == 0 && in_where;
	/* of the side whose rows come in any case a condition of WHERE, of the other one of ON */
	return (join->type == JOIN_LEFT) == (side == 0) ? in_where : !in_where;
}

/* False: it stays where it is. */
static bool
take_condition(StreamJoin *join, Node *qual, bool in_where)
{
	int			found = names(join, qual);

	if (checkExprHasSubLink(qual) || contain_volatile_functions(qual))
		return false;
	if (join->as_of && found != NAMES_LEFT)
		/* it is asked of the newest row, not which the newest is */
		return !in_where && is_true(qual);
	if (found == NAMES_LEFT || found == NAMES_RIGHT)
	{
		StreamSide *side = &join->sides[found == NAMES_LEFT ? 0 : 1];

		if (may_filter(join, found == NAMES_LEFT ? 0 : 1, in_where))
		{
			side->quals = lappend(side->quals, qual);
			return true;
		}
	}
	if (join->as_of || found & NAMES_OTHER || (in_where && (join->type != JOIN_INNER || found == 0)))
		return false;
	if (!is_true(qual))
		join->quals = lappend(join->quals, qual);
	return true;
}

static void
refuse_condition(const StreamJoin *join, WeirLevel *level, Node *qual)
{
	if (join->as_of)
		ereport(ERROR,
				errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				errmsg("this condition on the newest row of a stream is not supported"),
				errdetail("In ON of a LEFT JOIN it would take away the newest row that was found."),
				errhint("Put it into WHERE of the subquery to find the newest of the rows that fit, or compute by CASE of the row that was found."),
				weir_level_position(level, exprLocation(qual)));
	ereport(ERROR,
			errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
			errmsg("this condition of an outer join of two streams is not supported"),
			errdetail("It has a subquery or a volatile function, or names a table beside the streams."),
			errhint("Compute it in a subquery in FROM that is joined instead of the stream."),
			weir_level_position(level, exprLocation(qual)));
}

static void
divide_conditions(StreamJoin *join, WeirLevel *level)
{
	Query	   *query = level->query;
	List	   *rest = NIL;
	ListCell   *lc;

	foreach(lc, join->expr ? weir_compile_conjuncts(join->expr->quals) : NIL)
	{
		if (take_condition(join, lfirst(lc), false))
			continue;
		if (join->type != JOIN_INNER)
			refuse_condition(join, level, lfirst(lc));
		rest = lappend(rest, lfirst(lc));
	}
	foreach(lc, weir_compile_conjuncts(query->jointree->quals))
		if (!take_condition(join, lfirst(lc), true))
			rest = lappend(rest, lfirst(lc));
	query->jointree->quals = rest == NIL ? NULL : (Node *) make_ands_explicit(rest);
}

static void
check_lifted(const StreamJoin *join, WeirLevel *level, Node *qual)
{
	const char *detail = names(join, qual) & NAMES_OTHER ? "It names what stands beside the streams in FROM." :
		checkExprHasSubLink(qual) ? "It has a subquery." :
		contain_volatile_functions(qual) ? "It has a volatile function." : NULL;

	if (detail)
		ereport(ERROR,
				errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				errmsg("this condition of a subquery over a stream is not supported"),
				errdetail_internal("%s", detail),
				errhint("Join the table with the stream, or compute the value, in a subquery in FROM that is read instead of the stream."),
				weir_level_position(level, exprLocation(qual)));
}

/* What was taken out of subqueries must be of the sides alone. */
static void
check_all_lifted(const StreamJoin *join, WeirLevel *level)
{
	ListCell   *lc;

	foreach(lc, join->quals)
		check_lifted(join, level, lfirst(lc));
	if (join->order)
		check_lifted(join, level, join->order);
}

/* ---- the level ---- */

/* What a side is called: its stream's or subquery's name in FROM. */
static void
name_side(WeirLevel *level, StreamSide *side)
{
	int			index = -1;

	while ((index = bms_next_member(side->entries, index)) >= 0)
	{
		if (!reads_stream(level->query, index))
			continue;
		side->name = rt_fetch(index, level->query->rtable)->eref->aliasname;
		if (side->location == 0)
			side->location = weir_level_entry_location(level, index);
	}
}

/* Makes what a level's FROM joins of two streams a level of its own. */
void
weir_level_join_streams(WeirLevel *level)
{
	StreamJoin *join = palloc0(sizeof(StreamJoin));
	WeirLevel  *below;

	if (!weir_joins_streams(level->query))
		return;
	divide(join, level);
	for (int side = 0; side < 2; side++)
		name_side(level, &join->sides[side]);
	weir_stream_join_pull_as_of(join, level);
	check_all_lifted(join, level);
	divide_conditions(join, level);
	weir_stream_join_read(join, level);
	level->entry = join->ref->rtindex;
	below = weir_level_below(level, level->entry, level->raw, join->sides[1].location);
	below->stream_join = join;
	below->join_plan = palloc0(sizeof(WeirJoinPlan));
	for (int side = 0; side < 2; side++)
		below->below = lappend(below->below, weir_level_below(below, side + 1, level->raw, join->sides[side].location));
	level->below = list_make1(below);
}
