/*
 * producer.c
 *		Sends what the outbox holds for a topic, once each.
 *
 *	CLOSED --> INIT --> ASKING --> CLEARING --> READY <---------------------+
 *	   ^     fences     what was   what was       |  the first row          |
 *	   |     others     sent?      sent is        v                         |
 *	   |                           deleted     SENDING --> OFFSET --> COMMITTING
 *	   |                                      all are      ids are part
 *	   +-- anything fails                     delivered    of it            then rows are deleted
 *
 * A transaction of Kafka's has the rows of a checkpoint, as far as the outbox has told
 * them apart, and with them the id of the last one (sent.h).  When it is committed they
 * are deleted.  A crash between the two is found by the next producer, which asks how far
 * the rows were sent; a crash before aborts the transaction, since the next producer
 * has the same transactional.id.  There is one way back from any failure that
 * passes: another producer, from the first row on that was not sent.
 *
 * A transaction that has run out, because its process was held or the brokers were away,
 * looks as if it were taken over.  Time tells the two apart.
 */
#include "postgres.h"

#include "access/xlog.h"
#include "miscadmin.h"
#include "storage/latch.h"
#include "utils/memutils.h"

#include "base/clock.h"
#include "base/compat.h"
#include "base/text.h"
#include "catalog/outbox.h"
#include "message.h"
#include "option.h"
#include "producer.h"
#include "unix_time.h"

#define FIRST_RETRY		INT64CONST(100000)	/* us, doubled from one to the next */
#define LAST_RETRY		INT64CONST(10000000)
#define STEP_AGAIN_MS	50
#define ABORT_MS		100
#define SILENT_US		INT64CONST(2000000) /* so long nobody is told that there is no progress */

void
weir_producer_forget_rows(WeirProducer *k)
{
	MemoryContextReset(k->rows_context);
	k->rows = NULL;
	k->nrows = k->next = 0;
}

/*
 * librdkafka 2.0.2 aborts the process where it is ended while partitions are yet to be
 * added to a transaction: one that is being aborted adds none.
 */
static void
release(WeirKafkaClient *client)
{
	WeirProducer *k = client->owner;

	if (k->state == WEIR_PRODUCER_SENDING)
		rd_kafka_error_destroy(rd_kafka_abort_transaction(client->rk, ABORT_MS));
	if (k->handle)
		rd_kafka_topic_destroy(k->handle);
	k->handle = NULL;
}

static void
stop_asking(WeirProducer *k)
{
	if (k->asker)
		weir_kafka_client_destroy(k->asker);
	k->asker = NULL;
}

static void
close_client(WeirProducer *k)
{
	if (k->step)
		(void) weir_kafka_step_end(k->step);
	k->step = NULL;
	stop_asking(k);
	if (k->client)
		weir_kafka_client_destroy(k->client);
	k->client = NULL;
	k->in_flight = 0;
	weir_producer_forget_rows(k);
}

/* Once for each time that they are away. */
static void
tell(WeirProducer *k, const char *why)
{
	weir_text_copy(k->peer.error, why, sizeof(k->peer.error));
	if (k->told)
		return;
	k->told = true;
	ereport(LOG,
			(errmsg("sink %s waits for brokers, \"%s\": %s", k->peer.stream->name,
					weir_kafka_of(k->peer.stream)->brokers, why),
			 errhidestmt(true)));
}

static void
begin_again(WeirProducer *k, const char *why)
{
	tell(k, why);
	close_client(k);
	k->state = WEIR_PRODUCER_CLOSED;
	k->retry_at = weir_now() + Min(FIRST_RETRY << Min(k->retries, 10), LAST_RETRY);
	k->retries++;
}

static void
note_progress(WeirProducer *k)
{
	k->progress_at = weir_now();
}

void
weir_producer_failed(WeirProducer *k, rd_kafka_resp_err_t error, const char *text)
{
	bool		in_transaction = k->state >= WEIR_PRODUCER_SENDING;

	weir_kafka_refusal_raise(error, k->topic, text);
	if (weir_kafka_refusal_is_fence(error) && in_transaction && weir_now() - k->began < k->timeout)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_IN_USE),
				 errmsg("somebody else sends the output of sink %s", k->peer.stream->name),
				 errdetail("Another producer with the transactional id \"%s\" was made: %s.", k->id, text),
				 errhint("Is there a copy of this server on which the job runs?")));
	begin_again(k, text);
}

