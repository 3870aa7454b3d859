/*
 * compile/parse.c
 *		The job's text -> its INSERT ... SELECT, analysed.
 *
 * Refuses what the parse tree shows best, since it still knows where each
 * word stood.
 */
#include "postgres.h"

#include "nodes/nodeFuncs.h"
#include "parser/analyze.h"
#include "parser/parser.h"
#include "parser/parsetree.h"

#include "base/compat.h"
#include "compile/compile.h"

#define INSERT_HINT "Write INSERT INTO table SELECT ... FROM stream."

static void
check_insert(WeirCompile *c, RawStmt *raw)
{
	InsertStmt *stmt = (InsertStmt *) raw->stmt;

	if (!IsA(stmt, InsertStmt))
		ereport(ERROR,
				errcode(ERRCODE_SYNTAX_ERROR),
				errmsg("the query of a job must be an INSERT ... SELECT statement"),
				errhint(INSERT_HINT),
				weir_compile_position(c, weir_first_word(c, raw->stmt_location)));
	if (stmt->selectStmt == NULL)
		ereport(ERROR,
				errcode(ERRCODE_SYNTAX_ERROR),
				errmsg("the query of a job cannot insert DEFAULT VALUES"),
				errhint(INSERT_HINT),
				weir_compile_position(c, weir_keyword_before(c, "default", -1)));
	c->stmt = stmt;
	c->select_stmt = castNode(SelectStmt, stmt->selectStmt);
	if (c->select_stmt->valuesLists != NIL)
		ereport(ERROR,
				errcode(ERRCODE_SYNTAX_ERROR),
				errmsg("the query of a job cannot insert VALUES"),
				errhint(INSERT_HINT),
				weir_compile_position(c, weir_keyword_before(c, "values",
															 exprLocation((Node *) c->select_stmt->valuesLists))));
	if (weir_returning(stmt) != NIL)
		ereport(ERROR,
				errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				errmsg("the query of a job cannot have RETURNING"),
				errdetail("A job has no client that could read the rows."),
				errhint("Leave out RETURNING."),
				weir_compile_position(c, weir_keyword_before(c, "returning",
															 exprLocation((Node *) weir_returning(stmt)))));
}

static void
check_with(WeirCompile *c, WithClause *with)
{
	ListCell   *lc;

	if (with == NULL)
		return;
	foreach(lc, with->ctes)
	{
		CommonTableExpr *cte = lfirst_node(CommonTableExpr, lc);

		if (!IsA(cte->ctequery, SelectStmt))
			ereport(ERROR,
					errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
					errmsg("the query of a job cannot have data-modifying statements in WITH"),
					errhint("Write to one table, and from its trigger to others."),
					weir_compile_position(c, cte->location));
	}
	ereport(ERROR,
			errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
			errmsg("WITH is not yet supported in the query of a job"),
			errhint("Write it as a subquery in FROM, or create a view."),
			weir_compile_position(c, with->location));
}

/* Functions of schema weir that a later version brings. */
static bool
reserved_walker(Node *node, WeirCompile *c)
{
	static const char *const reserved[] = {"running", "tumble"};

	if (node == NULL)
		return false;
	if (IsA(node, FuncCall) && list_length(((FuncCall *) node)->funcname) == 2 &&
		strcmp(strVal(linitial(((FuncCall *) node)->funcname)), "weir") == 0)
	{
		const char *name = strVal(lsecond(((FuncCall *) node)->funcname));

		for (int i = 0; i < lengthof(reserved); i++)
			if (strcmp(name, reserved[i]) == 0)
				ereport(ERROR,
						errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
						errmsg("weir.%s is not yet supported", name),
						errhint("Write the window as a function with state, and call it with JOIN LATERAL function(...) ON weir.key_by(...)."),
						weir_compile_position(c, ((FuncCall *) node)->location));
	}
	return raw_expression_tree_walker(node, reserved_walker, c);
}

static RawStmt *
parse_one(WeirCompile *c)
{
	List	   *statements = raw_parser(c->text, RAW_PARSE_DEFAULT);

	if (statements == NIL)
		ereport(ERROR,
				errcode(ERRCODE_SYNTAX_ERROR),
				errmsg("the query of a job is empty"),
				errhint(INSERT_HINT));
	if (list_length(statements) > 1)
		ereport(ERROR,
				errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				errmsg("more than one statement in a job is not yet supported"),
				errhint("Create a job for each statement."),
				weir_compile_position(c, weir_first_word(c, lsecond_node(RawStmt, statements)->stmt_location)));
	return linitial_node(RawStmt, statements);
}

/* RETURNING *, with the privileges that it needs. */
static void
return_all(InsertStmt *stmt)
{
	ColumnRef  *all = makeNode(ColumnRef);
	ResTarget  *target = makeNode(ResTarget);

	all->fields = list_make1(makeNode(A_Star));
	all->location = -1;
	target->val = (Node *) all;
	target->location = -1;
	weir_set_returning(stmt, list_make1(target));
}

void
weir_compile_parse(WeirCompile *c)
{
	RawStmt    *raw = parse_one(c);
	int			index = 0;
	ListCell   *lc;

	/* analysis scribbles on what it is given, and positions are wanted later */
	check_insert(c, copyObject(raw));
	check_with(c, c->stmt->withClause);
	check_with(c, c->select_stmt->withClause);
	reserved_walker((Node *) c->stmt, c);

	if (c->returning)
		return_all(castNode(InsertStmt, raw->stmt));
	c->insert = parse_analyze_fixedparams(raw, c->text, NULL, 0, NULL);
	foreach(lc, c->insert->rtable)
	{
		RangeTblEntry *rte = lfirst_node(RangeTblEntry, lc);

		index++;
		if (rte->rtekind == RTE_SUBQUERY)
		{
			c->select = rte->subquery;
			c->select_index = index;
		}
	}
	if (c->select == NULL)
		elog(ERROR, "INSERT without SELECT after analysis");
}
