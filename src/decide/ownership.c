/*
 * decide/ownership.c
 *		Which server of a group a partition belongs to: what one that is to have
 *		it does next.
 */
#include "decide/ownership.h"

#include <assert.h>

static WeirOwnership
say(WeirOwnershipKind kind, int server)
{
	WeirOwnership result;

	result.kind = kind;
	result.server = server;
	return result;
}

/* One that cannot be asked; WEIR_SERVER_NOBODY: all can. */
static int
silent(const WeirAnswer *others, int nothers)
{
	int			i;

	for (i = 0; i < nothers; i++)
	{
		if (!others[i].known)
			return i;
	}
	return WEIR_SERVER_NOBODY;
}

/* Another that takes it from this server; WEIR_SERVER_NOBODY: none does. */
static int
taker_from(int server, const WeirAnswer *others, int nothers)
{
	int			i;

	for (i = 0; i < nothers; i++)
	{
		if (i != server && others[i].known && others[i].claim.taking && others[i].claim.from == server)
			return i;
	}
	return WEIR_SERVER_NOBODY;
}

/* Who was the last that is known to have had it; WEIR_SERVER_NOBODY: nobody is. */
static int
last_owner(const WeirClaim *own, const WeirAnswer *others, int nothers)
{
	int			last = own->state != WEIR_OWNED_NONE ? WEIR_SERVER_SELF : WEIR_SERVER_NOBODY;
	int64_t		epoch = own->epoch;
	int			i;

	for (i = 0; i < nothers; i++)
	{
		const WeirClaim *claim = &others[i].claim;

		if (!others[i].known || claim->state == WEIR_OWNED_NONE || claim->epoch < epoch ||
			(claim->epoch == epoch && last != WEIR_SERVER_NOBODY))
			continue;
		last = i;
		epoch = claim->epoch;
	}
	return last;
}

/* The row says that it is the owner's, but may lack what came after. */
static WeirOwnership
verify(const WeirClaim *own, const WeirAnswer *others, int nothers)
{
	int			i;

	for (i = 0; i < nothers; i++)
	{
		if (others[i].known && others[i].claim.epoch > own->epoch)
			return say(WEIR_OWNERSHIP_LOSE, i);
	}
	i = taker_from(WEIR_SERVER_SELF, others, nothers);
	if (i != WEIR_SERVER_NOBODY)
		return say(WEIR_OWNERSHIP_LOSE, i);
	i = silent(others, nothers);
	if (i != WEIR_SERVER_NOBODY)
		return say(WEIR_OWNERSHIP_WAIT, i);
	return say(WEIR_OWNERSHIP_CONFIRM, WEIR_SERVER_SELF);
}

/*
 * What this server wrote down may lack that it had the partition, and gave it away: whom
 * is it to wait for before it takes what "from" keeps?  WEIR_SERVER_NOBODY: for nobody.
 */
static int
comes_first(int from, const WeirAnswer *others, int nothers)
{
	int			i = taker_from(WEIR_SERVER_SELF, others, nothers);

	if (i == WEIR_SERVER_NOBODY)
		i = taker_from(from, others, nothers);
	if (i == WEIR_SERVER_NOBODY)
		i = silent(others, nothers);
	return i;
}

/* A take that was begun: was it accepted there? */
static WeirOwnership
carry_on(const WeirClaim *own, bool wanted, const WeirAnswer *others, int nothers)
{
	const WeirClaim *from;
	int			first;

	if (own->from == WEIR_SERVER_UNKNOWN || !others[own->from].known)
		return say(WEIR_OWNERSHIP_WAIT, own->from);
	from = &others[own->from].claim;
	if (!(from->state == WEIR_OWNED_GIVEN && from->to == WEIR_SERVER_SELF) &&
		!(from->state == WEIR_OWNED_OWNED && wanted))
		return say(WEIR_OWNERSHIP_RETRACT, own->from);
	if (own->certain && (from->certain || from->state == WEIR_OWNED_GIVEN))
		return say(WEIR_OWNERSHIP_TAKE, own->from);
	if (last_owner(own, others, nothers) != own->from)
		return say(WEIR_OWNERSHIP_RETRACT, own->from);
	first = comes_first(own->from, others, nothers);
	return first == WEIR_SERVER_NOBODY ? say(WEIR_OWNERSHIP_TAKE, own->from) : say(WEIR_OWNERSHIP_WAIT, first);
}

