/*
 * job/peers.h
 *		The other servers of a group: what they say of each partition.
 *
 * They are asked all at once, without waiting; each by a connection of its own, which is
 * closed when it has answered.
 */
#ifndef WEIR_JOB_PEERS_H
#define WEIR_JOB_PEERS_H

#include "postgres.h"

#include "catalog/group.h"
#include "remote/conntext.h"
#include "remote/connection.h"

typedef struct WeirServer
{
	WeirConntext *info;
	char	   *member;			/* as it last said; NULL: it never has */
	/* the last answer */
	bool		known;			/* it is one */
	char	   *why;			/* else why not */
	List	   *rows;			/* WeirPartition */
	/* while it is asked */
	WeirRemote *remote;			/* NULL: it is not */
	bool		sent;
} WeirServer;

typedef struct WeirServers
{
	MemoryContext context;
	MemoryContext asking;		/* of one round: connections and answers */
	int			n;
	WeirServer   *peers;
	bool		busy;
	char	   *question;
	int64		deadline;
} WeirServers;

/* By how they are connected to; in CurrentMemoryContext. */
extern WeirServers *weir_peers_create(List *conninfos);

/* Forgets what they said, and asks. */
extern void weir_peers_ask(WeirServers *peers, const char *job, const char *group);
/* Goes on; true: all have answered, or will not. */
extern bool weir_peers_advance(WeirServers *peers);
/* What to wait for until then, and how many ms. */
extern pgsocket weir_peers_wait(const WeirServers *peers, int *events, long *timeout);
/* Drops what is under way. */
extern void weir_peers_stop(WeirServers *peers);

/* A peer by the name that it has in the group; -1: none is known by it. */
extern int	weir_peer_by_member(const WeirServers *peers, const char *member);
/* What it says of a partition; NULL: nothing. */
extern const WeirPartition *weir_peer_partition(const WeirServer *peer, int partition);

#endif
