/*
 * watermark_merge_test.c
 *		The watermark of a task, told as scripts.
 *
 * What happens:	wI:N	input I's watermark comes to N		iI		it is idle, as far as it was
 *					rI:N	a row of input I that came when its watermark was N
 *					eI		input I ends
 * What must hold:	=N		the task's watermark is N, and it is not idle
 *					~N		the same, and it is idle
 *					b		all inputs have begun		!b		not all
 * N may be "-" for none, "E" for the end.  A row must have got the watermark that the
 * task has behind it.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "decide/watermark_merge.h"
#include "tap.h"

typedef struct Case
{
	const char *name;
	int			ninputs;
	const char *script;
} Case;

static const Case cases[] = {
	{"one input: its own", 1, "=- w0:5 =5 r0:7 =7 w0:6 =7 e0 =E"},
	{"the lowest of two", 2, "w0:5 =- w1:3 =3 w1:9 =5 r0:8 =8"},
	{"an input without a watermark holds it at none", 2, "r0:5 r0:6 =- r1:- =- w1:2 =2"},
	{"it never goes back", 2, "w0:5 w1:5 =5 r0:3 =5 w0:4 =5"},
	{"an idle input does not count", 2, "w0:5 w1:3 =3 i1 =5 w0:8 =8"},
	{"one that never had a watermark may be idle, too", 2, "w0:5 i1 =5"},
	{"one that comes again counts at once: the watermark stands until it has caught up", 2,
	"w0:5 w1:3 i1 w0:8 =8 r1:3 =8 w0:20 =8 r1:7 =8 r1:9 =9"},
	{"a watermark makes it come again, too", 2, "w0:5 w1:3 i1 =5 w1:4 =5 w0:8 =5 w1:6 =6"},
	{"rows of the others wait for it as well", 2, "w0:5 w1:3 i1 w0:8 r1:4 =8 r0:20 =8 r1:15 =15 r1:30 =20"},
	{"while it is behind it may be idle again", 2, "w0:5 w1:3 i1 r1:4 w0:8 =5 i1 =8 w1:6 w0:9 =8 w1:20 =9"},
	{"one that was not behind counts at once", 2, "w0:5 w1:5 i1 =5 r1:5 =5 w0:9 =5"},
	{"all that come again are behind: it stands", 3, "w0:5 w1:3 w2:9 i0 i1 i2 ~9 w0:6 =9 w1:4 =9 w0:10 =9 w1:11 =10"},
	{"all idle: the highest of them", 2, "w0:5 w1:3 i0 =3 i1 ~5"},
	{"all idle: what comes again is behind", 2, "w0:5 w1:3 i0 i1 ~5 r1:4 =5 w1:9 =9 w0:7 =9 w1:12 =9 w0:11 =11"},
	{"an input that ended does not count", 2, "w0:5 w1:3 e1 =5 w0:8 =8 e0 =E"},
	{"one that ended without a watermark does not, either", 2, "e1 w0:8 =8"},
	{"ended and idle: the highest that may still come", 3, "w0:5 w1:3 w2:2 e0 i1 =2 i2 ~3 e1 ~3 e2 =E"},
	{"ended is not idle", 2, "e0 i1 ~- e1 =E"},
	{"the end as a watermark is an end: one that is idle may still come", 2, "w0:3 w1:10 i1 =3 w0:E ~10 r0:E ~10 e0 ~10 r1:12 =12 e1 =E"},
	{"so it is of the only one, and of the last", 2, "w1:5 w0:E =5 w1:E =E"},
	{"no row is late because of another input", 3, "w0:50 w1:7 w2:9 r0:60 =7 r2:99 =7 r1:7 =7 r1:8 =8"},
	{"what has begun", 2, "!b w0:- !b w1:- b =-"},
	{"an end is a beginning", 2, "e0 !b r1:3 b =3"},
	{"no inputs but idle ones at the start", 2, "i0 !b i1 b ~-"},
};

static int64_t
number(const char *text)
{
	return *text == '-' ? WEIR_WATERMARK_NONE : *text == 'E' ? WEIR_WATERMARK_END :
		strtoll(text, NULL, 10);
}

static void
bring_row(WeirWatermarkMerge *m, int input, int64_t own, const char *name)
{
	weir_watermark_merge_rows(m, input, &own, 1);
	if (own != weir_watermark_merge_get(m))
		ok(false, "%s: a row has the task's watermark", name);
}

/* True if the word holds, or has happened. */
static bool
play(WeirWatermarkMerge *m, int64_t *watermarks, const char *word, const char *name)
{
	int			input = word[0] ? word[1] - '0' : 0;

	switch (word[0])
	{
		case 'w':
			watermarks[input] = number(word + 3);
			weir_watermark_merge_set(m, input, watermarks[input], false);
			return true;
		case 'i':
			weir_watermark_merge_set(m, input, watermarks[input], true);
			return true;
		case 'r':
			bring_row(m, input, number(word + 3), name);
			return true;
		case 'e':
			weir_watermark_merge_end(m, input);
			return true;
		case '=':
		case '~':
			return weir_watermark_merge_get(m) == number(word + 1) &&
				weir_watermark_merge_is_idle(m) == (word[0] == '~');
		default:
			return weir_watermark_merge_have_begun(m) == (word[0] == 'b');
	}
}

