/*
 * consumer.c
 *		The source weir_kafka: a reader, and what its positions say.
 */
#include "postgres.h"

#include "base/clock.h"
#include "commit.h"
#include "consumer.h"
#include "ends.h"
#include "membership.h"
#include "producer.h"
#include "reader.h"
#include "record.h"
#include "topic.h"

static int
parallelism(const WeirStream *stream)
{
	return weir_kafka_of(stream)->source_parallelism;
}

static WeirSource *
open_topic(const WeirStream *stream, const WeirSourceOptions *options, const WeirPosition *start,
		   WeirSourceStats *stats)
{
	return (WeirSource *) weir_kafka_reader_open(stream, options, start, stats);
}

static void
close_topic(WeirSource *source)
{
	weir_kafka_reader_close((WeirKafkaReader *) source);
}

static WeirReadResult
poll_topic(WeirSource *source, WeirScanInput *scan)
{
	return weir_kafka_reader_next((WeirKafkaReader *) source, scan);
}

static bool
began_ended(const WeirSource *source)
{
	return ((const WeirKafkaReader *) source)->began_ended;
}

static bool
hopeless(const WeirSource *source)
{
	return ((const WeirKafkaReader *) source)->hopeless;
}

static int64
failed_line(const WeirSource *source)
{
	return ((const WeirKafkaReader *) source)->failed_line;
}

static pgsocket
wait_for_messages(WeirSource *source, int *events, long *timeout)
{
	WeirKafkaReader *r = (WeirKafkaReader *) source;

	*events = WL_SOCKET_READABLE;
	*timeout = weir_kafka_reader_timeout(r);
	return r->client->ready;
}

/* The brokers keep what was read. */
static long
due(WeirSource *source)
{
	return -1;
}

static void
flush(WeirSource *source, bool force)
{
}

static void
position(WeirSource *source, bool final, WeirPosition *position)
{
	weir_kafka_reader_position((WeirKafkaReader *) source, final, position);
}

static void
merge(WeirPosition *position, const WeirPosition *other)
{
	WeirKafkaPosition *sum;
	WeirKafkaPosition *task;

	if (position->len == 0 || other->len == 0)
	{
		const WeirPosition *from = position->len == 0 ? other : position;

		memcpy(position->bytes, from->bytes, from->len);
		position->len = from->len;
		return;
	}
	sum = weir_kafka_position_read(position);
	task = weir_kafka_position_read(other);
	if (!weir_kafka_position_merge(sum, task) || !weir_kafka_position_encode(sum, position))
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("a topic has more partitions than a position can hold"),
				 errdetail("A position has at most %d bytes.", WEIR_POSITION_MAX),
				 errhint("Read the topic by several streams, each of some of the \"partitions\".")));
	pfree(sum);
	pfree(task);
}

static void
trim(WeirSource *source, const WeirPosition *position)
{
	WeirKafkaPosition *completed = weir_kafka_position_read(position);

	weir_kafka_commit_completed((WeirKafkaReader *) source, completed);
	pfree(completed);
}

static void
drain(WeirSource *source)
{
	((WeirKafkaReader *) source)->draining = true;
}

/* What waits at the brokers has not arrived. */
static int64
tick(WeirSource *source)
{
	WeirKafkaReader *r = (WeirKafkaReader *) source;

	if (!r->placed || r->next < r->nmessages)
		return PG_INT64_MIN;
	r->clock = Max(r->clock, weir_arrival_time());
	return r->clock;
}

static int64
committed(WeirSource *source)
{
	return weir_kafka_ends_mark((WeirKafkaReader *) source);
}

static bool
has_reached(WeirSource *source, int64 mark)
{
	return weir_kafka_ends_reached((WeirKafkaReader *) source, mark);
}

static bool
position_ended(const WeirPosition *position)
{
	WeirKafkaPosition *at = weir_kafka_position_read(position);
	bool		ended = at->ended;

	pfree(at);
	return ended;
}

static int64
position_clock(const WeirPosition *position)
{
	WeirKafkaPosition *at = weir_kafka_position_read(position);
	int64		clock = at->clock;

	pfree(at);
	return clock;
}

static void
forget(int64 job)
{
}

const WeirSourceOps weir_kafka_source = {
	.name = "kafka",
	.handler = "weir_kafka_handler",
	.unit = "records",
	.options = weir_kafka_server_options,
	.complete = weir_kafka_complete,
	.authorize = weir_kafka_authorize,
	.table_options = weir_kafka_table_options,
	.other_option = weir_kafka_other_option,
	.own_size = sizeof(WeirKafka),
	.parallelism = parallelism,
	.membership = &weir_kafka_membership,
	.metadata = weir_kafka_metadata,
	.peer = &weir_kafka_peer,
	.begin = weir_kafka_topic_begin,
	.renew = weir_kafka_topic_renew,
	.open = open_topic,
	.close = close_topic,
	.poll = poll_topic,
	.began_ended = began_ended,
	.hopeless = hopeless,
	.failed_line = failed_line,
	.wait = wait_for_messages,
	.due = due,
	.flush = flush,
	.position = position,
	.merge = merge,
	.trim = trim,
	.drain = drain,
	.tick = tick,
	.committed = committed,
	.has_reached = has_reached,
	.place = weir_kafka_place,
	.position_ended = position_ended,
	.position_clock = position_clock,
	.missing = weir_kafka_topic_missing,
	.pass_gap = weir_kafka_topic_pass_gap,
	.forget = forget,
};
