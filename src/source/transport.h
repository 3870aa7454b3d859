/*
 * source/transport.h
 *		What carries the bytes of an established TCP connection: the connection
 *		itself (plain.c), or TLS on top of it (tls.c).
 *
 * No call waits.
 */
#ifndef WEIR_SOURCE_TRANSPORT_H
#define WEIR_SOURCE_TRANSPORT_H

#include "postgres.h"

#include "source/stream.h"

typedef enum WeirIo
{
	WEIR_IO_DONE,
	WEIR_IO_WAIT,				/* nothing can be done before "events" */
	WEIR_IO_END,				/* the peer has closed in order */
	WEIR_IO_FAILED				/* "problem" says why */
} WeirIo;

typedef struct WeirTransport WeirTransport;

typedef struct WeirTransportRoutine
{
	WeirIo		(*handshake) (WeirTransport *t);
	WeirIo		(*read) (WeirTransport *t, char *buffer, Size size, Size *done);
	WeirIo		(*write) (WeirTransport *t, const char *data, Size len, Size *done);
	/* Says goodbye, if there is a word for it; the descriptor stays open. */
	void		(*close) (WeirTransport *t);
	bool		movable;		/* whoever has the descriptor has the connection */
} WeirTransportRoutine;

struct WeirTransport
{
	const WeirTransportRoutine *routine;
	pgsocket	fd;
	int			events;			/* of the socket, that the last handshake or read waits for */
	char		problem[256];
};

extern WeirTransport *weir_plain_transport(pgsocket fd);

/*
 * TLS as the stream's options have it.  The credentials are read beforehand, by
 * weir_tls_context, which raises an error if they cannot be used; the transport
 * takes them over.
 */
typedef struct ssl_ctx_st WeirTlsContext;

/* Does the server have an OpenSSL? */
extern bool weir_tls_supported(void);
extern WeirTlsContext *weir_tls_context(const WeirStream *stream);
extern void weir_tls_forget(WeirTlsContext *context);
extern WeirTransport *weir_tls_transport(pgsocket fd, const WeirStream *stream,
										 WeirTlsContext *context);

/*
 * The same for the side that is connected to; the context serves many transports,
 * and is to be forgotten.  address: the peer's, which its certificate must name where
 * the options say so.
 */
extern WeirTlsContext *weir_tls_server_context(const WeirStream *stream);
extern WeirTransport *weir_tls_server_transport(pgsocket fd, const WeirStream *stream,
												WeirTlsContext *context, const char *address);

#endif
