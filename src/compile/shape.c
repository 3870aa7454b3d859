/*
 * compile/shape.c
 *		What a SELECT that records pass may look like.
 *
 * It must give its rows one by one: whatever needs the whole input (aggregates,
 * sorting, DISTINCT ...) is refused there.  What does not contain the stream may be
 * anything.
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
#define ORDER_HINT \
	"Leave it out: windows come one by one, and a table keeps no order. " \
	"For the first rows of each write row_number() OVER (PARTITION BY w ORDER BY ...) in a query round this one, and a condition <= n on it round that."

int
weir_count_streams(Node *node)
{
	List	   *reads = weir_compile_reads(node);
	ListCell   *lc;
	int			count = 0;

	foreach(lc, reads)
		if (weir_foreign_kind(lfirst_oid(lc)) == WEIR_FOREIGN_STREAM)
			count++;
	return count;
}

static void
refuse_clause(WeirLevel *level, const char *clause, const char *word, Node *before, const char *hint)
{
	ereport(ERROR,
			errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
			errmsg("%s over a stream is not yet supported", clause),
			errdetail("A stream has no end at which it could be computed."),
			errhint("%s", hint),
			weir_level_word(level, word, before));
}

void
weir_level_check_clauses(WeirLevel *level)
{
	Query	   *query = level->query;
	SelectStmt *raw = level->raw;
	const char *order_hint = level->time_window ? ORDER_HINT : KEYED_HINT;

	if (query->distinctClause != NIL && !query->hasDistinctOn)
		refuse_clause(level, "DISTINCT", "distinct", raw ? (Node *) raw->targetList : NULL, KEYED_HINT);
	if (query->sortClause != NIL && !query->hasDistinctOn)
		refuse_clause(level, "ORDER BY", "order", raw ? (Node *) raw->sortClause : NULL, order_hint);
	if (query->limitCount != NULL)
		refuse_clause(level, "LIMIT",
					  raw && query->limitOption == LIMIT_OPTION_WITH_TIES ? "fetch" : "limit",
					  raw ? raw->limitCount : NULL, order_hint);
	if (query->limitOffset != NULL)
		refuse_clause(level, "OFFSET", "offset", raw ? raw->limitOffset : NULL, order_hint);
	if (query->rowMarks != NIL)
		ereport(ERROR,
				errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				errmsg("a job cannot lock the rows it reads"),
				errdetail("Only the INSERT itself may write."),
				errhint("Leave out FOR UPDATE or FOR SHARE."),
				weir_level_word(level, "for", NULL));
}

static bool
stream_sublink(Node *node, int *location)
{
	if (node == NULL)
		return false;
	if (IsA(node, SubLink) && weir_count_streams(((SubLink *) node)->subselect) > 0)
	{
		*location = ((SubLink *) node)->location;
		return true;
	}
	return expression_tree_walker(node, stream_sublink, location);
}

static void
refuse_sublink(WeirLevel *level, int location)
{
	ereport(ERROR,
			errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
			errmsg("a stream cannot be read in a subquery of an expression"),
			errhint("Read the stream in FROM."),
			weir_level_position(level, location));
}

static void
check_sublinks(WeirLevel *level)
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
	/* ON CONFLICT is the INSERT's */
	if (level->parent == NULL)
		found = found || stream_sublink((Node *) level->c->insert->onConflict, &location);
	if (found)
		refuse_sublink(level, location);
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
	return weir_count_streams((Node *) query) > 0;
}

/* All entries of FROM. */
static Bitmapset *
joined_entries(Query *query)
{
	return nullable_entries((Node *) query->jointree, true, NULL);
}

/* Where the text has this entry of FROM. */
int
weir_level_entry_location(WeirLevel *level, int index)
{
	RangeTblEntry *rte = rt_fetch(index, level->query->rtable);
	Node	   *item = weir_from_item(level->raw, rte->eref->aliasname);

	if (item)
		return weir_from_item_location(level->c, item);
	/* of a join of streams where that stands */
	return level->below != NIL && index == level->entry ? ((WeirLevel *) linitial(level->below))->location :
		level->location;
}

/* The entry of this level that brings the records; if there were several, they have become one. */
static void
find_entry(WeirLevel *level)
{
	Bitmapset  *entries = joined_entries(level->query);
	int			index = -1;

	while (level->entry == 0 && (index = bms_next_member(entries, index)) >= 0)
	{
		RangeTblEntry *rte = rt_fetch(index, level->query->rtable);

		if ((rte->rtekind == RTE_RELATION || rte->rtekind == RTE_SUBQUERY) && reads_stream(rte))
			level->entry = index;
	}
	if (level->entry == 0)
		elog(ERROR, "stream not found in FROM");
}

