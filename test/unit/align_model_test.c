/*
 * align_model_test.c
 *		Barrier alignment against a naive model, under random schedules.
 *
 * The model keeps a table of every id by every input, settles ids one by one
 * and looks at the whole table after each event.  Besides, promises are
 * checked that do not depend on it: snapshots in rising order, one action an
 * id, and in exactly_once no record from behind a barrier before its snapshot.
 */
#include <string.h>

#include "decide/align.h"
#include "tap.h"

#define INPUTS 4
#define IDS 12

typedef struct Model
{
	bool		exactly_once;
	int			ninputs;
	bool		ended[INPUTS];
	bool		brought[IDS + 1][INPUTS];
	bool		counted[IDS + 1];	/* some barrier came, not given up */
	bool		aborted[IDS + 1];
	bool		given_up[IDS + 1];
	bool		done[IDS + 1];
	WeirAlignAction expected[IDS * 2 + 4];
	int			nexpected;
} Model;

static void
expect(Model *m, WeirAlignActionKind kind, int id, bool subsumed)
{
	WeirAlignAction *a = &m->expected[m->nexpected++];

	a->kind = kind;
	a->checkpoint = id;
	a->subsumed = subsumed;
}

static bool
everywhere(const Model *m, int id)
{
	int			i;

	for (i = 0; i < m->ninputs; i++)
	{
		if (!m->brought[id][i] && !m->ended[i])
			return false;
	}
	return true;
}

static void
finish_up_to(Model *m, int id)
{
	int			j;

	for (j = 1; j <= id; j++)
	{
		if (!m->done[j] && m->counted[j])
			expect(m, WEIR_ALIGN_CANCELLED, j, true);
		m->counted[j] = false;
		m->done[j] = true;
	}
}

static void
snapshot(Model *m, int id)
{
	finish_up_to(m, id - 1);
	expect(m, WEIR_ALIGN_SNAPSHOT, id, false);
	m->counted[id] = false;
	m->done[id] = true;
}

static void
cancelled(Model *m, int id)
{
	if (!m->given_up[id])
		expect(m, WEIR_ALIGN_CANCELLED, id, false);
	m->given_up[id] = true;
	m->counted[id] = false;
	m->aborted[id] = false;
}

/* What lies below a given up id, and is neither counted nor awaited, is over. */
static void
close_up(Model *m)
{
	int			j;
	int			lowest;

	for (lowest = 1; lowest <= IDS; lowest++)
	{
		if (!m->done[lowest] && (m->counted[lowest] || m->aborted[lowest]))
			break;
	}
	for (j = lowest - 1; j >= 1; j--)
	{
		if (m->given_up[j] || m->done[j])
			break;
	}
	finish_up_to(m, j);
}

static void
arrived(Model *m, int input, int id, bool barrier)
{
	int			j;

	if (m->ended[input] || m->done[id])
		return;
	if (m->exactly_once)
		finish_up_to(m, id - 1);
	for (j = 1; j < id; j++)
	{
		if (m->aborted[j])
		{
			m->aborted[j] = false;
			m->given_up[j] = true;
		}
	}
	if (!barrier || m->aborted[id])
		cancelled(m, id);
	else if (!m->given_up[id])
	{
		m->counted[id] = true;
		m->brought[id][input] = true;
		if (everywhere(m, id))
			snapshot(m, id);
	}
	close_up(m);
}

static void
ended(Model *m, int input)
{
	int			j;

	m->ended[input] = true;
	for (j = 1; j <= IDS; j++)
	{
		if (m->counted[j] && everywhere(m, j))
			snapshot(m, j);
	}
	close_up(m);
}

static void
aborted(Model *m, int id)
{
	if (m->done[id] || m->given_up[id])
		return;
	if (m->counted[id])
		cancelled(m, id);
	else
		m->aborted[id] = true;
	close_up(m);
}

static void
triggered(Model *m, int id)
{
	if (m->done[id])
		return;
	if (m->aborted[id] || m->given_up[id])
		cancelled(m, id);
	else
		snapshot(m, id);
	close_up(m);
}

