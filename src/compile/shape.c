/*
 * compile/shape.c
 *		What the SELECT of a job may look like.
 *
 * The stream is followed from the query's FROM down through subqueries and
 * views.  Each level it passes must give its rows one by one: whatever needs
 * the whole input (aggregates, sorting, DISTINCT ...) is refused there.  What
 * does not contain the stream may be anything.
 */
#include "postgres.h"

#include "catalog/namespace.h"
#include "catalog/pg_class.h"
#include "catalog/pg_inherits.h"
#include "nodes/nodeFuncs.h"
#include "parser/parsetree.h"
#include "utils/lsyscache.h"

#include "compile/compile.h"

#define KEYED_HINT "Add weir.count_window(n) to GROUP BY, or call a function with state by JOIN LATERAL function(...) ON weir.key_by(...)."

/* A query the stream passes through. */
typedef struct Level
{
	Query	   *query;
	SelectStmt *raw;			/* NULL inside a view */
	int			location;		/* of the view or subquery in the text; -1: top */
} Level;

static int
count_streams(Node *node)
{
	List	   *reads = weir_compile_reads(node);
	ListCell   *lc;
	int			count = 0;

	foreach(lc, reads)
		if (weir_foreign_kind(lfirst_oid(lc)) == WEIR_FOREIGN_STREAM)
			count++;
	return count;
}

/* The position of this word of the level, which stands before (a list of) nodes of it. */
static int
word_position(WeirCompile *c, Level *level, const char *word, Node *before)
{
	int			location = level->location;

	if (level->raw != NULL)
	{
		int			limit = before ? exprLocation(before) : -1;

		location = weir_keyword_before(c, word, limit);
		if (location < 0)
			location = limit;
	}
	return weir_compile_position(c, location);
}

static int
node_position(WeirCompile *c, Level *level, int location)
{
	return weir_compile_position(c, location >= 0 ? location : level->location);
}

static void
refuse_clause(WeirCompile *c, Level *level, const char *clause, const char *word, Node *before)
{
	ereport(ERROR,
			errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
			errmsg("%s over a stream is not yet supported", clause),
			errdetail("A stream has no end at which it could be computed."),
			errhint(KEYED_HINT),
			word_position(c, level, word, before));
}

static void
check_set_operation(WeirCompile *c, Level *level)
{
	SetOperationStmt *operation = (SetOperationStmt *) level->query->setOperations;
	const char *clause = "UNION";
	const char *word = "union";
	Node	   *before = NULL;

	if (operation == NULL)
		return;
	if (operation->op == SETOP_INTERSECT)
	{
		clause = "INTERSECT";
		word = "intersect";
	}
	else if (operation->op == SETOP_EXCEPT)
	{
		clause = "EXCEPT";
		word = "except";
	}
	if (level->raw != NULL && level->raw->rarg != NULL)
		before = (Node *) level->raw->rarg->targetList;
	ereport(ERROR,
			errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
			errmsg("%s with a stream is not yet supported", clause),
			errhint("Create a job for each SELECT."),
			word_position(c, level, word, before));
}

static bool
aggregate_location(Node *node, int *location)
{
	if (node == NULL)
		return false;
	if (IsA(node, Aggref) || IsA(node, GroupingFunc))
	{
		*location = exprLocation(node);
		return true;
	}
	return expression_tree_walker(node, aggregate_location, location);
}

static bool
window_function_location(Node *node, int *location)
{
	if (node == NULL)
		return false;
	if (IsA(node, WindowFunc))
	{
		*location = ((WindowFunc *) node)->location;
		return true;
	}
	return expression_tree_walker(node, window_function_location, location);
}

static void
check_window_functions(WeirCompile *c, Level *level)
{
	int			location = -1;

	if (!level->query->hasWindowFuncs)
		return;
	window_function_location((Node *) level->query->targetList, &location);
	ereport(ERROR,
			errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
			errmsg("window functions over a stream are not supported"),
			errhint(KEYED_HINT),
			node_position(c, level, location));
}

static void
check_aggregates(WeirCompile *c, Level *level)
{
	Query	   *query = level->query;
	int			location = -1;

	if (query == c->select && c->window != NULL)
	{
		check_window_functions(c, level);
		return;
	}
	if (query->groupClause != NIL || query->groupingSets != NIL)
		refuse_clause(c, level, "GROUP BY", "group",
					  level->raw ? (Node *) level->raw->groupClause : NULL);
	if (!query->hasAggs && !query->hasWindowFuncs && query->havingQual == NULL)
		return;
	aggregate_location((Node *) query->targetList, &location);
	if (query->hasAggs)
	{
		if (location < 0)
			aggregate_location(query->havingQual, &location);
		ereport(ERROR,
				errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				errmsg("aggregate functions over a stream are not yet supported"),
				errdetail("A stream has no end at which they could be computed."),
				errhint(KEYED_HINT),
				node_position(c, level, location));
	}
	check_window_functions(c, level);
	refuse_clause(c, level, "HAVING", "having", level->raw ? level->raw->havingClause : NULL);
}

