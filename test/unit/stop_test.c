/*
 * stop_test.c
 *		How a job comes to its end.
 */
#include "decide/stop.h"
#include "tap.h"

typedef enum Event
{
	E_NONE,						/* the end of a case */
	/* expect: whether a stop has failed with it */
	ATTEMPT, ATTEMPT_UNCHECKED, RUNNING, ENDED, COMPLETED, FAILED,
	LEFT,						/* the attempt has ended by "ending" */
	BROKE, BROKE_IN_DOUBT,		/* it has ended otherwise */
	FOUND, NOT_FOUND,
	/* expect: the reply; requests have the tokens 1, 2, .. in their order */
	STOP, STOP_NAMED, DRAIN, DRAIN_NAMED, CANCEL,
	/* expect: what is to be done next */
	NEXT,
	/* expect: these */
	ENDING, ENDS_JOB, DOUBTFUL, TOKEN
} Event;

typedef struct Step
{
	Event		event;
	int			expect;
} Step;

typedef struct Case
{
	const char *name;
	Step		steps[24];
} Case;

#define STARTED {ATTEMPT, false}, {RUNNING, false}, {NEXT, WEIR_STOP_NOTHING}
#define BEGINS_STOP {NEXT, WEIR_STOP_BEGIN}, {NEXT, WEIR_STOP_FINAL}, {NEXT, WEIR_STOP_NOTHING}
#define BEGINS_DRAIN {NEXT, WEIR_STOP_BEGIN}, {NEXT, WEIR_STOP_DRAIN}, {NEXT, WEIR_STOP_NOTHING}
#define ASKS_FINAL {NEXT, WEIR_STOP_FINAL}, {NEXT, WEIR_STOP_NOTHING}
#define ENDS(how) {NEXT, WEIR_STOP_END}, {ENDING, how}

