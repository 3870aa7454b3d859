/*
 * decide/decided.c
 *		How far rows that transactions write are decided.  The rules are in the
 *		header.
 */
#include "decide/decided.h"

#include <assert.h>
#include <stdlib.h>

#include "decide/memory.h"

void
weir_decided_init(WeirDecided *d, int64_t upto)
{
	d->upto = upto;
	d->next = 0;
	d->nwriters = d->capacity = 0;
	d->writers = NULL;
}

void
weir_decided_destroy(WeirDecided *d)
{
	free(d->writers);
	d->writers = NULL;
	d->nwriters = d->capacity = 0;
}

static bool
is_among(uint64_t writer, const uint64_t *writers, int n)
{
	for (int i = 0; i < n; i++)
	{
		if (writers[i] == writer)
			return true;
	}
	return false;
}

/* Those that are waited for and write no more are gone. */
static void
let_go(WeirDecided *d, const uint64_t *writers, int n)
{
	int			left = 0;

	for (int i = 0; i < d->nwriters; i++)
	{
		if (is_among(d->writers[i], writers, n))
			d->writers[left++] = d->writers[i];
	}
	d->nwriters = left;
}

static void
wait_for(WeirDecided *d, int64_t place, const uint64_t *writers, int n)
{
	for (int i = 0; i < n; i++)
	{
		d->writers = weir_grow(d->writers, i, &d->capacity, sizeof(uint64_t));
		d->writers[i] = writers[i];
	}
	d->nwriters = n;
	d->next = place;
}

static void
settle(WeirDecided *d)
{
	if (d->next == 0 || d->nwriters > 0)
		return;
	d->upto = d->next;
	d->next = 0;
}

void
weir_decided_look(WeirDecided *d, int64_t place, const uint64_t *writers, int n)
{
	assert(place >= d->upto && place >= d->next);
	let_go(d, writers, n);
	settle(d);
	if (d->next == 0 && place > d->upto)
		wait_for(d, place, writers, n);
	settle(d);
}

bool
weir_decided_waits(const WeirDecided *d)
{
	return d->next != 0;
}
