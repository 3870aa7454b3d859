/*
 * topic.c
 *		Questions about a topic that somebody waits for.
 */
#include "postgres.h"

#include "miscadmin.h"
#include "pgstat.h"
#include "storage/latch.h"

#include "base/clock.h"
#include "gap.h"
#include "record.h"
#include "topic.h"
#include "unix_time.h"

#define PATIENCE_US		INT64CONST(60000000)

/* What was asked, and the client it was asked by. */
typedef struct Inquiry
{
	const WeirStream *stream;
	const WeirKafka *kafka;
	WeirKafkaClient *client;
	WeirKafkaEnquiry *enquiry;
} Inquiry;

static void
refuse_silence(const Inquiry *q, const char *text)
{
	ereport(ERROR,
			(errcode(ERRCODE_FDW_UNABLE_TO_ESTABLISH_CONNECTION),
			 errmsg("brokers of stream %s do not answer", q->stream->name),
			 errdetail("%s: %s.", q->kafka->brokers, text),
			 errhint("Check that they run, and the options of the stream's server.")));
}

static void
refuse_credentials(const Inquiry *q)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_AUTHORIZATION_SPECIFICATION),
			 errmsg("brokers of stream %s do not let \"%s\" in", q->stream->name, GetUserNameFromId(GetUserId(), false)),
			 errdetail("%s: %s.", q->kafka->brokers, q->client->last_error),
			 errhint("Check the options of the user's mapping for the stream's server, and those of the server that begin with \"sasl.\".")));
}

static void
refuse(const Inquiry *q, rd_kafka_resp_err_t error, const char *text)
{
	bool		unknown = error == RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART ||
		error == RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC;

	if (!unknown)
		refuse_silence(q, q->client->last_error[0] ? q->client->last_error : text);
	ereport(ERROR,
			(errcode(ERRCODE_FDW_TABLE_NOT_FOUND),
			 errmsg("topic \"%s\" of stream %s does not exist", q->kafka->topic, q->stream->name),
			 errdetail("The brokers at %s say: %s.", q->kafka->brokers, text),
			 errhint("Create the topic, or correct the stream's option \"topic\" or its server's option \"brokers\".")));
}

/* Errors that the client tells meanwhile are taken by their callback. */
static void
serve(Inquiry *q)
{
	weir_kafka_client_clear_ready(q->client);
	(void) rd_kafka_poll(q->client->rk, 0);
}

static void
wait_for_answer(Inquiry *q)
{
	int64		deadline = weir_now() + PATIENCE_US;

	while (!weir_kafka_enquiry_is_done(q->enquiry))
	{
		(void) WaitLatchOrSocket(MyLatch, WL_LATCH_SET | WL_SOCKET_READABLE | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH,
								 q->client->ready, weir_ms_until(deadline), PG_WAIT_EXTENSION);
		ResetLatch(MyLatch);
		CHECK_FOR_INTERRUPTS();
		serve(q);
		if (q->client->denied)
			refuse_credentials(q);
		if (weir_now() >= deadline)
			refuse_silence(q, q->client->last_error[0] ? q->client->last_error : "no answer within 60 s");
	}
}

/* In CurrentMemoryContext, which is a transaction's: the client goes with it after an error. */
static int
ask(Inquiry *q, const WeirStream *stream, bool times, const WeirKafkaAnswer **answers)
{
	WeirKafkaQuestion question = {0};
	rd_kafka_resp_err_t error;
	const char *text;

	q->stream = stream;
	q->kafka = weir_kafka_of(stream);
	question.topic = q->kafka->topic;
	question.selection = q->kafka->all_partitions ? NULL : &q->kafka->partitions;
	question.ntasks = 1;
	question.bounds = true;
	question.since = times ? weir_unix_ms(q->kafka->start_time) : -1;
	q->client = weir_kafka_client_create(weir_kafka_conf(stream, RD_KAFKA_PRODUCER, GetUserId()), RD_KAFKA_PRODUCER);
	q->enquiry = weir_kafka_enquiry_begin(q->client, &question);
	wait_for_answer(q);
	error = weir_kafka_enquiry_error(q->enquiry, &text);
	if (error != RD_KAFKA_RESP_ERR_NO_ERROR)
		refuse(q, error, text);
	return weir_kafka_enquiry_answers(q->enquiry, answers);
}

