/*
 * gap.c
 *		What a topic does not hold any more of what follows a position.
 *
 * Offsets may be of no record: marks of transactions, what was aborted or compacted.
 * So what is missing can only be said to be no more than so much.
 */
#include "postgres.h"

#include "gap.h"

void
weir_kafka_gap_init(WeirKafkaGap *gap)
{
	memset(gap, 0, sizeof(*gap));
}

void
weir_kafka_gap_look(WeirKafkaGap *gap, WeirKafkaPart *part, const WeirKafkaAnswer *answer)
{
	if (part->next >= answer->low && part->next <= answer->high)
		return;
	if (gap->npartitions++ == 0)
	{
		gap->partition = part->partition;
		gap->next = part->next;
		gap->low = answer->low;
		gap->high = answer->high;
	}
	gap->beyond = gap->beyond || part->next > answer->high;
	gap->missing += Max(answer->low - part->next, 0);
	part->next = answer->low;
	part->known = -1;
}

void
weir_kafka_gap_add_gone(WeirKafkaGap *gap, const WeirKafkaPart *part, int npartitions)
{
	gap->npartitions++;
	gap->npartitions_now = npartitions;
	gap->partition = part->partition;
	gap->next = Max(part->next, 0);
}

char *
weir_kafka_gap_detail(const WeirKafkaGap *gap)
{
	if (gap->npartitions_now > 0)
		return psprintf("Partition %d is to go on at offset " INT64_FORMAT ", and the topic has %d partitions"
						": it was deleted and made anew.",
						gap->partition, gap->next, gap->npartitions_now);
	if (gap->next > gap->high)
		return psprintf("Partition %d is to go on at offset " INT64_FORMAT ", and ends at offset " INT64_FORMAT
						": it was deleted and made anew, or has lost records.",
						gap->partition, gap->next, gap->high);
	return psprintf("Up to " INT64_FORMAT " records of %d partitions are missing: partition %d is to go on at offset "
					INT64_FORMAT ", and holds what begins at offset " INT64_FORMAT ".",
					gap->missing, gap->npartitions, gap->partition, gap->next, gap->low);
}

void
weir_kafka_gap_refuse(const WeirKafkaGap *gap, const char *stream, const char *topic)
{
	ereport(ERROR,
			(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
			 errmsg("topic \"%s\" no longer holds the start position of stream %s", topic, stream),
			 errdetail("%s", weir_kafka_gap_detail(gap)),
			 errhint("Start the job with weir.start_job(allow_gap => true) to go on with the first record that is kept; with fresh => true beside it, state begins anew, too. A longer retention of the topic helps the next time.")));
}

void
weir_kafka_gap_tell(const WeirKafkaGap *gap, const char *stream, const char *topic)
{
	ereport(LOG,
			(errmsg("stream %s goes on behind what topic \"%s\" no longer holds", stream, topic),
			 errdetail("%s", weir_kafka_gap_detail(gap))));
}
