/*
 * script.c
 *		Runs scenarios of the checkpointer.
 */
#include "script.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LINE 400

typedef struct Run
{
	const Scenario *scenario;
	WeirCheckpointConfig config;	/* in microseconds */
	WeirCheckpointer *c;
	int64_t		attempt;
	int64_t		now;
} Run;

static const char *
reason_word(WeirCheckpointFailure reason)
{
	static const char *const words[] = {
		[WEIR_FAILURE_NONE] = "none",
		[WEIR_FAILURE_DECLINED] = "declined",
		[WEIR_FAILURE_EXPIRED] = "expired",
		[WEIR_FAILURE_SUBSUMED] = "subsumed",
		[WEIR_FAILURE_TASKS_NOT_RUNNING] = "not_running",
		[WEIR_FAILURE_RESTART] = "restart",
		[WEIR_FAILURE_COMPLETING] = "completing",
		[WEIR_FAILURE_TOO_MANY_REQUESTS] = "too_many",
		[WEIR_FAILURE_STOPPED] = "stopped"
	};

	return words[reason];
}

void
describe_action(const WeirAction *a, char *buf, int size)
{
	static const char *const kinds[] = {"periodic", "manual", "savepoint", "final"};
	char		token[40] = "";
	long long	id = (long long) a->checkpoint;

	if (a->token != 0)
		snprintf(token, sizeof(token), " #%llu", (unsigned long long) a->token);
	switch (a->kind)
	{
		case WEIR_DO_TRIGGER:
			snprintf(buf, (size_t) size, "trigger %lld %s%s", id, kinds[a->ckind], token);
			break;
		case WEIR_DO_ABORT:
			snprintf(buf, (size_t) size, "abort %lld %s%s", id, reason_word(a->reason), token);
			break;
		case WEIR_DO_PREPARE:
			snprintf(buf, (size_t) size, "prepare %lld", id);
			break;
		case WEIR_DO_DECIDE:
			snprintf(buf, (size_t) size, "decide %lld", id);
			break;
		case WEIR_DO_COMMIT:
			snprintf(buf, (size_t) size, "commit %lld", id);
			break;
		case WEIR_DO_COMPLETE:
			snprintf(buf, (size_t) size, "complete %lld from %lld%s", id, (long long) a->retained_from, token);
			break;
		case WEIR_DO_REFUSE:
			snprintf(buf, (size_t) size, "refuse %s%s", reason_word(a->reason), token);
			break;
		case WEIR_DO_FAIL_ATTEMPT:
			snprintf(buf, (size_t) size, "fail_attempt %lld %s", id, reason_word(a->reason));
			break;
		case WEIR_DO_FAIL_JOB:
			snprintf(buf, (size_t) size, "fail_job %lld %s", id, reason_word(a->reason));
			break;
	}
}

static void
start(Run *r, int64_t next_id)
{
	r->c = weir_checkpointer_create(&r->config, r->scenario->ntasks, r->attempt, next_id, r->now);
	weir_checkpointer_set_active(r->c, true);
}

static void
set_config(Run *r, const char *name, int64_t value)
{
	if (strcmp(name, "every") == 0)
		r->config.every = value * 1000;
	else if (strcmp(name, "min_pause") == 0)
		r->config.min_pause = value * 1000;
	else if (strcmp(name, "max_concurrent") == 0)
		r->config.max_concurrent = (int) value;
	else if (strcmp(name, "tolerable") == 0)
		r->config.tolerable = value;
	else if (strcmp(name, "retain") == 0)
		r->config.retain = (int) value;
	else if (strcmp(name, "timeout") == 0)
		r->config.timeout = value * 1000;
	else if (strcmp(name, "periodic") == 0)
		r->config.periodic = value != 0;
	else
		abort();
	weir_checkpointer_configure(r->c, &r->config, r->now);
}