/* ---- what the client has to say ---- */

static void
take_reports(WeirProducer *k, rd_kafka_event_t *event)
{
	const rd_kafka_message_t *message;

	while ((message = rd_kafka_event_message_next(event)) != NULL)
	{
		k->in_flight--;
		if (message->err != RD_KAFKA_RESP_ERR_NO_ERROR)
			weir_kafka_refused_add(&k->refused, message);
	}
	note_progress(k);
}

static void
hear(WeirProducer *k, WeirKafkaClient *client)
{
	rd_kafka_event_t *event;

	weir_kafka_client_clear_ready(client);
	while ((event = rd_kafka_queue_poll(client->queue, 0)) != NULL)
	{
		if (rd_kafka_event_type(event) == RD_KAFKA_EVENT_DR)
			take_reports(k, event);
		else
			weir_kafka_client_hear(client, event);
		rd_kafka_event_destroy(event);
	}
}

/* Of the messages of the batch that which can be meant. */
static void
find_by_time(WeirProducer *k)
{
	int64		now = weir_unix_ms(weir_date());

	k->position = k->refused.first - 1;
	while (k->position < k->refused.last && weir_producer_read(k) > 0)
	{
		for (int i = 0; i < k->nrows; i++)
		{
			WeirKafkaMessage message;

			k->position = k->rows[i].id;
			if (k->rows[i].record == NULL || k->position > k->refused.last)
				continue;
			weir_kafka_message_decode(k->rows[i].record, &message);
			if (message.headers)
				rd_kafka_headers_destroy(message.headers);
			if (message.timestamp != 0)
				weir_kafka_refused_compare(&k->refused, k->position, &message, now);
		}
	}
}

/* A message was refused, or the client can do no more. */
static bool
has_failed(WeirProducer *k)
{
	if (weir_kafka_refusal_is_of_message(k->refused.error))
	{
		if (k->refused.error == RD_KAFKA_RESP_ERR_INVALID_TIMESTAMP)
			find_by_time(k);
		k->peer.record = k->refused.id;
		weir_kafka_refused_raise(&k->refused, k->topic);
	}
	if (k->refused.error != RD_KAFKA_RESP_ERR_NO_ERROR && k->client->fatal == RD_KAFKA_RESP_ERR_NO_ERROR)
	{
		weir_producer_failed(k, k->refused.error, rd_kafka_err2str(k->refused.error));
		return true;
	}
	if (k->client->fatal != RD_KAFKA_RESP_ERR_NO_ERROR)
	{
		weir_producer_failed(k, k->client->fatal, k->client->fatal_text);
		return true;
	}
	return false;
}

/* ---- a producer, and what was sent before ---- */

static int64
timeout_of(rd_kafka_conf_t *conf)
{
	char		value[32] = "";
	size_t		size = sizeof(value);

	(void) rd_kafka_conf_get(conf, "transaction.timeout.ms", value, &size);
	return strtoll(value, NULL, 10) * 1000;
}

static WeirKafkaClient *
make_client(WeirProducer *k, rd_kafka_type_t type, const char *identity)
{
	rd_kafka_conf_t *conf;

	weir_peer_begin(&k->peer);
	conf = weir_kafka_conf(k->peer.stream, type, GetUserId());
	weir_peer_end(&k->peer);
	weir_kafka_conf_set(conf, identity, k->id);
	rd_kafka_conf_set_events(conf, RD_KAFKA_EVENT_DR);
	if (type == RD_KAFKA_PRODUCER)
		k->timeout = timeout_of(conf);
	else
		weir_kafka_conf_set(conf, "isolation.level", "read_committed");
	return weir_kafka_client_create(conf, type);
}

