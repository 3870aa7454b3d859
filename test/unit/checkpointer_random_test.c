/*
 * checkpointer_random_test.c
 *		The checkpointer under random schedules of votes, declines, lost and
 *		doubled messages, timeouts and requests: promises that hold after
 *		every step, whatever happens.
 *
 *	 - an id is triggered once, rising, and ends once: completed or aborted
 *	 - prepare, decide, commit, complete in this order; one id in doubt
 *	 - prepare only when every task has voted; decide only when all that were
 *	   ready have prepared; no abort from prepare on
 *	 - completed ids rise, savepoints excepted
 *	 - not more than max_concurrent periodic and manual ones at a time
 *	 - a periodic one not before min_pause has passed since a completion
 *	 - every request is answered once
 *	 - after a tick the deadline lies ahead
 */
#include <stdlib.h>
#include <string.h>

#include "script.h"

#define TASKS 3
#define IDS 400
#define TOKENS 400
#define STEPS 300

typedef enum Phase
{
	UNUSED,
	VOTING,
	PREPARING,
	DECIDING,
	COMMITTING,
	COMPLETED,
	ABORTED
} Phase;

typedef struct World
{
	Random		random;
	WeirCheckpointConfig config;
	WeirCheckpointer *c;
	int64_t		now;
	int64_t		last_completion;	/* -1: none */
	int			last_id;
	int			last_completed;
	Phase		phase[IDS];
	WeirCheckpointKind kind[IDS];
	int64_t		triggered_at[IDS];
	bool		voted[IDS][TASKS];
	bool		ready[IDS][TASKS];
	bool		prepared[IDS][TASKS];
	int			ntokens;
	bool		answered[TOKENS];
	bool		over;
	const char *wrong;
} World;

static void
require(World *w, bool condition, const char *promise)
{
	if (!condition && w->wrong == NULL)
		w->wrong = promise;
}

static int
count(const World *w, Phase from, Phase to, bool limited)
{
	int			n = 0;
	int			id;

	for (id = 1; id <= w->last_id; id++)
	{
		bool		counts = w->kind[id] == WEIR_PERIODIC || w->kind[id] == WEIR_MANUAL;

		if (w->phase[id] >= from && w->phase[id] <= to && (counts || !limited))
			n++;
	}
	return n;
}

static bool
all_voted(const World *w, int id)
{
	int			t;

	for (t = 0; t < TASKS; t++)
	{
		if (!w->voted[id][t])
			return false;
	}
	return true;
}

static bool
all_prepared(const World *w, int id)
{
	int			t;

	for (t = 0; t < TASKS; t++)
	{
		if (w->ready[id][t] && !w->prepared[id][t])
			return false;
	}
	return true;
}

static void
answer(World *w, uint64_t token)
{
	if (token == 0)
		return;
	require(w, !w->answered[token], "a request is answered once");
	w->answered[token] = true;
}

static void
triggered(World *w, const WeirAction *a, int id)
{
	require(w, id == w->last_id + 1, "ids rise by one");
	w->last_id = id;
	w->phase[id] = VOTING;
	w->kind[id] = a->ckind;
	w->triggered_at[id] = w->now;
	require(w, count(w, VOTING, COMMITTING, true) <= w->config.max_concurrent ||
			a->ckind == WEIR_SAVEPOINT, "max_concurrent");
	require(w, a->ckind != WEIR_PERIODIC || w->last_completion < 0 ||
			w->now >= w->last_completion + w->config.min_pause, "min_pause");
	require(w, (a->token == 0) == (a->ckind == WEIR_PERIODIC), "a request's token comes back");
}

