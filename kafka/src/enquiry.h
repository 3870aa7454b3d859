/*
 * enquiry.h
 *		What the brokers know of a topic, asked without waiting for the answer.
 *
 * librdkafka asks such things by calls that wait.  They are made in a thread of their
 * own, which makes the client ready when it is done.
 */
#ifndef WEIR_KAFKA_ENQUIRY_H
#define WEIR_KAFKA_ENQUIRY_H

#include "postgres.h"

#include "client.h"
#include "option.h"

/* Which partitions are asked about, and what. */
typedef struct WeirKafkaQuestion
{
	const char *topic;
	const WeirSelection *selection; /* NULL: all */
	int			subtask;		/* of them those that are this one's .. */
	int			ntasks;			/* .. of so many tasks */
	const uint8 *shared;		/* and have their bit here, which outlives it; NULL: all do */
	bool		bounds;			/* low and high */
	int64		since;			/* ms since 1970: the first offset of a record no older; -1: not asked */
	bool		committed;		/* what was committed of them */
} WeirKafkaQuestion;

#define WEIR_KAFKA_TOKEN	64

typedef struct WeirKafkaAnswer
{
	int32		partition;
	int64		low;			/* the first record that is kept */
	int64		high;			/* behind the last one that may be read */
	int64		at;				/* since: -1: there is none */
	int64		committed;		/* -1: nothing was */
	char		token[WEIR_KAFKA_TOKEN];	/* what its committer said of it */
} WeirKafkaAnswer;

typedef struct WeirKafkaEnquiry WeirKafkaEnquiry;

/* The client must outlive it. */
extern WeirKafkaEnquiry *weir_kafka_enquiry_begin(WeirKafkaClient *client, const WeirKafkaQuestion *question);
extern bool weir_kafka_enquiry_is_done(const WeirKafkaEnquiry *enquiry);

/* Once it is done: the error that ended it, and what it says. */
extern rd_kafka_resp_err_t weir_kafka_enquiry_error(const WeirKafkaEnquiry *enquiry, const char **text);
/* Of the topic, among them those that were not asked about. */
extern int	weir_kafka_enquiry_partitions(const WeirKafkaEnquiry *enquiry);
/* Of those that were, by number. */
extern int	weir_kafka_enquiry_answers(const WeirKafkaEnquiry *enquiry, const WeirKafkaAnswer **answers);

/* Also of one that is not done: waits for its thread, which takes a second at most. */
extern void weir_kafka_enquiry_end(WeirKafkaEnquiry *enquiry);
/* All that are of a client, which is to go. */
extern void weir_kafka_enquiries_end(rd_kafka_t *rk);

#endif
