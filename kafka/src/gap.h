/*
 * gap.h
 *		What a topic does not hold any more of what follows a position.
 */
#ifndef WEIR_KAFKA_GAP_H
#define WEIR_KAFKA_GAP_H

#include "postgres.h"

#include "enquiry.h"
#include "position.h"

typedef struct WeirKafkaGap
{
	int			npartitions;	/* that lack something */
	int64		missing;		/* records, at most, where that is known */
	bool		beyond;			/* a position is behind the end of its partition */
	int			npartitions_now;	/* of the topic, where one is not there any more; else 0 */
	/* of the first of them */
	int32		partition;
	int64		next;
	int64		low;
	int64		high;
} WeirKafkaGap;

extern void weir_kafka_gap_init(WeirKafkaGap *gap);
/* Adds what a partition lacks, and moves its place behind that. */
extern void weir_kafka_gap_look(WeirKafkaGap *gap, WeirKafkaPart *part, const WeirKafkaAnswer *answer);
/* Adds one that is not there: the topic has fewer. */
extern void weir_kafka_gap_add_gone(WeirKafkaGap *gap, const WeirKafkaPart *part, int npartitions);

/* In words, as a detail. */
extern char *weir_kafka_gap_detail(const WeirKafkaGap *gap);
pg_noreturn extern void weir_kafka_gap_refuse(const WeirKafkaGap *gap, const char *stream, const char *topic);
extern void weir_kafka_gap_tell(const WeirKafkaGap *gap, const char *stream, const char *topic);

#endif
