/*
 * message.h
 *		A row that becomes a message: what waits in the outbox for it.
 */
#ifndef WEIR_KAFKA_MESSAGE_H
#define WEIR_KAFKA_MESSAGE_H

#include "postgres.h"

#include <librdkafka/rdkafka.h>

#include "executor/tuptable.h"

#include "source/metadata.h"

/* WeirPeerOps.format, encode and sets. */
extern void *weir_kafka_message_format(const WeirStream *stream);
extern bytea *weir_kafka_message_encode(void *format, TupleTableSlot *row);
extern const WeirMetadata *const weir_kafka_message_sets[];

/* A message as it waits, taken apart; its parts lie in the bytes. */
typedef struct WeirKafkaMessage
{
	int32		partition;		/* RD_KAFKA_PARTITION_UA: by its key */
	int64		timestamp;		/* ms since 1970; 0: that of its sending */
	const void *key;			/* NULL: none */
	Size		key_len;
	const void *value;			/* NULL: a tombstone */
	Size		value_len;
	rd_kafka_headers_t *headers;	/* NULL: none; who takes the message apart destroys them, or hands them on */
} WeirKafkaMessage;

extern void weir_kafka_message_decode(bytea *bytes, WeirKafkaMessage *message);

#endif
