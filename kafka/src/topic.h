/*
 * topic.h
 *		Questions about a topic that somebody waits for, in a transaction.
 */
#ifndef WEIR_KAFKA_TOPIC_H
#define WEIR_KAFKA_TOPIC_H

#include "position.h"
#include "source/source.h"

/* Palloced; an error if these are no bytes of one. */
extern WeirKafkaPosition *weir_kafka_position_read(const WeirPosition *bytes);

/* The error of a place that is more than a position has room for. */
pg_noreturn extern void weir_kafka_position_full(const WeirStream *stream);

/* WeirSourceOps.begin, .renew, .missing, .pass_gap. */
extern void weir_kafka_topic_begin(const WeirStream *stream, WeirPosition *position);
extern void weir_kafka_topic_renew(int64 job, Oid stream, WeirPosition *position);
extern char *weir_kafka_topic_missing(int64 job, int ordinal, Oid stream, const WeirPosition *position);
extern int64 weir_kafka_topic_pass_gap(int64 job, int ordinal, Oid stream, WeirPosition *position,
									   int nknown, const WeirPosition *known, char **detail);

#endif