static void
check_clauses(WeirCompile *c, Level *level)
{
	Query	   *query = level->query;
	SelectStmt *raw = level->raw;

	if (query->distinctClause != NIL)
		refuse_clause(c, level, "DISTINCT", "distinct", raw ? (Node *) raw->targetList : NULL);
	if (query->sortClause != NIL)
		refuse_clause(c, level, "ORDER BY", "order", raw ? (Node *) raw->sortClause : NULL);
	if (query->limitCount != NULL)
		refuse_clause(c, level, "LIMIT",
					  raw && query->limitOption == LIMIT_OPTION_WITH_TIES ? "fetch" : "limit",
					  raw ? raw->limitCount : NULL);
	if (query->limitOffset != NULL)
		refuse_clause(c, level, "OFFSET", "offset", raw ? raw->limitOffset : NULL);
	if (query->rowMarks != NIL)
		ereport(ERROR,
				errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				errmsg("a job cannot lock the rows it reads"),
				errdetail("Only the INSERT itself may write."),
				errhint("Leave out FOR UPDATE or FOR SHARE."),
				word_position(c, level, "for", NULL));
}

static void
check_with(WeirCompile *c, Level *level)
{
	ListCell   *lc;

	foreach(lc, level->query->cteList)
	{
		CommonTableExpr *cte = lfirst_node(CommonTableExpr, lc);

		if (count_streams(cte->ctequery) > 0)
			ereport(ERROR,
					errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
					errmsg("a WITH query that reads a stream is not yet supported"),
					errhint("Write it as a subquery in FROM, or create a view."),
					node_position(c, level, cte->location));
	}
}

static bool
stream_sublink(Node *node, int *location)
{
	if (node == NULL)
		return false;
	if (IsA(node, SubLink) && count_streams(((SubLink *) node)->subselect) > 0)
	{
		*location = ((SubLink *) node)->location;
		return true;
	}
	return expression_tree_walker(node, stream_sublink, location);
}

static void
check_sublinks(WeirCompile *c, Level *level)
{
	Query	   *query = level->query;
	int			location = -1;
	ListCell   *lc;
	bool		found = stream_sublink((Node *) query->targetList, &location) ||
		stream_sublink((Node *) query->jointree, &location);

	foreach(lc, query->rtable)
	{
		RangeTblEntry *rte = lfirst_node(RangeTblEntry, lc);

		found = found || stream_sublink((Node *) rte->functions, &location) ||
			stream_sublink((Node *) rte->values_lists, &location);
	}
	if (found)
		ereport(ERROR,
				errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				errmsg("a stream cannot be read in a subquery of an expression"),
				errhint("Read the stream in FROM."),
				node_position(c, level, location));
}

/* Entries that an outer join below node may fill with nulls. */
static Bitmapset *
nullable_entries(Node *node, bool nullable, Bitmapset *found)
{
	if (IsA(node, RangeTblRef))
		return nullable ? bms_add_member(found, ((RangeTblRef *) node)->rtindex) : found;
	if (IsA(node, FromExpr))
	{
		ListCell   *lc;

		foreach(lc, ((FromExpr *) node)->fromlist)
			found = nullable_entries(lfirst(lc), nullable, found);
		return found;
	}
	else
	{
		JoinExpr   *join = castNode(JoinExpr, node);
		bool		left = join->jointype == JOIN_RIGHT || join->jointype == JOIN_FULL;
		bool		right = join->jointype == JOIN_LEFT || join->jointype == JOIN_FULL;

		found = nullable_entries(join->larg, nullable || left, found);
		return nullable_entries(join->rarg, nullable || right, found);
	}
}

static bool
reads_stream(RangeTblEntry *rte)
{
	Query	   *query = makeNode(Query);

	query->commandType = CMD_SELECT;
	query->rtable = list_make1(rte);
	return count_streams((Node *) query) > 0;
}

/* All entries of FROM. */
static Bitmapset *
joined_entries(Query *query)
{
	return nullable_entries((Node *) query->jointree, true, NULL);
}

/* The entry of this level that brings the stream; 0 if FROM has none. */
static int
stream_entry(WeirCompile *c, Level *level)
{
	Bitmapset  *entries = joined_entries(level->query);
	int			index = -1;

	while ((index = bms_next_member(entries, index)) >= 0)
	{
		RangeTblEntry *rte = rt_fetch(index, level->query->rtable);

		if ((rte->rtekind == RTE_RELATION || rte->rtekind == RTE_SUBQUERY) && reads_stream(rte))
			return index;
	}
	return 0;
}

static void
check_not_nullable(WeirCompile *c, Level *level, int index, int location)
{
	Bitmapset  *nullable = nullable_entries((Node *) level->query->jointree, false, NULL);

	if (level->query == c->select)
		c->nullable = nullable;
	if (bms_is_member(index, nullable))
		ereport(ERROR,
				errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				errmsg("a stream cannot be on the nullable side of an outer join"),
				errdetail("A stream has no end at which a missing row would be known."),
				errhint("Write stream LEFT JOIN table."),
				node_position(c, level, location));
}

typedef struct SystemColumn
{
	int			index;			/* of the stream */
	int			level;			/* below its query */
	int			location;
} SystemColumn;

