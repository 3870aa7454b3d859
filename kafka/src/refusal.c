/*
 * refusal.c
 *		What brokers say of messages and transactions.
 *
 * A broker refuses a batch as a whole: of its messages that one is told which its
 * error can be about.  What a message's timestamp was librdkafka does not tell
 * once it has failed.
 */
#include "postgres.h"

#include "utils/timestamp.h"

#include "base/compat.h"
#include "refusal.h"
#include "unix_time.h"

bool
weir_kafka_refusal_is_of_message(rd_kafka_resp_err_t error)
{
	return error == RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE ||
		error == RD_KAFKA_RESP_ERR_RECORD_LIST_TOO_LARGE ||
		error == RD_KAFKA_RESP_ERR_INVALID_TIMESTAMP ||
		error == RD_KAFKA_RESP_ERR_INVALID_RECORD ||
		error == RD_KAFKA_RESP_ERR_POLICY_VIOLATION ||
		error == RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION;
}

/* Other messages of the transaction fail once one has; what it is about says more than that. */
static bool
is_consequence(rd_kafka_resp_err_t error)
{
	return error == RD_KAFKA_RESP_ERR__PURGE_QUEUE || error == RD_KAFKA_RESP_ERR__PURGE_INFLIGHT ||
		error == RD_KAFKA_RESP_ERR_OUT_OF_ORDER_SEQUENCE_NUMBER;
}

static bool
is_likelier(const WeirKafkaRefused *other, const WeirKafkaRefused *refused)
{
	if (is_consequence(refused->error) || refused->error == RD_KAFKA_RESP_ERR_NO_ERROR)
		return true;
	if (other->error != refused->error)
		return false;
	if (refused->error == RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE ||
		refused->error == RD_KAFKA_RESP_ERR_RECORD_LIST_TOO_LARGE)
		return other->size > refused->size;
	return false;
}

void
weir_kafka_refused_add(WeirKafkaRefused *refused, const rd_kafka_message_t *message)
{
	int64		id = (int64) (intptr_t) message->_private;
	WeirKafkaRefused other = {
		.error = message->err,
		.id = id,
		.first = id,
		.last = id,
		.partition = message->partition,
		.size = message->len + message->key_len
	};

	if (other.error == refused->error)
	{
		other.first = refused->first = Min(id, refused->first);
		other.last = refused->last = Max(id, refused->last);
	}
	if (is_likelier(&other, refused))
		*refused = other;
}

static int
code_of(rd_kafka_resp_err_t error)
{
	switch (error)
	{
		case RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE:
		case RD_KAFKA_RESP_ERR_RECORD_LIST_TOO_LARGE:
			return ERRCODE_STRING_DATA_RIGHT_TRUNCATION;
		case RD_KAFKA_RESP_ERR_INVALID_TIMESTAMP:
			return ERRCODE_DATETIME_FIELD_OVERFLOW;
		case RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION:
			return ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE;
		default:
			return ERRCODE_DATA_EXCEPTION;
	}
}

static const char *
hint_for(rd_kafka_resp_err_t error)
{
	switch (error)
	{
		case RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE:
		case RD_KAFKA_RESP_ERR_RECORD_LIST_TOO_LARGE:
			return "Raise max.message.bytes of the topic; or set the server's options \"message.max.bytes\" and \"batch.size\" to no more, so that what is too large is refused before it is committed, and batches fit.";
		case RD_KAFKA_RESP_ERR_INVALID_TIMESTAMP:
			return "Raise message.timestamp.after.max.ms of the topic, or message.timestamp.before.max.ms if its time is long past.";
		case RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION:
			return "Add partitions to the topic.";
		case RD_KAFKA_RESP_ERR_INVALID_RECORD:
			return "A topic that is compacted takes no message without a key.";
		default:
			return "Change what the topic's policy demands.";
	}
}

void
weir_kafka_refused_compare(WeirKafkaRefused *refused, int64 id, const WeirKafkaMessage *message, int64 now)
{
	if (refused->timestamp != 0 && llabs(message->timestamp - now) <= llabs(refused->timestamp - now))
		return;
	refused->id = id;
	refused->timestamp = message->timestamp;
	refused->size = message->key_len + message->value_len;
	refused->partition = message->partition;
}

/* What it is that the error can be about. */
static char *
describe(const WeirKafkaRefused *refused)
{
	if (refused->error == RD_KAFKA_RESP_ERR_INVALID_TIMESTAMP)
		return psprintf("Its timestamp is %s.", timestamptz_to_str(weir_unix_time(refused->timestamp)));
	if (refused->error == RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION)
		return psprintf("Its partition is %d.", refused->partition);
	return psprintf("Its key and its value have %zu bytes.", refused->size);
}

void
weir_kafka_refused_raise(const WeirKafkaRefused *refused, const char *topic)
{
	ereport(ERROR,
			(errcode(code_of(refused->error)),
			 errmsg("message " INT64_FORMAT " of the outbox cannot be sent to topic \"%s\": %s",
					refused->id, topic, rd_kafka_err2str(refused->error)),
			 errdetail("%s", describe(refused)),
			 errhint("%s", hint_for(refused->error))));
}

static bool
is_missing(rd_kafka_resp_err_t error)
{
	return error == RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC || error == RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART;
}

static const char *
right_for(rd_kafka_resp_err_t error)
{
	switch (error)
	{
		case RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED:
			return "Write, Read and Describe on the topic";
		case RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED:
			return "Read on the group \"weir-outbox\", prefixed";
		case RD_KAFKA_RESP_ERR_TRANSACTIONAL_ID_AUTHORIZATION_FAILED:
			return "Write and Describe on the transactional id \"weir-outbox\", prefixed";
		case RD_KAFKA_RESP_ERR_CLUSTER_AUTHORIZATION_FAILED:
			return "IdempotentWrite on the cluster";
		default:
			return NULL;
	}
}

void
weir_kafka_refusal_raise(rd_kafka_resp_err_t error, const char *topic, const char *text)
{
	const char *right = right_for(error);

	if (is_missing(error))
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_TABLE),
				 errmsg("topic \"%s\" does not exist", topic),
				 errdetail("The brokers say: %s.", text),
				 errhint("Create it, or set the foreign table's option \"topic\" to the one that was meant.")));
	if (right != NULL)
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("the brokers do not let the job write to topic \"%s\"", topic),
				 errdetail("They say: %s.", text),
				 errhint("Whom the job owner's user mapping names needs %s.", right)));
	if (error == RD_KAFKA_RESP_ERR__UNSUPPORTED_FEATURE ||
		error == RD_KAFKA_RESP_ERR_UNSUPPORTED_VERSION ||
		error == RD_KAFKA_RESP_ERR_INVALID_TRANSACTION_TIMEOUT)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("the brokers take no transactions for topic \"%s\" as they are asked for", topic),
				 errdetail("They say: %s.", text),
				 errhint("The server's option \"transaction.timeout.ms\" may be no more than the brokers' transaction.max.timeout.ms; brokers older than 0.11 have no transactions.")));
}

bool
weir_kafka_refusal_is_fence(rd_kafka_resp_err_t error)
{
	return error == RD_KAFKA_RESP_ERR__FENCED ||
		error == RD_KAFKA_RESP_ERR_PRODUCER_FENCED ||
		error == RD_KAFKA_RESP_ERR_INVALID_PRODUCER_EPOCH;
}
