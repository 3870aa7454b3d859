/*
 * decide/feed_position.h
 *		The position of the source weir_feed, and its bytes.
 *
 * Version 1 is, in network byte order: the byte 1; place, rows, line and clock,
 * eight bytes each; the byte ended.
 */
#ifndef WEIR_DECIDE_FEED_POSITION_H
#define WEIR_DECIDE_FEED_POSITION_H

#include <stdbool.h>
#include <stdint.h>

#include "decide/position.h"

typedef struct WeirFeedPosition
{
	int64_t		place;			/* rows at places before it were handed out .. */
	int64_t		rows;			/* .. and so many of those that follow, in order */
	int64_t		line;			/* records before it */
	int64_t		clock;			/* highest arrival stamp handed out, us since 2000 */
	bool		ended;			/* by a drain: the end of the stream has been handed out */
} WeirFeedPosition;

extern void weir_feed_position_encode(const WeirFeedPosition *position, WeirPosition *out);

/* False if these are no such bytes. */
extern bool weir_feed_position_decode(const WeirPosition *position, WeirFeedPosition *out);

/* Is the first behind the other, of the same stream? */
extern bool weir_feed_position_is_behind(const WeirFeedPosition *a, const WeirFeedPosition *b);

#endif