static bool
system_column_walker(Node *node, SystemColumn *column)
{
	bool		found;

	if (node == NULL)
		return false;
	if (IsA(node, Var))
	{
		Var		   *var = (Var *) node;

		column->location = var->location;
		return var->varno == column->index && var->varlevelsup == column->level && var->varattno < 0;
	}
	if (!IsA(node, Query))
		return expression_tree_walker(node, system_column_walker, column);
	column->level++;
	found = query_tree_walker((Query *) node, system_column_walker, column, 0);
	column->level--;
	return found;
}

/* A record has no ctid, xmin ... that would mean anything. */
static void
check_system_columns(WeirCompile *c, Level *level, int index)
{
	SystemColumn column = {index, 0, -1};

	if (query_tree_walker(level->query, system_column_walker, &column, QTW_IGNORE_JOINALIASES))
		ereport(ERROR,
				errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				errmsg("a stream has no system columns"),
				errhint("Use columns that the stream declares."),
				node_position(c, level, column.location));
}

static void check_level(WeirCompile *c, Level *level);

static void
check_view(WeirCompile *c, Oid relid, int location)
{
	Level		level = {weir_view_query(relid), NULL, location};

	check_level(c, &level);
}

/* The stream itself: a foreign table without children, read by its own name. */
static void
set_stream(WeirCompile *c, Level *level, RangeTblEntry *rte, int location)
{
	if (weir_foreign_kind(rte->relid) != WEIR_FOREIGN_STREAM || (rte->inh && has_subclass(rte->relid)))
		ereport(ERROR,
				errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				errmsg("a stream in an inheritance tree or partitioned table is not supported"),
				errdetail("\"%s\" and a stream are parent and child.", get_rel_name(rte->relid)),
				errhint("Read the stream itself."),
				node_position(c, level, location));
	c->stream = rte->relid;
}

static void
check_level(WeirCompile *c, Level *level)
{
	RangeTblEntry *rte;
	Node	   *item;
	int			location;
	int			index;

	check_set_operation(c, level);
	check_with(c, level);
	check_sublinks(c, level);
	check_aggregates(c, level);
	check_clauses(c, level);

	index = stream_entry(c, level);
	if (index == 0)
		elog(ERROR, "stream not found in FROM");
	rte = rt_fetch(index, level->query->rtable);
	item = weir_from_item(level->raw, rte->eref->aliasname);
	location = item ? weir_from_item_location(c, item) : level->location;
	check_not_nullable(c, level, index, location);

	if (rte->rtekind == RTE_SUBQUERY)
	{
		Level		below = {rte->subquery, NULL, location};

		if (item != NULL && IsA(item, RangeSubselect))
			below.raw = castNode(SelectStmt, ((RangeSubselect *) item)->subquery);
		check_level(c, &below);
	}
	else if (rte->relkind == RELKIND_VIEW)
		check_view(c, rte->relid, location);
	else
	{
		set_stream(c, level, rte, location);
		check_system_columns(c, level, index);
	}
}

typedef struct LastStream
{
	RangeVar   *target;			/* of the INSERT: not read */
	int			location;
} LastStream;

static bool
last_stream_walker(Node *node, LastStream *last)
{
	if (node == NULL)
		return false;
	if (IsA(node, RangeVar))
	{
		RangeVar   *range = (RangeVar *) node;
		RangeTblEntry *rte = makeNode(RangeTblEntry);

		rte->rtekind = RTE_RELATION;
		rte->relid = RangeVarGetRelid(range, NoLock, true);
		rte->inh = true;
		if (range != last->target && OidIsValid(rte->relid) && reads_stream(rte))
			last->location = range->location;
		return false;
	}
	return raw_expression_tree_walker(node, last_stream_walker, last);
}

/* Position of the last stream the text names: the one too many. */
static int
last_stream_position(WeirCompile *c)
{
	LastStream	last = {c->stmt->relation, -1};

	last_stream_walker((Node *) c->stmt, &last);
	return weir_compile_position(c, last.location);
}

/* Position of what stands in FROM; of SELECT where nothing does. */
static int
from_position(WeirCompile *c)
{
	List	   *from = c->select_stmt->fromClause;

	if (from == NIL)
		return weir_compile_position(c, weir_keyword_before(c, "select", -1));
	return weir_compile_position(c, exprLocation((Node *) from));
}

void
weir_compile_check_shape(WeirCompile *c)
{
	int			streams = count_streams((Node *) c->select);
	Level		top = {c->select, c->select_stmt, -1};

	if (streams == 0)
		ereport(ERROR,
				errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				errmsg("the query of a job must read a stream"),
				errdetail("None of the relations it reads is a foreign table of the wrapper weir_socket."),
				errhint("Create one with CREATE FOREIGN TABLE ... SERVER ..., and select from it."),
				from_position(c));
	check_level(c, &top);
	if (streams > 1)
		ereport(ERROR,
				errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				errmsg("joins of two streams are not yet supported"),
				errhint("Let another job write one of them to a table, and join with that."),
				last_stream_position(c));
}
