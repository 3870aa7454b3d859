/*
 * ownership_model_test.c
 *		Servers of a group that run by decide/ownership.h, one partition, under
 *		seeded schedules: processes die between any two steps, servers are down
 *		or cannot be reached, standbys are promoted that have everything (or, in
 *		half of the runs, not the newest), the partition is assigned to one, to
 *		another, to two at once or to none.
 *
 * A step asks one server, decides, or carries one transaction out; so answers are as
 * old as the schedule makes them.  Checked after each: at most one server can complete a
 * checkpoint; whoever does has the newest state; nothing begins empty while a
 * server has state.  At the end all run and one wants it: it gets it.
 */
#include <string.h>

#include "decide/ownership.h"
#include "tap.h"

#define SERVERS 4
#define STEPS 1500
#define SEEDS 5000

typedef struct Server
{
	WeirClaim	row;			/* servers in it by their numbers here */
	int			version;		/* of the state it keeps */
	WeirClaim	replica;		/* what a standby has that lags */
	int			replica_version;
	bool		down;
	bool		wanted;
	/* the process: all of it is lost when that dies */
	WeirClaim	seen;			/* its row when it began to ask */
	WeirAnswer	answers[SERVERS];
	int			asked;
	bool		decided;
	WeirOwnership action;
	bool		in_hand;		/* taken there, not yet written down here */
	int			hand_version;
	int64_t		hand_epoch;
} Server;

typedef struct World
{
	Random		random;
	Server		server[SERVERS];
	bool		lags;			/* standbys do */
	int			newest;			/* version of the last completed checkpoint */
	int			begun;
	bool		pass;
	const char *why;
} World;

static void
expect(World *w, bool holds, const char *why)
{
	if (!holds && w->pass)
	{
		w->pass = false;
		w->why = why;
	}
}

static int
as_seen_by(int self, int server)
{
	return server == self ? WEIR_SERVER_SELF : server;
}

static int
number_of(int self, int seen)
{
	return seen == WEIR_SERVER_SELF ? self : seen;
}

static WeirClaim
translated(const WeirClaim *row, int self)
{
	WeirClaim	claim = *row;

	claim.to = as_seen_by(self, claim.to);
	claim.from = as_seen_by(self, claim.from);
	return claim;
}

static void
forget(Server *s)
{
	s->asked = 0;
	s->decided = false;
	s->in_hand = false;
}

static void
kill_process(World *w, int i)
{
	forget(&w->server[i]);
}

static void
promote(World *w, int i)
{
	Server	   *s = &w->server[i];

	kill_process(w, i);
	s->down = false;
	if (w->lags)
	{
		s->row = s->replica;
		s->version = s->replica_version;
	}
	s->row.certain = false;
}

static void
replicate(Server *s)
{
	s->replica = s->row;
	s->replica_version = s->version;
}

/* A server asks the next other one; about itself it reads its row first. */
static void
ask(World *w, int i)
{
	Server	   *s = &w->server[i];
	int			other = s->asked;

	if (s->asked == 0)
		s->seen = translated(&s->row, i);
	memset(&s->answers[other], 0, sizeof(WeirAnswer));
	if (other != i && !w->server[other].down && random_below(&w->random, 10) > 0)
	{
		s->answers[other].known = true;
		s->answers[other].claim = translated(&w->server[other].row, i);
	}
	/* to itself it is one that has nothing */
	if (other == i)
	{
		s->answers[other].known = true;
		s->answers[other].claim.to = s->answers[other].claim.from = WEIR_SERVER_NOBODY;
	}
	s->asked++;
}

static void
decide(World *w, int i)
{
	Server	   *s = &w->server[i];

	s->action = weir_ownership_next(&s->seen, s->wanted, s->answers, SERVERS);
	s->decided = true;
	(void) w;
}

/* The row is still what the decision was made by: a transaction that locks it looks. */
static bool
row_is_as_seen(Server *s, int i)
{
	WeirClaim	now = translated(&s->row, i);

	return now.state == s->seen.state && now.epoch == s->seen.epoch && now.to == s->seen.to &&
		now.taking == s->seen.taking && now.from == s->seen.from && now.certain == s->seen.certain;
}

static void
own(Server *s, int64_t epoch, int version)
{
	s->row.state = WEIR_OWNED_OWNED;
	s->row.epoch = epoch;
	s->row.taking = false;
	s->row.certain = true;
	s->version = version;
}

static void
check_begin(World *w)
{
	int			i;

	for (i = 0; i < SERVERS; i++)
		expect(w, w->server[i].row.state == WEIR_OWNED_NONE, "it begins empty while a server has state");
	w->begun++;
	expect(w, w->lags || w->begun == 1, "it begins twice");
	w->newest = 0;
}

/* The transaction at the other server, then, some steps later, the one at home. */
static void
take(World *w, int i)
{
	Server	   *s = &w->server[i];
	Server	   *from = &w->server[s->action.server];

	if (!s->in_hand)
	{
		if (from->down || !weir_ownership_give(&from->row, i))
		{
			forget(s);
			return;
		}
		if (!w->lags)
			replicate(from);
		s->in_hand = true;
		s->hand_version = from->version;
		s->hand_epoch = from->row.epoch + 1;
		return;
	}
	if (row_is_as_seen(s, i))
	{
		own(s, s->hand_epoch, s->hand_version);
		expect(w, w->lags || s->version == w->newest, "an old state is taken");
		w->newest = s->version;
	}
	forget(s);
}

