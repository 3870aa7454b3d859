/*
 * source/socket.h
 *		The connection to a stream's peer: connects, reads without waiting,
 *		connects again.
 */
#ifndef WEIR_SOURCE_SOCKET_H
#define WEIR_SOURCE_SOCKET_H

#include "postgres.h"

#include <netdb.h>

#include "base/compat.h"
#include "source/reader.h"

typedef enum WeirSocketResult
{
	WEIR_SOCKET_DATA,			/* bytes were read */
	WEIR_SOCKET_CONNECTED,		/* a connection was made: read again */
	WEIR_SOCKET_NOTHING,		/* none now: wait as weir_socket_wait says */
	WEIR_SOCKET_ENDED,			/* the peer closed, and no retry is left */
	WEIR_SOCKET_FAILED			/* refused or reset, and no retry is left */
} WeirSocketResult;

typedef struct WeirSocket WeirSocket;

/* An established connection, to go on in another process. */
typedef struct WeirConnection
{
	pgsocket	fd;
	Oid			relid;			/* the stream */
	bool		resume;			/* its protocol */
	uint32		greeting;		/* what it was greeted with, hashed */
	int			port;
	char		host[NI_MAXHOST];
	char		peer[64];		/* as weir.sources shows it */
	int64		connected_at;
} WeirConnection;

extern WeirSocket *weir_socket_create(const WeirStream *stream, WeirSourceStats *stats);
extern WeirSocketResult weir_socket_read(WeirSocket *sock, char *buffer, Size size, Size *got);
/* What was read was data: the retries count anew. */
extern void weir_socket_delivered(WeirSocket *sock);
/* Sends what there is room for; returns how much.  Whether the connection still stands, a read will tell. */
extern Size weir_socket_write(WeirSocket *sock, const char *data, Size len);
/*
 * It is for what is written: a peer that ends what it says, without TLS, goes on
 * being written to.  It may as well be gone, which an acknowledgement tells from
 * a reset: until weir_socket_is_drained nothing is known to have come there.
 */
extern void weir_socket_only_write(WeirSocket *sock);
/* Has it ended what it says? */
extern bool weir_socket_is_mute(const WeirSocket *sock);
/* Closes the connection and makes another at once; it counts as no retry. */
extern void weir_socket_reconnect(WeirSocket *sock);
extern bool weir_socket_is_open(const WeirSocket *sock);
/* Has the peer's kernel all that was written?  As far as ours can tell. */
extern bool weir_socket_is_drained(const WeirSocket *sock);
extern pgsocket weir_socket_wait(WeirSocket *sock, int *events, long *timeout);
pg_noreturn extern void weir_socket_raise(WeirSocket *sock);
extern void weir_socket_close(WeirSocket *sock);

/* False if it is not open, or cannot be described. */
extern bool weir_socket_describe(const WeirSocket *sock, WeirConnection *connection);
/* Goes on with a connection instead of making one; false if it leads elsewhere. */
extern bool weir_socket_adopt(WeirSocket *sock, const WeirConnection *connection);

#endif
