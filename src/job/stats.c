/*
 * job/stats.c
 *		Live counters of running attempts, for the views weir.tasks,
 *		weir.sources and weir.stages.
 */
#include "postgres.h"

#include <math.h>

#include "catalog/pg_type.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"
#include "utils/tuplestore.h"

#include "base/clock.h"
#include "decide/watermark.h"
#include "job/attempts.h"
#include "task/source_stats.h"

#define TASK_COLUMNS 20

PG_FUNCTION_INFO_V1(weir_tasks);
PG_FUNCTION_INFO_V1(weir_sources);
PG_FUNCTION_INFO_V1(weir_stages);

static void
put_coordinator(ReturnSetInfo *rsinfo, const WeirRunningJob *running)
{
	Datum		values[TASK_COLUMNS];
	bool		nulls[TASK_COLUMNS];

	memset(nulls, true, sizeof(nulls));
	values[0] = Int64GetDatum(running->job);
	values[1] = CStringGetTextDatum("coordinator");
	values[2] = CStringGetTextDatum("coordinator");
	values[3] = Int32GetDatum(0);
	values[4] = Int32GetDatum(running->pid);
	memset(nulls, false, 5 * sizeof(bool));
	tuplestore_putvalues(rsinfo->setResult, rsinfo->setDesc, values, nulls);
}

/* A task that has waited all through the last second, or been at one statement, has not noted that. */
static WeirTaskStats
last_second(const WeirTaskSlot *slot)
{
	WeirTaskStats stats = slot->stats;

	if (weir_now() - stats.rolled_at < 2 * USECS_PER_SEC)
		return stats;
	stats.rate_in = stats.rate_out = 0;
	stats.busy = stats.waits ? 0 : 1;
	stats.in_sink = !stats.waits && stats.writes ? 1 : 0;
	stats.backpressured = stats.waits && stats.waits_for_room ? 1 : 0;
	stats.idle = stats.waits && !stats.waits_for_room ? 1 : 0;
	return stats;
}

static void
put_task(ReturnSetInfo *rsinfo, const WeirAttempt *attempt, int task)
{
	const WeirTaskSlot *slot = &attempt->tasks[task];
	const WeirStage *stage = weir_attempt_stage(attempt, task);
	WeirTaskStats last = last_second(slot);
	const WeirTaskStats *stats = &last;
	Datum		values[TASK_COLUMNS];
	bool		nulls[TASK_COLUMNS] = {false};
	char		name[32];

	weir_task_name(attempt, task, name, sizeof(name));
	values[0] = Int64GetDatum(attempt->job);
	values[1] = CStringGetTextDatum(name);
	values[2] = CStringGetTextDatum(weir_stage_kind(stage));
	values[3] = Int32GetDatum(weir_task_number(&attempt->topology, task));
	values[4] = Int32GetDatum(slot->pid);
	nulls[4] = slot->pid == 0;
	values[5] = Int64GetDatum(attempt->attempt);
	values[6] = Int64GetDatum(stats->records_in);
	values[7] = Int64GetDatum(stats->records_out);
	values[8] = Float8GetDatum(rint(stats->rate_in * 10) / 10);
	values[9] = Float8GetDatum(rint(stats->rate_out * 10) / 10);
	values[10] = Int64GetDatum(stats->bytes_in);
	values[11] = Float8GetDatum(rint(stats->busy * 1000) / 1000);
	values[12] = Float8GetDatum(rint(stats->idle * 1000) / 1000);
	values[13] = Float8GetDatum(rint(stats->backpressured * 1000) / 1000);
	values[14] = Float8GetDatum(rint(stats->in_sink * 1000) / 1000);
	values[15] = Int64GetDatum(stats->state_bytes);
	values[16] = Int64GetDatum(stats->state_keys);
	nulls[15] = nulls[16] = !stage->keyed;
	values[17] = TimestampTzGetDatum(stats->watermark);
	nulls[17] = stats->watermark == PG_INT64_MIN;
	values[18] = Int64GetDatum(stats->late_records);
	nulls[19] = slot->sink_error[0] == '\0' || !has_privs_of_role(GetUserId(), attempt->owner);
	values[19] = CStringGetTextDatum(slot->sink_error);
	tuplestore_putvalues(rsinfo->setResult, rsinfo->setDesc, values, nulls);
}

static const char *
source_status(int status)
{
	switch ((WeirSourceStatus) status)
	{
		case WEIR_SOURCE_CONNECTING:
			return "connecting";
		case WEIR_SOURCE_CONNECTED:
			return "connected";
		case WEIR_SOURCE_LISTENING:
			return "listening";
		case WEIR_SOURCE_CLOSED:
			return "closed";
	}
	return "unknown";
}

/* NULL: nothing. */
static char *
source_problem(const WeirSourceStats *stats)
{
	if (stats->held_by > 0)
		return psprintf("rows wait for the transaction of process %d, which writes to the stream", stats->held_by);
	if (stats->held_by < 0)
		return pstrdup("rows wait for a prepared transaction that wrote to the stream");
	return stats->last_error[0] != '\0' ? pstrdup(stats->last_error) : NULL;
}