static void
run_case(const Case *c)
{
	WeirWatermarkMerge *m = weir_watermark_merge_create(c->ninputs);
	int64_t		watermarks[8];
	char		script[200];
	bool		pass = true;

	for (int i = 0; i < 8; i++)
		watermarks[i] = WEIR_WATERMARK_NONE;
	snprintf(script, sizeof(script), "%s", c->script);
	for (char *word = strtok(script, " "); word && pass; word = strtok(NULL, " "))
	{
		pass = play(m, watermarks, word, c->name);
		if (!pass)
			diag("%s: the watermark is %" PRId64, word, weir_watermark_merge_get(m));
	}
	ok(pass, "watermark of a task: %s", c->name);
	weir_watermark_merge_destroy(m);
}

/* An input brings a row, or says how far it is, or that it is idle. */
static void
say(Random *r, WeirWatermarkMerge *m, int input, int64_t *own, bool *idle)
{
	int			what = random_below(r, 5);

	*own += what == 0 ? 0 : random_below(r, 3);
	*idle = what == 0;
	if (what < 3)
		weir_watermark_merge_set(m, input, *own, *idle);
	else
		bring_row(m, input, *own, "random");
}

/*
 * Whatever inputs do: the watermark is that of the one that is furthest behind of those
 * that count, at once, or stands; so it never goes back, nor past one that counts.
 */
static void
run_random(uint64_t seed)
{
	Random		r = {seed};
	int			n = 1 + random_below(&r, 4);
	WeirWatermarkMerge *m = weir_watermark_merge_create(n);
	int64_t		own[4] = {0};
	bool		idle[4] = {0};
	int64_t		reached = 0;
	bool		pass = true;

	for (int i = 0; i < n; i++)
		weir_watermark_merge_set(m, i, 0, false);
	for (int step = 0; step < 200 && pass; step++)
	{
		int			input = random_below(&r, n);
		int64_t		lowest = WEIR_WATERMARK_END;
		int64_t		highest = 0;

		say(&r, m, input, &own[input], &idle[input]);
		for (int i = 0; i < n; i++)
		{
			lowest = !idle[i] && own[i] < lowest ? own[i] : lowest;
			highest = own[i] > highest ? own[i] : highest;
		}
		lowest = lowest == WEIR_WATERMARK_END ? highest : lowest;
		reached = lowest > reached ? lowest : reached;
		pass = weir_watermark_merge_get(m) == reached;
	}
	if (!pass)
		ok(false, "watermark of a task: the lowest, seed %" PRIu64, seed);
	weir_watermark_merge_destroy(m);
}

/* What inputs have said last, as a restart hears it. */
typedef struct Heard
{
	int			n;
	int64_t		watermark[4];
	bool		idle[4];
	bool		ended[4];
} Heard;

/* As if it had been at it all along: of what it had reached only that is kept which must be. */
static WeirWatermarkMerge *
restart(WeirWatermarkMerge *before, const Heard *h)
{
	WeirWatermarkMerge *m = weir_watermark_merge_create(h->n);
	int64_t		reached = weir_watermark_merge_is_ahead(before) ? weir_watermark_merge_get(before) :
		WEIR_WATERMARK_NONE;

	for (int i = 0; i < h->n; i++)
	{
		if (h->ended[i])
			weir_watermark_merge_end(m, i);
		else
			weir_watermark_merge_set(m, i, h->watermark[i], h->idle[i]);
	}
	weir_watermark_merge_resume(m, reached);
	weir_watermark_merge_destroy(before);
	return m;
}

static void
happen(Random *r, Heard *h, WeirWatermarkMerge *a, WeirWatermarkMerge *b)
{
	int			input = random_below(r, h->n);

	if (h->ended[input])
		return;
	if (random_below(r, 40) == 0)
	{
		h->ended[input] = true;
		weir_watermark_merge_end(a, input);
		weir_watermark_merge_end(b, input);
		return;
	}
	h->idle[input] = random_below(r, 4) == 0;
	if (!h->idle[input])
		h->watermark[input] += random_below(r, 5);
	weir_watermark_merge_set(a, input, h->watermark[input], h->idle[input]);
	weir_watermark_merge_set(b, input, h->watermark[input], h->idle[input]);
}

static bool
run_restarts(uint64_t seed)
{
	Random		r = {seed};
	Heard		h = {.n = 1 + random_below(&r, 4)};
	WeirWatermarkMerge *a = weir_watermark_merge_create(h.n);
	WeirWatermarkMerge *b = weir_watermark_merge_create(h.n);
	bool		pass = true;

	for (int i = 0; i < h.n; i++)
	{
		weir_watermark_merge_set(a, i, 0, false);
		weir_watermark_merge_set(b, i, 0, false);
	}
	for (int step = 0; step < 100 && pass; step++)
	{
		happen(&r, &h, a, b);
		if (random_below(&r, 5) == 0)
			b = restart(b, &h);
		pass = weir_watermark_merge_get(a) == weir_watermark_merge_get(b) &&
			weir_watermark_merge_is_idle(a) == weir_watermark_merge_is_idle(b);
		if (!pass)
			diag("seed %" PRIu64 ", step %d: %" PRId64 ", after a restart %" PRId64, seed, step,
				 weir_watermark_merge_get(a), weir_watermark_merge_get(b));
	}
	weir_watermark_merge_destroy(a);
	weir_watermark_merge_destroy(b);
	return pass;
}

void
test_watermark_merge(void)
{
	bool		pass = true;

	for (int i = 0; i < COUNT(cases); i++)
		run_case(&cases[i]);
	for (uint64_t seed = 1; seed <= 500; seed++)
		run_random(seed);
	ok(true, "watermark of a task: the lowest of those of its inputs that count, at random");
	for (uint64_t seed = 1; seed <= 3000 && pass; seed++)
		pass = run_restarts(seed);
	ok(pass, "watermark of a task: restarts make no difference, at random");
}