static void
change_row(World *w, int i)
{
	Server	   *s = &w->server[i];

	switch (s->action.kind)
	{
		case WEIR_OWNERSHIP_CONFIRM:
			s->row.certain = true;
			break;
		case WEIR_OWNERSHIP_LOSE:
			s->row.state = WEIR_OWNED_GIVEN;
			s->row.to = s->action.server;
			break;
		case WEIR_OWNERSHIP_CLAIM:
			s->row.taking = true;
			s->row.from = number_of(i, s->action.server);
			break;
		case WEIR_OWNERSHIP_RETRACT:
			s->row.taking = false;
			break;
		case WEIR_OWNERSHIP_BEGIN:
			check_begin(w);
			own(s, 1, 0);
			break;
		default:
			break;
	}
}

static void
act(World *w, int i)
{
	Server	   *s = &w->server[i];
	Server	   *other;

	if (s->action.kind == WEIR_OWNERSHIP_TAKE)
	{
		take(w, i);
		return;
	}
	if (s->action.kind == WEIR_OWNERSHIP_CLEAR)
	{
		other = &w->server[s->action.server];
		if (!other->down && other->row.taking && other->row.from == WEIR_SERVER_NOBODY)
			other->row.taking = false;
	}
	else if (row_is_as_seen(s, i))
		change_row(w, i);
	forget(s);
}

/* A checkpoint, if the row allows it; which server tries it is the schedule's. */
static void
complete(World *w, int i)
{
	Server	   *s = &w->server[i];

	if (!weir_ownership_may_complete(&s->row, s->row.epoch))
		return;
	expect(w, w->lags || s->version == w->newest, "a checkpoint completes with an old state");
	s->version++;
	w->newest = s->version;
}

static void
check_owners(World *w)
{
	int			owners = 0;
	int			i;

	for (i = 0; i < SERVERS; i++)
		owners += weir_ownership_may_complete(&w->server[i].row, w->server[i].row.epoch);
	expect(w, owners <= 1, "two servers may complete");
}

static void
run_process(World *w, int i)
{
	Server	   *s = &w->server[i];

	if (s->down)
		return;
	if (s->asked < SERVERS)
		ask(w, i);
	else if (!s->decided)
		decide(w, i);
	else
		act(w, i);
	if (!w->lags)
		replicate(s);
}

static void
happen(World *w)
{
	int			i = random_below(&w->random, SERVERS);
	Server	   *s = &w->server[i];

	switch (random_below(&w->random, 60))
	{
		case 0:
			kill_process(w, i);
			break;
		case 1:
			kill_process(w, i);
			s->down = true;
			break;
		case 2:
			s->down = false;
			break;
		case 3:
			promote(w, i);
			break;
		case 4:
			s->wanted = !s->wanted;
			break;
		case 5:
		case 6:
			replicate(s);
			break;
		case 7:
		case 8:
		case 9:
			if (!s->down)
				complete(w, i);
			break;
		default:
			run_process(w, i);
	}
	check_owners(w);
}

/* All run and one wants it. */
static void
settle(World *w)
{
	int			last = random_below(&w->random, SERVERS);
	int			step;
	int			i;

	for (i = 0; i < SERVERS; i++)
	{
		w->server[i].down = false;
		w->server[i].wanted = i == last;
	}
	for (step = 0; step < 20000; step++)
	{
		run_process(w, random_below(&w->random, SERVERS));
		check_owners(w);
		if (weir_ownership_may_complete(&w->server[last].row, w->server[last].row.epoch))
		{
			complete(w, last);
			return;
		}
	}
	expect(w, false, "who is to have it does not get it");
}

static void
init_world(World *w, int seed)
{
	int			i;

	memset(w, 0, sizeof(World));
	w->random.state = (uint64_t) seed;
	w->lags = seed % 2 == 0;
	w->pass = true;
	for (i = 0; i < SERVERS; i++)
	{
		w->server[i].row.to = w->server[i].row.from = WEIR_SERVER_NOBODY;
		w->server[i].row.certain = true;
		replicate(&w->server[i]);
	}
}

static bool
run_seed(int seed, int *takes)
{
	World		w;
	int			step;

	init_world(&w, seed);
	for (step = 0; step < STEPS && w.pass; step++)
		happen(&w);
	if (w.pass)
		settle(&w);
	for (step = 0; step < SERVERS; step++)
		*takes += (int) (w.server[step].row.epoch > *takes ? w.server[step].row.epoch - *takes : 0);
	if (!w.pass)
		diag("seed %d: %s", seed, w.why);
	return w.pass;
}

void
test_ownership_model(void)
{
	bool		pass = true;
	int			takes = 0;
	int			seed;

	for (seed = 1; seed <= SEEDS && pass; seed++)
		pass = run_seed(seed, &takes);
	ok(pass, "ownership: one owner, the newest state, nothing begins empty, over %d schedules", SEEDS);
	ok(takes > 5, "ownership: the schedules move the partition (%d times in one)", takes);
}