static const Case cases[] = {
	{"a stop", {STARTED, {STOP, WEIR_STOP_TAKEN}, BEGINS_STOP, {TOKEN, 1}, {COMPLETED, false},
	ENDS(WEIR_ENDING_STOPPED), {LEFT, false}, {ENDS_JOB, true}}},
	{"a stop whose checkpoint fails", {STARTED, {STOP, WEIR_STOP_TAKEN}, BEGINS_STOP, {FAILED, true},
	{NEXT, WEIR_STOP_NOTHING}, {TOKEN, 0}, {ENDS_JOB, false}, {STOP, WEIR_STOP_TAKEN}, BEGINS_STOP}},
	{"a stop before the tasks run", {{ATTEMPT, false}, {STOP, WEIR_STOP_TAKEN}, {NEXT, WEIR_STOP_NOTHING},
	{RUNNING, false}, BEGINS_STOP}},
	{"a stop whose attempt fails", {STARTED, {STOP, WEIR_STOP_TAKEN}, BEGINS_STOP, {BROKE, true},
	{ENDS_JOB, false}, {TOKEN, 0}, STARTED}},
	{"a stop whose attempt fails before its tasks run", {{ATTEMPT, false}, {STOP, WEIR_STOP_TAKEN},
	{BROKE, false}, {ENDS_JOB, true}}},
	{"a stop between two attempts", {STARTED, {BROKE, false}, {STOP, WEIR_STOP_TAKEN}, {ENDS_JOB, true}}},
	{"a drain between two attempts", {STARTED, {BROKE, false}, {DRAIN, WEIR_STOP_TAKEN}, {ENDS_JOB, false},
	{ATTEMPT, false}, {RUNNING, false}, BEGINS_DRAIN, {ENDED, false}, ASKS_FINAL, {COMPLETED, false},
	ENDS(WEIR_ENDING_FINISHED)}},
	{"stops join", {STARTED, {STOP, WEIR_STOP_TAKEN}, {STOP, WEIR_STOP_JOINED}, BEGINS_STOP, {TOKEN, 1},
	{STOP, WEIR_STOP_JOINED}, {STOP_NAMED, WEIR_STOP_BUSY}, {DRAIN, WEIR_STOP_BUSY}}},
	{"a drain is joined by nobody", {STARTED, {DRAIN, WEIR_STOP_TAKEN}, {STOP, WEIR_STOP_BUSY},
	{DRAIN, WEIR_STOP_BUSY}, {DRAIN_NAMED, WEIR_STOP_BUSY}}},
	{"with a name, before the tasks run", {{ATTEMPT, false}, {STOP_NAMED, WEIR_STOP_WAITS},
		{DRAIN_NAMED, WEIR_STOP_WAITS}, {ENDS_JOB, false}, {RUNNING, false},
	{STOP_NAMED, WEIR_STOP_TAKEN}, BEGINS_STOP}},
	{"with a name, while the final checkpoint is taken", {STARTED, {ENDED, false}, ASKS_FINAL,
	{STOP_NAMED, WEIR_STOP_ENDED}, {DRAIN_NAMED, WEIR_STOP_ENDED}, {NEXT, WEIR_STOP_NOTHING}}},

	{"a drain", {STARTED, {DRAIN, WEIR_STOP_TAKEN}, BEGINS_DRAIN, {ENDED, false}, ASKS_FINAL, {TOKEN, 1},
	{COMPLETED, false}, ENDS(WEIR_ENDING_FINISHED)}},
	{"a drain's checkpoint is taken again", {STARTED, {DRAIN, WEIR_STOP_TAKEN}, BEGINS_DRAIN,
		{ENDED, false}, ASKS_FINAL, {FAILED, false}, ASKS_FINAL, {TOKEN, 1}, {COMPLETED, false},
	ENDS(WEIR_ENDING_FINISHED)}},
	{"a drain whose attempt fails", {STARTED, {DRAIN, WEIR_STOP_TAKEN}, BEGINS_DRAIN, {BROKE, true},
	{ENDS_JOB, false}, STARTED}},
	{"a drain whose attempt fails behind its end", {STARTED, {DRAIN, WEIR_STOP_TAKEN}, BEGINS_DRAIN,
	{ENDED, false}, ASKS_FINAL, {BROKE, true}, {ENDS_JOB, false}, STARTED}},
	{"a drain before the tasks run", {{ATTEMPT, false}, {DRAIN, WEIR_STOP_TAKEN},
	{NEXT, WEIR_STOP_NOTHING}, {RUNNING, false}, BEGINS_DRAIN}},
	{"a drain without checkpointing", {{ATTEMPT_UNCHECKED, false}, {RUNNING, false},
	{DRAIN, WEIR_STOP_TAKEN}, BEGINS_DRAIN, {ENDED, false}, ENDS(WEIR_ENDING_FINISHED)}},
	{"a drain where the input has ended by itself", {STARTED, {ENDED, false}, ASKS_FINAL,
		{DRAIN, WEIR_STOP_TAKEN}, BEGINS_DRAIN, {FAILED, false}, ASKS_FINAL, {COMPLETED, false},
	ENDS(WEIR_ENDING_FINISHED)}},

	{"all input ends", {STARTED, {ENDED, false}, ASKS_FINAL, {TOKEN, 0}, {COMPLETED, false},
	ENDS(WEIR_ENDING_FINISHED), {LEFT, false}}},
	{"all input ends, and the checkpoint fails", {STARTED, {ENDED, false}, ASKS_FINAL, {FAILED, false},
	ASKS_FINAL, {FAILED, false}, ASKS_FINAL, {COMPLETED, false}, ENDS(WEIR_ENDING_FINISHED)}},
	{"all input ends without checkpointing", {{ATTEMPT_UNCHECKED, false}, {RUNNING, false},
	{ENDED, false}, ENDS(WEIR_ENDING_FINISHED)}},
	{"all input ends before the last task says that it runs", {{ATTEMPT, false}, {ENDED, false},
	{NEXT, WEIR_STOP_NOTHING}, {RUNNING, false}, ASKS_FINAL}},
	{"a stop without checkpointing takes a checkpoint", {{ATTEMPT_UNCHECKED, false}, {RUNNING, false},
		{STOP, WEIR_STOP_TAKEN}, BEGINS_STOP, {ENDED, false}, {NEXT, WEIR_STOP_NOTHING},
	{COMPLETED, false}, ENDS(WEIR_ENDING_STOPPED)}},
	{"all input ends while a stop takes its checkpoint", {STARTED, {STOP, WEIR_STOP_TAKEN}, BEGINS_STOP,
	{ENDED, false}, {NEXT, WEIR_STOP_NOTHING}, {COMPLETED, false}, ENDS(WEIR_ENDING_STOPPED)}},
	{"all input ends while a stop takes its checkpoint, which fails", {STARTED, {STOP, WEIR_STOP_TAKEN},
		BEGINS_STOP, {ENDED, false}, {FAILED, true}, ASKS_FINAL, {TOKEN, 0}, {COMPLETED, false},
	ENDS(WEIR_ENDING_FINISHED)}},
	{"a stop waits for the final checkpoint under way", {STARTED, {ENDED, false}, ASKS_FINAL,
		{STOP, WEIR_STOP_TAKEN}, {NEXT, WEIR_STOP_BEGIN}, {NEXT, WEIR_STOP_NOTHING}, {COMPLETED, false},
	ENDS(WEIR_ENDING_STOPPED)}},
	{"a stop waits for the final checkpoint under way, which fails", {STARTED, {ENDED, false}, ASKS_FINAL,
		{STOP, WEIR_STOP_TAKEN}, {NEXT, WEIR_STOP_BEGIN}, {NEXT, WEIR_STOP_NOTHING}, {FAILED, true},
	ASKS_FINAL, {COMPLETED, false}, ENDS(WEIR_ENDING_FINISHED)}},

	{"a cancel", {STARTED, {CANCEL, WEIR_STOP_TAKEN}, ENDS(WEIR_ENDING_CANCELLED), {LEFT, false},
	{ENDS_JOB, true}}},
	{"a cancel before the tasks run", {{ATTEMPT, false}, {CANCEL, WEIR_STOP_TAKEN},
	ENDS(WEIR_ENDING_CANCELLED)}},
	{"a cancel while a stop is under way", {STARTED, {STOP, WEIR_STOP_TAKEN}, BEGINS_STOP,
	{CANCEL, WEIR_STOP_TAKEN}, ENDS(WEIR_ENDING_CANCELLED)}},
	{"a cancel behind the final checkpoint", {STARTED, {STOP, WEIR_STOP_TAKEN}, BEGINS_STOP,
	{COMPLETED, false}, {CANCEL, WEIR_STOP_TAKEN}, ENDS(WEIR_ENDING_STOPPED)}},
	{"a cancel and a stop that fails", {STARTED, {STOP, WEIR_STOP_TAKEN}, BEGINS_STOP,
	{CANCEL, WEIR_STOP_TAKEN}, {FAILED, false}, ENDS(WEIR_ENDING_CANCELLED)}},
	{"a cancel while a stop is in doubt", {STARTED, {STOP, WEIR_STOP_TAKEN}, BEGINS_STOP,
		{BROKE_IN_DOUBT, false}, {CANCEL, WEIR_STOP_TAKEN}, {NOT_FOUND, false}, {ENDS_JOB, true}}},
	{"a cancel between two attempts", {STARTED, {BROKE, false}, {CANCEL, WEIR_STOP_TAKEN},
	{ENDS_JOB, true}}},

	{"a stop in doubt that is decided", {STARTED, {STOP, WEIR_STOP_TAKEN}, BEGINS_STOP,
		{BROKE_IN_DOUBT, false}, {DOUBTFUL, true}, {STOP, WEIR_STOP_JOINED}, {FOUND, false},
	{ENDING, WEIR_ENDING_STOPPED}, {DOUBTFUL, false}}},
	{"a stop in doubt that is not decided", {STARTED, {STOP, WEIR_STOP_TAKEN}, BEGINS_STOP,
		{BROKE_IN_DOUBT, false}, {NOT_FOUND, true}, {ENDING, WEIR_ENDING_NONE}, {ENDS_JOB, false},
	STARTED}},
	{"a drain in doubt that is decided", {STARTED, {DRAIN, WEIR_STOP_TAKEN}, BEGINS_DRAIN, {ENDED, false},
	ASKS_FINAL, {BROKE_IN_DOUBT, false}, {FOUND, false}, {ENDING, WEIR_ENDING_FINISHED}}},
	{"a drain in doubt that is not decided", {STARTED, {DRAIN, WEIR_STOP_TAKEN}, BEGINS_DRAIN,
	{ENDED, false}, ASKS_FINAL, {BROKE_IN_DOUBT, false}, {NOT_FOUND, true}, STARTED}},
	{"the end of the input in doubt", {STARTED, {ENDED, false}, ASKS_FINAL, {BROKE_IN_DOUBT, false},
		{DOUBTFUL, false}, {FOUND, false}, {ENDING, WEIR_ENDING_NONE}, {ENDS_JOB, false}, STARTED,
	{ENDED, false}, ASKS_FINAL}},
	{"a stop asked while the end of the input is in doubt", {STARTED, {ENDED, false}, ASKS_FINAL,
		{BROKE_IN_DOUBT, false}, {STOP, WEIR_STOP_TAKEN}, {DOUBTFUL, true}, {NOT_FOUND, false},
	{ENDS_JOB, true}}},
	{"the same, and it is decided", {STARTED, {ENDED, false}, ASKS_FINAL, {BROKE_IN_DOUBT, false},
	{STOP, WEIR_STOP_TAKEN}, {FOUND, false}, {ENDING, WEIR_ENDING_STOPPED}}},
	{"doubt ends with the next attempt", {STARTED, {ENDED, false}, ASKS_FINAL, {BROKE_IN_DOUBT, false},
	{ATTEMPT, false}, {STOP, WEIR_STOP_TAKEN}, {DOUBTFUL, false}, {NOT_FOUND, false}}},
};

