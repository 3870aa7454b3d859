/*
 * job.c
 *		A random job: its options and its input.
 */
#include <string.h>

#include "decide/keygroup.h"
#include "sim.h"

void
choose_config(World *w)
{
	WeirCheckpointConfig *c = &w->config;

	memset(c, 0, sizeof(*c));
	c->periodic = true;
	c->mode = below(w, 4) == 0 ? WEIR_AT_LEAST_ONCE : WEIR_EXACTLY_ONCE;
	c->every = 10 + below(w, 150);
	c->timeout = 40 + below(w, 600);
	c->min_pause = below(w, 2) ? 0 : below(w, 150);
	c->max_concurrent = 1 + below(w, 3);
	c->tolerable = below(w, 2) ? -1 : below(w, 3);
	c->retain = 1 + below(w, 3);
	w->unaligned_after = below(w, 2) ? -1 : below(w, 3) == 0 ? 0 : below(w, 60);
}

void
choose_restart(World *w)
{
	WeirRestartConfig *r = &w->restart_config;

	memset(r, 0, sizeof(*r));
	r->strategy = (WeirRestartStrategy) below(w, 4);
	r->attempts = below(w, 4) - 1;
	r->delay = below(w, 100);
	r->max_failures = 1 + below(w, 3);
	r->within = 500;
	r->initial_delay = 1 + below(w, 20);
	r->max_delay = 200;
	r->multiplier = 2.0;
	r->reset_after = 300;
	r->jitter = 0.1;
}

static void
choose_records(World *w, int source)
{
	uint8_t		(*before)[KEYS] = w->before[source];
	int			i;

	w->nrecords[source] = 1 + below(w, below(w, 4) == 0 ? 2 :
									w->shape == SHAPE_TODAY ? MAX_RECORDS : MAX_RECORDS / 2);
	memset(before[0], 0, KEYS);
	for (i = 0; i < w->nrecords[source]; i++)
	{
		int			key = below(w, KEYS);

		w->key[source][i] = (uint8_t) key;
		memcpy(before[i + 1], before[i], KEYS);
		before[i + 1][key]++;
	}
}

void
choose_input(World *w)
{
	int			i;

	for (i = 0; i < KEYS; i++)
	{
		w->hash[i] = random_bits(w);
		w->group[i] = (uint8_t) weir_key_group(w->hash[i], w->groups);
	}
	for (i = 0; i < w->graph.nsources; i++)
		choose_records(w, i);
}
