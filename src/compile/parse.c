/*
 * compile/parse.c
 *		The job's text -> its INSERT ... SELECT statements, analysed.
 *
 * Refuses what the parse tree shows best, since it still knows where each
 * word stood.
 */
#include "postgres.h"

#include "mb/pg_wchar.h"
#include "nodes/nodeFuncs.h"
#include "parser/analyze.h"
#include "parser/parser.h"
#include "parser/parsetree.h"

#include "base/compat.h"
#include "compile/compile.h"

#define INSERT_HINT "Write INSERT INTO table SELECT ... FROM stream."

static const struct
{
	const char *name;
	const char *arguments;
}			windows[] = {
	{"tumble", "ts, size, \"offset\", lateness"},
	{"hop", "ts, size, slide, \"offset\", lateness"},
	{"cumulate", "ts, step, size, \"offset\", lateness"},
	{"session", "ts, gap, lateness"},
};

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
}

static List *
parse_text(WeirCompileJob *job)
{
	List	   *statements = raw_parser(job->text, RAW_PARSE_DEFAULT);

	if (statements == NIL)
		ereport(ERROR,
				errcode(ERRCODE_SYNTAX_ERROR),
				errmsg("the query of a job is empty"),
				errhint(INSERT_HINT));
	return statements;
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

static void
find_select(WeirCompile *c)
{
	ListCell   *lc;

	foreach(lc, c->insert->rtable)
	{
		if (lfirst_node(RangeTblEntry, lc)->rtekind == RTE_SUBQUERY)
			c->select_index = foreach_current_index(lc) + 1;
	}
	if (c->select_index == 0)
		elog(ERROR, "INSERT without SELECT after analysis");
}

/*
 * Where PostgreSQL finds no weir.tumble or its like with such arguments, its hint is to cast
 * them: as error context, says which there are.
 */
static void
hint_window_arguments(void *arg)
{
	const char *text = arg;
	int			position = geterrposition();

	if (geterrcode() != ERRCODE_UNDEFINED_FUNCTION || position <= 0)
		return;
	text += pg_mbcharcliplen(text, strlen(text), position - 1);
	if (pg_strncasecmp(text, "weir.", strlen("weir.")) == 0)
		text += strlen("weir.");
	for (int i = 0; i < lengthof(windows); i++)
		if (pg_strncasecmp(text, windows[i].name, strlen(windows[i].name)) == 0 &&
			strchr("( \t\n", text[strlen(windows[i].name)]))
			errhint("Write weir.%s(%s); what has a default is best given by name, as lateness => '1 min'.",
					windows[i].name, windows[i].arguments);
}

static Query *
analyze(RawStmt *raw, const char *text)
{
	ErrorContextCallback callback = {
		.previous = error_context_stack,
		.callback = hint_window_arguments,
		.arg = (void *) text,
	};
	Query	   *query;

	error_context_stack = &callback;
	query = parse_analyze_fixedparams(raw, text, NULL, 0, NULL);
	error_context_stack = callback.previous;
	return query;
}

static WeirCompile *
parse_insert(WeirCompileJob *job, RawStmt *raw)
{
	WeirCompile *c = palloc0(sizeof(WeirCompile));

	c->job = job;
	c->begin = raw->stmt_location;
	c->end = raw->stmt_len > 0 ? raw->stmt_location + raw->stmt_len : strlen(job->text);
	c->sink_plan = palloc0(sizeof(WeirSinkPlan));

	/* analysis scribbles on what it is given, and positions are wanted later */
	check_insert(c, copyObject(raw));
	check_with(c, c->stmt->withClause);
	check_with(c, c->select_stmt->withClause);

	if (job->returning)
		return_all(castNode(InsertStmt, raw->stmt));
	c->insert = analyze(raw, job->text);
	weir_inline_with(c, c->insert, -1);
	find_select(c);
	return c;
}

void
weir_compile_parse(WeirCompileJob *job)
{
	ListCell   *lc;

	foreach(lc, parse_text(job))
		job->inserts = lappend(job->inserts, parse_insert(job, lfirst_node(RawStmt, lc)));
}
