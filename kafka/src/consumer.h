/*
 * consumer.h
 *		The source weir_kafka.
 */
#ifndef WEIR_KAFKA_CONSUMER_H
#define WEIR_KAFKA_CONSUMER_H

#include "source/source.h"

extern const WeirSourceOps weir_kafka_source;

#endif