static void
completed(World *w, const WeirAction *a, int id)
{
	require(w, w->phase[id] == (w->config.mode == WEIR_EXACTLY_ONCE ? COMMITTING : DECIDING),
			"complete follows commit");
	require(w, id > w->last_completed || w->kind[id] == WEIR_SAVEPOINT, "completed ids rise");
	require(w, a->retained_from <= weir_checkpointer_last_completed(w->c), "the latest is retained");
	w->phase[id] = COMPLETED;
	w->last_completion = w->now;
	if (id > w->last_completed)
		w->last_completed = id;
	answer(w, a->token);
}

static void
take(World *w, const WeirAction *a)
{
	int			id = (int) a->checkpoint;

	switch (a->kind)
	{
		case WEIR_DO_TRIGGER:
			triggered(w, a, id);
			break;
		case WEIR_DO_ABORT:
			require(w, w->phase[id] == VOTING, "only what is not prepared is aborted");
			require(w, a->reason != WEIR_FAILURE_SUBSUMED || w->kind[id] != WEIR_SAVEPOINT,
					"savepoints are not subsumed");
			require(w, a->reason != WEIR_FAILURE_EXPIRED ||
					w->now >= w->triggered_at[id] + w->config.timeout, "nothing expires early");
			w->phase[id] = ABORTED;
			answer(w, a->token);
			break;
		case WEIR_DO_PREPARE:
			require(w, w->phase[id] == VOTING && all_voted(w, id), "prepare when all have voted");
			require(w, count(w, PREPARING, COMMITTING, false) == 0, "one in doubt");
			w->phase[id] = PREPARING;
			break;
		case WEIR_DO_DECIDE:
			require(w, w->config.mode == WEIR_EXACTLY_ONCE
					? w->phase[id] == PREPARING && all_prepared(w, id)
					: w->phase[id] == VOTING && all_voted(w, id), "decide when all have prepared");
			w->phase[id] = DECIDING;
			require(w, count(w, PREPARING, COMMITTING, false) == 1, "one in doubt");
			break;
		case WEIR_DO_COMMIT:
			require(w, w->phase[id] == DECIDING, "commit follows the decision");
			w->phase[id] = COMMITTING;
			break;
		case WEIR_DO_COMPLETE:
			completed(w, a, id);
			break;
		case WEIR_DO_REFUSE:
			answer(w, a->token);
			break;
		case WEIR_DO_FAIL_ATTEMPT:
		case WEIR_DO_FAIL_JOB:
			w->over = true;
			break;
	}
}

static void
drain(World *w)
{
	WeirAction	action;

	while (weir_checkpointer_next(w->c, &action))
		take(w, &action);
	require(w, w->over || weir_checkpointer_pending(w->c) == count(w, VOTING, COMMITTING, false),
			"what is pending is what was neither completed nor aborted");
}

static void
task_speaks(World *w, int id, int task, int what)
{
	WeirVote	vote = (WeirVote) random_below(&w->random, 3);

	if (what < 10)
	{
		bool		open = w->phase[id] == VOTING;
		bool		heard = weir_checkpointer_decline(w->c, 1, task, id, w->now);

		require(w, open || !heard, "a late decline is dropped");
		return;
	}
	if (w->phase[id] == PREPARING)
	{
		bool		expected = w->ready[id][task] && !w->prepared[id][task];

		w->prepared[id][task] = w->ready[id][task];
		require(w, weir_checkpointer_prepared(w->c, 1, task, id, w->now) == expected,
				"prepared is heard once, of those that were ready");
		return;
	}
	{
		bool		open = w->phase[id] == VOTING && !w->voted[id][task] &&
			w->now < w->triggered_at[id] + w->config.timeout;
		bool		was_voted = w->voted[id][task];
		bool		was_ready = w->ready[id][task];

		w->voted[id][task] = true;
		if (!was_voted)
			w->ready[id][task] = vote == WEIR_VOTE_READY;
		if (!weir_checkpointer_vote(w->c, 1, task, id, vote, w->now))
		{
			w->voted[id][task] = was_voted;
			w->ready[id][task] = was_ready;
			require(w, !open, "a vote in time is heard");
		}
		else
			require(w, open, "a late or doubled vote is dropped");
	}
}

