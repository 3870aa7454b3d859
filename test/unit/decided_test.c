/*
 * decided_test.c
 *		How far rows that transactions write are decided: cases, and random
 *		transactions in a model.
 */
#include <string.h>

#include "decide/decided.h"
#include "tap.h"

static void
test_rules(void)
{
	WeirDecided d;
	uint64_t	writers[] = {7, 8, 9};

	weir_decided_init(&d, 100);
	weir_decided_look(&d, 100, NULL, 0);
	ok(d.upto == 100 && !weir_decided_waits(&d), "decided: nothing has moved");
	weir_decided_look(&d, 200, NULL, 0);
	ok(d.upto == 200 && !weir_decided_waits(&d), "decided: nobody writes");
	weir_decided_look(&d, 300, writers, 2);
	ok(d.upto == 200 && weir_decided_waits(&d), "decided: rows wait for who writes");
	weir_decided_look(&d, 400, writers + 1, 2);
	ok(d.upto == 200 && d.nwriters == 1, "decided: for both of them, and for nobody later");
	weir_decided_look(&d, 500, writers + 2, 1);
	ok(d.upto == 300, "decided: once they are gone, what was before them is decided");
	ok(weir_decided_waits(&d) && d.next == 500, "decided: and the look counts for what follows");
	weir_decided_look(&d, 600, writers, 1);
	ok(d.upto == 500, "decided: a later writer does not hold it back");
	weir_decided_destroy(&d);
}

#define NWRITERS 5
#define MAX_ROWS 4000

typedef struct Writer
{
	uint64_t	id;				/* 0: it does not write */
	int			first;			/* of its rows */
} Writer;

typedef struct Row
{
	int64_t		place;
	uint64_t	writer;
	bool		committed;
	bool		ended;
} Row;

typedef struct Model
{
	Random		random;
	Writer		writers[NWRITERS];
	Row			rows[MAX_ROWS];
	int			nrows;
	int64_t		place;
	uint64_t	next_id;
} Model;

static void
end_writer(Model *m, Writer *w)
{
	bool		commits = random_below(&m->random, 4) > 0;

	for (int i = w->first; i < m->nrows; i++)
	{
		if (m->rows[i].writer != w->id)
			continue;
		m->rows[i].committed = commits;
		m->rows[i].ended = true;
	}
	w->id = 0;
}

static void
step_writer(Model *m)
{
	Writer	   *w = &m->writers[random_below(&m->random, NWRITERS)];

	if (w->id == 0)
	{
		w->id = m->next_id++;
		w->first = m->nrows;
		return;
	}
	if (random_below(&m->random, 3) == 0)
	{
		end_writer(m, w);
		return;
	}
	if (m->nrows == MAX_ROWS)
		return;
	memset(&m->rows[m->nrows], 0, sizeof(Row));
	m->rows[m->nrows].place = m->place;
	m->rows[m->nrows].writer = w->id;
	m->nrows++;
	m->place += 1 + random_below(&m->random, 3);
}

static void
look(Model *m, WeirDecided *d)
{
	int64_t		place = m->place;
	uint64_t	writers[NWRITERS];
	int			n = 0;
	int			between = random_below(&m->random, 4);

	/* the two parts of a look are not one moment */
	for (int i = 0; i < between; i++)
		step_writer(m);
	for (int i = 0; i < NWRITERS; i++)
	{
		if (m->writers[i].id != 0)
			writers[n++] = m->writers[i].id;
	}
	weir_decided_look(d, place, writers, n);
}

static bool
all_decided(const Model *m, int64_t upto)
{
	for (int i = 0; i < m->nrows; i++)
	{
		if (m->rows[i].place < upto && !m->rows[i].ended)
			return false;
	}
	return true;
}

static void
test_model(uint64_t seed)
{
	static Model m;
	WeirDecided d;
	bool		good = true;
	int64_t		before;

	memset(&m, 0, sizeof(m));
	m.random.state = seed;
	m.place = m.next_id = 1;
	weir_decided_init(&d, 0);
	for (int i = 0; i < 20000 && good; i++)
	{
		step_writer(&m);
		if (random_below(&m.random, 3) == 0)
			look(&m, &d);
		good = all_decided(&m, d.upto);
	}
	before = d.upto;
	for (int i = 0; i < NWRITERS; i++)
	{
		if (m.writers[i].id != 0)
			end_writer(&m, &m.writers[i]);
	}
	look(&m, &d);
	weir_decided_look(&d, m.place, NULL, 0);
	ok(good && before > 0 && d.upto == m.place, "decided: transactions at random, seed %d", (int) seed);
	weir_decided_destroy(&d);
}

void
test_decided(void)
{
	test_rules();
	for (int seed = 1; seed <= 10; seed++)
		test_model((uint64_t) seed);
}