static void
put_source(ReturnSetInfo *rsinfo, const WeirAttempt *attempt, int stage, const WeirSourceStats *stats)
{
	int64		dead_letters = stats->dead_letters;
	char	   *problem = source_problem(stats);
	Datum		values[16];
	bool		nulls[16] = {false};

	for (int i = 0; i < attempt->topology.ntasks; i++)
		dead_letters += attempt->tasks[i].stats.dead_letters[stage];
	values[0] = Int64GetDatum(attempt->job);
	values[1] = CStringGetTextDatum(weir_attempt_stream(attempt, stage));
	values[2] = CStringGetTextDatum(source_status(stats->status));
	values[3] = CStringGetTextDatum(stats->peer);
	values[4] = TimestampTzGetDatum(stats->connected_at);
	values[5] = TimestampTzGetDatum(stats->last_record_at);
	nulls[3] = stats->peer[0] == '\0';
	nulls[4] = stats->connected_at == 0;
	nulls[5] = stats->last_record_at == 0;
	values[6] = Int64GetDatum(stats->records);
	values[7] = Int64GetDatum(stats->bytes);
	values[8] = Int64GetDatum(stats->journal_bytes);
	values[9] = Int64GetDatum(stats->retries);
	values[10] = Int64GetDatum(dead_letters);
	nulls[11] = problem == NULL || !has_privs_of_role(GetUserId(), attempt->owner);
	values[11] = CStringGetTextDatum(problem ? problem : "");
	values[12] = Int64GetDatum(stats->partial_records);
	values[13] = Int64GetDatum(stats->record_bytes);
	values[14] = TimestampTzGetDatum(stats->watermark);
	nulls[14] = stats->watermark == WEIR_WATERMARK_NONE;
	values[15] = BoolGetDatum(stats->is_idle);
	tuplestore_putvalues(rsinfo->setResult, rsinfo->setDesc, values, nulls);
}

/* A line each. */
static Datum
steps_of(const WeirAttempt *attempt, int stage)
{
	char	   *rest = pstrdup(attempt->steps[stage]);
	ArrayBuildState *steps = NULL;

	for (char *step; (step = strsep(&rest, "\n")) != NULL;)
		steps = accumArrayResult(steps, CStringGetTextDatum(step), false, TEXTOID, CurrentMemoryContext);
	return makeArrayResult(steps, CurrentMemoryContext);
}

static Datum
inputs_of(const WeirTopology *t, int stage)
{
	Datum	   *inputs = palloc(sizeof(Datum) * WEIR_MAX_EXCHANGES);
	int			n = 0;

	for (int i = 0; i < t->nexchanges; i++)
	{
		if (t->exchanges[i].to == stage)
			inputs[n++] = Int32GetDatum(t->exchanges[i].from);
	}
	return PointerGetDatum(construct_array(inputs, n, INT4OID, sizeof(int32), true, TYPALIGN_INT));
}

/* What steps are called may hold parts of the query. */
static void
put_stage(ReturnSetInfo *rsinfo, const WeirAttempt *attempt, int number)
{
	const WeirTopology *t = &attempt->topology;
	const WeirStage *stage = &t->stages[number];
	Datum		values[7];
	bool		nulls[7] = {false};

	values[0] = Int64GetDatum(attempt->job);
	values[1] = Int32GetDatum(number);
	values[2] = CStringGetTextDatum(weir_stage_kind(stage));
	values[3] = steps_of(attempt, number);
	nulls[3] = !has_privs_of_role(GetUserId(), attempt->owner);
	values[4] = Int32GetDatum(stage->parallelism);
	values[5] = Int32GetDatum(weir_task_number(t, stage->first_task));
	values[6] = inputs_of(t, number);
	tuplestore_putvalues(rsinfo->setResult, rsinfo->setDesc, values, nulls);
}

static void
visit_tasks(ReturnSetInfo *rsinfo, const WeirAttempt *attempt)
{
	for (int i = 0; i < attempt->topology.ntasks; i++)
		put_task(rsinfo, attempt, i);
}

static void
visit_sources(ReturnSetInfo *rsinfo, const WeirAttempt *attempt)
{
	WeirSourceStats stats;

	for (int i = 0; i < attempt->topology.nstages; i++)
	{
		if (weir_source_stats(attempt, i, &stats))
			put_source(rsinfo, attempt, i, &stats);
	}
}

static void
visit_stages(ReturnSetInfo *rsinfo, const WeirAttempt *attempt)
{
	for (int i = 0; i < attempt->topology.nstages; i++)
		put_stage(rsinfo, attempt, i);
}

Datum
weir_stages(PG_FUNCTION_ARGS)
{
	InitMaterializedSRF(fcinfo, 0);
	weir_for_each_attempt((ReturnSetInfo *) fcinfo->resultinfo, NULL, visit_stages);
	return (Datum) 0;
}

Datum
weir_tasks(PG_FUNCTION_ARGS)
{
	InitMaterializedSRF(fcinfo, 0);
	weir_for_each_attempt((ReturnSetInfo *) fcinfo->resultinfo, put_coordinator, visit_tasks);
	return (Datum) 0;
}

Datum
weir_sources(PG_FUNCTION_ARGS)
{
	InitMaterializedSRF(fcinfo, 0);
	weir_for_each_attempt((ReturnSetInfo *) fcinfo->resultinfo, NULL, visit_sources);
	return (Datum) 0;
}
