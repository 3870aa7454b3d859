/*
 * listener_test.c
 *		Senders at a port: let in, served in turn, closed.
 *
 * A case is a script of words of two letters, a step each at a moment 1 ms behind
 * the last: what happens, and the place that it happens to.
 *	e_ enters	s_ enters, to shake hands	o0 has shaken hands	l0 leaves
 *	r0 is ready	h0 is heard	d0 has nothing more
 *	n0 is next ("n-" nobody)	x0 is overdue ("x-" nobody)
 *	w_ waits until something is due	a_ is admitted	f_ is one too many
 */
#include <string.h>

#include "decide/listener.h"
#include "tap.h"

#define MS		INT64_C(1000)
#define SECOND	INT64_C(1000000)

typedef struct Case
{
	const char *name;
	const char *script;
	int64_t		idle_timeout;
} Case;

static const Case cases[] = {
	{"two are let in and a third is not", "a_ e_ a_ e_ f_", 0},
	{"a place that is left is free", "e_ e_ l0 a_ e_ f_ n0", 0},
	{"whoever enters is read", "e_ n0", 0},
	{"those that are ready are served in turn", "e_ e_ n0 n1 n0 n1 n0", 0},
	{"one that has nothing more is not served", "e_ e_ n0 d0 n1 n1 d1 n-", 0},
	{"one that is ready again is", "e_ e_ d0 d1 n- r0 n0 r1 n1 n0", 0},
	{"one that left is not served", "e_ e_ d0 d1 r0 l0 n- r0 n-", 0},
	{"whoever has the next turn has it after one that left", "e_ e_ n0 l0 n1 e_ n0", 0},
	{"without idle_timeout nobody is overdue", "e_ d0 w_ x-", 0},
	{"silence for idle_timeout", "e_ e_ d0 d1 x- w_ x0 l0 w_ x1 l1 x-", SECOND},
	{"whoever is heard is not silent", "e_ e_ d0 d1 h0 w_ x1", SECOND},
	{"whoever may have something is not called silent", "e_ d0 w_ r0 x- d0 x0", SECOND},
	{"a handshake takes no longer than it may", "s_ d0 x- w_ x0", 0},
	{"nor is it a matter of silence", "s_ d0 h0 o0 x- w_ x-", 0},
	{"a moment that is not yet to come", "e_ d0 w_ h0 x-", SECOND},
};

static bool
step(WeirListening *l, const char *word, int64_t *now)
{
	int			place = word[1] - '0';
	int64_t		us;

	*now += MS;
	switch (word[0])
	{
		case 'e':
			return weir_listening_enter(l, false, *now) >= 0;
		case 's':
			return weir_listening_enter(l, true, *now) >= 0;
		case 'o':
			weir_listening_opened(l, place, *now);
			return true;
		case 'l':
			weir_listening_leave(l, place);
			return true;
		case 'r':
			weir_listening_ready(l, place);
			return true;
		case 'h':
			weir_listening_heard(l, place, *now);
			return true;
		case 'd':
			weir_listening_dry(l, place);
			return true;
		case 'n':
			return weir_listening_next(l) == (word[1] == '-' ? -1 : place);
		case 'x':
			return weir_listening_overdue(l, *now) == (word[1] == '-' ? -1 : place);
		case 'w':
			us = weir_listening_wait(l, *now);
			*now += us < 0 ? 1000 * SECOND : us;
			return true;
		case 'a':
			return weir_listening_judge(l, true) == WEIR_ADMIT;
		case 'f':
			return weir_listening_judge(l, true) == WEIR_REFUSE_NUMBER;
		default:
			return false;
	}
}

/* The word that does not hold; NULL: all do. */
static const char *
play(const Case *c)
{
	static WeirListening l;
	WeirListenerConfig config = {2, c->idle_timeout, 100};
	int64_t		now = SECOND;

	weir_listening_init(&l, &config);
	for (const char *word = c->script; *word; word += strspn(word, " "))
	{
		if (!step(&l, word, &now))
			return word;
		word += 2;
	}
	return NULL;
}

static void
test_words(void)
{
	static WeirListening l;
	WeirListenerConfig config = {2, 0, 100};
	int			unsaid;
	int			said = 0;

	weir_listening_init(&l, &config);
	for (int i = 0; i < 10; i++)
		said += weir_listening_say(&l, SECOND + i, &unsaid) && unsaid == 0;
	ok(said == 10, "listener: the first words are said");
	ok(!weir_listening_say(&l, 2 * SECOND, &unsaid) && !weir_listening_say(&l, 3 * SECOND, &unsaid),
	   "listener: not the next ones");
	ok(weir_listening_say(&l, 12 * SECOND, &unsaid) && unsaid == 2, "listener: later, with how many there were");
	ok(weir_listening_say(&l, 13 * SECOND, &unsaid) && unsaid == 0, "listener: they are counted anew");
}

void
test_listener(void)
{
	static WeirListening l;
	WeirListenerConfig config = {2, 0, 100};

	for (int i = 0; i < COUNT(cases); i++)
	{
		const char *failed = play(&cases[i]);

		ok(failed == NULL, "listener: %s%s%s", cases[i].name, failed ? ", not at: " : "", failed ? failed : "");
	}
	weir_listening_init(&l, &config);
	ok(weir_listening_judge(&l, false) == WEIR_REFUSE_ADDRESS, "listener: an address that may not");
	ok(!weir_listening_too_long(&l, 100) && weir_listening_too_long(&l, 200), "listener: a record that does not end");
	test_words();
}
