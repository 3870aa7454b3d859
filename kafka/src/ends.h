/*
 * ends.h
 *		Has a reader come to where its partitions ended when it was asked?
 */
#ifndef WEIR_KAFKA_ENDS_H
#define WEIR_KAFKA_ENDS_H

#include "reader.h"

/* WeirSourceOps.committed, .has_reached. */
extern int64 weir_kafka_ends_mark(WeirKafkaReader *r);
extern bool weir_kafka_ends_reached(WeirKafkaReader *r, int64 mark);

#endif
