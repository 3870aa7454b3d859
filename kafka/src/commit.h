/*
 * commit.h
 *		Offsets that are committed to the brokers.
 */
#ifndef WEIR_KAFKA_COMMIT_H
#define WEIR_KAFKA_COMMIT_H

#include "reader.h"

/* For whoever monitors the brokers; a failure is told, and changes nothing. */
extern void weir_kafka_commit_completed(WeirKafkaReader *r, const WeirKafkaPosition *position);

/*
 * At most once: the messages that were taken from the client are handed out once it is
 * committed that they were.  True: they may be.
 */
extern bool weir_kafka_commit_taken(WeirKafkaReader *r);

/* What the brokers have said to commits, or say within so many ms to one that is under way. */
extern void weir_kafka_commit_hear(WeirKafkaReader *r, int timeout);

#endif
