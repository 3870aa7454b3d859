/*
 * step.h
 *		A step of a transaction, taken without waiting for it.
 *
 * librdkafka takes them by calls that wait.  They are made in a thread of their own,
 * which makes the client ready when it is done.
 */
#ifndef WEIR_KAFKA_STEP_H
#define WEIR_KAFKA_STEP_H

#include "postgres.h"

#include "client.h"

typedef struct WeirKafkaStep WeirKafkaStep;

typedef struct WeirKafkaOutcome
{
	rd_kafka_resp_err_t error;	/* RD_KAFKA_RESP_ERR_NO_ERROR: the step is taken */
	bool		retriable;		/* the same step may be taken again, and goes on where it was */
	char		text[256];
} WeirKafkaOutcome;

/* Makes the producer the only one that has its transactional.id. */
extern WeirKafkaStep *weir_kafka_step_init(WeirKafkaClient *client);
/* Adds to the transaction that a group has committed an offset of partition 0 of a topic, and a word on it. */
extern WeirKafkaStep *weir_kafka_step_offset(WeirKafkaClient *client, const char *group, const char *topic,
											 int64 offset, const char *word);
extern WeirKafkaStep *weir_kafka_step_commit(WeirKafkaClient *client);
/* Asks what a group has committed of it; by a consumer of that group, which makes the other client ready. */
extern WeirKafkaStep *weir_kafka_step_ask(WeirKafkaClient *consumer, WeirKafkaClient *client, const char *topic);
/* The answer, once it is done without an error. */
extern const rd_kafka_topic_partition_t *weir_kafka_step_answer(const WeirKafkaStep *step);

extern bool weir_kafka_step_is_done(const WeirKafkaStep *step);
/* Frees it; also of one that is not done: waits for its thread, which takes seconds at most. */
extern WeirKafkaOutcome weir_kafka_step_end(WeirKafkaStep *step);

#endif
