/*
 * align_test.c
 *		Barrier alignment, told as scripts.
 *
 * What happens:	bI:N	barrier N on input I		cI:N	its cancel
 *					eI		input I ends
 *					a:N		the coordinator aborts N	t:N		triggers N
 *					nI:N	input I announces N, due at time 100 (NI:N: never due)
 *					@T		the clock shows T
 * What must hold:	rI		input I may be read			xI		it may not
 *					SN		snapshot of N is next		CN		N is cancelled
 *					ON		the same as SN, and it overtakes
 *					dT		the deadline is T (d: there is none)
 *					UN		N is cancelled, subsumed
 *					all		all inputs have ended
 * No action may be left over when something happens or the script ends.
 */
#include <stdio.h>
#include <string.h>

#include "decide/align.h"
#include "tap.h"

#define EXACTLY WEIR_ALIGN_EXACTLY_ONCE
#define AT_LEAST WEIR_ALIGN_AT_LEAST_ONCE

typedef struct Case
{
	const char *name;
	int			ninputs;
	WeirAlignMode mode;
	const char *script;
} Case;

static const Case cases[] = {
	{"14: three inputs, barrier on one: only that blocks, all unblock on the last", 3, EXACTLY,
	"r0 r1 r2 b1:1 r0 x1 r2 b0:1 x0 x1 r2 b2:1 S1 r0 r1 r2"},
	{"one input: the barrier is complete at once", 1, EXACTLY, "b0:1 S1 r0 b0:2 S2"},
	{"15: aligning 2, barrier 3: 2 is subsumed, its inputs unblock, 3 aligns", 3, EXACTLY,
	"b0:2 x0 b1:3 U2 r0 x1 r2 b0:3 x0 b2:3 S3 r0 r1 r2"},
	{"15: late barriers of the subsumed id are ignored", 2, EXACTLY,
	"b0:2 b1:3 U2 b0:2 r0 x1 b0:3 S3"},
	{"15: at least once, 2 and 3 are both counted on", 2, AT_LEAST,
	"b0:2 b0:3 b1:2 S2 b1:3 S3"},
	{"15: at least once, three inputs interleaved", 3, AT_LEAST,
	"b0:1 b0:2 b1:1 b1:2 b1:3 b2:1 S1 b2:2 S2 b0:3 b2:3 S3"},
	{"at least once: a newer one is complete first: the older is subsumed", 2, AT_LEAST,
	"b0:2 b0:3 b1:3 U2 S3 b1:2"},
	{"16: a cancel on the last input aborts and unblocks; data flows; the late barrier is ignored", 3, EXACTLY,
	"b0:4 b1:4 x0 x1 c2:4 C4 r0 r1 r2 b2:4 r2 b0:5 b1:5 b2:5 S5"},
	{"16: a cancel on the first input; later barriers of it block nobody", 2, EXACTLY,
	"c0:4 C4 b1:4 r1 b0:5 x0 b1:5 S5"},
	{"16: cancels on every input are passed on once", 2, EXACTLY, "c0:4 C4 c1:4"},
	{"16: a cancel of a newer one while aligning", 2, EXACTLY, "b0:4 c1:5 U4 C5 r0 r1 b0:5 r0"},
	{"16: at least once, a cancel gives up the count", 2, AT_LEAST, "b0:4 c1:4 C4 b1:4 b0:5 b1:5 S5"},
	{"16: at least once, a cancel of 5 leaves 4 alone", 2, AT_LEAST, "b0:4 c0:5 C5 b1:4 S4 b1:5"},
	{"17: barrier on inputs 0 and 1, input 2 ends: the checkpoint proceeds", 3, EXACTLY,
	"b0:1 b1:1 e2 S1 r0 r1 x2"},
	{"17: an ended input stands for every later barrier", 2, EXACTLY, "e0 b1:1 S1 b1:2 S2"},
	{"17: at least once too, several ids at the end of an input", 3, AT_LEAST,
	"b0:1 b1:1 b0:2 b1:2 e2 S1 S2"},
	{"17: an input ends behind its own barrier", 2, EXACTLY, "b0:1 b1:1 S1 e0 b1:2 S2"},
	{"an ended input brings nothing more", 2, EXACTLY, "e0 b0:1 c0:1 r1 b1:1 S1"},
	{"18: at_least_once, first barrier seen: more data on that input is still processed", 2, AT_LEAST,
	"b0:1 r0 r1 b1:1 S1 r0 r1"},
	{"19: abort before the barrier: no snapshot, the cancel is passed on once", 2, EXACTLY,
	"a:3 b0:3 C3 r0 r1 b1:3 r1 b0:4 x0 b1:4 S4"},
	{"19: abort before the barrier, at least once", 2, AT_LEAST, "a:3 b0:3 C3 b1:3 b0:4 b1:4 S4"},
	{"19: abort before a cancel: passed on once", 2, EXACTLY, "a:3 c0:3 C3 b1:3"},
	{"19: aborts of two ids ahead of their barriers", 2, EXACTLY,
	"a:3 a:4 b0:3 C3 b0:4 C4 b1:3 b1:4 b0:5 b1:5 S5"},
	{"an abort while aligning unblocks at once", 2, EXACTLY, "b0:3 x0 a:3 C3 r0 b1:3 r1 b0:4 b1:4 S4"},
	{"an abort of the next one leaves this alignment alone", 2, EXACTLY, "b0:3 a:4 x0 b1:3 S3 b0:4 C4 b1:4"},
	{"an abort after the snapshot changes nothing", 2, EXACTLY, "b0:3 b1:3 S3 a:3 r0 r1"},
	{"a repeated abort is one", 2, EXACTLY, "a:3 a:3 b0:3 C3 a:3 b1:3"},
	{"an abort of an id that never comes does not stay in the way", 2, EXACTLY, "a:3 b0:4 x0 b1:4 S4 b0:3 b1:3"},
	{"an abort of an id that never comes, at least once", 2, AT_LEAST, "a:3 b0:4 b1:4 S4"},
	{"a doubled barrier counts once", 2, EXACTLY, "b0:3 b0:3 x0 r1 b1:3 S3"},
	{"a late barrier of a completed id is ignored", 2, EXACTLY, "b0:3 b1:3 S3 b0:3 r0 b0:2 r0"},
	{"all inputs ended: the coordinator triggers", 2, EXACTLY, "e0 e1 all t:7 S7 t:7 t:8 S8"},
	{"all ended, aborted before the trigger: a cancel", 2, EXACTLY, "e0 e1 a:7 t:7 C7 t:8 S8"},
	{"the last input ends while aligning: complete once", 2, EXACTLY, "b0:7 e0 e1 S7 t:7"},
	{"a trigger of a task with a living input is not legal and changes nothing", 2, EXACTLY, "e0 t:7 b1:7 S7"},
	{"a barrier announced on all inputs overtakes when it is due", 2, EXACTLY,
	"n0:3 d n1:3 d100 @99 r0 r1 @100 O3 d r0 r1 b0:3 r0 b1:3 r1 b0:4 x0 b1:4 S4"},
	{"one that comes in time is aligned", 2, EXACTLY, "n0:3 n1:3 b0:3 x0 @99 b1:3 S3 d @100 r0 r1"},
	{"an input that is blocked stands for its announcement", 2, EXACTLY,
	"n0:3 b0:3 x0 n1:3 @100 O3 r0 r1 b1:3 r1"},
	{"one announced late overtakes when it is known everywhere", 2, EXACTLY, "n0:3 @150 r0 n1:3 d100 @150 O3"},
	{"an ended input stands for its announcement", 3, EXACTLY, "e0 n1:3 n2:3 @100 O3 b1:3 b2:3 r1"},
	{"the last live input ends while one is due: it is complete", 2, EXACTLY, "n0:3 b0:3 e1 S3 @100"},
	{"a savepoint is never due", 2, EXACTLY, "N0:3 N1:3 d @900 r0 b0:3 x0 b1:3 S3"},
	{"one that was aborted does not overtake", 2, EXACTLY, "n0:3 n1:3 a:3 d @100 b0:3 C3 b1:3"},
	{"nor one that was cancelled", 2, EXACTLY, "n0:3 c0:3 C3 n1:3 d @100"},
	{"nor one that is complete", 2, EXACTLY, "n0:3 n1:3 b0:3 b1:3 S3 @100"},
	{"it does not overtake while an older one is open", 2, EXACTLY, "b0:3 x0 n0:4 n1:4 d @100 c1:3 C3 d100 @100 O4 r0 r1 b0:4 b1:4"},
	{"of two the older overtakes first", 2, EXACTLY,
	"n0:3 n0:4 n1:3 d100 @100 O3 b0:3 r0 d n1:4 d100 @100 O4 b1:3 b0:4 b1:4 r0 r1"},
	{"one that was aborted does not hold up the next", 2, EXACTLY, "n0:3 n0:4 n1:3 n1:4 a:3 d100 @100 O4 b0:3 b1:3 b0:4"},
	{"a savepoint holds up the next: nothing passes it", 2, EXACTLY, "N0:3 n0:4 N1:3 n1:4 d @100 b0:3 b1:3 S3 d100 @100 O4"},
	{"at least once too", 2, AT_LEAST, "b0:3 n1:3 r0 @100 O3 b1:3 b0:4 b1:4 S4"}
};

