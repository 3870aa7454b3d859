/*
 * resume_test.c
 *		The resume protocol: lines of the header, and what they mean.
 */
#include <string.h>

#include "decide/resume.h"
#include "tap.h"

#define X64 "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"

typedef struct Case
{
	const char *name;
	const char *input;
	bool		named;
	WeirHeaderKind kind;
	size_t		len;
	const char *identity;
	int64_t		offset;
} Case;

static const Case cases[] = {
	{"data", "1 2\n", false, WEIR_HEADER_NONE, 0, "", 0},
	{"one byte of data", "1", false, WEIR_HEADER_NONE, 0, "", 0},
	{"a newline is data", "\n", false, WEIR_HEADER_NONE, 0, "", 0},
	{"a byte that a word begins with", "S", false, WEIR_HEADER_MORE, 0, "", 0},
	{"a word without its space", "STREAM", false, WEIR_HEADER_MORE, 0, "", 0},
	{"a word with something else than a space", "STREAM\n", false, WEIR_HEADER_NONE, 0, "", 0},
	{"words are in capitals", "stream a\n", false, WEIR_HEADER_NONE, 0, "", 0},
	{"a longer word", "ERROR 1\n", false, WEIR_HEADER_NONE, 0, "", 0},
	{"DATABASE is data", "DATABASE 1\n", false, WEIR_HEADER_NONE, 0, "", 0},
	{"STREAM", "STREAM a\n1 2\n", false, WEIR_HEADER_STREAM, 9, "a", 0},
	{"STREAM, with a carriage return", "STREAM a\r\n", false, WEIR_HEADER_STREAM, 10, "a", 0},
	{"STREAM, its end is missing", "STREAM a", false, WEIR_HEADER_MORE, 8, "", 0},
	{"STREAM, any printable character", "STREAM a:/\"'\\~!\n", false, WEIR_HEADER_STREAM, 16, "a:/\"'\\~!", 0},
	{"STREAM, 64 bytes", "STREAM " X64 "\n", false, WEIR_HEADER_MALFORMED, 72, "", 0},
	{"STREAM of nothing", "STREAM \n", false, WEIR_HEADER_MALFORMED, 8, "", 0},
	{"STREAM of nothing, with a carriage return", "STREAM \r\n", false, WEIR_HEADER_MALFORMED, 9, "", 0},
	{"STREAM with a space", "STREAM a b\n", false, WEIR_HEADER_MALFORMED, 11, "", 0},
	{"STREAM with other bytes than ASCII", "STREAM \xc3\xa4\n", false, WEIR_HEADER_MALFORMED, 10, "", 0},
	{"STREAM behind STREAM is data", "STREAM b\n", true, WEIR_HEADER_NONE, 0, "", 0},
	{"an S behind STREAM is data", "S", true, WEIR_HEADER_NONE, 0, "", 0},
	{"ERR", "ERR 500\n", false, WEIR_HEADER_ERR, 8, "", 500},
	{"ERR behind STREAM", "ERR 500\n", true, WEIR_HEADER_ERR, 8, "", 500},
	{"ERR, half a number", "ERR 50", false, WEIR_HEADER_MORE, 6, "", 0},
	{"ERR without a number", "ERR \n", false, WEIR_HEADER_MALFORMED, 5, "", 0},
	{"ERR, not a number", "ERR lost\n", false, WEIR_HEADER_MALFORMED, 9, "", 0},
	{"ERR, below zero", "ERR -1\n", false, WEIR_HEADER_MALFORMED, 7, "", 0},
	{"ERR, 18 digits", "ERR 999999999999999999\n", false, WEIR_HEADER_ERR, 23, "", INT64_C(999999999999999999)},
	{"ERR, 19 digits", "ERR 1000000000000000000\n", false, WEIR_HEADER_MALFORMED, 24, "", 0},
	{"ERR and a word more", "ERR 1 2\n", false, WEIR_HEADER_MALFORMED, 8, "", 0},
	{"DATA", "DATA 0\nERR 1\n", false, WEIR_HEADER_DATA, 7, "", 0},
	{"DATA behind STREAM", "DATA 12\n", true, WEIR_HEADER_DATA, 8, "", 12},
	{"a line of 128 bytes without an end", "STREAM " X64 X64, false, WEIR_HEADER_MALFORMED, 128, "", 0}
};

