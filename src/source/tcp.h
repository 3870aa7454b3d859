/*
 * source/tcp.h
 *		A TCP connection by its descriptor: begun, accepted, established, watched.
 */
#ifndef WEIR_SOURCE_TCP_H
#define WEIR_SOURCE_TCP_H

#include "postgres.h"

#include <netdb.h>

/* Begins to connect; PGINVALID_SOCKET: *error says why.  Without waiting. */
extern pgsocket weir_tcp_begin(const struct addrinfo *address, int *error);
/* False: not decided yet.  Else *error is 0 if the connection is established. */
extern bool weir_tcp_decided(pgsocket fd, int *error);
/* Has the kernel look after a peer that has been silent for so long, us; 0: as it does by default. */
extern void weir_tcp_watch(pgsocket fd, int64 keepalive_idle);
/* What has become of it beside what reads and writes tell; 0: nothing.  Told once. */
extern int	weir_tcp_error(pgsocket fd);
/* Is all acknowledged that was sent?  True where nobody can tell. */
extern bool weir_tcp_is_drained(pgsocket fd);
/* Begins to listen; else as weir_tcp_begin. */
extern pgsocket weir_tcp_listen(const struct addrinfo *address, int *error);
/* A connection that was made from elsewhere, with the peer's address and port; else as weir_tcp_begin. */
extern pgsocket weir_tcp_accept(pgsocket listener, struct sockaddr_storage *peer,
								struct addrinfo *address, int *error);
/* Address and port, an IPv6 address in brackets. */
extern void weir_tcp_name(const struct addrinfo *address, char *name, Size size);
extern void weir_tcp_close(pgsocket fd);

#endif
