/*
 * refusal.h
 *		What brokers say of messages and transactions: does it pass?
 */
#ifndef WEIR_KAFKA_REFUSAL_H
#define WEIR_KAFKA_REFUSAL_H

#include "postgres.h"

#include <librdkafka/rdkafka.h>

#include "base/compat.h"
#include "message.h"

/* The message of a batch that was refused, as far as is known. */
typedef struct WeirKafkaRefused
{
	rd_kafka_resp_err_t error;	/* RD_KAFKA_RESP_ERR_NO_ERROR: none was */
	int64		id;				/* of the outbox's row */
	int64		first;			/* of all that had this error */
	int64		last;
	int32		partition;
	int64		timestamp;		/* ms since 1970 */
	Size		size;			/* of key and value */
} WeirKafkaRefused;

/* One more that was not delivered: keeps that which its error is about. */
extern void weir_kafka_refused_add(WeirKafkaRefused *refused, const rd_kafka_message_t *message);

/* Of those that had the error the one whose timestamp, ms since 1970, is the farthest from now; call it for each. */
extern void weir_kafka_refused_compare(WeirKafkaRefused *refused, int64 id, const WeirKafkaMessage *message,
									   int64 now);

/* Is it the message that does not fit, and does so again? */
extern bool weir_kafka_refusal_is_of_message(rd_kafka_resp_err_t error);
pg_noreturn extern void weir_kafka_refused_raise(const WeirKafkaRefused *refused, const char *topic);

/* Raises what somebody has to mend, and no other attempt of this one; else returns. */
extern void weir_kafka_refusal_raise(rd_kafka_resp_err_t error, const char *topic, const char *text);

/* Has somebody else the producer's transactional.id now, or has its transaction run out? */
extern bool weir_kafka_refusal_is_fence(rd_kafka_resp_err_t error);

#endif
