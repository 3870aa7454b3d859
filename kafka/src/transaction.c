/*
 * transaction.c
 *		Rows of the outbox as one transaction of Kafka's: begun, sent, committed.
 */
#include "postgres.h"

#include "utils/memutils.h"

#include "base/clock.h"
#include "base/fault.h"
#include "catalog/outbox.h"
#include "message.h"
#include "producer.h"

/* The transaction has its rows: those of a checkpoint, or all, or as many as it has had the time for. */
static bool
is_whole(const WeirProducer *k)
{
	return k->nrows == 0 || k->rows[k->nrows - 1].record == NULL ||
		(k->state == WEIR_PRODUCER_SENDING && weir_now() - k->began > k->timeout / 3);
}

static void
begin(WeirProducer *k)
{
	rd_kafka_error_t *error = rd_kafka_begin_transaction(k->client->rk);

	k->began = k->progress_at = weir_now();
	if (error == NULL)
	{
		k->state = WEIR_PRODUCER_SENDING;
		return;
	}
	weir_producer_failed(k, rd_kafka_error_code(error), pstrdup(rd_kafka_error_string(error)));
	rd_kafka_error_destroy(error);
}

static rd_kafka_resp_err_t
produce(WeirProducer *k, const WeirOutboxLine *row)
{
	WeirKafkaMessage message;
	rd_kafka_error_t *error;
	rd_kafka_resp_err_t code;

	weir_kafka_message_decode(row->record, &message);
	error = rd_kafka_produceva(k->client->rk, (rd_kafka_vu_t[]) {
		{.vtype = RD_KAFKA_VTYPE_RKT, .u.rkt = k->handle},
		{.vtype = RD_KAFKA_VTYPE_PARTITION, .u.i32 = message.partition},
		{.vtype = RD_KAFKA_VTYPE_TIMESTAMP, .u.i64 = message.timestamp},
		{.vtype = RD_KAFKA_VTYPE_KEY, .u.mem = {(void *) message.key, message.key_len}},
		{.vtype = RD_KAFKA_VTYPE_VALUE, .u.mem = {(void *) message.value, message.value_len}},
		{.vtype = RD_KAFKA_VTYPE_OPAQUE, .u.ptr = (void *) (intptr_t) row->id},
		{.vtype = RD_KAFKA_VTYPE_MSGFLAGS, .u.i = RD_KAFKA_MSG_F_COPY},
		{.vtype = RD_KAFKA_VTYPE_HEADERS, .u.headers = message.headers}},
		message.headers ? 8 : 7);
	if (error == NULL)
		return RD_KAFKA_RESP_ERR_NO_ERROR;
	code = rd_kafka_error_code(error);
	rd_kafka_error_destroy(error);
	if (message.headers)
		rd_kafka_headers_destroy(message.headers);
	if (code != RD_KAFKA_RESP_ERR__QUEUE_FULL)
		k->refused = (WeirKafkaRefused)
		{
			.error = code, .id = row->id, .first = row->id, .last = row->id, .partition = message.partition,
			.timestamp = message.timestamp, .size = message.key_len + message.value_len
		};
	return code;
}

/* Hands over rows until there is no room; true if it has handed over all of them. */
static bool
hand_over(WeirProducer *k)
{
	while (k->next < k->nrows)
	{
		const WeirOutboxLine *row = &k->rows[k->next];

		if (row->record)
		{
			if (produce(k, row) != RD_KAFKA_RESP_ERR_NO_ERROR)
				return false;
			k->in_flight++;
		}
		weir_kafka_sent_add(&k->sent, row);
		k->position = row->id;
		k->next++;
	}
	return true;
}

WeirEmitResult
weir_transaction_begin(WeirProducer *k)
{
	if (weir_producer_read(k) == 0)
		return WEIR_EMIT_DONE;
	k->whole = is_whole(k);
	memset(&k->sent, 0, sizeof(k->sent));
	begin(k);
	return WEIR_EMIT_PROGRESS;
}

WeirEmitResult
weir_transaction_send(WeirProducer *k)
{
	int			next = k->next;

	if (!hand_over(k))
		return k->next > next || k->refused.error != RD_KAFKA_RESP_ERR_NO_ERROR ? WEIR_EMIT_PROGRESS : WEIR_EMIT_WAIT;
	if (!k->whole)
	{
		(void) weir_producer_read(k);
		k->whole = is_whole(k);
		return WEIR_EMIT_PROGRESS;
	}
	if (k->in_flight > 0)
		return WEIR_EMIT_WAIT;
	weir_producer_forget_rows(k);
	k->state = WEIR_PRODUCER_OFFSET;
	return WEIR_EMIT_PROGRESS;
}

WeirEmitResult
weir_transaction_offset(WeirProducer *k)
{
	bool		taken;
	WeirEmitResult result = weir_producer_step(k, &taken);

	if (!taken)
		return result;
	WEIR_FAULT(before_peer_commit);
	k->state = WEIR_PRODUCER_COMMITTING;
	return WEIR_EMIT_PROGRESS;
}

WeirEmitResult
weir_transaction_commit(WeirProducer *k)
{
	bool		taken;
	WeirEmitResult result = weir_producer_step(k, &taken);

	if (!taken)
		return result;
	k->retries = 0;
	k->told = false;
	k->peer.error[0] = '\0';
	k->state = WEIR_PRODUCER_READY;
	weir_peer_has(&k->peer, k->sent.last);
	return WEIR_EMIT_PROGRESS;
}
