/*
 * option.h
 *		What servers, user mappings and tables of the wrapper weir_kafka say.
 */
#ifndef WEIR_KAFKA_OPTION_H
#define WEIR_KAFKA_OPTION_H

#include "postgres.h"

#include "datatype/timestamp.h"
#include "nodes/parsenodes.h"

#include "selection.h"
#include "source/stream_option.h"

typedef enum WeirKafkaStart
{
	WEIR_KAFKA_EARLIEST,
	WEIR_KAFKA_LATEST,
	WEIR_KAFKA_TIME
} WeirKafkaStart;

/* WeirStream.own of a stream, and of a sink. */
typedef struct WeirKafka
{
	/* server */
	char	   *brokers;
	List	   *properties;		/* of librdkafka, DefElems */
	char	   *group;			/* of servers that share its topics; NULL: none */
	char	   *member;			/* this server's name there; NULL: Weir makes one */
	bool		has_peers;		/* the option is given */
	List	   *peers;			/* char *: how the other servers are connected to */
	/* table */
	char	   *topic;
	bool		all_partitions;
	WeirSelection partitions;	/* unless all */
	WeirKafkaStart start;
	TimestampTz start_time;		/* of WEIR_KAFKA_TIME */
	int			source_parallelism;
	int64		discovery_interval; /* us */
	bool		commit_offsets;
	char	   *group_id;		/* NULL: made of the job's name */
} WeirKafka;

static inline const WeirKafka *
weir_kafka_of(const WeirStream *stream)
{
	return stream->own;
}

/* What the server says of a property of librdkafka; NULL: nothing. */
extern const char *weir_kafka_property(const WeirStream *stream, const char *name);

extern const WeirStreamOption weir_kafka_server_options[];
extern const WeirStreamOption weir_kafka_table_options[];

/* WeirSourceOps.other_option: properties of librdkafka. */
extern bool weir_kafka_other_option(WeirStream *stream, DefElem *def, Oid catalog);
/* WeirSourceOps.complete. */
extern void weir_kafka_complete(WeirStream *stream);
/* WeirSourceOps.authorize. */
extern void weir_kafka_authorize(const WeirStream *stream);
/* For the validator: may the current user have a user mapping with these? */
extern void weir_kafka_authorize_mapping(List *options);

#endif
