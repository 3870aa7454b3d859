/*
 * task/source_stats.c
 *		What weir.sources shows of a stream that several tasks may read: sums, of states
 *		the least good one, of times the latest, of watermarks the lowest.
 */
#include "postgres.h"

#include "task/source_stats.h"

/* Who is idle holds nobody back. */
static void
add_watermark(WeirSourceStats *sum, const WeirSourceStats *task)
{
	if (sum->is_idle != task->is_idle)
		sum->watermark = sum->is_idle ? task->watermark : sum->watermark;
	else
		sum->watermark = sum->is_idle ? Max(sum->watermark, task->watermark) :
			Min(sum->watermark, task->watermark);
	sum->is_idle = sum->is_idle && task->is_idle;
}

static void
add_counts(WeirSourceStats *sum, const WeirSourceStats *task)
{
	sum->records += task->records;
	sum->records_before += task->records_before;
	sum->bytes += task->bytes;
	sum->journal_bytes += task->journal_bytes;
	sum->retries += task->retries;
	sum->partial_records += task->partial_records;
	sum->record_bytes += task->record_bytes;
}

/* The dead letters that were kept before are those of the stream. */
static void
add(WeirSourceStats *sum, const WeirSourceStats *task)
{
	add_counts(sum, task);
	add_watermark(sum, task);
	sum->status = Min(sum->status, task->status);
	sum->connected_at = Max(sum->connected_at, task->connected_at);
	sum->last_record_at = Max(sum->last_record_at, task->last_record_at);
	if (sum->peer[0] == '\0')
		strlcpy(sum->peer, task->peer, sizeof(sum->peer));
	if (sum->last_error[0] == '\0')
		strlcpy(sum->last_error, task->last_error, sizeof(sum->last_error));
	if (sum->held_by == 0)
		sum->held_by = task->held_by;
}

bool
weir_source_stats(const WeirAttempt *attempt, int stage, WeirSourceStats *stats)
{
	const WeirStage *s = &attempt->topology.stages[stage];

	if (!s->source)
		return false;
	*stats = attempt->tasks[s->first_task].source;
	for (int i = 1; i < s->parallelism; i++)
		add(stats, &attempt->tasks[s->first_task + i].source);
	return true;
}
