/*
 * task/attempt.c
 *		Layout of an attempt's DSM segment.
 *
 *	+---------+-----------+----------------------+---------------------------+
 *	| header  | task      | control queues:      | channels: s x p           |
 *	|         | slots     | to 0, from 0, to 1.. | then (p or s) x sinks     |
 *	+---------+-----------+----------------------+---------------------------+
 */
#include "postgres.h"

#include "task/attempt.h"

static int
channel_count(int nsources, int nkeyed, int nsinks)
{
	if (nkeyed == 0)
		return nsources * nsinks;
	return nsources * nkeyed + nkeyed * nsinks;
}

static Size
header_size(int ntasks)
{
	return MAXALIGN(offsetof(WeirAttempt, tasks) + sizeof(WeirTaskSlot) * ntasks);
}

Size
weir_attempt_size(int nsources, int nkeyed, int nsinks, Size channel_size)
{
	int			ntasks = nsources + nkeyed + nsinks;

	return header_size(ntasks) +
		(Size) 2 * ntasks * WEIR_CONTROL_QUEUE_SIZE +
		(Size) channel_count(nsources, nkeyed, nsinks) * channel_size;
}

void
weir_attempt_init(WeirAttempt *attempt, int nsources, int nkeyed, int nsinks,
				  Size channel_size)
{
	int			ntasks = nsources + nkeyed + nsinks;

	memset(attempt, 0, header_size(ntasks));
	attempt->magic = WEIR_ATTEMPT_MAGIC;
	attempt->nsources = nsources;
	attempt->nkeyed = nkeyed;
	attempt->nsinks = nsinks;
	attempt->control_offset = header_size(ntasks);
	attempt->channel_offset = attempt->control_offset +
		(Size) 2 * ntasks * WEIR_CONTROL_QUEUE_SIZE;
	attempt->channel_size = channel_size;
	for (int i = 0; i < ntasks; i++)
	{
		WeirTaskSlot *slot = &attempt->tasks[i];

		slot->kind = i < nsources ? WEIR_TASK_SOURCE :
			i < nsources + nkeyed ? WEIR_TASK_KEYED : WEIR_TASK_SINK;
		slot->subtask = i < nsources ? i :
			i < nsources + nkeyed ? i - nsources : i - nsources - nkeyed;
		shm_mq_create(weir_attempt_to_task(attempt, i), WEIR_CONTROL_QUEUE_SIZE);
		shm_mq_create(weir_attempt_from_task(attempt, i), WEIR_CONTROL_QUEUE_SIZE);
	}
	for (int i = 0; i < channel_count(nsources, nkeyed, nsinks); i++)
		shm_mq_create((char *) attempt + attempt->channel_offset + i * channel_size,
					  channel_size);
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
weir_attempt_channel(WeirAttempt *attempt, int from, int to)
{
	WeirTaskSlot *f = &attempt->tasks[from];
	WeirTaskSlot *t = &attempt->tasks[to];
	int			index;

	if (f->kind == WEIR_TASK_SOURCE && t->kind == WEIR_TASK_KEYED)
		index = f->subtask * attempt->nkeyed + t->subtask;
	else if (f->kind == WEIR_TASK_KEYED && t->kind == WEIR_TASK_SINK)
		index = attempt->nsources * attempt->nkeyed +
			f->subtask * attempt->nsinks + t->subtask;
	else if (f->kind == WEIR_TASK_SOURCE && t->kind == WEIR_TASK_SINK &&
			 attempt->nkeyed == 0)
		index = f->subtask * attempt->nsinks + t->subtask;
	else
		return NULL;
	return (shm_mq *) ((char *) attempt + attempt->channel_offset +
					   index * attempt->channel_size);
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

	for (int i = 0; i < WEIR_ATTEMPT_TASKS(attempt); i++)
		sum += attempt->tasks[i].stats.records_in + records_passed(&attempt->tasks[i]);
	return sum;
}

const char *
weir_task_kind_name(WeirTaskKind kind)
{
	return kind == WEIR_TASK_SOURCE ? "source" :
		kind == WEIR_TASK_KEYED ? "keyed" : "sink";
}

void
weir_task_name(const WeirTaskSlot *slot, char *buf, Size size)
{
	snprintf(buf, size, "%s %d", weir_task_kind_name(slot->kind), slot->subtask);
}
