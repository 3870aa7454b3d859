/*
 * report/metrics.c
 *		weir.openmetrics: the views as metrics.
 *
 * A group of metrics has a query: first the labels, then a column a metric, which
 * goes by the metric's name.
 */
#include "postgres.h"

#include "fmgr.h"
#include "utils/builtins.h"

#include "catalog/row.h"
#include "report/exposition.h"
#include "report/view.h"

#define MAX_METRICS 16

PG_FUNCTION_INFO_V1(weir_openmetrics);

typedef struct Group
{
	const char *query;
	const char *labels[3];		/* NULL: no further one */
	WeirMetric	metrics[MAX_METRICS];	/* name NULL: no further one */
} Group;

static const Group groups[] = {
	{
		"SELECT name AS job, s AS weir_job_status, CASE WHEN status = s THEN 1 ELSE 0 END AS value"
		"  FROM weir.jobs, unnest(ARRAY['created', 'starting', 'running', 'restarting', 'stopping',"
		"                               'stopped', 'finished', 'failed']) WITH ORDINALITY x (s, n)"
		" ORDER BY name, n",
		{"job", "weir_job_status"},
		{{"weir_job_status", WEIR_STATE_SET, NULL, "Which status the job has."}}
	},
	{
		"SELECT name AS job, restarts AS weir_job_restarts,"
		"       extract(epoch FROM started_at) AS weir_job_started_timestamp_seconds,"
		"       last_checkpoint AS weir_job_last_checkpoint_id,"
		"       extract(epoch FROM last_checkpoint_at) AS weir_job_last_checkpoint_timestamp_seconds,"
		"       CASE WHEN last_checkpoint_at IS NOT NULL"
		"            THEN extract(epoch FROM greatest(clock_timestamp() - last_checkpoint_at, '0')) END"
		"           AS weir_job_last_checkpoint_age_seconds"
		"  FROM weir.jobs ORDER BY name",
		{"job"},
		{{"weir_job_restarts", WEIR_COUNTER, NULL, "Restarts since start_job."},
		{"weir_job_started_timestamp_seconds", WEIR_GAUGE, "seconds", "When start_job was last called."},
		{"weir_job_last_checkpoint_id", WEIR_GAUGE, NULL, "Newest checkpoint whose output is visible."},
		{"weir_job_last_checkpoint_timestamp_seconds", WEIR_GAUGE, "seconds", "When its output became visible."},
		{"weir_job_last_checkpoint_age_seconds", WEIR_GAUGE, "seconds", "How long ago that was."}}
	},
	{
		"SELECT job, extract(epoch FROM duration) AS weir_job_last_checkpoint_duration_seconds,"
		"       state_bytes AS weir_job_last_checkpoint_state_bytes,"
		"       written_bytes AS weir_job_last_checkpoint_written_bytes,"
		"       dirty_keys AS weir_job_last_checkpoint_dirty_keys"
		"  FROM (SELECT *, row_number() OVER (PARTITION BY job ORDER BY checkpoint_id DESC) AS n"
		"          FROM weir.checkpoints WHERE status = 'completed') c"
		" WHERE n = 1 ORDER BY job",
		{"job"},
		{{"weir_job_last_checkpoint_duration_seconds", WEIR_GAUGE, "seconds",
		"From the newest completed checkpoint's trigger until its output was visible."},
		{"weir_job_last_checkpoint_state_bytes", WEIR_GAUGE, "bytes", "Keyed state, as it would be written in full."},
		{"weir_job_last_checkpoint_written_bytes", WEIR_GAUGE, "bytes", "What that checkpoint wrote of it."},
		{"weir_job_last_checkpoint_dirty_keys", WEIR_GAUGE, NULL, "Keys that had changed."}}
	},
	{
		"SELECT job, max(count) FILTER (WHERE metric = 'checkpoints completed') AS weir_job_checkpoints_completed,"
		"       max(count) FILTER (WHERE metric = 'checkpoints failed') AS weir_job_checkpoints_failed"
		"  FROM weir.measures GROUP BY job ORDER BY job",
		{"job"},
		{{"weir_job_checkpoints_completed", WEIR_COUNTER, NULL, "Checkpoints that completed since the job was started."},
		{"weir_job_checkpoints_failed", WEIR_COUNTER, NULL, "Checkpoints that failed since the job was started."}}
	},
	{
		"SELECT job, substr(metric, 15) AS until, median AS weir_job_latency_median_seconds,"
		"       p99 AS weir_job_latency_p99_seconds, max AS weir_job_latency_max_seconds"
		"  FROM weir.measures WHERE metric LIKE 'latency until %' ORDER BY job, metric",
		{"job", "until"},
		{{"weir_job_latency_median_seconds", WEIR_GAUGE, "seconds",
		"From records' arrival until a sink has their rows, or their commit: half are no older."},
		{"weir_job_latency_p99_seconds", WEIR_GAUGE, "seconds", "Likewise: 99 % are no older."},
		{"weir_job_latency_max_seconds", WEIR_GAUGE, "seconds", "Likewise: none is older."}}
	},
	{
		"SELECT job, task, records_in AS weir_task_records_in, records_out AS weir_task_records_out,"
		"       bytes_in AS weir_task_in_bytes, busy AS weir_task_busy_ratio, idle AS weir_task_idle_ratio,"
		"       backpressured AS weir_task_backpressured_ratio, in_sink AS weir_task_in_sink_ratio,"
		"       state_bytes AS weir_task_state_bytes, state_keys AS weir_task_state_keys,"
		"       CASE WHEN isfinite(watermark) THEN extract(epoch FROM watermark) END"
		"           AS weir_task_watermark_timestamp_seconds,"
		"       CASE WHEN watermark IS NOT NULL THEN late_records END AS weir_task_late_records"
		"  FROM weir.tasks ORDER BY job, kind, subtask",
		{"job", "task"},
		{{"weir_task_records_in", WEIR_COUNTER, NULL, "Records taken in this attempt."},
		{"weir_task_records_out", WEIR_COUNTER, NULL, "Records handed on in this attempt."},
		{"weir_task_in_bytes", WEIR_COUNTER, "bytes", "Bytes taken in this attempt; of a source, those of the stream."},
		{"weir_task_busy_ratio", WEIR_GAUGE, "ratio", "Share of the last second at work."},
		{"weir_task_idle_ratio", WEIR_GAUGE, "ratio", "Share of the last second waiting for input."},
		{"weir_task_backpressured_ratio", WEIR_GAUGE, "ratio", "Share of the last second waiting for room downstream."},
		{"weir_task_in_sink_ratio", WEIR_GAUGE, "ratio", "Share of the last second in the sink statement."},
		{"weir_task_state_bytes", WEIR_GAUGE, "bytes", "Memory that the task's keyed state takes."},
		{"weir_task_state_keys", WEIR_GAUGE, NULL, "Keys that the task holds something for."},
		{"weir_task_watermark_timestamp_seconds", WEIR_GAUGE, "seconds", "How far event time has come in the task."},
		{"weir_task_late_records", WEIR_COUNTER, NULL, "Rows that came too late in this attempt."}}
	},
	{
		"SELECT job, stream, sum(records) AS weir_source_records, sum(bytes) AS weir_source_bytes,"
		"       sum(journal_bytes) AS weir_source_journal_bytes, sum(retries) AS weir_source_retries,"
		"       sum(partial_records) AS weir_source_partial_records, sum(dead_letters) AS weir_source_dead_letters,"
		"       min((status IN ('connected', 'listening'))::int) AS weir_source_connected,"
		"       extract(epoch FROM max(last_record_at)) AS weir_source_last_record_timestamp_seconds"
		"  FROM weir.sources GROUP BY job, stream ORDER BY job, stream",
		{"job", "stream"},
		{{"weir_source_records", WEIR_COUNTER, NULL, "Records of the stream read so far."},
		{"weir_source_bytes", WEIR_COUNTER, "bytes", "Bytes of the stream read so far."},
		{"weir_source_journal_bytes", WEIR_GAUGE, "bytes", "What the journal takes."},
		{"weir_source_retries", WEIR_COUNTER, NULL, "Reconnects in this attempt."},
		{"weir_source_partial_records", WEIR_COUNTER, NULL, "Records that connections left behind in this attempt."},
		{"weir_source_dead_letters", WEIR_GAUGE, NULL, "Dead letters kept when the attempt began, and written since."},
		{"weir_source_connected", WEIR_GAUGE, NULL, "1 while the stream's peer is connected, or it listens for peers."},
		{"weir_source_last_record_timestamp_seconds", WEIR_GAUGE, "seconds", "When the last record came."}}
	}
};

