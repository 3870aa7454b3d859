/*
 * client.h
 *		A client of librdkafka as Weir runs it: its threads hear no signal, and
 *		what it says is read by the process's one thread.
 */
#ifndef WEIR_KAFKA_CLIENT_H
#define WEIR_KAFKA_CLIENT_H

#include "postgres.h"

#include <librdkafka/rdkafka.h>

#include "source/stream.h"

/*
 * What the stream's server and this user's mapping say, for a client of this type.
 * In a transaction.  Whoever takes it gives it to weir_kafka_client_create, or destroys it.
 */
extern rd_kafka_conf_t *weir_kafka_conf(const WeirStream *stream, rd_kafka_type_t type, Oid user);

/* One more property, which must be right. */
extern void weir_kafka_conf_set(rd_kafka_conf_t *conf, const char *name, const char *value);

typedef struct WeirKafkaClient
{
	rd_kafka_t *rk;
	rd_kafka_queue_t *queue;	/* its main queue; a consumer's messages come there, too */
	int			ready;			/* readable when the queue has something: to be waited for */
	char		last_error[256];	/* "" none; set while the queue is served */
	rd_kafka_resp_err_t fatal;	/* nothing goes any more; fatal_text says why */
	char		fatal_text[256];
	int64		errors;			/* told since it was made */
	bool		down;			/* no broker answers */
	bool		busy;			/* it does not end before a request is answered */
	bool		denied;			/* one has told that it lets nobody in who has these credentials */
	/* it is about to be destroyed: what is held of it is to be given back; may be NULL */
	void		(*release) (struct WeirKafkaClient *client);
	void	   *owner;			/* whose it is, for these */
} WeirKafkaClient;

/*
 * Takes conf.  In CurrentMemoryContext, with which it is destroyed.
 */
extern WeirKafkaClient *weir_kafka_client_create(rd_kafka_conf_t *conf, rd_kafka_type_t type);
/* Waits for its threads, which is short.  What it holds back is dropped. */
extern void weir_kafka_client_destroy(WeirKafkaClient *client);

/* An event of the queue that its reader does not look for: an error, a line of the log. */
extern void weir_kafka_client_hear(WeirKafkaClient *client, rd_kafka_event_t *event);

/* Before the queue is read: what comes from now on makes it ready again. */
extern void weir_kafka_client_clear_ready(WeirKafkaClient *client);

/* Blocks all signals until the other is called: whoever makes a thread does that between them. */
extern void weir_kafka_signals_block(void);
extern void weir_kafka_signals_unblock(void);

#endif