static bool
model_may_read(const Model *m, int input)
{
	int			j;

	if (m->ended[input])
		return false;
	for (j = 1; j <= IDS && m->exactly_once; j++)
	{
		if (m->counted[j] && m->brought[j][input])
			return false;
	}
	return true;
}

typedef struct Schedule
{
	WeirAlign  *align;
	Model		model;
	Random		random;
	int			last_brought[INPUTS];
	int			barrier_read[INPUTS];	/* exactly_once: id whose barrier blocks */
	int			last_snapshot;
	int			actions[IDS + 1];
} Schedule;

static bool
same_actions(Schedule *s)
{
	Model	   *m = &s->model;
	WeirAlignAction got;
	int			n = 0;

	while (weir_align_next(s->align, &got))
	{
		const WeirAlignAction *want = &m->expected[n];

		if (n++ == m->nexpected || got.kind != want->kind ||
			got.checkpoint != want->checkpoint || got.subsumed != want->subsumed)
			return false;
		if (++s->actions[got.checkpoint] > 1)
			return false;
		if (got.kind == WEIR_ALIGN_SNAPSHOT)
		{
			if (got.checkpoint <= s->last_snapshot)
				return false;
			s->last_snapshot = (int) got.checkpoint;
		}
	}
	if (n != m->nexpected)
		return false;
	m->nexpected = 0;
	for (n = 0; n < m->ninputs; n++)
	{
		if (weir_align_may_read(s->align, n) != model_may_read(m, n))
			return false;
	}
	return true;
}

/* One event, most often what a channel could bring next. */
static void
random_event(Schedule *s)
{
	Model	   *m = &s->model;
	int			input = random_below(&s->random, m->ninputs);
	int			id = 1 + random_below(&s->random, IDS);
	int			what = random_below(&s->random, 100);

	if (weir_align_all_ended(s->align))
	{
		if (what < 50)
		{
			weir_align_trigger(s->align, id);
			triggered(m, id);
			return;
		}
		what = 99;
	}
	if (what < 4)
	{
		if (!m->ended[input])
		{
			weir_align_end(s->align, input);
			ended(m, input);
		}
	}
	else if (what < 85)
	{
		int			skip = random_below(&s->random, 10) == 0 ? 2 : 1;

		if (!weir_align_may_read(s->align, input) || s->last_brought[input] + skip > IDS)
			return;
		s->last_brought[input] += skip;
		if (what < 75)
			weir_align_barrier(s->align, input, s->last_brought[input]);
		else
			weir_align_cancel(s->align, input, s->last_brought[input]);
		arrived(m, input, s->last_brought[input], what < 75);
	}
	else
	{
		weir_align_abort(s->align, id);
		aborted(m, id);
	}
}

static bool
run_schedule(uint64_t seed, bool exactly_once)
{
	Schedule	s;
	bool		same = true;
	int			i;

	memset(&s, 0, sizeof(s));
	s.random.state = seed;
	s.model.exactly_once = exactly_once;
	s.model.ninputs = 1 + random_below(&s.random, INPUTS);
	s.align = weir_align_create(s.model.ninputs,
								exactly_once ? WEIR_ALIGN_EXACTLY_ONCE : WEIR_ALIGN_AT_LEAST_ONCE);
	for (i = 0; i < 80 && same; i++)
	{
		random_event(&s);
		same = same_actions(&s);
	}
	weir_align_destroy(s.align);
	return same;
}

void
test_align_model(void)
{
	int			mode;

	for (mode = 0; mode < 2; mode++)
	{
		uint64_t	seed;
		uint64_t	wrong = 0;

		for (seed = 1; seed <= 20000 && wrong == 0; seed++)
		{
			if (!run_schedule(seed, mode == 0))
				wrong = seed;
		}
		if (!ok(wrong == 0, "align 14-19: 20000 random schedules as the naive model, %s",
				mode == 0 ? "exactly_once" : "at_least_once"))
			diag("seed %llu", (unsigned long long) wrong);
	}
}
