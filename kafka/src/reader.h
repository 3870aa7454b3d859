/*
 * reader.h
 *		Reads a task's part of a topic.
 */
#ifndef WEIR_KAFKA_READER_H
#define WEIR_KAFKA_READER_H

#include "postgres.h"

#include "client.h"
#include "enquiry.h"
#include "option.h"
#include "position.h"
#include "source/decode.h"
#include "source/source.h"

#define WEIR_KAFKA_MESSAGES	4096	/* taken from the client at a time */

typedef struct WeirKafkaPartition
{
	WeirKafkaPart at;			/* behind what was handed out */
	int64		verify;			/* offset of the record that is read again and compared; -1: none */
	int64		end;			/* where it ended when that was asked last; 0: it never was */
	bool		reads;			/* it is assigned */
	bool		differs;		/* it is another topic's; it begins anew */
	bool		moved;			/* .. and the client's place is of before, until a message comes */
	int64		low;			/* the first record that was kept when that was asked last */
	const rd_kafka_message_t *last; /* of the batch */
} WeirKafkaPartition;

typedef struct WeirKafkaReader
{
	WeirSource	source;			/* first */
	MemoryContext context;
	const WeirStream *stream;
	const WeirKafka *kafka;
	WeirSourceOptions options;
	WeirSourceStats *stats;
	WeirKafkaClient *client;
	WeirDecoder *decoder;
	bool		prepared;
	int64		failed_line;
	bool		hopeless;
	int64		errors;			/* of the client, that were told */

	/* the position */
	bool		fresh;			/* the start position has no bytes */
	WeirKafkaPosition start;
	int64		clock;
	int64		records;		/* its share of those handed out over all attempts */
	bool		ended;
	bool		began_ended;
	bool		draining;

	/* its partitions (assignment.c) */
	bool		placed;			/* it is known where they begin */
	int64		look_due;		/* when the topic is to be looked at */
	WeirKafkaEnquiry *enquiry;	/* under way; NULL: none is */
	bool		unsure;			/* placed, but the topic may have been made anew since: nothing is handed out */
	bool		bounds;			/* .. and the enquiry, which began later, tells bounds */
	int			nassigned;
	int32	   *assigned;		/* their numbers */
	bool	   *waits;			/* all that the brokers have of each was handed out */
	int			nslots;
	WeirKafkaPartition **partitions;	/* by number; NULL: not its own */

	/* taken from the client; those before "next" are the batch's, and used up before "gone" */
	rd_kafka_message_t *messages[WEIR_KAFKA_MESSAGES];
	int			nmessages;
	int			next;
	int			gone;
	int			ntouched;
	WeirKafkaPartition **touched;	/* partitions that the batch has a message of */

	/* where they end (ends.c) */
	int64		marks;			/* that were given */
	int64		ends_asked;		/* of these, the last when the enquiry began .. */
	WeirKafkaEnquiry *ends;		/* .. that is under way; NULL: none is */
	int64		ends_known;		/* the last for which it is known */

	/* commits of offsets (commit.c) */
	char	   *group;
	rd_kafka_queue_t *answers;	/* of commits; NULL: there was none */
	bool		commits;		/* one is under way */
	bool		told;			/* at most once: the end of the messages is committed, or is being */
	bool		held;			/* at most once: they wait for that */
	int64		commit_due;		/* when it is tried again; 0: it is not to be */
	WeirKafkaPosition committed;
} WeirKafkaReader;

extern WeirKafkaReader *weir_kafka_reader_open(const WeirStream *stream, const WeirSourceOptions *options,
											   const WeirPosition *start, WeirSourceStats *stats);
extern void weir_kafka_reader_close(WeirKafkaReader *r);
extern WeirReadResult weir_kafka_reader_next(WeirKafkaReader *r, WeirScanInput *scan);
extern long weir_kafka_reader_timeout(const WeirKafkaReader *r);
/* Places of partitions move on over offsets of no record, as far as the client knows. */
extern void weir_kafka_pass_gaps(WeirKafkaReader *r);
/* Of its own part. */
extern void weir_kafka_reader_position(WeirKafkaReader *r, bool final, WeirPosition *position);

/* The topic may be another by now: it is looked at before anything more is handed out. */
extern void weir_kafka_doubt(WeirKafkaReader *r);
/* Looks at the topic, if that is due: which partitions there are, where they begin. */
extern void weir_kafka_look(WeirKafkaReader *r);
/* Partitions that turned out to be another topic's begin anew, once what was taken of them is used up. */
extern void weir_kafka_reassign(WeirKafkaReader *r);
/* Which partitions are read, and which of them wait for the brokers. */
extern void weir_kafka_tell_partitions(WeirKafkaReader *r, WeirScanInput *scan);
/* The client's partitions with where reading goes on. */
extern rd_kafka_topic_partition_list_t *weir_kafka_partitions(const WeirKafkaReader *r);

/* About the partitions that this task reads here: which there are. */
extern WeirKafkaQuestion weir_kafka_question(const WeirKafkaReader *r);
/* Is it one of those that this task reads? */
extern bool weir_kafka_is_mine(const WeirKafkaReader *r, int32 partition);

/* Raises an error, unless the stream has dead letters. */
extern void weir_kafka_too_long(const WeirKafkaReader *r, WeirFramedRecord *record);
/* Raises an error, or notes it, that came instead of a message. */
extern void weir_kafka_message_error(WeirKafkaReader *r, const rd_kafka_message_t *message);
pg_noreturn extern void weir_kafka_refuse_topic(const WeirKafkaReader *r, rd_kafka_resp_err_t error, const char *text);
/* The record that the position knows is another one. */
extern void weir_kafka_topic_differs(WeirKafkaReader *r, WeirKafkaPartition *p);

#endif
