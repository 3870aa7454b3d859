/*
 * decide/walsender.h
 *		What a server that streams its changes says within COPY data, and what it is
 *		told of how far they have come.
 */
#ifndef WEIR_DECIDE_WALSENDER_H
#define WEIR_DECIDE_WALSENDER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef enum WeirWalKind
{
	WEIR_WAL_DATA = 'w',
	WEIR_WAL_KEEPALIVE = 'k'
} WeirWalKind;

typedef struct WeirWalMessage
{
	WeirWalKind kind;
	int64_t		start;			/* data: where the server has it from; 0 where that is nowhere */
	int64_t		end;			/* how far the server has come: with its WAL in data, with
								 * what it sent in a keepalive */
	int64_t		sent_at;		/* by the server's clock, us since 2000 */
	bool		reply;			/* keepalive: it wants to be told at once */
	const uint8_t *data;		/* data: within the bytes, for weir_pgoutput_parse */
	size_t		len;
} WeirWalMessage;

/* False: it is none of these. */
extern bool weir_wal_parse(WeirWalMessage *message, const void *bytes, size_t len);

#define WEIR_WAL_STATUS		34	/* bytes */

/* The standby status update: what lies before "written" has come, before "flushed" is done with. */
extern void weir_wal_status(uint8_t bytes[WEIR_WAL_STATUS], int64_t written, int64_t flushed,
							int64_t now, bool reply);

#endif
