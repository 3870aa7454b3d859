/*
 * source/membership.h
 *		Servers that share the partitions of a stream: what a source must know
 *		for that.
 *
 * Somebody outside of PostgreSQL, for Kafka its brokers, says which server is to have
 * which partition, and may say otherwise at any time.  A job's coordinator is this
 * server's member; what it is told is a wish, and decide/ownership.h says what comes
 * of it.
 */
#ifndef WEIR_SOURCE_MEMBERSHIP_H
#define WEIR_SOURCE_MEMBERSHIP_H

#include "postgres.h"

#include "nodes/pg_list.h"
#include "storage/latch.h"

#include "decide/position.h"
#include "source/stream.h"

typedef struct WeirMembership WeirMembership;

/* What the stream's server says of its group. */
typedef struct WeirGroupOptions
{
	const char *group;			/* its name; NULL: the server is in none */
	const char *member;			/* this server's name in it; NULL: Weir makes one */
	List	   *peers;			/* how to connect to the others: char *, as libpq has it */
} WeirGroupOptions;

typedef struct WeirMembershipOps
{
	void		(*options) (const WeirStream *stream, WeirGroupOptions *options);

	/*
	 * Joins, without waiting, for as long as the process lives.  In a transaction, as the job's
	 * owner; in CurrentMemoryContext.
	 */
	WeirMembership *(*join) (const WeirStream *stream, const char *job, const char *member);
	/* Readable when there is news. */
	pgsocket	(*wait) (WeirMembership *membership);
	/* Hears the news, and must be called every few seconds; an error if this server is out of the group for good. */
	void		(*hear) (WeirMembership *membership);
	/* Is it known which partitions this server is to have?  Else it is about to be. */
	bool		(*is_known) (const WeirMembership *membership);
	/* Which ones, ascending; those it is to give up are not among them. */
	int			(*assigned) (const WeirMembership *membership, const int32 **partitions);
	/* Nothing but what is assigned is read any more. */
	void		(*release) (WeirMembership *membership);
	/* Why it is not known, as far as can be told; NULL: it takes a moment. */
	const char *(*trouble) (const WeirMembership *membership);

	/* Of a position what it says of one partition; and all but that. */
	void		(*only) (WeirPosition *position, int32 partition);
	void		(*without) (WeirPosition *position, int32 partition);
} WeirMembershipOps;

#endif
