/*
 * source/pollset.h
 *		Many sockets that are waited for as one.
 */
#ifndef WEIR_SOURCE_POLLSET_H
#define WEIR_SOURCE_POLLSET_H

#include "postgres.h"

#include "storage/latch.h"

typedef struct WeirPollset WeirPollset;

/* Does the system have such sets? */
extern bool weir_pollset_supported(void);
/* An error if it cannot be made.  In CurrentMemoryContext. */
extern WeirPollset *weir_pollset_create(void);
extern void weir_pollset_destroy(WeirPollset *set);

/* Readable while one of its sockets is ready. */
extern pgsocket weir_pollset_fd(const WeirPollset *set);

/* Waits for these events of a socket (WL_SOCKET_READABLE, WL_SOCKET_WRITEABLE) as well; false: errno says why not. */
extern bool weir_pollset_add(WeirPollset *set, pgsocket fd, int events, int tag);
/* The same for one that is in it. */
extern void weir_pollset_modify(WeirPollset *set, pgsocket fd, int events, int tag);
extern void weir_pollset_remove(WeirPollset *set, pgsocket fd);

/* Tags of sockets that are ready, without waiting; how many. */
extern int	weir_pollset_look(WeirPollset *set, int *tags, int max);

#endif
