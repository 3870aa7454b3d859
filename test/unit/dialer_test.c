/*
 * dialer_test.c
 *		Connections that are refused, lost, silent; and how the kernel watches them.
 *
 * A case is a script of letters, each a step at a moment 1 ms behind the last:
 *	d dials	o opens	b bytes come, no data	D data come	c the peer closes
 *	x refused or reset	i it was silent for too long	w waits until it is due
 */
#include "decide/dialer.h"
#include "decide/keepalive.h"
#include "tap.h"

#define MS		INT64_C(1000)
#define SECOND	INT64_C(1000000)

static const WeirDialerConfig base = {.max_retries = 2, .retry_delay = 50 * MS,
.connect_timeout = 3 * SECOND, .idle_timeout = 0};

/* The last loss that the script brought about, or -1. */
static int
play(WeirDialer *d, const char *script, int64_t *now)
{
	int			loss = -1;

	for (; *script; script++)
	{
		*now += MS;
		switch (*script)
		{
			case 'd':
				if (!weir_dialer_due(d, *now))
					return -2;
				weir_dialer_connecting(d, *now);
				break;
			case 'o':
				weir_dialer_opened(d, false, *now);
				break;
			case 'b':
				weir_dialer_received(d, *now);
				break;
			case 'D':
				weir_dialer_received(d, *now);
				weir_dialer_delivered(d);
				break;
			case 'c':
				loss = weir_dialer_lost(d, true, *now);
				break;
			case 'x':
				loss = weir_dialer_lost(d, false, *now);
				break;
			case 'i':
				weir_dialer_redial(d, *now);
				break;
			case 'w':
				*now += weir_dialer_wait(d, *now);
				break;
		}
	}
	return loss;
}

static void
test_retries(void)
{
	static const struct
	{
		const char *name;
		int			max_retries;
		const char *script;
		int			loss;
		int			retries;	/* used up */
	}			cases[] = {
		{"no retry: the first close is the end", 0, "doDc", WEIR_DIALER_ENDED, 0},
		{"no retry: a refusal is a failure", 0, "dx", WEIR_DIALER_FAILED, 0},
		{"no retry: a reset is a failure", 0, "doDx", WEIR_DIALER_FAILED, 0},
		{"a retry waits for its delay", 2, "dxd", -2, 1},
		{"refused thrice with two retries", 2, "dxwdxwdx", WEIR_DIALER_FAILED, 2},
		{"refused after an orderly close: the stream has ended", 2, "doDcwdxwdx", WEIR_DIALER_ENDED, 2},
		{"reset, then refused: it has not", 2, "doDxwdxwdx", WEIR_DIALER_FAILED, 2},
		{"a connection that brought data gives the retries back", 2, "dxwdxwdoDx", WEIR_DIALER_RETRY, 1},
		{"so it can go on for ever", 1, "doDcwdoDcwdoDcwdoDcwdoDc", WEIR_DIALER_RETRY, 1},
		{"empty connections do not", 2, "docwdocwdoc", WEIR_DIALER_ENDED, 2},
		{"nor do bytes that are no data", 2, "dobcwdobcwdobc", WEIR_DIALER_ENDED, 2},
		{"any number of retries", -1, "dxwdxwdxwdxwdxwdx", WEIR_DIALER_RETRY, 6},
		{"closed for its silence: dialled again though no retry is left", 0, "doDido", -1, 0},
		{"and then refused: a failure, the peer never closed", 0, "doDidx", WEIR_DIALER_FAILED, 0},
		{"an orderly close before that does not count", 1, "doDcwdoidx", WEIR_DIALER_FAILED, 1}
	};
	int			i;

	for (i = 0; i < COUNT(cases); i++)
	{
		WeirDialerConfig config = base;
		WeirDialer	d;
		int64_t		now = 77;
		int			loss;

		config.max_retries = cases[i].max_retries;
		weir_dialer_init(&d, &config, now);
		loss = play(&d, cases[i].script, &now);
		if (!ok(loss == cases[i].loss && d.retries == cases[i].retries,
				"dialer: %s", cases[i].name))
			diag("loss %d, %d retries used", loss, d.retries);
	}
}