static void
test_lines(void)
{
	int			i;

	for (i = 0; i < COUNT(cases); i++)
	{
		const Case *c = &cases[i];
		WeirHeaderLine line;
		WeirHeaderKind kind = weir_header_parse(c->input, strlen(c->input), c->named, &line);

		if (!ok(kind == c->kind && line.len == c->len &&
				(kind != WEIR_HEADER_STREAM || strcmp(line.identity, c->identity) == 0) &&
				(kind < WEIR_HEADER_ERR || kind > WEIR_HEADER_DATA || line.offset == c->offset) &&
				(kind != WEIR_HEADER_MALFORMED || line.problem != NULL),
				"resume: line: %s", c->name))
			diag("kind %d, len %d, offset %lld", kind, (int) line.len, (long long) line.offset);
	}
}

/* Byte by byte, a line means what it means at once, and nothing before its end. */
static void
test_incremental(void)
{
	int			i;

	for (i = 0; i < COUNT(cases); i++)
	{
		const Case *c = &cases[i];
		WeirHeaderKind kind = WEIR_HEADER_MORE;
		WeirHeaderLine line;
		size_t		len;

		for (len = 1; len <= strlen(c->input) && kind == WEIR_HEADER_MORE; len++)
			kind = weir_header_parse(c->input, len, c->named, &line);
		ok(kind == c->kind && (kind == WEIR_HEADER_NONE || kind == WEIR_HEADER_MORE || len - 1 == c->len),
		   "resume: byte by byte: %s", c->name);
	}
}

/* A connection's header, and where it leaves the stream. */
typedef struct Talk
{
	const char *name;
	int64_t		start;			/* origin before */
	const char *identity;
	bool		allow_gap;
	int64_t		received;
	int64_t		asks;			/* expected */
	const char *header;
	WeirResumeEvent events[4];	/* expected, to the last */
	int			nevents;
	int64_t		new_start;
	const char *new_identity;
	int64_t		skip;
	int64_t		missing;
} Talk;

#define EVENTS(...) {__VA_ARGS__}, (int) (sizeof((WeirResumeEvent[]) {__VA_ARGS__}) / sizeof(WeirResumeEvent))