static WeirEmitResult
create_client(WeirProducer *k)
{
	if (weir_now() < k->retry_at)
		return WEIR_EMIT_WAIT;
	k->client = make_client(k, RD_KAFKA_PRODUCER, "transactional.id");
	k->client->owner = k;
	k->client->release = release;
	k->handle = rd_kafka_topic_new(k->client->rk, k->topic, NULL);
	memset(&k->refused, 0, sizeof(k->refused));
	k->position = 0;
	k->state = WEIR_PRODUCER_INIT;
	k->step_at = 0;
	note_progress(k);
	return WEIR_EMIT_PROGRESS;
}

static WeirKafkaStep *
take_step(WeirProducer *k)
{
	char		word[WEIR_KAFKA_WORD_SIZE];

	if (k->state == WEIR_PRODUCER_INIT)
		return weir_kafka_step_init(k->client);
	if (k->state == WEIR_PRODUCER_ASKING)
		return weir_kafka_step_ask(k->asker, k->client, k->topic);
	if (k->state == WEIR_PRODUCER_COMMITTING)
		return weir_kafka_step_commit(k->client);
	weir_kafka_sent_word(&k->sent, word);
	return weir_kafka_step_offset(k->client, k->id, k->topic, k->sent.last, word);
}

WeirEmitResult
weir_producer_step(WeirProducer *k, bool *taken)
{
	WeirKafkaOutcome outcome;

	*taken = false;
	if (k->step == NULL)
	{
		if (weir_now() < k->step_at)
			return WEIR_EMIT_WAIT;
		k->step = take_step(k);
	}
	if (!weir_kafka_step_is_done(k->step))
		return WEIR_EMIT_WAIT;
	if (k->state == WEIR_PRODUCER_ASKING)
		weir_kafka_sent_read(weir_kafka_step_answer(k->step), &k->answer);
	outcome = weir_kafka_step_end(k->step);
	k->step = NULL;
	k->step_at = 0;
	*taken = outcome.error == RD_KAFKA_RESP_ERR_NO_ERROR;
	if (*taken)
		note_progress(k);
	else if (!outcome.retriable)
		weir_producer_failed(k, outcome.error, outcome.text);
	else if (outcome.error != RD_KAFKA_RESP_ERR__TIMED_OUT)
	{
		weir_kafka_refusal_raise(outcome.error, k->topic, outcome.text);
		k->step_at = weir_now() + STEP_AGAIN_MS * 1000;
	}
	return WEIR_EMIT_PROGRESS;
}

static WeirEmitResult
init(WeirProducer *k)
{
	bool		taken;
	WeirEmitResult result = weir_producer_step(k, &taken);

	if (!taken)
		return result;
	k->asker = make_client(k, RD_KAFKA_CONSUMER, "group.id");
	k->state = WEIR_PRODUCER_ASKING;
	return WEIR_EMIT_PROGRESS;
}

static WeirEmitResult
ask(WeirProducer *k)
{
	bool		taken;
	WeirEmitResult result = weir_producer_step(k, &taken);

	if (!taken)
		return result;
	stop_asking(k);
	memset(&k->found, 0, sizeof(k->found));
	k->position = k->answer.last > 0 ? k->answer.first - 1 : 0;
	k->state = k->answer.last > 0 ? WEIR_PRODUCER_CLEARING : WEIR_PRODUCER_READY;
	return WEIR_EMIT_PROGRESS;
}

int
weir_producer_read(WeirProducer *k)
{
	weir_producer_forget_rows(k);
	weir_peer_begin(&k->peer);
	MemoryContextSwitchTo(k->rows_context);
	k->nrows = weir_outbox_read(k->peer.job, k->peer.table, k->position, &k->rows);
	weir_peer_end(&k->peer);
	return k->nrows;
}

static bool
is_same(const WeirKafkaSent *a, const WeirKafkaSent *b)
{
	return a->first == b->first && a->last == b->last && a->print == b->print;
}

