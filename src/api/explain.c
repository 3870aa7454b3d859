/*
 * api/explain.c
 *		weir.explain_job: the dataflow of a job, or of a query that none has, in
 *		rows as EXPLAIN has them.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "executor/executor.h"
#include "fmgr.h"
#include "funcapi.h"
#include "parser/scansup.h"
#include "utils/builtins.h"

#include "api/state/access.h"
#include "base/interval.h"
#include "catalog/job.h"
#include "graph/describe.h"

PG_FUNCTION_INFO_V1(weir_explain_job);

static void
append_restart_strategy(StringInfo text, const WeirRestartConfig *r)
{
	appendStringInfo(text, "Restart strategy: %s", weir_restart_strategy_name(r->strategy));
	if (r->strategy == WEIR_RESTART_FIXED_DELAY && r->attempts < 0)
		appendStringInfo(text, ", attempts unlimited, delay %s", weir_interval_text(r->delay));
	else if (r->strategy == WEIR_RESTART_FIXED_DELAY)
		appendStringInfo(text, ", attempts " INT64_FORMAT ", delay %s", (int64) r->attempts,
						 weir_interval_text(r->delay));
	else if (r->strategy == WEIR_RESTART_FAILURE_RATE)
		appendStringInfo(text, ", max_failures %d, within %s, delay %s", r->max_failures,
						 weir_interval_text(r->within), weir_interval_text(r->delay));
	else if (r->strategy == WEIR_RESTART_EXPONENTIAL_DELAY)
		appendStringInfo(text, ", initial_delay %s, max_delay %s, multiplier %g, reset_after %s, jitter %g",
						 weir_interval_text(r->initial_delay), weir_interval_text(r->max_delay),
						 r->multiplier, weir_interval_text(r->reset_after), r->jitter);
	appendStringInfoChar(text, '\n');
}

static void
append_checkpointing(StringInfo text, const WeirJob *job)
{
	const WeirCheckpointConfig *c = &job->checkpoint;

	if (!job->checkpointing)
	{
		appendStringInfoString(text, "Checkpointing: none\n");
		return;
	}
	appendStringInfo(text, "Checkpointing: every %s, %s, timeout %s, min_pause %s, max_concurrent %d, ",
					 weir_interval_text(c->every), weir_mode_name(c->mode),
					 weir_interval_text(c->timeout), weir_interval_text(c->min_pause),
					 c->max_concurrent);
	if (c->tolerable < 0)
		appendStringInfoString(text, "tolerable_failures unlimited, ");
	else
		appendStringInfo(text, "tolerable_failures " INT64_FORMAT ", ", (int64) c->tolerable);
	appendStringInfo(text, "retain %d, history %d, sink_flush %s, lock_wait %s",
					 c->retain, job->history, weir_interval_text(job->sink_flush),
					 weir_interval_text(job->lock_wait));
	if (job->unaligned_after >= 0)
		appendStringInfo(text, ", unaligned_after %s", weir_interval_text(job->unaligned_after));
	appendStringInfoChar(text, '\n');
}

static void
append_job(StringInfo text, const WeirJob *job)
{
	WeirDataflow *dataflow = weir_job_compile(job);

	weir_graph_describe(dataflow->graph, job->parallelism, text);
	weir_dataflow_free(dataflow);
	appendStringInfo(text, "Parallelism: %d of at most %d\n", job->parallelism, job->max_parallelism);
	append_restart_strategy(text, &job->restart);
	append_checkpointing(text, job);
}

/* As create_job would see it. */
static void
append_query(StringInfo text, const char *query)
{
	WeirDataflow *dataflow = weir_compile(query, false, true);

	weir_check_calls(dataflow, query);
	weir_graph_describe(dataflow->graph, 1, text);
	weir_dataflow_free(dataflow);
}

/* Behind blanks and comments, does it begin as what a job runs? */
static bool
is_query(const char *text)
{
	for (;;)
	{
		while (scanner_isspace(*text))
			text++;
		if (strncmp(text, "--", 2) == 0)
			text += strcspn(text, "\n");
		else if (strncmp(text, "/*", 2) == 0 && strstr(text, "*/") != NULL)
			text = strstr(text, "*/") + 2;
		else
			break;
	}
	return (pg_strncasecmp(text, "insert", 6) == 0 && !isalnum((unsigned char) text[6])) ||
		(pg_strncasecmp(text, "with", 4) == 0 && !isalnum((unsigned char) text[4]));
}

/* A row a line. */
static void
put_lines(ReturnSetInfo *rsinfo, char *text)
{
	for (char *line; (line = strsep(&text, "\n")) != NULL && text != NULL;)
	{
		Datum		value = CStringGetTextDatum(line);
		bool		isnull = false;

		tuplestore_putvalues(rsinfo->setResult, rsinfo->setDesc, &value, &isnull);
	}
}

Datum
weir_explain_job(PG_FUNCTION_ARGS)
{
	char	   *name = weir_arg_required(fcinfo, 0, "job name");
	StringInfoData text;

	initStringInfo(&text);
	if (is_query(name) && weir_job_by_name(name) == NULL)
		append_query(&text, name);
	else
		append_job(&text, weir_job_for_owner(name));
	InitMaterializedSRF(fcinfo, MAT_SRF_USE_EXPECTED_DESC);
	put_lines((ReturnSetInfo *) fcinfo->resultinfo, text.data);
	return (Datum) 0;
}
