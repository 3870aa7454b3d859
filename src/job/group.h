/*
 * job/group.h
 *		A job whose stream several servers share: which partitions its attempts
 *		read, and how partitions come to this server and leave it.
 *
 * The coordinator is this server's member of the group for as long as it lives.  Before
 * each attempt it takes what it is to have from whoever has it, by decide/ownership.h; an
 * attempt reads those partitions and no others.  When that changes, or more can
 * be had, a checkpoint is taken, the attempt ends, and another begins; only then are
 * partitions released.
 */
#ifndef WEIR_JOB_GROUP_H
#define WEIR_JOB_GROUP_H

#include "job/coordinator.h"
#include "job/peers.h"
#include "source/membership.h"

typedef struct WeirServerGroup
{
	MemoryContext context;
	Oid			stream;
	int			source;			/* its source's number */
	const WeirSourceOps *ops;
	WeirMembership *membership;
	char	   *name;
	char	   *member;			/* this server's name */
	MemoryContext peers_context;
	List	   *peers_by;		/* char *: how they are connected to */
	WeirServers *peers;
	MemoryContext rows_context;
	List	   *rows;			/* WeirPartition: what was written down here before they were asked */
	bool		verified;		/* peers were asked since the coordinator started */

	/* the attempt */
	int			nassigned;		/* what was assigned when it began .. */
	int32	   *assigned;
	int			nread;			/* .. and what of that it reads, with the epochs as its owner */
	int32	   *read;
	int64	   *epochs;
	List	   *owned;			/* those whose state it keeps, read or not */
	int64		first_id;		/* of checkpoints after which it ends; 0: it goes on */
	int64		leave_by;		/* it ends even without one */

	/* partitions that are assigned here, and not to be had yet */
	bool		waits;
	int64		ask_at;
	int64		pause;			/* us, until they are asked for again */
} WeirServerGroup;

/*
 * group_check.c: the source whose stream's server is in a group, NULL: none is.  An error
 * if the job cannot be shared.
 */
extern const WeirNode *weir_group_source(const WeirJob *job, const WeirGraph *graph,
										 WeirGroupOptions *options);

/* group.c: as the job's owner, when it is compiled. */
extern void weir_group_open(WeirCoordinator *co, const WeirGraph *graph);
/* Before an attempt is created: false if it is not to be (outcome is set). */
extern bool weir_group_settle(WeirCoordinator *co);
extern void weir_group_fill(const WeirCoordinator *co, WeirAttempt *attempt);

/* While no attempt is: hears what is new; at most so many ms until it is to be called again. */
extern long weir_group_idle(WeirCoordinator *co, long left);

/* group_run.c: while the attempt runs. */
extern void weir_group_tick(WeirCoordinator *co);
extern int64 weir_group_due(const WeirCoordinator *co);
extern pgsocket weir_group_wait(const WeirCoordinator *co, int *events);
/* A checkpoint of this id has completed or failed. */
extern void weir_group_checkpoint_ended(WeirCoordinator *co, int64 checkpoint);
/*
 * In the transaction that decides about a checkpoint: is what it includes still this
 * server's?  Until the end of the transaction it stays so.  False: another has taken
 * some, and the transaction has ended, as the attempt does.
 */
extern bool weir_group_holds(WeirCoordinator *co);

/* group_act.c: what the rows here and the answers of the peers say is done. */
extern void weir_group_read_rows(WeirCoordinator *co);

typedef struct WeirActed
{
	bool		again;			/* something has changed: ask again */
	bool		waits;			/* something that is assigned cannot be had yet */
} WeirActed;

extern WeirActed weir_group_act(WeirCoordinator *co);
/* The same without doing it: is there something to do, that goes on where an attempt waits? */
extern bool weir_group_could_act(WeirCoordinator *co);
/* Can it depend on what peers say? */
extern bool weir_group_must_ask(WeirCoordinator *co);

/*
 * group_take.c: takes a partition from a peer, with its state, as a completed checkpoint of
 * this job's own.  False: why says what is in the way; or, NULL, it is not the peer's to give.
 */
extern bool weir_group_take_over(WeirCoordinator *co, const WeirServer *peer, int partition, char **why);
/* Can a partition with its state come to where the next attempt begins? */
extern bool weir_group_can_take(WeirCoordinator *co);

/*
 * group_give.c: from owned to given, with what its taker begins with: where the job stands.
 * In the transaction that has locked the row.
 */
extern void weir_group_give(const WeirJob *job, WeirPartition *row, const char *member);

#endif
