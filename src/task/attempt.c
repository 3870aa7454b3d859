/*
 * task/attempt.c
 *		Layout of an attempt's DSM segment.
 *
 *	+---------+-------+----------------------------+--------+-------------------+
 *	| header, | task  | control queues:            | gauges | channels, as the  |
 *	| topology| slots | to 0, from 0, to 1, from 1 |        | topology has them |
 *	+---------+-------+----------------------------+--------+-------------------+
 */
#include "postgres.h"

#include "decide/credit.h"
#include "task/attempt.h"

static Size
header_size(const WeirTopology *t)
{
	return MAXALIGN(offsetof(WeirAttempt, tasks) + sizeof(WeirTaskSlot) * t->ntasks);
}

static Size
control_size(const WeirTopology *t)
{
	return (Size) 2 * t->ntasks * WEIR_CONTROL_QUEUE_SIZE;
}

static Size
gauges_size(const WeirTopology *t)
{
	return MAXALIGN(sizeof(WeirGauge) * t->nchannels);
}

Size
weir_attempt_size(const WeirTopology *topology, Size channel_size)
{
	return header_size(topology) + control_size(topology) + gauges_size(topology) +
		(Size) topology->nchannels * channel_size;
}

void
weir_attempt_init(WeirAttempt *attempt, const WeirTopology *topology, Size channel_size)
{
	memset(attempt, 0, header_size(topology));
	attempt->magic = WEIR_ATTEMPT_MAGIC;
	memcpy(&attempt->topology, topology, sizeof(WeirTopology));
	attempt->control_offset = header_size(topology);
	attempt->gauge_offset = attempt->control_offset + control_size(topology);
	attempt->channel_offset = attempt->gauge_offset + gauges_size(topology);
	attempt->channel_size = channel_size;
	for (int i = 0; i < topology->ntasks; i++)
	{
		attempt->tasks[i].stats.watermark = attempt->tasks[i].source.watermark = PG_INT64_MIN;
		shm_mq_create(weir_attempt_to_task(attempt, i), WEIR_CONTROL_QUEUE_SIZE);
		shm_mq_create(weir_attempt_from_task(attempt, i), WEIR_CONTROL_QUEUE_SIZE);
	}
	for (int i = 0; i < topology->nchannels; i++)
	{
		shm_mq_create(weir_attempt_channel(attempt, i), channel_size);
		weir_gauge_init(weir_attempt_gauge(attempt, i), WEIR_CREDIT_START);
	}
}

WeirAttempt *
weir_attempt_attach(dsm_handle handle, dsm_segment **segment)
{
	WeirAttempt *attempt;

	*segment = dsm_find_mapping(handle);
	if (*segment == NULL)
		*segment = dsm_attach(handle);
	if (*segment == NULL)
		return NULL;
	attempt = dsm_segment_address(*segment);
	if (attempt->magic != WEIR_ATTEMPT_MAGIC)
		elog(ERROR, "segment %u is not an attempt's", handle);
	return attempt;
}

shm_mq *
weir_attempt_to_task(WeirAttempt *attempt, int task)
{
	return (shm_mq *) ((char *) attempt + attempt->control_offset +
					   (Size) (2 * task) * WEIR_CONTROL_QUEUE_SIZE);
}

shm_mq *
weir_attempt_from_task(WeirAttempt *attempt, int task)
{
	return (shm_mq *) ((char *) attempt + attempt->control_offset +
					   (Size) (2 * task + 1) * WEIR_CONTROL_QUEUE_SIZE);
}

shm_mq *
weir_attempt_channel(WeirAttempt *attempt, int channel)
{
	Assert(channel >= 0 && channel < attempt->topology.nchannels);
	return (shm_mq *) ((char *) attempt + attempt->channel_offset +
					   channel * attempt->channel_size);
}

WeirGauge *
weir_attempt_gauge(WeirAttempt *attempt, int channel)
{
	Assert(channel >= 0 && channel < attempt->topology.nchannels);
	return (WeirGauge *) ((char *) attempt + attempt->gauge_offset) + channel;
}

const WeirStage *
weir_attempt_stage(const WeirAttempt *attempt, int task)
{
	return &attempt->topology.stages[weir_task_stage(&attempt->topology, task)];
}

bool
weir_attempt_is_source(const WeirAttempt *attempt, int task)
{
	return weir_attempt_stage(attempt, task)->source;
}

const char *
weir_attempt_stream(const WeirAttempt *attempt, int stage)
{
	return attempt->tasks[attempt->topology.stages[stage].first_task].stream;
}

void
weir_attempt_prepared_name(const WeirAttempt *attempt, int task, int64 checkpoint,
						   char name[WEIR_GID_SIZE])
{
	WeirGid		gid;

	gid.database = attempt->database;
	gid.job = attempt->job;
	gid.attempt = attempt->attempt;
	gid.checkpoint = checkpoint;
	gid.task = task;
	weir_gid_format(name, &gid);
}

/* Records a source has left behind, also those of which no row came. */
static int64
records_passed(const WeirTaskSlot *slot)
{
	return Max(slot->source.records - slot->source.records_before, 0);
}

int64
weir_attempt_activity(const WeirAttempt *attempt)
{
	int64		sum = 0;

	for (int i = 0; i < attempt->topology.ntasks; i++)
		sum += attempt->tasks[i].stats.records_in + records_passed(&attempt->tasks[i]) +
			attempt->tasks[i].source.moves;
	return sum;
}

void
weir_task_name(const WeirAttempt *attempt, int task, char *buf, Size size)
{
	snprintf(buf, size, "%s %d", weir_stage_kind(weir_attempt_stage(attempt, task)),
			 weir_task_number(&attempt->topology, task));
}
