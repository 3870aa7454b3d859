/*
 * membership.h
 *		Servers that share a topic's partitions, as members of a consumer group.
 */
#ifndef WEIR_KAFKA_MEMBERSHIP_H
#define WEIR_KAFKA_MEMBERSHIP_H

#include "source/membership.h"

extern const WeirMembershipOps weir_kafka_membership;

#endif