static bool
expect_action(WeirAlign *a, char what, int64_t checkpoint)
{
	WeirAlignAction action;

	if (!weir_align_next(a, &action) || action.checkpoint != checkpoint)
		return false;
	if (what == 'S' || what == 'O')
		return action.kind == WEIR_ALIGN_SNAPSHOT && action.overtakes == (what == 'O');
	return action.kind == WEIR_ALIGN_CANCELLED && action.subsumed == (what == 'U');
}

static void
happen(WeirAlign *a, const char *token)
{
	int			input = 0;
	long long	id = 0;

	if (sscanf(token + 1, "%d:%lld", &input, &id) < 1)
		sscanf(token + 1, ":%lld", &id);
	if (token[0] == 'b')
		weir_align_barrier(a, input, id);
	else if (token[0] == 'c')
		weir_align_cancel(a, input, id);
	else if (token[0] == 'e')
		weir_align_end(a, input);
	else if (token[0] == 'a')
		weir_align_abort(a, id);
	else if (token[0] == 'n' || token[0] == 'N')
		weir_align_announce(a, input, id, token[0] == 'n' ? 100 : INT64_MAX);
	else if (token[0] == '@')
		weir_align_clock(a, input);
	else
		weir_align_trigger(a, id);
}

static bool
step(WeirAlign *a, const char *token)
{
	WeirAlignAction action;
	long long	n = 0;

	if (strcmp(token, "all") == 0)
		return weir_align_all_ended(a);
	sscanf(token + 1, "%lld", &n);
	switch (token[0])
	{
		case 'd':
			return weir_align_deadline(a) == (token[1] != '\0' ? n : INT64_MAX);
		case 'S':
		case 'O':
		case 'C':
		case 'U':
			return expect_action(a, token[0], n);
		case 'r':
			return weir_align_may_read(a, (int) n);
		case 'x':
			return !weir_align_may_read(a, (int) n);
		default:
			if (weir_align_next(a, &action))
				return false;
			happen(a, token);
			return true;
	}
}

static bool
run(const Case *c)
{
	WeirAlign  *a = weir_align_create(c->ninputs, c->mode);
	WeirAlignAction action;
	char		script[512];
	char	   *token;
	bool		pass = true;

	snprintf(script, sizeof(script), "%s", c->script);
	for (token = strtok(script, " "); token != NULL && pass; token = strtok(NULL, " "))
	{
		pass = step(a, token);
		if (!pass)
			diag("at %s, %d bytes into %s", token, (int) (token - script), c->script);
	}
	if (pass && weir_align_next(a, &action))
	{
		pass = false;
		diag("action left over: checkpoint %lld", (long long) action.checkpoint);
	}
	weir_align_destroy(a);
	return pass;
}

void
test_align(void)
{
	int			i;

	for (i = 0; i < COUNT(cases); i++)
		ok(run(&cases[i]), "align %s", cases[i].name);
}
