/*
 * commit.c
 *		Offsets that are committed to the brokers.
 *
 * Positions are part of checkpoints; what is committed serves who watches how far a
 * job is.  Only at most once it is more: there what is handed out must not come
 * again, so that its end is committed before.
 *
 * A client that has a commit under way does not end before that is answered, which may be
 * never where a broker has gone: such a one is left to end with the process.
 */
#include "postgres.h"

#include "base/clock.h"
#include "base/text.h"
#include "commit.h"
#include "token.h"

#define RETRY_US	INT64CONST(1000000)

static rd_kafka_topic_partition_t *
add(rd_kafka_topic_partition_list_t *list, const WeirKafkaReader *r, int32 partition, int64 offset)
{
	rd_kafka_topic_partition_t *p = rd_kafka_topic_partition_list_add(list, r->kafka->topic, partition);

	p->offset = offset;
	return p;
}

/* The answers make the client ready, too. */
static void
open_answers(WeirKafkaReader *r)
{
	static const uint64 one = 1;

	if (r->answers != NULL)
		return;
	r->answers = rd_kafka_queue_new(r->client->rk);
	rd_kafka_queue_io_event_enable(r->answers, r->client->ready, &one, sizeof(one));
}

static void
send_offsets(WeirKafkaReader *r, const rd_kafka_topic_partition_list_t *list)
{
	open_answers(r);
	r->commits = r->client->busy =
		rd_kafka_commit_queue(r->client->rk, list, r->answers, NULL, NULL) == RD_KAFKA_RESP_ERR_NO_ERROR;
}

/* One at a time: what completes meanwhile is committed with the next one. */
void
weir_kafka_commit_completed(WeirKafkaReader *r, const WeirKafkaPosition *position)
{
	rd_kafka_topic_partition_list_t *list;

	if (!r->kafka->commit_offsets || r->options.at_most_once || !r->placed || r->commits)
		return;
	list = rd_kafka_topic_partition_list_new(position->n);
	for (int i = 0; i < position->n; i++)
	{
		const WeirKafkaPart *part = &position->parts[i];
		const WeirKafkaPart *before = weir_kafka_position_find(&r->committed, part->partition);

		if (weir_kafka_is_mine(r, part->partition) && part->next >= 0 &&
			(before == NULL || before->next != part->next))
			(void) add(list, r, part->partition, part->next);
	}
	if (list->cnt > 0)
	{
		send_offsets(r, list);
		r->committed = *position;
	}
	rd_kafka_topic_partition_list_destroy(list);
}

static void
add_taken(rd_kafka_topic_partition_list_t *list, const WeirKafkaReader *r, const rd_kafka_message_t *message,
		  const char *token)
{
	rd_kafka_topic_partition_t *p =
		rd_kafka_topic_partition_list_find(list, r->kafka->topic, message->partition);

	if (p == NULL)
	{
		p = add(list, r, message->partition, 0);
		p->metadata = strdup(token);	/* the list frees it */
		p->metadata_size = p->metadata ? strlen(token) : 0;
	}
	p->offset = message->offset + 1;
}

static void
send_taken(WeirKafkaReader *r)
{
	rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
	char	   *token = weir_kafka_token(r->options.job, r->options.ordinal);

	for (int i = r->next; i < r->nmessages; i++)
	{
		if (r->messages[i]->err == RD_KAFKA_RESP_ERR_NO_ERROR)
			add_taken(list, r, r->messages[i], token);
	}
	r->held = list->cnt > 0;
	r->commit_due = 0;
	if (list->cnt > 0)
		send_offsets(r, list);
	rd_kafka_topic_partition_list_destroy(list);
	pfree(token);
}

/* Messages are taken from the client all together, and the next ones when these are handed out. */
bool
weir_kafka_commit_taken(WeirKafkaReader *r)
{
	if (!r->options.at_most_once || !r->options.checkpointing)
		return true;
	if (!r->told || (r->commit_due > 0 && weir_now() >= r->commit_due))
		send_taken(r);
	r->told = true;
	return !r->held;
}

static rd_kafka_resp_err_t
error_of(rd_kafka_event_t *event)
{
	rd_kafka_resp_err_t error = rd_kafka_event_error(event);
	const rd_kafka_topic_partition_list_t *list = rd_kafka_event_topic_partition_list(event);

	for (int i = 0; list != NULL && i < list->cnt && error == RD_KAFKA_RESP_ERR_NO_ERROR; i++)
		error = list->elems[i].err;
	return error;
}

/* The first group on a cluster has to wait for it, which needs no word. */
static void
take_answer(WeirKafkaReader *r, rd_kafka_resp_err_t error)
{
	r->commits = r->client->busy = false;
	if (error == RD_KAFKA_RESP_ERR_NO_ERROR)
	{
		r->held = false;
		return;
	}
	if (error != RD_KAFKA_RESP_ERR_COORDINATOR_LOAD_IN_PROGRESS && error != RD_KAFKA_RESP_ERR_COORDINATOR_NOT_AVAILABLE &&
		error != RD_KAFKA_RESP_ERR_NOT_COORDINATOR)
		snprintf(r->stats->last_error, sizeof(r->stats->last_error),
				 "offsets could not be committed: %s", rd_kafka_err2str(error));
	r->committed.n = 0;
	if (r->held)
		r->commit_due = weir_now() + RETRY_US;
}

void
weir_kafka_commit_hear(WeirKafkaReader *r, int timeout)
{
	rd_kafka_event_t *event;

	while (r->commits && (event = rd_kafka_queue_poll(r->answers, timeout)) != NULL)
	{
		if (rd_kafka_event_type(event) == RD_KAFKA_EVENT_OFFSET_COMMIT)
			take_answer(r, error_of(event));
		rd_kafka_event_destroy(event);
	}
}
