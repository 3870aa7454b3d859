/*
 * producer.h
 *		Who is sent the rows for tables of weir_kafka.
 */
#ifndef WEIR_KAFKA_PRODUCER_H
#define WEIR_KAFKA_PRODUCER_H

#include "client.h"
#include "refusal.h"
#include "sent.h"
#include "source/peer.h"
#include "step.h"

extern const WeirPeerOps weir_kafka_peer;

/* What follows is between producer.c and transaction.c. */

typedef enum WeirProducerState
{
	WEIR_PRODUCER_CLOSED,		/* no client; another one at retry_at */
	WEIR_PRODUCER_INIT,
	WEIR_PRODUCER_ASKING,
	WEIR_PRODUCER_CLEARING,
	WEIR_PRODUCER_READY,		/* no transaction */
	WEIR_PRODUCER_SENDING,
	WEIR_PRODUCER_OFFSET,
	WEIR_PRODUCER_COMMITTING
} WeirProducerState;

typedef struct WeirProducer
{
	WeirPeer	peer;
	const char *id;				/* transactional.id, and the group that commits ids of rows */
	const char *topic;
	WeirProducerState state;
	int64		retry_at;		/* CLOSED */
	int			retries;		/* since something was committed last */
	WeirKafkaClient *client;	/* NULL: CLOSED */
	rd_kafka_topic_t *handle;
	WeirKafkaStep *step;		/* NULL: none is being taken */
	int64		step_at;		/* it is to be taken again then; 0: at once */
	int64		progress_at;	/* something has come last */
	bool		told;			/* that it waits */
	int64		timeout;		/* us, of a transaction */
	int64		began;			/* the transaction */
	WeirKafkaClient *asker;		/* a consumer, to ask; NULL: there is nothing to ask */
	WeirKafkaSent answer;		/* what was sent, as the brokers know it */
	WeirKafkaSent found;		/* of that, what the outbox has */
	WeirKafkaSent sent;			/* the transaction */
	int64		position;		/* id of the last row that was read */
	bool		whole;			/* the transaction gets no more rows */
	MemoryContext rows_context;
	WeirOutboxLine *rows;		/* that were read .. */
	int			nrows;
	int			next;			/* .. and are to be handed over */
	int			in_flight;		/* messages that were, and are not delivered */
	WeirKafkaRefused refused;
} WeirProducer;

/* Reads rows behind the position; how many. */
extern int	weir_producer_read(WeirProducer *k);
extern void weir_producer_forget_rows(WeirProducer *k);
/* Something has failed: what cannot pass is raised; anything else, another producer may mend. */
extern void weir_producer_failed(WeirProducer *k, rd_kafka_resp_err_t error, const char *text);
/* The state's step; *taken when it is.  A call that says "retriable" goes on by being made again. */
extern WeirEmitResult weir_producer_step(WeirProducer *k, bool *taken);

/* transaction.c: from the first row that waits to their deletion, by its states. */
extern WeirEmitResult weir_transaction_begin(WeirProducer *k);
extern WeirEmitResult weir_transaction_send(WeirProducer *k);
extern WeirEmitResult weir_transaction_offset(WeirProducer *k);
extern WeirEmitResult weir_transaction_commit(WeirProducer *k);

#endif
