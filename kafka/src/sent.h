/*
 * sent.h
 *		How far a sink's outbox has been sent, as the brokers know it: part of each
 *		transaction is that a group of consumers has committed the id of its last row.
 */
#ifndef WEIR_KAFKA_SENT_H
#define WEIR_KAFKA_SENT_H

#include "postgres.h"

#include "catalog/outbox.h"
#include "client.h"

/* The rows of a transaction. */
typedef struct WeirKafkaSent
{
	int64		first;			/* ids; 0: none */
	int64		last;
	uint64		print;			/* of all between them */
} WeirKafkaSent;

extern void weir_kafka_sent_add(WeirKafkaSent *sent, const WeirOutboxLine *row);

#define WEIR_KAFKA_WORD_SIZE	64

/* What is committed with the last id. */
extern void weir_kafka_sent_word(const WeirKafkaSent *sent, char *word);

/* What a group has committed; last 0: nothing was sent. */
extern void weir_kafka_sent_read(const rd_kafka_topic_partition_t *committed, WeirKafkaSent *sent);

#endif
