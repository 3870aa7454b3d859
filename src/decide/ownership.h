/*
 * decide/ownership.h
 *		Which server of a group a partition belongs to: what one that is to have
 *		it does next, by what it and the others have written down.
 *
 * Every server keeps a row a partition, and changes it in transactions that lock it:
 *
 *	owned	its completed checkpoints hold the partition's newest state, and only its
 *			checkpoints may go on from there
 *	given	it was, until another took it: the state is kept as it was then
 *	none	it never was
 *
 * Each owner has an epoch, one more than that of the owner it took it from.  A
 * partition is taken by changing the owner's row from owned to given, in a transaction
 * that names who took it; a checkpoint of the old owner that would still include the
 * partition fails at that row.  So there is one owner, and a chain of those before:
 * whoever is given something is the next in it.
 *
 * Who takes writes down first from whom (taking).  A take that was begun is carried to
 * its end by who began it, unless the row there says that another was faster: so one
 * that crashes between the two servers' transactions loses nothing, and who comes
 * after it waits for it.
 *
 * A partition that nobody ever had begins empty.  That takes two looks: a server first
 * writes down that it takes from nobody, then asks all others; of two who do so at
 * the same time at least one sees the other's row, and clears it there.
 *
 * A standby that was promoted may have lost the end of what was written: it then is not
 * certain of what it owns.  It asks all others before it goes on, and gives up what another
 * says that it has taken.
 *
 * What cannot be asked may be the owner: then the answer is to wait for it, unless a
 * server that is certain says that it is the owner itself.
 */
#ifndef WEIR_DECIDE_OWNERSHIP_H
#define WEIR_DECIDE_OWNERSHIP_H

#include <stdbool.h>
#include <stdint.h>

typedef enum WeirOwned
{
	WEIR_OWNED_NONE,
	WEIR_OWNED_OWNED,
	WEIR_OWNED_GIVEN
} WeirOwned;

/* Servers are numbers: the others' from 0, as the caller counts them. */
#define WEIR_SERVER_NOBODY	(-1)
#define WEIR_SERVER_SELF	(-2)	/* the one that decides */
#define WEIR_SERVER_UNKNOWN	(-3)	/* none of those that can be asked */

/* What a server's row says. */
typedef struct WeirClaim
{
	WeirOwned	state;
	int64_t		epoch;			/* owned, given: as its owner; else 0 */
	int			to;				/* given: the next owner */
	bool		taking;			/* never where it is owned */
	int			from;			/* taking: the owner it is taken from, WEIR_SERVER_NOBODY: nobody had it */
	bool		certain;		/* nothing that was written down can be missing */
} WeirClaim;

typedef struct WeirAnswer
{
	bool		known;			/* else it cannot be asked */
	WeirClaim	claim;
} WeirAnswer;

typedef enum WeirOwnershipKind
{
	WEIR_OWNERSHIP_NOTHING,		/* it is not to have it, or has it */
	WEIR_OWNERSHIP_CONFIRM,		/* it owns it, and now is certain */
	WEIR_OWNERSHIP_LOSE,		/* "server" has it: from owned to given */
	WEIR_OWNERSHIP_CLAIM,		/* write down that it is taken from "server", then ask again */
	WEIR_OWNERSHIP_RETRACT,		/* it is not taken: write that down */
	WEIR_OWNERSHIP_CLEAR,		/* clear there that "server" takes it from nobody, then ask again */
	WEIR_OWNERSHIP_BEGIN,		/* from taking to owned, empty, epoch 1 */
	WEIR_OWNERSHIP_TAKE,		/* take it from "server"; then from taking to owned, in one
								 * transaction with its state */
	WEIR_OWNERSHIP_WAIT			/* for "server" */
} WeirOwnershipKind;

typedef struct WeirOwnership
{
	WeirOwnershipKind kind;
	int			server;
} WeirOwnership;

/*
 * wanted: the partition is assigned to this server.  The answers were asked for after the
 * row was read.
 */
extern WeirOwnership weir_ownership_next(const WeirClaim *own, bool wanted,
										 const WeirAnswer *others, int nothers);

/*
 * What becomes of a row when "by" wants to take the partition: true if that gets it, or had
 * got it before.
 */
extern bool weir_ownership_give(WeirClaim *row, int by);

/* Can the decision depend on what others say? */
extern bool weir_ownership_must_ask(const WeirClaim *own, bool wanted);

/* May a checkpoint complete that includes the partition, of an attempt that began with this epoch? */
extern bool weir_ownership_may_complete(const WeirClaim *row, int64_t epoch);

#endif
