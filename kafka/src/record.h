/*
 * record.h
 *		A message as a record: its line, and what columns may tell of it.
 */
#ifndef WEIR_KAFKA_RECORD_H
#define WEIR_KAFKA_RECORD_H

#include "postgres.h"

#include <librdkafka/rdkafka.h>

#include "source/metadata.h"

/* A line says partition and offset. */
#define WEIR_KAFKA_LINES	INT64CONST(1000000000000)	/* of a partition */

static inline int64
weir_kafka_line(int32 partition, int64 offset)
{
	return partition * WEIR_KAFKA_LINES + offset + 1;
}

/* WeirSourceOps.place. */
extern char *weir_kafka_place(int64 line);

/* WeirSourceOps.metadata; what the decoder is told of a record is its message. */
extern const WeirMetadata *const weir_kafka_metadata[];

/* What the message is like: another one hardly has the same. */
extern uint32 weir_kafka_print(const rd_kafka_message_t *message);
extern uint32 weir_kafka_topic_print(const char *topic);

#endif