static bool
is(Run *r, const char *name, const char *value)
{
	int64_t		got = 0;
	long long	id;
	int			task;

	if (strcmp(name, "deadline") == 0)
		got = weir_checkpointer_deadline(r->c) / 1000;
	else if (strcmp(name, "pending") == 0)
		got = weir_checkpointer_pending(r->c);
	else if (strcmp(name, "doubt") == 0)
		got = weir_checkpointer_in_doubt(r->c) ? weir_checkpointer_doubtful(r->c) : 0;
	else if (strcmp(name, "last") == 0)
		got = weir_checkpointer_last_completed(r->c);
	else if (strcmp(name, "failures") == 0)
		got = weir_checkpointer_failures(r->c);
	else if (sscanf(name, "acked:%lld", &id) == 1)
		got = weir_checkpointer_acknowledged(r->c, id);
	else if (sscanf(name, "need:%lld:%d", &id, &task) == 2)
		got = weir_checkpointer_need_prepare(r->c, id, task);
	else
		abort();
	if (strcmp(value, "never") == 0)
		return got == INT64_MAX / 1000;
	if (got != atoll(value))
		diag("%s is %lld", name, (long long) got);
	return got == atoll(value);
}

static void
everybody(Run *r, int64_t id)
{
	int			task;

	for (task = 0; task < r->scenario->ntasks; task++)
		(void) weir_checkpointer_vote(r->c, r->attempt, task, id, WEIR_VOTE_ACK, r->now);
}

/* Messages of tasks; returns whether the event is one. */
static bool
message(Run *r, const char *event, int task, int64_t id, bool *accepted)
{
	if (strcmp(event, "ack") == 0)
		*accepted = weir_checkpointer_vote(r->c, r->attempt, task, id, WEIR_VOTE_ACK, r->now);
	else if (strcmp(event, "ready") == 0)
		*accepted = weir_checkpointer_vote(r->c, r->attempt, task, id, WEIR_VOTE_READY, r->now);
	else if (strcmp(event, "empty") == 0)
		*accepted = weir_checkpointer_vote(r->c, r->attempt, task, id, WEIR_VOTE_READY_EMPTY, r->now);
	else if (strcmp(event, "foreign") == 0)
		*accepted = weir_checkpointer_vote(r->c, r->attempt + 1, task, id, WEIR_VOTE_ACK, r->now);
	else if (strcmp(event, "decline") == 0)
		*accepted = weir_checkpointer_decline(r->c, r->attempt, task, id, r->now);
	else if (strcmp(event, "prepared") == 0)
		*accepted = weir_checkpointer_prepared(r->c, r->attempt, task, id, r->now);
	else
		return false;
	return true;
}

/* Requests; returns whether the event is one. */
static bool
request(Run *r, const char *event, int64_t token)
{
	WeirCheckpointKind kind;

	if (strcmp(event, "manual") == 0)
		kind = WEIR_MANUAL;
	else if (strcmp(event, "savepoint") == 0)
		kind = WEIR_SAVEPOINT;
	else if (strcmp(event, "final") == 0)
		kind = WEIR_FINAL;
	else
		return false;
	weir_checkpointer_request(r->c, kind, (uint64_t) token, r->now);
	return true;
}

static void
restart(Run *r, int64_t next_id)
{
	int64_t		failures = weir_checkpointer_failures(r->c);

	weir_checkpointer_destroy(r->c);
	r->attempt++;
	start(r, next_id);
	weir_checkpointer_set_failures(r->c, failures);
}

/* What the coordinator is told; returns whether the event is one. */
static bool
outcome(Run *r, const char *event, int64_t n)
{
	if (strcmp(event, "everybody") == 0)
		everybody(r, n);
	else if (strcmp(event, "decided") == 0)
		weir_checkpointer_decided(r->c, n, true, r->now);
	else if (strcmp(event, "undecided") == 0)
		weir_checkpointer_decided(r->c, n, false, r->now);
	else if (strcmp(event, "committed") == 0)
		weir_checkpointer_committed(r->c, n, r->now);
	else if (strcmp(event, "finish") == 0)
	{
		everybody(r, n);
		weir_checkpointer_decided(r->c, n, true, r->now);
		weir_checkpointer_committed(r->c, n, r->now);
	}
	else if (strcmp(event, "lost") == 0)
		weir_checkpointer_completing_failed(r->c, n, WEIR_PERIODIC);
	else if (strcmp(event, "before") == 0 || strcmp(event, "saved") == 0)
		weir_checkpointer_completed_before(r->c, n, event[0] == 's');
	else if (strcmp(event, "paused") == 0)
		weir_checkpointer_completion_before(r->c, n * 1000, r->now, r->now);
	else
		return false;
	return true;
}

