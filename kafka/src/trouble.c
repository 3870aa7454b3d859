/*
 * trouble.c
 *		What is said where a topic cannot be read, or is not the one it was.
 */
#include "postgres.h"

#include "base/text.h"
#include "reader.h"
#include "source/record_fault.h"

static int
code_of(rd_kafka_resp_err_t error)
{
	switch (error)
	{
		case RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED:
		case RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED:
		case RD_KAFKA_RESP_ERR_CLUSTER_AUTHORIZATION_FAILED:
			return ERRCODE_INSUFFICIENT_PRIVILEGE;
		case RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART:
		case RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC:
		case RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION:
			return ERRCODE_FDW_TABLE_NOT_FOUND;
		default:
			return ERRCODE_FDW_ERROR;
	}
}

void
weir_kafka_refuse_topic(const WeirKafkaReader *r, rd_kafka_resp_err_t error, const char *text)
{
	int			code = code_of(error);

	ereport(ERROR,
			(errcode(code),
			 code == ERRCODE_FDW_TABLE_NOT_FOUND ?
			 errmsg("topic \"%s\" of stream %s does not exist", r->kafka->topic, r->stream->name) :
			 errmsg("topic \"%s\" of stream %s cannot be read", r->kafka->topic, r->stream->name),
			 errdetail("The brokers at %s say: %s.", r->kafka->brokers, text),
			 code == ERRCODE_INSUFFICIENT_PRIVILEGE ?
			 errhint("Have the brokers' administrator grant it, or give the jobs' owner a user mapping of somebody who may.") :
			 errhint("Create the topic, or correct the stream's option \"topic\" or its server's option \"brokers\".")));
}

static void
refuse_gone(const WeirKafkaReader *r, const rd_kafka_message_t *message)
{
	ereport(ERROR,
			(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
			 errmsg("topic \"%s\" no longer holds what follows in stream %s", r->kafka->topic, r->stream->name),
			 errdetail("Of partition %d: %s.", message->partition, rd_kafka_message_errstr(message)),
			 errhint("The job was behind what the topic's retention keeps, or the topic was made anew. The next attempt says how much is missing; weir.start_job(allow_gap => true) goes on without it.")));
}

static void
refuse_damaged(const WeirKafkaReader *r, const rd_kafka_message_t *message)
{
	ereport(ERROR,
			(errcode(ERRCODE_DATA_CORRUPTED),
			 errmsg("topic \"%s\" of stream %s has damaged data", r->kafka->topic, r->stream->name),
			 errdetail("Partition %d, offset " INT64_FORMAT ": %s.", message->partition, message->offset,
					   rd_kafka_message_errstr(message)),
			 errhint("Look at the brokers' logs. If librdkafka %s lacks the compression, use another in the producer.",
					 rd_kafka_version_str())));
}

void
weir_kafka_message_error(WeirKafkaReader *r, const rd_kafka_message_t *message)
{
	switch (message->err)
	{
		case RD_KAFKA_RESP_ERR__AUTO_OFFSET_RESET:
		case RD_KAFKA_RESP_ERR_OFFSET_OUT_OF_RANGE:
			refuse_gone(r, message);
			break;
		case RD_KAFKA_RESP_ERR__BAD_MSG:
		case RD_KAFKA_RESP_ERR__BAD_COMPRESSION:
		case RD_KAFKA_RESP_ERR__NOT_IMPLEMENTED:
		case RD_KAFKA_RESP_ERR_INVALID_MSG:
		case RD_KAFKA_RESP_ERR_INVALID_MSG_SIZE:
			refuse_damaged(r, message);
			break;
		case RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED:
			weir_kafka_refuse_topic(r, message->err, rd_kafka_message_errstr(message));
			break;
		case RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART:
		case RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC:
		case RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION:
			weir_kafka_doubt(r);	/* is it gone, or do brokers not know it yet? */
			break;
		default:
			weir_text_copy(r->stats->last_error, rd_kafka_message_errstr(message), sizeof(r->stats->last_error));
			break;
	}
}

void
weir_kafka_topic_differs(WeirKafkaReader *r, WeirKafkaPartition *p)
{
	if (r->options.allow_gap)
	{
		p->differs = true;
		return;
	}
	r->hopeless = true;
	ereport(ERROR,
			(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
			 errmsg("topic \"%s\" is not the one that stream %s was read of", r->kafka->topic, r->stream->name),
			 errdetail("In partition %d, another record is at offset " INT64_FORMAT ", which was read before: the topic was deleted and made anew.",
					   p->at.partition, p->at.known),
			 errhint("Start the job with weir.start_job(allow_gap => true) to go on with the first record that is kept; with fresh => true beside it, state begins anew, too.")));
}

/* Of a dead letter the beginning is kept. */
void
weir_kafka_too_long(const WeirKafkaReader *r, WeirFramedRecord *record)
{
	if (!r->stream->dead_letter)
		weir_record_fault_raise(r->stream, record);
	record->len = r->stream->max_record;
}
