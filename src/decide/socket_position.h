/*
 * decide/socket_position.h
 *		The position of the source weir_socket, and its bytes.
 *
 * Version 1 is, in network byte order: the byte 1; offset, line, clock, passing
 * and origin's start, eight bytes each; the byte ended; origin's identity to the
 * end.  Version 2 is the same, then a zero byte and the peer to the end; it is
 * written where a peer is known.  Version 0.1.0 of the extension kept the fields as a JSON object: its
 * text, which begins with a brace, is read as well.
 */
#ifndef WEIR_DECIDE_SOCKET_POSITION_H
#define WEIR_DECIDE_SOCKET_POSITION_H

#include <stdbool.h>
#include <stdint.h>

#include "decide/position.h"
#include "decide/resume.h"

#define WEIR_PEER_SIZE	64		/* with its end */

typedef struct WeirSocketPosition
{
	int64_t		offset;			/* bytes of the stream before it */
	int64_t		line;			/* records before it */
	int64_t		clock;			/* highest arrival stamp handed out, us since 2000 */
	bool		ended;			/* the end of the stream has been handed out */
	int64_t		passing;		/* it lies within what is put aside: how to go on; else 0 */
	WeirOrigin	origin;			/* of the bytes that follow */
	char		peer[WEIR_PEER_SIZE];	/* that they come from, until the journal names another; "": unknown */
} WeirSocketPosition;

extern void weir_socket_position_encode(const WeirSocketPosition *position, WeirPosition *out);

/* False if these are no such bytes. */
extern bool weir_socket_position_decode(const WeirPosition *position, WeirSocketPosition *out);

#endif
