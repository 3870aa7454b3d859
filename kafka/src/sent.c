/*
 * sent.c
 *		How far a sink's outbox has been sent.
 *
 * The id of a row says which it is only as long as the database is the same: one
 * that was restored, or promoted without what was written last, gives the same ids
 * again.  So the transaction tells with its last id the first one, and a print of
 * the rows between: only an outbox that has these very rows has sent all up to
 * there.
 */
#include "postgres.h"

#include <inttypes.h>

#include "common/hashfn.h"

#include "base/compat.h"
#include "sent.h"

#define ASK_MS	10000

void
weir_kafka_sent_add(WeirKafkaSent *sent, const WeirOutboxLine *row)
{
	if (sent->first == 0)
		sent->first = row->id;
	sent->last = row->id;
	sent->print = hash_bytes_extended((const unsigned char *) &row->id, sizeof(row->id), sent->print);
	if (row->record)
		sent->print = hash_bytes_extended((const unsigned char *) VARDATA_ANY(row->record),
										  (int) VARSIZE_ANY_EXHDR(row->record), sent->print);
}

void
weir_kafka_sent_word(const WeirKafkaSent *sent, char *word)
{
	snprintf(word, WEIR_KAFKA_WORD_SIZE, "1 %" PRId64 " %016" PRIx64, sent->first, sent->print);
}

void
weir_kafka_sent_ask(WeirKafkaClient *client, const char *group, const char *topic)
{
	rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
	rd_kafka_AdminOptions_t *options =
		rd_kafka_AdminOptions_new(client->rk, RD_KAFKA_ADMIN_OP_LISTCONSUMERGROUPOFFSETS);
	rd_kafka_ListConsumerGroupOffsets_t *question;
	char		why[128];

	rd_kafka_topic_partition_list_add(list, topic, 0);
	question = rd_kafka_ListConsumerGroupOffsets_new(group, list);
	(void) rd_kafka_AdminOptions_set_request_timeout(options, ASK_MS, why, sizeof(why));
	rd_kafka_error_destroy(rd_kafka_AdminOptions_set_require_stable_offsets(options, 1));
	rd_kafka_ListConsumerGroupOffsets(client->rk, &question, 1, options, client->queue);
	rd_kafka_ListConsumerGroupOffsets_destroy(question);
	rd_kafka_AdminOptions_destroy(options);
	rd_kafka_topic_partition_list_destroy(list);
}

/* A word that cannot be read, of somebody else, fits no rows. */
static void
read_word(const rd_kafka_topic_partition_t *partition, WeirKafkaSent *sent)
{
	char		word[WEIR_KAFKA_WORD_SIZE] = "";

	if (partition->metadata_size < sizeof(word))
		memcpy(word, partition->metadata, partition->metadata_size);
	if (sscanf(word, "1 %" SCNd64 " %" SCNx64, &sent->first, &sent->print) != 2)
		sent->first = sent->last;
}

rd_kafka_resp_err_t
weir_kafka_sent_answer(rd_kafka_event_t *event, WeirKafkaSent *sent)
{
	const rd_kafka_group_result_t **groups;
	const rd_kafka_topic_partition_list_t *list;
	const rd_kafka_error_t *error;
	size_t		n;

	memset(sent, 0, sizeof(*sent));
	if (rd_kafka_event_error(event) != RD_KAFKA_RESP_ERR_NO_ERROR)
		return rd_kafka_event_error(event);
	groups = rd_kafka_ListConsumerGroupOffsets_result_groups(
		rd_kafka_event_ListConsumerGroupOffsets_result(event), &n);
	if (n != 1)
		return RD_KAFKA_RESP_ERR__BAD_MSG;
	error = rd_kafka_group_result_error(groups[0]);
	if (error != NULL)
		return rd_kafka_error_code(error);
	list = rd_kafka_group_result_partitions(groups[0]);
	if (list == NULL || list->cnt != 1 || list->elems[0].err != RD_KAFKA_RESP_ERR_NO_ERROR)
		return list != NULL && list->cnt == 1 ? list->elems[0].err : RD_KAFKA_RESP_ERR__BAD_MSG;
	if (list->elems[0].offset <= 0)
		return RD_KAFKA_RESP_ERR_NO_ERROR;
	sent->last = list->elems[0].offset;
	read_word(&list->elems[0], sent);
	return RD_KAFKA_RESP_ERR_NO_ERROR;
}