static void
check_not_nullable(WeirLevel *level)
{
	level->nullable = nullable_entries((Node *) level->query->jointree, false, NULL);
	if (bms_is_member(level->entry, level->nullable))
		ereport(ERROR,
				errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				errmsg("a stream cannot be on the nullable side of an outer join"),
				errdetail("A stream has no end at which a missing row would be known."),
				errhint("Write stream LEFT JOIN table."),
				weir_level_position(level, weir_level_entry_location(level, level->entry)));
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
check_system_columns(WeirLevel *level)
{
	SystemColumn column = {level->entry, 0, -1};

	if (query_tree_walker(level->query, system_column_walker, &column, QTW_IGNORE_JOINALIASES))
		ereport(ERROR,
				errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				errmsg("a stream has no system columns"),
				errhint("Use columns that the stream declares."),
				weir_level_position(level, column.location));
}

/* The stream itself: a foreign table without children, read by its own name. */
static void
set_stream(WeirLevel *level, RangeTblEntry *rte)
{
	if (weir_foreign_kind(rte->relid) != WEIR_FOREIGN_STREAM || (rte->inh && has_subclass(rte->relid)))
		ereport(ERROR,
				errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				errmsg("a stream in an inheritance tree or partitioned table is not supported"),
				errdetail("\"%s\" and a stream are parent and child.", get_rel_name(rte->relid)),
				errhint("Read the stream itself."),
				weir_level_position(level, weir_level_entry_location(level, level->entry)));
	check_system_columns(level);
	level->stream = rte->relid;
}

static void
check_in_view(WeirLevel *level, WeirLevel *view)
{
	weir_level_check_shape(view);
	if (view->running)
		weir_level_refuse_running(view);
	level->stream = view->stream;
}

/* A view that stays the rewriter's: what it reads is looked at as it stands. */
static void
check_view(WeirLevel *level, Oid relid)
{
	WeirLevel	view = {level->c, level, weir_view_query(relid), NULL, weir_level_entry_location(level, level->entry)};

	check_in_view(level, &view);
	while (view.below != NIL)
	{
		view = *(WeirLevel *) linitial(view.below);
		check_in_view(level, &view);
	}
}

static SelectStmt *
in_with(WithClause *with, const char *name)
{
	ListCell   *lc;

	foreach(lc, with ? with->ctes : NIL)
	{
		if (strcmp(lfirst_node(CommonTableExpr, lc)->ctename, name) == 0)
			return (SelectStmt *) lfirst_node(CommonTableExpr, lc)->ctequery;
	}
	return NULL;
}

/* The WITH query of this name that the level sees, as parsed. */
static SelectStmt *
raw_with(WeirLevel *level, const char *name)
{
	SelectStmt *found = NULL;

	for (WeirLevel *round = level; round != NULL && found == NULL; round = round->parent)
		found = in_with(round->raw ? round->raw->withClause : NULL, name);
	return found ? found : in_with(level->c->stmt->withClause, name);
}

/* The SELECT that stands in this item of FROM, as parsed; NULL: in a view. */
static SelectStmt *
raw_below(WeirLevel *level, Node *item)
{
	if (item == NULL)
		return NULL;
	if (IsA(item, RangeSubselect))
		return castNode(SelectStmt, ((RangeSubselect *) item)->subquery);
	return ((RangeVar *) item)->schemaname ? NULL : raw_with(level, ((RangeVar *) item)->relname);
}

/* What is below the entry: the SELECT in it, or nothing more. */
static void
look_below(WeirLevel *level)
{
	RangeTblEntry *rte = rt_fetch(level->entry, level->query->rtable);
	Node	   *item = weir_from_item(level->raw, rte->eref->aliasname);
	int			location = weir_level_entry_location(level, level->entry);

	if (rte->rtekind == RTE_SUBQUERY)
		level->below = list_make1(weir_level_below(level, level->entry, raw_below(level, item), location));
	else if (rte->relkind == RELKIND_VIEW && weir_expand_view(level, level->entry, location))
		level->below = list_make1(weir_level_below(level, level->entry, NULL, location));
	else if (rte->relkind == RELKIND_VIEW)
		check_view(level, rte->relid);
	else
		set_stream(level, rte);
}

/* Finds what the records come from. */
void
weir_level_check_shape(WeirLevel *level)
{
	check_sublinks(level);
	weir_level_find_running(level);
	weir_level_find_rank(level);
	weir_level_check_clauses(level);
	find_entry(level);
	check_not_nullable(level);
	if (level->below == NIL)
		look_below(level);
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
weir_compile_check_streams(WeirCompile *c)
{
	if (weir_count_streams((Node *) rt_fetch(c->select_index, c->insert->rtable)->subquery) > 0)
		return;
	ereport(ERROR,
			errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
			errmsg("the query of a job must read a stream"),
			errdetail("None of the relations it reads is a foreign table of the wrapper weir_socket."),
			errhint("Create one with CREATE FOREIGN TABLE ... SERVER ..., and select from it."),
			from_position(c));
}