static const Talk talks[] = {
	{"data alone", 0, "", false, 100, 100, "1 2\n", EVENTS(WEIR_RESUME_FLOWS), 0, "", 0, 0},
	{"data of a stream that has a name", 10, "a", false, 100, 90, "1 2\n", EVENTS(WEIR_RESUME_FLOWS), 10, "a", 0, 0},
	{"the stream known", 10, "a", false, 100, 90, "STREAM a\n1 2\n",
	EVENTS(WEIR_RESUME_LINE, WEIR_RESUME_FLOWS), 10, "a", 0, 0},
	{"another stream begins at 0", 10, "a", false, 100, 90, "STREAM b\n1 2\n",
	EVENTS(WEIR_RESUME_ANOTHER, WEIR_RESUME_FLOWS), 100, "b", 0, 0},
	{"the first stream with a name", 0, "", false, 0, 0, "STREAM a\n1 2\n",
	EVENTS(WEIR_RESUME_ANOTHER, WEIR_RESUME_FLOWS), 0, "a", 0, 0},
	{"a name behind bytes without one is another stream", 0, "", false, 7, 7, "STREAM a\n1 2\n",
	EVENTS(WEIR_RESUME_ANOTHER, WEIR_RESUME_FLOWS), 7, "a", 0, 0},
	{"data that looks like a line, behind DATA", 0, "", false, 7, 7, "DATA 7\nERR 9\n",
	EVENTS(WEIR_RESUME_FLOWS), 0, "", 0, 0},
	{"data that looks like STREAM, behind STREAM", 0, "a", false, 7, 7, "STREAM a\nSTREAM b\n",
	EVENTS(WEIR_RESUME_LINE, WEIR_RESUME_FLOWS), 0, "a", 0, 0},
	{"a sender that does not know whether it is known: it is", 10, "a", false, 100, 90, "STREAM a\nDATA 0\n1 2\n",
	EVENTS(WEIR_RESUME_LINE, WEIR_RESUME_FLOWS), 10, "a", 90, 0},
	{"a sender that does not know whether it is known: it is not", 10, "a", false, 100, 90, "STREAM b\nDATA 0\n1 2\n",
	EVENTS(WEIR_RESUME_ANOTHER, WEIR_RESUME_FLOWS), 100, "b", 0, 0},
	{"a sender that thinks wrongly that it is known", 10, "a", false, 100, 90, "STREAM b\nDATA 90\n1 2\n",
	EVENTS(WEIR_RESUME_ANOTHER, WEIR_RESUME_LOST), 100, "b", 0, 90},
	{"it has lost its past", 10, "a", false, 100, 90, "ERR 95\n", EVENTS(WEIR_RESUME_LOST), 10, "a", 0, 5},
	{"it has lost its past, and that may be", 10, "a", true, 100, 90, "ERR 95\n",
	EVENTS(WEIR_RESUME_ASK_AGAIN), 5, "a", 0, 5},
	{"more is missing than there ever was", 0, "a", true, 100, 100, "STREAM a\nERR 500\n",
	EVENTS(WEIR_RESUME_LINE, WEIR_RESUME_ASK_AGAIN), -400, "a", 0, 400},
	{"another stream that has lost its begin", 10, "a", true, 100, 90, "STREAM b\nERR 5\n",
	EVENTS(WEIR_RESUME_ANOTHER, WEIR_RESUME_ASK_AGAIN), 95, "b", 0, 5},
	{"DATA behind a gap", 10, "a", true, 100, 90, "DATA 95\n1 2\n",
	EVENTS(WEIR_RESUME_GAP, WEIR_RESUME_MORE), 5, "a", 0, 5},
	{"ERR of a byte that is held", 10, "a", true, 100, 90, "ERR 90\n", EVENTS(WEIR_RESUME_MALFORMED), 10, "a", 0, 0},
	{"ERR 0 of a sender that begins anew without a name", 0, "", true, 100, 100, "ERR 0\n",
	EVENTS(WEIR_RESUME_MALFORMED), 0, "", 0, 0}
};

/* What the header came to; at its end a GAP leaves nothing to take. */
static bool
talk(const Talk *t, WeirResume *r)
{
	const char *p = t->header;
	int64_t		missing = 0;
	int			i;

	for (i = 0; i < t->nevents; i++)
	{
		WeirHeaderLine line;
		WeirResumeEvent event;

		if (t->events[i] == WEIR_RESUME_MORE)
			return r->flowing && i == t->nevents - 1;
		event = weir_resume_take(r, p, strlen(p), t->received, &line, &missing);
		if (event != t->events[i])
		{
			diag("event %d is %d", i, event);
			return false;
		}
		p += line.len;
	}
	return missing == t->missing &&
		r->flowing == (t->events[t->nevents - 1] == WEIR_RESUME_FLOWS);
}

static WeirOrigin
origin_of(int64_t start, const char *identity)
{
	WeirOrigin	origin;

	memset(&origin, 0, sizeof(origin));
	origin.start = start;
	memcpy(origin.identity, identity, strlen(identity));
	return origin;
}