static void
step(World *w)
{
	int			what = random_below(&w->random, 100);
	int			recent = random_below(&w->random, 4);
	int			id = w->last_id > recent ? w->last_id - recent : w->last_id;

	if (what < 15 && w->ntokens + 1 < TOKENS)
		weir_checkpointer_request(w->c, random_below(&w->random, 3) == 0 ? WEIR_SAVEPOINT : WEIR_MANUAL,
								  (uint64_t) ++w->ntokens, w->now);
	else if (what < 30)
		w->now += random_below(&w->random, 800);
	else if (what < 33 && weir_checkpointer_deadline(w->c) != INT64_MAX)
		w->now = weir_checkpointer_deadline(w->c) > w->now ? weir_checkpointer_deadline(w->c) : w->now;
	else if (what < 36)
		weir_checkpointer_set_active(w->c, random_below(&w->random, 3) > 0);
	else if (id > 0 && w->phase[id] == DECIDING)
		weir_checkpointer_decided(w->c, id, random_below(&w->random, 50) > 0, w->now);
	else if (id > 0 && w->phase[id] == COMMITTING)
		weir_checkpointer_committed(w->c, id, w->now);
	else if (id > 0)
		task_speaks(w, id, random_below(&w->random, TASKS), random_below(&w->random, 300));
	drain(w);
	weir_checkpointer_tick(w->c, w->now);
	drain(w);
	require(w, weir_checkpointer_deadline(w->c) > w->now, "after a tick the deadline lies ahead");
}

static const char *
run(uint64_t seed)
{
	World	   *w = calloc(1, sizeof(World));
	const char *wrong;
	int			i;

	w->random.state = seed;
	w->last_completion = -1;
	w->config.periodic = true;
	w->config.mode = random_below(&w->random, 3) == 0 ? WEIR_AT_LEAST_ONCE : WEIR_EXACTLY_ONCE;
	w->config.every = 100 + random_below(&w->random, 1000);
	w->config.timeout = 500 + random_below(&w->random, 5000);
	w->config.min_pause = random_below(&w->random, 2) * random_below(&w->random, 2000);
	w->config.max_concurrent = 1 + random_below(&w->random, 3);
	w->config.tolerable = random_below(&w->random, 2) == 0 ? -1 : 5;
	w->config.retain = 1 + random_below(&w->random, 3);
	w->c = weir_checkpointer_create(&w->config, TASKS, 1, 1, 0);
	for (i = 0; i < TASKS; i++)
		weir_checkpointer_task_running(w->c, i, true);
	for (i = 0; i < STEPS && w->wrong == NULL && !w->over && w->last_id + 10 < IDS; i++)
		step(w);
	weir_checkpointer_end(w->c, WEIR_FAILURE_RESTART, w->now);
	drain(w);
	require(w, count(w, VOTING, VOTING, false) == 0, "the end aborts what is not in doubt");
	require(w, count(w, PREPARING, COMMITTING, false) <= 1, "at most one stays in doubt");
	require(w, weir_checkpointer_in_doubt(w->c) == (count(w, PREPARING, COMMITTING, false) == 1),
			"in_doubt knows");
	for (i = 1; i <= w->ntokens; i++)
		require(w, w->answered[i] || weir_checkpointer_in_doubt(w->c), "every request is answered");
	wrong = w->wrong;
	weir_checkpointer_destroy(w->c);
	free(w);
	return wrong;
}

void
test_checkpointer_random(void)
{
	const char *wrong = NULL;
	uint64_t	seed;

	for (seed = 1; seed <= 5000 && wrong == NULL; seed++)
		wrong = run(seed);
	if (!ok(wrong == NULL, "checkpointer 1-12: 5000 random schedules keep every promise"))
		diag("seed %llu: %s", (unsigned long long) seed - 1, wrong);
}