static int64
begin_offset(const WeirKafka *kafka, const WeirKafkaAnswer *answer)
{
	switch (kafka->start)
	{
		case WEIR_KAFKA_LATEST:
			return answer->high;
		case WEIR_KAFKA_TIME:
			return answer->at >= 0 ? answer->at : answer->high;
		case WEIR_KAFKA_EARLIEST:
			break;
	}
	return WEIR_KAFKA_FIRST;
}

void
weir_kafka_position_full(const WeirStream *stream)
{
	ereport(ERROR,
			(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
			 errmsg("stream %s has more partitions than a position can hold", stream->name),
			 errdetail("A position has at most %d bytes.", WEIR_POSITION_MAX),
			 errhint("Read the topic by several streams, each of some of the \"partitions\".")));
}

static void
encode(const WeirStream *stream, const WeirKafkaPosition *at, WeirPosition *position)
{
	if (!weir_kafka_position_encode(at, position))
		weir_kafka_position_full(stream);
}

void
weir_kafka_topic_begin(const WeirStream *stream, WeirPosition *position)
{
	const WeirKafka *kafka = weir_kafka_of(stream);
	WeirKafkaPosition *at = palloc(sizeof(WeirKafkaPosition));
	const WeirKafkaAnswer *answers;
	Inquiry		q;
	int			n = ask(&q, stream, kafka->start == WEIR_KAFKA_TIME, &answers);

	weir_kafka_position_init(at);
	at->topic = weir_kafka_topic_print(kafka->topic);
	for (int i = 0; i < n; i++)
	{
		WeirKafkaPart part = {answers[i].partition, begin_offset(kafka, &answers[i]), -1, 0};

		if (!weir_kafka_position_set(at, &part))
			break;
	}
	encode(stream, at, position);
	weir_kafka_client_destroy(q.client);
	pfree(at);
}

WeirKafkaPosition *
weir_kafka_position_read(const WeirPosition *bytes)
{
	WeirKafkaPosition *at = palloc(sizeof(WeirKafkaPosition));

	if (!weir_kafka_position_decode(bytes, at))
		weir_position_refuse(bytes, "weir_kafka");
	return at;
}

/* Of a topic the place stays; of another one there is none. */
void
weir_kafka_topic_renew(int64 job, Oid stream, WeirPosition *position)
{
	const WeirKafka *kafka = weir_kafka_of(weir_stream_get(stream));
	WeirKafkaPosition *at = weir_kafka_position_read(position);

	if (at->topic != weir_kafka_topic_print(kafka->topic))
		position->len = 0;
	pfree(at);
}

/* Moves the position behind what is missing, and says what that is. */
static void
look_for_gap(Oid relid, WeirKafkaPosition *at, WeirKafkaGap *gap)
{
	const WeirStream *stream = weir_stream_get(relid);
	const WeirKafkaAnswer *answers;
	Inquiry		q;
	int			n = ask(&q, stream, false, &answers);

	weir_kafka_gap_init(gap);
	if (at->topic == weir_kafka_topic_print(weir_kafka_of(stream)->topic))
	{
		for (int i = 0; i < n; i++)
		{
			WeirKafkaPart *part = weir_kafka_position_find(at, answers[i].partition);

			if (part != NULL && part->next != WEIR_KAFKA_FIRST)
				weir_kafka_gap_look(gap, part, &answers[i]);
		}
	}
	weir_kafka_client_destroy(q.client);
}

char *
weir_kafka_topic_missing(int64 job, int ordinal, Oid stream, const WeirPosition *position)
{
	WeirKafkaGap gap;

	if (position->len == 0)
		return NULL;
	look_for_gap(stream, weir_kafka_position_read(position), &gap);
	return gap.npartitions > 0 ? weir_kafka_gap_detail(&gap) : NULL;
}

int64
weir_kafka_topic_pass_gap(int64 job, int ordinal, Oid relid, WeirPosition *position,
						  int nknown, const WeirPosition *known, char **detail)
{
	WeirKafkaPosition *at;
	WeirKafkaGap gap;

	if (position->len == 0)
		return 0;
	at = weir_kafka_position_read(position);
	look_for_gap(relid, at, &gap);
	if (gap.npartitions == 0)
		return 0;
	at->ended = false;
	encode(weir_stream_get(relid), at, position);
	*detail = weir_kafka_gap_detail(&gap);
	return Max(gap.missing, 1);
}