/* The rows of the last transaction are either all in the outbox, since nobody could delete them, or none is. */
static void
end_clearing(WeirProducer *k)
{
	k->position = 0;
	if (is_same(&k->found, &k->answer))
		weir_peer_has(&k->peer, k->answer.last);
	else if (weir_producer_read(k) > 0 && k->rows[0].id <= k->answer.last)
		ereport(LOG,
				(errmsg("sink %s sends rows that its topic may have", k->peer.stream->name),
				 errdetail("The brokers know of rows of the outbox up to " INT64_FORMAT ", which this database has not, while " INT64_FORMAT " waits.",
						   k->answer.last, k->rows[0].id),
				 errhint("This is so after the database was restored to an earlier state, or a standby promoted that lacked some."),
				 errhidestmt(true)));
	weir_producer_forget_rows(k);
	k->state = WEIR_PRODUCER_READY;
}

static WeirEmitResult
clear(WeirProducer *k)
{
	int			n = weir_producer_read(k);
	int			i = 0;

	for (; i < n && k->rows[i].id <= k->answer.last; i++)
	{
		weir_kafka_sent_add(&k->found, &k->rows[i]);
		k->position = k->rows[i].id;
	}
	if (i == 0 || i < n)
		end_clearing(k);
	return WEIR_EMIT_PROGRESS;
}

/* ---- the peer ---- */

/* One each job and table of each database there is. */
static void
open_peer(WeirPeer *peer)
{
	WeirProducer *k = (WeirProducer *) peer;

	k->id = psprintf("weir-outbox." UINT64_FORMAT ".%u." INT64_FORMAT ".%u", GetSystemIdentifier(),
					 MyDatabaseId, peer->job, peer->stream->relid);
	k->topic = weir_kafka_of(peer->stream)->topic;
	k->rows_context = AllocSetContextCreate(CurrentMemoryContext, "weir_kafka rows", ALLOCSET_DEFAULT_SIZES);
	k->state = WEIR_PRODUCER_CLOSED;
}

static WeirEmitResult
go_on(WeirProducer *k)
{
	switch (k->state)
	{
		case WEIR_PRODUCER_CLOSED:
			return create_client(k);
		case WEIR_PRODUCER_INIT:
			return init(k);
		case WEIR_PRODUCER_ASKING:
			return ask(k);
		case WEIR_PRODUCER_CLEARING:
			return clear(k);
		case WEIR_PRODUCER_READY:
			return weir_transaction_begin(k);
		case WEIR_PRODUCER_SENDING:
			return weir_transaction_send(k);
		case WEIR_PRODUCER_OFFSET:
			return weir_transaction_offset(k);
		case WEIR_PRODUCER_COMMITTING:
			return weir_transaction_commit(k);
	}
	return WEIR_EMIT_WAIT;
}

static bool
is_silent(const WeirProducer *k)
{
	return k->state != WEIR_PRODUCER_CLOSED && weir_now() - k->progress_at > SILENT_US;
}

static WeirEmitResult
turn(WeirPeer *peer)
{
	WeirProducer *k = (WeirProducer *) peer;
	WeirEmitResult result;

	if (k->client)
	{
		hear(k, k->client);
		if (k->asker)
			hear(k, k->asker);
		if (has_failed(k))
			return WEIR_EMIT_PROGRESS;
	}
	result = go_on(k);
	if (result == WEIR_EMIT_WAIT && is_silent(k))
		tell(k, k->client->last_error[0] ? k->client->last_error : "they do not answer");
	return result;
}

static long
until(int64 time)
{
	return weir_ms_until(time) + 1;
}

/* What becomes of a step, and anything else, makes the client ready. */
static pgsocket
wait_for_client(WeirPeer *peer, int *events, long *timeout)
{
	WeirProducer *k = (WeirProducer *) peer;

	*timeout = SILENT_US / 1000;
	if (k->state == WEIR_PRODUCER_CLOSED)
	{
		*timeout = until(k->retry_at);
		return PGINVALID_SOCKET;
	}
	if (k->step == NULL && k->step_at > 0)
		*timeout = Min(*timeout, until(k->step_at));
	*events = WL_SOCKET_READABLE;
	return k->client->ready;
}

const WeirPeerOps weir_kafka_peer = {
	.written = "as messages of a topic",
	.size = sizeof(WeirProducer),
	.format = weir_kafka_message_format,
	.encode = weir_kafka_message_encode,
	.sets = weir_kafka_message_sets,
	.open = open_peer,
	.turn = turn,
	.wait = wait_for_client,
};
