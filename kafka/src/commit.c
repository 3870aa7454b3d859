/*
 * commit.c
 *		Offsets that are committed to the brokers.
 *
 * Positions are part of checkpoints; what is committed serves who watches how far a
 * job is.  Only at most once it is more: there what is handed out must not come
 * again, so that its end is committed before.
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

void
weir_kafka_commit_completed(WeirKafkaReader *r, const WeirKafkaPosition *position)
{
	rd_kafka_topic_partition_list_t *list;

	if (!r->kafka->commit_offsets || r->options.at_most_once || !r->assigned)
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
	if (list->cnt > 0 && rd_kafka_commit(r->client->rk, list, true) == RD_KAFKA_RESP_ERR_NO_ERROR)
		r->committed = *position;
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
	rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(r->nmessages);
	char	   *token = weir_kafka_token(r->options.job);
	rd_kafka_resp_err_t error;

	for (int i = r->next; i < r->nmessages; i++)
	{
		if (r->messages[i]->err == RD_KAFKA_RESP_ERR_NO_ERROR)
			add_taken(list, r, r->messages[i], token);
	}
	r->committing = list->cnt > 0;
	r->commit_due = 0;
	error = list->cnt > 0 ? rd_kafka_commit(r->client->rk, list, true) : RD_KAFKA_RESP_ERR_NO_ERROR;
	rd_kafka_topic_partition_list_destroy(list);
	pfree(token);
	if (error != RD_KAFKA_RESP_ERR_NO_ERROR)
		weir_kafka_commit_answered(r->client, error);
}

/* Messages are taken from the client all together, and the next ones when these are handed out. */
bool
weir_kafka_commit_taken(WeirKafkaReader *r)
{
	if (!r->options.at_most_once || !r->options.checkpointing)
		return true;
	if (r->committing)
	{
		if (r->commit_due > 0 && weir_now() >= r->commit_due)
			send_taken(r);
	}
	else if (!r->told)
	{
		r->told = true;
		send_taken(r);
	}
	return !r->committing;
}

void
weir_kafka_commit_answered(WeirKafkaClient *client, rd_kafka_resp_err_t error)
{
	WeirKafkaReader *r = client->owner;

	if (error != RD_KAFKA_RESP_ERR_NO_ERROR && error != RD_KAFKA_RESP_ERR__NO_OFFSET)
	{
		snprintf(r->stats->last_error, sizeof(r->stats->last_error),
				 "offsets were not committed: %s", rd_kafka_err2str(error));
		r->committed.n = 0;
		r->commit_due = weir_now() + RETRY_US;
	}
	else
		r->committing = false;
}
