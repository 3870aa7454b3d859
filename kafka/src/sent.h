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

/* Asks; the answer is an event of the client's queue. */
extern void weir_kafka_sent_ask(WeirKafkaClient *client, const char *group, const char *topic);
/* The answer; last 0: nothing was sent.  An error: what the brokers say. */
extern rd_kafka_resp_err_t weir_kafka_sent_answer(rd_kafka_event_t *event, WeirKafkaSent *sent);

#endif
