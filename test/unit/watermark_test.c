/*
 * watermark_test.c
 *		How far has event time come, and is the source idle?
 */
#include "decide/watermark.h"
#include "tap.h"

#define NONE	WEIR_WATERMARK_NONE
#define END		WEIR_WATERMARK_END
#define STEPS	5

/* Times that come, and the watermark before each and behind the last. */
static const struct
{
	const char *name;
	int64_t		bound;
	int			n;
	int64_t		times[STEPS];
	int64_t		expected[STEPS + 1];
}			runs[] = {
	{"it is the highest time less the bound", 4, 3, {10, 20, 30}, {NONE, 6, 16, 26}},
	{"it stands while times go back", 4, 4, {10, 3, 9, 12}, {NONE, 6, 6, 6, 8}},
	{"a bound of nothing", 0, 2, {10, 11}, {NONE, 10, 11}},
	{"before 2000, too", 5, 3, {-100, -99, -200}, {NONE, -105, -104, -104}},
	{"a time without end says nothing", 4, 3, {10, END, 20}, {NONE, 6, 6, 16}},
	{"nor does one without begin", 4, 3, {NONE, 10, NONE}, {NONE, NONE, 6, 6}},
	{"nor one that the bound leads out of all times", 100, 2, {NONE + 99, NONE + 101}, {NONE, NONE, NONE + 1}},
	{"a bound as long as can be", END, 2, {-2, 5}, {NONE, NONE, 5 - END}},
};

static void
test_runs(void)
{
	for (int i = 0; i < COUNT(runs); i++)
	{
		int64_t		watermark = NONE;
		bool		right = true;

		for (int j = 0; j < runs[i].n; j++)
		{
			right = right && watermark == runs[i].expected[j];
			watermark = weir_watermark_behind(watermark, runs[i].times[j], runs[i].bound);
		}
		ok(right && watermark == runs[i].expected[runs[i].n], "watermark: %s", runs[i].name);
	}
}

/* 'c' something came, 'w' it was asked and waits, 'i' it was asked and is idle. */
static const struct
{
	const char *name;
	int64_t		timeout;
	const char *script;			/* a step a unit of time */
}			waits[] = {
	{"never without a timeout", 0, "wwwwww"},
	{"after the timeout", 3, "wwwiii"},
	{"not while something comes", 3, "wwcwwcwwwi"},
	{"it ends with what comes", 2, "wwiicwwi"},
	{"time in which nobody asked is no idle time", 3, "c      wwwi"},
};

static bool
waits_as(int64_t timeout, const char *script)
{
	WeirIdleness idleness = {timeout, false, 0};

	for (int64_t now = 0; script[now] != '\0'; now++)
	{
		int64_t		due;

		if (script[now] == ' ')
			continue;
		if (script[now] == 'c')
		{
			weir_idleness_end(&idleness);
			continue;
		}
		if (weir_idleness_look(&idleness, now) != (script[now] == 'i'))
			return false;
		due = weir_idleness_due(&idleness, now);
		if ((due == INT64_MAX) != (timeout == 0 || script[now] == 'i') || due <= now)
			return false;
	}
	return true;
}

static void
test_idleness(void)
{
	for (int i = 0; i < COUNT(waits); i++)
		ok(waits_as(waits[i].timeout, waits[i].script), "idle: %s", waits[i].name);
}

void
test_watermark(void)
{
	test_runs();
	test_idleness();
}