static int
ask(WeirStop *s, Event event, uint64_t token)
{
	static const WeirStopKind kinds[] = {WEIR_STOP_CHECKPOINTED, WEIR_STOP_CHECKPOINTED,
	WEIR_STOP_DRAINED, WEIR_STOP_DRAINED, WEIR_STOP_CANCEL};

	WeirStopKind kind = kinds[event - STOP];
	WeirStopReply reply = weir_stop_reply(s, kind, event == STOP_NAMED || event == DRAIN_NAMED);

	if (reply == WEIR_STOP_TAKEN)
		weir_stop_take(s, kind, token);
	return reply;
}

/* Of the attempt: true if a stop has failed. */
static bool
feed(WeirStop *s, Event event)
{
	switch (event)
	{
		case ATTEMPT:
		case ATTEMPT_UNCHECKED:
			weir_stop_attempt(s, event == ATTEMPT);
			return false;
		case RUNNING:
			weir_stop_running(s);
			return false;
		case ENDED:
			weir_stop_all_ended(s);
			return false;
		case COMPLETED:
			weir_stop_final_completed(s);
			return false;
		case FAILED:
			return weir_stop_final_failed(s);
		case FOUND:
		case NOT_FOUND:
			return weir_stop_recovered(s, event == FOUND);
		default:
			return weir_stop_attempt_ended(s, event != LEFT, event == BROKE_IN_DOUBT);
	}
}

static int
happens(WeirStop *s, Event event, uint64_t *tokens)
{
	switch (event)
	{
		case STOP:
		case STOP_NAMED:
		case DRAIN:
		case DRAIN_NAMED:
		case CANCEL:
			return ask(s, event, ++*tokens);
		case NEXT:
			return weir_stop_next(s);
		case ENDING:
			return s->ending;
		case ENDS_JOB:
			return weir_stop_ends_job(s);
		case DOUBTFUL:
			return weir_stop_is_doubtful(s);
		case TOKEN:
			return (int) s->token;
		default:
			return feed(s, event);
	}
}

static void
run_case(const Case *c)
{
	WeirStop	s = {false};
	uint64_t	tokens = 0;
	int			i;

	for (i = 0; c->steps[i].event != E_NONE; i++)
	{
		int			got = happens(&s, c->steps[i].event, &tokens);

		if (got == c->steps[i].expect)
			continue;
		ok(false, "stop: %s", c->name);
		diag("step %d: expected %d, got %d", i + 1, c->steps[i].expect, got);
		return;
	}
	ok(true, "stop: %s", c->name);
}

void
test_stop(void)
{
	int			i;

	for (i = 0; i < COUNT(cases); i++)
		run_case(&cases[i]);
}
