/*
 * witness.c
 *		Takes every hook that other extensions take, and says in the log when one is
 *		called otherwise than PostgreSQL itself calls it.
 *
 * What it counts on is what extensions count on that audit, measure or show
 * statements: a transaction; rights asked while an executor starts; executors
 * that end in the order opposite to that in which they started; a statement
 * that lies within the text it is said to come from.
 */
#include "postgres.h"

#include "access/xact.h"
#include "catalog/objectaccess.h"
#include "executor/executor.h"
#include "fmgr.h"
#include "nodes/params.h"
#include "optimizer/planner.h"
#include "parser/analyze.h"
#include "tcop/utility.h"
#include "utils/memutils.h"
#include "utils/queryenvironment.h"
#include "utils/snapmgr.h"

PG_MODULE_MAGIC;

PGDLLEXPORT void _PG_init(void);

#define MAX_NESTED 64

static ExecutorStart_hook_type previous_start;
static ExecutorRun_hook_type previous_run;
static ExecutorFinish_hook_type previous_finish;
static ExecutorEnd_hook_type previous_end;
static ExecutorCheckPerms_hook_type previous_permissions;
static planner_hook_type previous_planner;
static post_parse_analyze_hook_type previous_analyze;
static ProcessUtility_hook_type previous_utility;
static object_access_hook_type previous_access;

static int	starting = 0;		/* executors that are being started */
static QueryDesc *running[MAX_NESTED];
static int	nrunning = 0;

static void
expect(bool ok, const char *hook, const char *what)
{
	if (!ok)
		ereport(LOG, (errmsg("witness: %s %s", hook, what)));
}

static void
expect_transaction(const char *hook)
{
	expect(IsTransactionState(), hook, "outside of a transaction");
}

static void
expect_text(const char *hook, const char *text, int location, int len)
{
	expect(text != NULL, hook, "without a text");
	if (text == NULL || location < 0)
		return;
	expect(location <= strlen(text) && location + Max(len, 0) <= strlen(text), hook,
		   "with a statement beyond its text");
}

static void
expect_top(const char *hook, QueryDesc *query)
{
	expect(nrunning > 0 && running[nrunning - 1] == query, hook, "out of order");
}

/* Executors that an error ended are not ended in order. */
static void
forget(void)
{
	starting = 0;
	nrunning = 0;
}

static void
at_transaction_end(XactEvent event, void *arg)
{
	if (event == XACT_EVENT_COMMIT || event == XACT_EVENT_PREPARE)
		expect(nrunning == 0, "ExecutorEnd", "was not called");
	forget();
}

static void
at_subtransaction_end(SubXactEvent event, SubTransactionId mine, SubTransactionId parent, void *arg)
{
	if (event == SUBXACT_EVENT_ABORT_SUB)
		forget();
}

static void
start(QueryDesc *query, int flags)
{
	expect_transaction("ExecutorStart");
	expect(ActiveSnapshotSet(), "ExecutorStart", "without a snapshot");
	expect_text("ExecutorStart", query->sourceText, query->plannedstmt->stmt_location,
				query->plannedstmt->stmt_len);
	starting++;
	if (previous_start)
		previous_start(query, flags);
	else
		standard_ExecutorStart(query, flags);
	starting = Max(starting - 1, 0);
	if (nrunning < MAX_NESTED)
		running[nrunning++] = query;
}

static void
run(QueryDesc *query, ScanDirection direction, uint64 count
#if PG_VERSION_NUM < 180000
	,bool once
#endif
)
{
	expect_transaction("ExecutorRun");
	expect(ActiveSnapshotSet(), "ExecutorRun", "without a snapshot");
	expect(query->estate != NULL, "ExecutorRun", "before ExecutorStart");
#if PG_VERSION_NUM < 180000
	if (previous_run)
		previous_run(query, direction, count, once);
	else
		standard_ExecutorRun(query, direction, count, once);
#else
	if (previous_run)
		previous_run(query, direction, count);
	else
		standard_ExecutorRun(query, direction, count);
#endif
}

static void
finish(QueryDesc *query)
{
	expect_transaction("ExecutorFinish");
	if (previous_finish)
		previous_finish(query);
	else
		standard_ExecutorFinish(query);
}

static void
end(QueryDesc *query)
{
	expect_transaction("ExecutorEnd");
	if (nrunning > 0)
	{
		expect_top("ExecutorEnd", query);
		nrunning--;
	}
	if (previous_end)
		previous_end(query);
	else
		standard_ExecutorEnd(query);
}

#if PG_VERSION_NUM >= 160000
static bool
permissions(List *rtable, List *needed, bool complain)
{
	expect_transaction("ExecutorCheckPerms");
	expect(starting > 0, "ExecutorCheckPerms", "outside of an executor");
	return previous_permissions == NULL || previous_permissions(rtable, needed, complain);
}
#else
static bool
permissions(List *rtable, bool complain)
{
	expect_transaction("ExecutorCheckPerms");
	expect(starting > 0, "ExecutorCheckPerms", "outside of an executor");
	return previous_permissions == NULL || previous_permissions(rtable, complain);
}
#endif

#if PG_VERSION_NUM < 190000
static PlannedStmt *
plan(Query *query, const char *text, int options, ParamListInfo params)
{
	expect_transaction("planner");
	expect(ActiveSnapshotSet(), "planner", "without a snapshot");
	expect_text("planner", text, query->stmt_location, query->stmt_len);
	if (previous_planner)
		return previous_planner(query, text, options, params);
	return standard_planner(query, text, options, params);
}

static void
analyze(ParseState *state, Query *query, JumbleState *jumble)
{
	expect_transaction("post_parse_analyze");
	expect_text("post_parse_analyze", state->p_sourcetext, query->stmt_location, query->stmt_len);
	if (previous_analyze)
		previous_analyze(state, query, jumble);
}
#endif

static void
utility(PlannedStmt *statement, const char *text, bool read_only, ProcessUtilityContext context,
		ParamListInfo params, QueryEnvironment *environment, DestReceiver *receiver,
		QueryCompletion *completion)
{
	expect_text("ProcessUtility", text, statement->stmt_location, statement->stmt_len);
	if (previous_utility)
		previous_utility(statement, text, read_only, context, params, environment, receiver, completion);
	else
		standard_ProcessUtility(statement, text, read_only, context, params, environment, receiver, completion);
}

static void
object_accessed(ObjectAccessType type, Oid class, Oid object, int part, void *arg)
{
	expect_transaction("object_access");
	if (previous_access)
		previous_access(type, class, object, part, arg);
}

void
_PG_init(void)
{
	previous_start = ExecutorStart_hook;
	ExecutorStart_hook = start;
	previous_run = ExecutorRun_hook;
	ExecutorRun_hook = run;
	previous_finish = ExecutorFinish_hook;
	ExecutorFinish_hook = finish;
	previous_end = ExecutorEnd_hook;
	ExecutorEnd_hook = end;
	previous_permissions = ExecutorCheckPerms_hook;
	ExecutorCheckPerms_hook = permissions;
#if PG_VERSION_NUM < 190000
	previous_planner = planner_hook;
	planner_hook = plan;
	previous_analyze = post_parse_analyze_hook;
	post_parse_analyze_hook = analyze;
#endif
	previous_utility = ProcessUtility_hook;
	ProcessUtility_hook = utility;
	previous_access = object_access_hook;
	object_access_hook = object_accessed;
	RegisterXactCallback(at_transaction_end, NULL);
	RegisterSubXactCallback(at_subtransaction_end, NULL);
	ereport(LOG, (errmsg("witness is loaded")));
}