static void
test_timeouts(void)
{
	static const struct
	{
		const char *name;
		const char *script;
		int64_t		idle_timeout;
		int64_t		wait;		/* behind the script */
		bool		overdue;	/* then */
	}			cases[] = {
		{"a dial lasts connect_timeout at most", "d", 0, 3 * SECOND, true},
		{"a refusal is followed by retry_delay", "dx", 0, 50 * MS, false},
		{"an open connection without idle_timeout is waited for", "doD", 0, -1, false},
		{"with it, so long from the last byte", "doDbbb", 7 * SECOND, 7 * SECOND, true},
		{"or from the start", "do", 7 * SECOND, 7 * SECOND, true},
		{"a long one is preceded by the remark that nothing came", "do", 60 * SECOND, 10 * SECOND, false},
		{"which is not for a connection that brought something", "doD", 60 * SECOND, 60 * SECOND, true},
		{"the end needs no clock", "dxwdxwdx", 7 * SECOND, -1, false}
	};
	int			i;

	for (i = 0; i < COUNT(cases); i++)
	{
		WeirDialerConfig config = base;
		WeirDialer	d;
		int64_t		now = 5;
		int64_t		wait;
		bool		early;

		config.idle_timeout = cases[i].idle_timeout;
		weir_dialer_init(&d, &config, now);
		(void) play(&d, cases[i].script, &now);
		wait = weir_dialer_wait(&d, now);
		early = wait > 0 && weir_dialer_overdue(&d, now + wait - 1);
		now += wait > 0 ? wait : 365 * 86400 * SECOND;
		if (!ok(wait == cases[i].wait && !early && weir_dialer_overdue(&d, now) == cases[i].overdue,
				"dialer: %s", cases[i].name))
			diag("waits %lld us", (long long) wait);
	}
}

static void
test_remark(void)
{
	WeirDialer	d;
	int64_t		now = 0;

	weir_dialer_init(&d, &base, now);
	(void) play(&d, "do", &now);
	ok(!weir_dialer_remarkable(&d, now + 10 * SECOND - 1) && weir_dialer_remarkable(&d, now + 10 * SECOND) &&
	   !weir_dialer_remarkable(&d, now + 11 * SECOND) && weir_dialer_wait(&d, now + 11 * SECOND) == -1,
	   "dialer: silence from the start is remarked once");
	weir_dialer_opened(&d, true, now);
	ok(!weir_dialer_remarkable(&d, now + 60 * SECOND), "dialer: not of a connection that another has read");
	weir_dialer_opened(&d, false, now);
	ok(weir_dialer_wait(&d, now - 3600 * SECOND) == 10 * SECOND && !weir_dialer_overdue(&d, now - 3600 * SECOND),
	   "dialer: a clock that was set back does not make the wait longer");
}

static void
test_keepalive(void)
{
	static const struct
	{
		int64_t		idle;
		WeirKeepalive k;
	}			cases[] = {
		{0, {0, 0, 0, 0}},
		{SECOND, {1, 1, 3, 4000}},
		{1500 * MS, {2, 1, 3, 5000}},
		{60 * SECOND, {60, 10, 3, 90000}},
		{9 * 3600 * SECOND, {32400, 5400, 3, 48600000}},
		{365 * 86400 * SECOND, {32767, 5461, 3, 49150000}}
	};
	int			i;

	for (i = 0; i < COUNT(cases); i++)
	{
		WeirKeepalive k = weir_keepalive(cases[i].idle);

		ok(k.idle == cases[i].k.idle && k.interval == cases[i].k.interval &&
		   k.count == cases[i].k.count && k.user_timeout == cases[i].k.user_timeout,
		   "keepalive: %lld us of silence", (long long) cases[i].idle);
	}
}

void
test_dialer(void)
{
	test_retries();
	test_timeouts();
	test_remark();
	test_keepalive();
}