/* No server that can be asked ever had it. */
static WeirOwnership
begin(const WeirClaim *own, const WeirAnswer *others, int nothers)
{
	int			i = silent(others, nothers);

	if (i != WEIR_SERVER_NOBODY)
		return say(WEIR_OWNERSHIP_WAIT, i);
	for (i = 0; i < nothers; i++)
	{
		if (others[i].claim.taking && others[i].claim.from != WEIR_SERVER_NOBODY)
			return say(WEIR_OWNERSHIP_WAIT, i);
	}
	if (!own->taking)
		return say(WEIR_OWNERSHIP_CLAIM, WEIR_SERVER_NOBODY);
	i = taker_from(WEIR_SERVER_NOBODY, others, nothers);
	if (i != WEIR_SERVER_NOBODY)
		return say(WEIR_OWNERSHIP_CLEAR, i);
	return say(WEIR_OWNERSHIP_BEGIN, WEIR_SERVER_NOBODY);
}

/* Is what this one says last known to be the last word? */
static WeirOwnership
claim_from(int server, bool certain, const WeirAnswer *others, int nothers)
{
	int			first = certain ? WEIR_SERVER_NOBODY : comes_first(server, others, nothers);

	return first == WEIR_SERVER_NOBODY ? say(WEIR_OWNERSHIP_CLAIM, server) : say(WEIR_OWNERSHIP_WAIT, first);
}

WeirOwnership
weir_ownership_next(const WeirClaim *own, bool wanted, const WeirAnswer *others, int nothers)
{
	const WeirClaim *last;
	int			server;

	assert(!own->taking || own->state != WEIR_OWNED_OWNED);
	if (own->state == WEIR_OWNED_OWNED)
		return own->certain ? say(WEIR_OWNERSHIP_NOTHING, WEIR_SERVER_SELF) : verify(own, others, nothers);
	if (own->taking && own->from != WEIR_SERVER_NOBODY)
		return carry_on(own, wanted, others, nothers);
	server = last_owner(own, others, nothers);
	last = server >= 0 ? &others[server].claim : own;
	if (last->state == WEIR_OWNED_GIVEN && last->to == WEIR_SERVER_SELF)
		return claim_from(server, false, others, nothers);
	if (!wanted)
		return say(own->taking ? WEIR_OWNERSHIP_RETRACT : WEIR_OWNERSHIP_NOTHING, WEIR_SERVER_NOBODY);
	if (server == WEIR_SERVER_NOBODY)
		return begin(own, others, nothers);
	if (last->state == WEIR_OWNED_OWNED)
		return claim_from(server, last->certain, others, nothers);
	return say(WEIR_OWNERSHIP_WAIT, last->to);
}

bool
weir_ownership_give(WeirClaim *row, int by)
{
	if (row->state == WEIR_OWNED_OWNED)
	{
		row->state = WEIR_OWNED_GIVEN;
		row->to = by;
		return true;
	}
	return row->state == WEIR_OWNED_GIVEN && row->to == by;
}

bool
weir_ownership_must_ask(const WeirClaim *own, bool wanted)
{
	if (own->state == WEIR_OWNED_OWNED)
		return !own->certain;
	return wanted || own->taking || !own->certain;
}

bool
weir_ownership_may_complete(const WeirClaim *row, int64_t epoch)
{
	return row->state == WEIR_OWNED_OWNED && row->certain && row->epoch == epoch;
}
