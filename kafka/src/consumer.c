/*
 * consumer.c
 *		The source weir_kafka: the messages of a topic's partitions.
 */
#include "postgres.h"

#include "consumer.h"
#include "option.h"
#include "producer.h"
#include "source/metadata.h"

static WeirSource *
open_topic(const WeirStream *stream, const WeirSourceOptions *options, const WeirPosition *start,
		   WeirSourceStats *stats)
{
	ereport(ERROR,
			(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
			 errmsg("topics cannot be read yet")));
}

static bool
position_ended(const WeirPosition *position)
{
	return false;
}

static int64
position_clock(const WeirPosition *position)
{
	return PG_INT64_MIN;
}

static char *
missing(int64 job, int ordinal, Oid stream, const WeirPosition *position)
{
	return NULL;
}

static int64
pass_gap(int64 job, int ordinal, Oid stream, WeirPosition *position, int nknown,
		 const WeirPosition *known, char **detail)
{
	return 0;
}

static void
forget(int64 job)
{
}

static const WeirMetadata *const metadata[] = {
	&weir_metadata_line_number,
	&weir_metadata_arrival,
	&weir_metadata_stream,
	NULL
};

const WeirSourceOps weir_kafka_source = {
	.name = "kafka",
	.handler = "weir_kafka_handler",
	.unit = "messages",
	.options = weir_kafka_server_options,
	.complete = weir_kafka_complete,
	.authorize = weir_kafka_authorize,
	.table_options = weir_kafka_table_options,
	.other_option = weir_kafka_other_option,
	.own_size = sizeof(WeirKafka),
	.metadata = metadata,
	.peer = &weir_kafka_peer,
	.open = open_topic,
	.position_ended = position_ended,
	.position_clock = position_clock,
	.missing = missing,
	.pass_gap = pass_gap,
	.forget = forget,
};
