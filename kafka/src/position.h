/*
 * position.h
 *		Where a job stands in a topic, and its bytes.
 *
 * Of each partition it says which offset comes next, and what the record before it
 * was like: a topic that was deleted and made anew under its name has another one
 * there.
 *
 * Version 1 is the byte 1; a byte of flags, of which 1 says that the end was handed
 * out; the topic's print, four bytes, clock, eight bytes, both in network byte order;
 * then numbers of as many bytes as they need, seven bits each, the lowest first, the
 * eighth says that there are more: how many records were handed out, and of each
 * partition, ascending, its number less that of the one before and one; the offset
 * that comes next and one, or 0 for the first that is kept; how far before it the
 * known record is, 0: none is known, else the print of that follows, four bytes.
 */
#ifndef WEIR_KAFKA_POSITION_H
#define WEIR_KAFKA_POSITION_H

#include <stdbool.h>
#include <stdint.h>

#include "decide/position.h"

/* A partition takes three bytes at least. */
#define WEIR_KAFKA_PARTS	(WEIR_POSITION_MAX / 3)

#define WEIR_KAFKA_FIRST	(-1)	/* .. the first that is kept, whichever that is */

typedef struct WeirKafkaPart
{
	int32_t		partition;
	int64_t		next;			/* offset of the first record that was not handed out, or .. */
	int64_t		known;			/* offset of the last one that was; -1: none is known */
	uint32_t	print;			/* what that one is like */
} WeirKafkaPart;

typedef struct WeirKafkaPosition
{
	uint32_t	topic;			/* print of its name */
	int64_t		clock;			/* highest arrival stamp handed out, us since 2000 */
	bool		ended;			/* by a drain */
	int64_t		records;		/* handed out */
	int			n;
	WeirKafkaPart parts[WEIR_KAFKA_PARTS];	/* by number */
} WeirKafkaPosition;

/* Where nothing was read of anything. */
extern void weir_kafka_position_init(WeirKafkaPosition *position);

/* The partition's place; NULL: none is known. */
extern WeirKafkaPart *weir_kafka_position_find(WeirKafkaPosition *position, int32_t partition);
/* Sets that of a partition.  False: there is no room. */
extern bool weir_kafka_position_set(WeirKafkaPosition *position, const WeirKafkaPart *part);
/* What the other knows counts.  False: there is no room. */
extern bool weir_kafka_position_merge(WeirKafkaPosition *position, const WeirKafkaPosition *other);

/* False: there is no room. */
extern bool weir_kafka_position_encode(const WeirKafkaPosition *position, WeirPosition *out);
/* False if these are no such bytes.  No bytes: nothing was read of anything. */
extern bool weir_kafka_position_decode(const WeirPosition *position, WeirKafkaPosition *out);

#endif