static void
test_talks(void)
{
	int			i;

	for (i = 0; i < COUNT(talks); i++)
	{
		const Talk *t = &talks[i];
		WeirOrigin	origin = origin_of(t->start, t->identity);
		WeirResume	r;

		weir_resume_init(&r, &origin, t->allow_gap);
		ok(weir_resume_connected(&r, t->received) == t->asks && talk(t, &r) &&
		   r.origin.start == t->new_start && strcmp(r.origin.identity, t->new_identity) == 0 &&
		   r.skip == t->skip, "resume: %s", t->name);
	}
}

/* When the connection has said so much, and no more, how does it end? */
static void
test_closed(void)
{
	WeirOrigin	origin = origin_of(0, "");
	WeirHeaderLine line;
	WeirResume	r;

	weir_resume_init(&r, &origin, false);
	(void) weir_resume_connected(&r, 0);
	ok(weir_resume_closed(&r, "STR", 3, &line) == WEIR_RESUME_FLOWS && r.flowing,
	   "resume: closed within what might have been a word: it was data");
	(void) weir_resume_connected(&r, 0);
	ok(weir_resume_closed(&r, "ERR 5", 5, &line) == WEIR_RESUME_MALFORMED && line.problem != NULL,
	   "resume: closed within a line: an error");
}

static bool
acks(WeirResume *r, int64_t expected)
{
	int64_t		offset = -1;

	return weir_resume_ack(r, &offset) == (expected >= 0) && offset == expected;
}

static void
test_acks(void)
{
	WeirOrigin	origin = origin_of(10, "a");
	WeirHeaderLine line;
	int64_t		missing;
	WeirResume	r;

	weir_resume_init(&r, &origin, false);
	weir_resume_safe(&r, 100);
	(void) weir_resume_connected(&r, 100);
	ok(acks(&r, -1), "resume: nothing is acknowledged before it is known whose stream it is");
	(void) weir_resume_take(&r, "STREAM a\n", 9, 100, &line, &missing);
	ok(acks(&r, 90), "resume: a sender that names its stream hears at once what is durable");
	ok(acks(&r, -1), "resume: an ACK is said once");
	weir_resume_safe(&r, 120);
	weir_resume_safe(&r, 110);
	ok(acks(&r, 110) && acks(&r, -1), "resume: the next one when more is durable");
	(void) weir_resume_connected(&r, 130);
	(void) weir_resume_take(&r, "1", 1, 130, &line, &missing);
	ok(acks(&r, 110), "resume: a new connection hears it again");
	(void) weir_resume_connected(&r, 130);
	(void) weir_resume_take(&r, "STREAM b\n", 9, 130, &line, &missing);
	ok(acks(&r, -1), "resume: another stream hears nothing of the one before");
	weir_resume_safe(&r, 130);
	ok(acks(&r, -1), "resume: not even its end");
	weir_resume_safe(&r, 131);
	ok(acks(&r, 1), "resume: but of its own first byte");
	weir_resume_adopted(&r);
	weir_resume_safe(&r, 140);
	ok(acks(&r, 10), "resume: a connection taken over has its header behind it");
}

static void
test_origins(void)
{
	WeirOrigin	origin = origin_of(-400, "a:/\\\"");
	WeirOrigin	unnamed = origin_of(0, "");
	WeirOrigin	back;
	char		text[WEIR_ORIGIN_TEXT];

	weir_origin_format(text, &origin);
	ok(weir_origin_parse(text, strlen(text), &back) && memcmp(&back, &origin, sizeof(back)) == 0,
	   "resume: an origin as text and back");
	weir_origin_format(text, &unnamed);
	ok(weir_origin_parse(text, strlen(text), &back) && memcmp(&back, &unnamed, sizeof(back)) == 0,
	   "resume: one without a name");
	ok(!weir_origin_parse("x", 1, &back) && !weir_origin_parse("", 0, &back) &&
	   !weir_origin_parse("1 " X64, 66, &back) && !weir_origin_parse(X64 X64, 128, &back),
	   "resume: what is no origin");
}

void
test_resume(void)
{
	test_lines();
	test_incremental();
	test_talks();
	test_closed();
	test_acks();
	test_origins();
}
