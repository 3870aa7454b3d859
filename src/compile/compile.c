/*
 * compile/compile.c
 *		A job's query -> its dataflow.
 *
 * The story, a file a step:
 *
 *	parse	  the text becomes an analysed INSERT ... SELECT
 *	target	  where its rows may go
 *	shape	  what its SELECT may look like; which stream it reads
 *	window	  GROUP BY weir.count_window
 *	step	  the keyed function and its key
 *	cut		  which column is computed where
 *	scan	  (a), the SELECT that the source task runs on each batch
 *	sink	  (c), the INSERT over the rows of the keyed step
 *	reads	  what neither may read
 *	calls	  which functions they call
 *	uses	  which objects must not be dropped while the job is there
 *	privilege whether the job's owner may do all that
 *	placement where the INSERT runs
 *	batching  how many rows it may take at once
 *	writer	  whether it takes the executor to write them
 *	graph	  all this as nodes and edges
 *	depend	  what makes it stale
 *
 * Everything after parse works on the analysed tree, under the privileges of
 * the current user.  (a) and (c) are rewritten and planned as any statement,
 * so views, row security and updatable views work as they do elsewhere.
 */
#include "postgres.h"

#include "miscadmin.h"
#include "tcop/tcopprot.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/regproc.h"

#include "base/compat.h"
#include "base/session.h"
#include "compile/compile.h"

/* Moves a position in the job's query to where psql shows it under that query. */
static void
compile_error_callback(void *arg)
{
	const char *text = arg;
	int			position = geterrposition();

	if (position > 0)
	{
		errposition(0);
		internalerrposition(position);
		internalerrquery(text);
	}
	else
		errcontext("query of the job \"%s\"", text);
}

static void
plan(WeirCompile *c)
{
	c->scan_plan->statement = weir_plan_query(copyObject(c->scan), c->text);
	c->sink_plan->statement = weir_plan_query(copyObject(c->sink), c->text);
}

static void
compile_steps(WeirCompile *c)
{
	weir_compile_parse(c);
	weir_compile_check_target(c);
	weir_flatten_joins(c->select);
	weir_compile_find_window(c);
	weir_compile_check_shape(c);
	weir_compile_find_step(c);
	weir_compile_cut(c);
	weir_compile_scan(c);
	weir_compile_sink(c);
	weir_compile_check_reads(c);
	weir_compile_refuse_writes(c);
	weir_compile_calls(c);
	weir_compile_uses(c);
	plan(c);
	weir_compile_check_privileges(c);
	weir_compile_place(c);
	weir_compile_batching(c);
	weir_compile_writer(c);
	weir_compile_graph(c);
	weir_compile_depend(c);
}

/* A query that stands alone; in CurrentMemoryContext. */
WeirDataflow *
weir_compile_part(const char *query, bool returning)
{
	WeirCompile c = {0};
	ErrorContextCallback callback;

	c.text = pstrdup(query);
	c.returning = returning;
	c.pstate = make_parsestate(NULL);
	c.pstate->p_sourcetext = c.text;
	c.scan_plan = palloc0(sizeof(WeirScanPlan));
	c.sink_plan = palloc0(sizeof(WeirSinkPlan));
	c.out = palloc0(sizeof(WeirDataflow));
	c.out->text = c.text;

	callback.callback = compile_error_callback;
	callback.arg = unconstify(char *, c.text);
	callback.previous = error_context_stack;
	error_context_stack = &callback;
	compile_steps(&c);
	error_context_stack = callback.previous;
	return c.out;
}

/*
 * Functions that the query names run while it is planned, whoever made them.
 * An error while compiling leaves the context to the caller's; a compiled
 * dataflow for running is moved out of the transaction.
 */
static WeirDataflow *
compile(const char *query, bool check, bool returning)
{
	MemoryContext context = AllocSetContextCreate(CurrentMemoryContext, "weir dataflow",
												  ALLOCSET_DEFAULT_SIZES);
	MemoryContext caller = MemoryContextSwitchTo(context);
	int			guc_nest = weir_session_guard();
	WeirDataflow *out = weir_compile_part(query, returning);

#ifdef WEIR_FAULTS
	weir_compile_test_shape(out, returning);
#endif
	weir_session_unguard(guc_nest);
	out->context = context;
	out->valid = true;
	MemoryContextSwitchTo(caller);
	if (!check)
	{
		MemoryContextSetParent(context, TopMemoryContext);
		weir_dataflow_listen(out);
	}
	return out;
}

WeirDataflow *
weir_compile(const char *query, bool check)
{
	return compile(query, check, false);
}

WeirDataflow *
weir_compile_returning(const char *query)
{
	return compile(query, true, true);
}

void
weir_dataflow_free(WeirDataflow *dataflow)
{
	MemoryContextDelete(dataflow->context);
}
