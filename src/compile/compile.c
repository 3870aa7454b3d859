/*
 * compile/compile.c
 *		A job's query -> its dataflow.
 *
 * The story, a file a step.  Of each INSERT of the text:
 *
 *	parse	  the text becomes analysed INSERT ... SELECTs
 *	with	  WITH queries that read a stream become subqueries
 *	target	  where its rows may go
 *	level	  the SELECTs that records pass, from the INSERT's down to the streams
 *	shape	  what such a SELECT may look like; what brings its records
 *	view	  views that are to be cut become subqueries
 *	union	  the ways by which records come
 *	window	  GROUP BY weir.count_window
 *	time_window GROUP BY weir.tumble and its like, date_bin, date_trunc
 *	running	  GROUP BY without one, written by an upsert on the key
 *	step	  the keyed function and its key
 *	fold	  a SELECT of nothing but a keyed step's rows goes into the step's own
 *
 * then, from the streams up, of each SELECT that has a keyed step, and of the top:
 *
 *	cut		  which column is computed where
 *	scan	  (a), the SELECT that is run on each batch of an input
 *	sink	  (c), what is left over the rows of the keyed step: at the top the INSERT,
 *			  elsewhere a subquery, in place, of the SELECT round it
 *
 * and when all of them are cut:
 *
 *	references foreign keys from one output to another
 *	reads	  what none may read
 *	calls	  which functions they call
 *	uses	  which objects must not be dropped while the job is there
 *	privilege whether the job's owner may do all that
 *	placement where the INSERTs run
 *	batching  how many rows each may take at once
 *	writer	  whether it takes the executor to write them
 *	graph	  all this as nodes and edges; whether they are too many
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
#include "graph/stage.h"

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
	ListCell   *lc;

	foreach(lc, c->levels)
	{
		ListCell   *scan;

		foreach(scan, ((WeirLevel *) lfirst(lc))->scans)
		{
			WeirBranch *branch = lfirst(scan);

			branch->plan->statement = weir_plan_query(copyObject(branch->query), c->job->text);
		}
	}
	c->sink_plan->statement = weir_plan_query(copyObject(c->sink), c->job->text);
}

static void
cut(WeirCompile *c)
{
	weir_compile_check_target(c);
	weir_compile_levels(c);
	weir_compile_cut_levels(c);
	weir_compile_sink(c);
}

/* What may be asked when all of the job's statements have been cut. */
static void
check(WeirCompile *c)
{
	weir_compile_check_reads(c);
	weir_compile_refuse_writes(c);
	weir_compile_calls(c);
	weir_compile_uses(c);
	plan(c);
	weir_compile_check_running(c);
	weir_compile_check_privileges(c);
}

/* May it have so many stages? */
static void
check_size(WeirCompileJob *job)
{
	ParseCallbackState callback;

	setup_parser_errposition_callback(&callback, job->pstate, weir_widest_union(job));
	(void) weir_graph_stages(job->out->graph, 1);
	cancel_parser_errposition_callback(&callback);
}

static void
compile_steps(WeirCompileJob *job)
{
	ListCell   *lc;

	weir_compile_parse(job);
	foreach(lc, job->inserts)
		cut(lfirst(lc));
	weir_compile_check_functions(job);
	weir_compile_check_updates(job);
	weir_compile_check_times(job);
	weir_compile_check_references(job);
	foreach(lc, job->inserts)
		check(lfirst(lc));
	weir_compile_place(job);
	foreach(lc, job->inserts)
	{
		weir_compile_batching(lfirst(lc));
		weir_compile_writer(lfirst(lc));
	}
	weir_compile_graph(job);
	check_size(job);
	weir_compile_depend(job);
}

/* In CurrentMemoryContext. */
static WeirDataflow *
compile_text(const char *query, bool updates, bool returning)
{
	WeirCompileJob job = {0};
	ErrorContextCallback callback;

	job.text = pstrdup(query);
	job.updates = updates;
	job.returning = returning;
	job.pstate = make_parsestate(NULL);
	job.pstate->p_sourcetext = job.text;
	job.out = palloc0(sizeof(WeirDataflow));
	job.out->text = job.text;

	callback.callback = compile_error_callback;
	callback.arg = unconstify(char *, job.text);
	callback.previous = error_context_stack;
	error_context_stack = &callback;
	compile_steps(&job);
	error_context_stack = callback.previous;
	return job.out;
}

/*
 * Functions that the query names run while it is planned, whoever made them.
 * An error while compiling leaves the context to the caller's; a compiled
 * dataflow for running is moved out of the transaction.
 */
static WeirDataflow *
compile(const char *query, bool updates, bool check, bool returning)
{
	MemoryContext context = AllocSetContextCreate(CurrentMemoryContext, "weir dataflow",
												  ALLOCSET_DEFAULT_SIZES);
	MemoryContext caller = MemoryContextSwitchTo(context);
	int			guc_nest = weir_session_guard();
	WeirDataflow *out = compile_text(query, updates, returning);
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
weir_compile(const char *query, bool updates, bool check)
{
	return compile(query, updates, check, false);
}

WeirDataflow *
weir_compile_returning(const char *query, bool updates)
{
	return compile(query, updates, true, true);
}

void
weir_dataflow_free(WeirDataflow *dataflow)
{
	MemoryContextDelete(dataflow->context);
}