/* Where each status is a sample the query has it in "value". */
static const char *
value_column(const WeirMetric *metric)
{
	return metric->type == WEIR_STATE_SET ? "value" : metric->name;
}

static void
put_sample(WeirExposition *to, const Group *group, uint64 row, const char *value)
{
	weir_sample_begin(to);
	for (int i = 0; i < lengthof(group->labels) && group->labels[i]; i++)
		weir_sample_label(to, group->labels[i], weir_view_value(row, group->labels[i]));
	weir_sample_end(to, value);
}

/* A metric without samples is left out. */
static void
put_metric(WeirExposition *to, const Group *group, const WeirMetric *metric, uint64 rows)
{
	bool		begun = false;

	for (uint64 row = 0; row < rows; row++)
	{
		const char *value = weir_view_value(row, value_column(metric));

		if (value == NULL)
			continue;
		if (!begun)
			weir_metric_begin(to, metric);
		begun = true;
		put_sample(to, group, row, value);
	}
}

/* weir.openmetrics(strict boolean) */
Datum
weir_openmetrics(PG_FUNCTION_ARGS)
{
	WeirExposition to = {makeStringInfo(), PG_GETARG_BOOL(0), NULL, false};
	int			guc_nest = weir_view_enter();

	for (int i = 0; i < lengthof(groups); i++)
	{
		uint64		rows = weir_view_read(groups[i].query, NULL);

		for (int j = 0; j < MAX_METRICS && groups[i].metrics[j].name; j++)
			put_metric(&to, &groups[i], &groups[i].metrics[j], rows);
	}
	weir_view_leave(guc_nest);
	weir_exposition_end(&to);
	PG_RETURN_TEXT_P(cstring_to_text_with_len(to.text->data, to.text->len));
}