static void
level(Run *r, const char *event, int64_t n)
{
	int			task;

	if (strcmp(event, "tick") == 0)
		weir_checkpointer_tick(r->c, r->now);
	else if (strcmp(event, "run") == 0 || strcmp(event, "halt") == 0)
		weir_checkpointer_task_running(r->c, (int) n, event[0] == 'r');
	else if (strcmp(event, "all") == 0)
	{
		for (task = 0; task < r->scenario->ntasks; task++)
			weir_checkpointer_task_running(r->c, task, true);
	}
	else if (strcmp(event, "idle") == 0 || strcmp(event, "active") == 0)
		weir_checkpointer_set_active(r->c, event[0] == 'a');
	else if (strcmp(event, "restart") == 0)
		restart(r, n);
	else if (strcmp(event, "end") == 0)
		weir_checkpointer_end(r->c, WEIR_FAILURE_RESTART, r->now);
	else
	{
		diag("unknown event %s", event);
		abort();
	}
}

static bool
happen(Run *r, const char *event, const char *first, const char *second)
{
	bool		dropped = event[0] == '!';
	bool		accepted = true;

	if (strcmp(event, "is") == 0)
		return is(r, first, second);
	if (strcmp(event, "set") == 0)
		set_config(r, first, atoll(second));
	else if (message(r, event + dropped, atoi(first), atoll(second), &accepted))
		return accepted != dropped;
	else if (!request(r, event, atoll(first)) && !outcome(r, event, atoll(first)))
		level(r, event, atoll(first));
	return true;
}

static bool
run_line(Run *r, const char *line)
{
	char		event[40];
	char		first[40] = "";
	char		second[40] = "";
	char		got[LINE] = "";
	char		words[LINE];
	const char *arrow = strstr(line, "-> ");
	const char *expected = arrow != NULL ? arrow + 3 : "";
	long long	ms;
	WeirAction	action;

	snprintf(words, sizeof(words), "%.*s", arrow != NULL ? (int) (arrow - line) : LINE - 1, line);
	if (sscanf(words, "%lld %39s %39s %39s", &ms, event, first, second) < 2)
		abort();
	r->now = ms * 1000;
	if (!happen(r, event, first, second))
		return false;
	while (weir_checkpointer_next(r->c, &action))
	{
		size_t		n = strlen(got);

		if (n > 0)
			n += (size_t) snprintf(got + n, sizeof(got) - n, ", ");
		describe_action(&action, got + n, (int) (sizeof(got) - n));
	}
	if (strcmp(got, expected) != 0)
		diag("got: %s", got);
	return strcmp(got, expected) == 0;
}

static bool
run_scenario(const Scenario *s)
{
	Run			r;
	const char *p = s->script;
	bool		pass = true;

	memset(&r, 0, sizeof(r));
	r.scenario = s;
	r.config = s->config;
	r.config.every *= 1000;
	r.config.timeout *= 1000;
	r.config.min_pause *= 1000;
	r.attempt = 7;
	start(&r, 1);
	while (*p != '\0' && pass)
	{
		char		line[LINE];
		size_t		len = strcspn(p, "\n");

		snprintf(line, sizeof(line), "%.*s", (int) len, p);
		pass = run_line(&r, line);
		if (!pass)
			diag("at: %s", line);
		p += len + (p[len] == '\n');
	}
	weir_checkpointer_destroy(r.c);
	return pass;
}

void
run_scenarios(const char *module, const Scenario *scenarios, int n)
{
	int			i;

	for (i = 0; i < n; i++)
		ok(run_scenario(&scenarios[i]), "%s %s", module, scenarios[i].name);
}
