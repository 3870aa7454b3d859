/*
 * socket_position_test.c
 *		Positions of a socket as bytes, and what earlier versions kept.
 */
#include <limits.h>
#include <string.h>

#include "decide/socket_position.h"
#include "tap.h"

typedef struct Case
{
	const char *name;
	const char *bytes;
	size_t		len;
	bool		good;
	WeirSocketPosition expected;
} Case;

#define TEXT(t) t, sizeof(t) - 1
#define EIGHT(c) "\0\0\0\0\0\0\0" c

static const Case cases[] = {
	{"no bytes", TEXT(""), true, {0, 0, 0, false, 0, {0, ""}, ""}},
	{"version 1", TEXT("\1" EIGHT("\2") EIGHT("\3") EIGHT("\4") EIGHT("\5") EIGHT("\6") "\1feed"),
	true, {2, 3, 4, true, 5, {6, "feed"}, ""}},
	{"a truncated one", TEXT("\1" EIGHT("\2") EIGHT("\3") EIGHT("\4") EIGHT("\5") EIGHT("\6")), false, {0}},
	{"neither ended nor not", TEXT("\1" EIGHT("\2") EIGHT("\3") EIGHT("\4") EIGHT("\5") EIGHT("\6") "\2"), false, {0}},
	{"an identity with a zero byte", TEXT("\1" EIGHT("\2") EIGHT("\3") EIGHT("\4") EIGHT("\5") EIGHT("\6") "\0a\0b"), false, {0}},
	{"version 2", TEXT("\2" EIGHT("\2") EIGHT("\3") EIGHT("\4") EIGHT("\5") EIGHT("\6") "\0feed\0" "10.0.0.1:7"),
	true, {2, 3, 4, false, 5, {6, "feed"}, "10.0.0.1:7"}},
	{"version 2 with two ends", TEXT("\2" EIGHT("\2") EIGHT("\3") EIGHT("\4") EIGHT("\5") EIGHT("\6") "\0feed\0" "a\0b"), false, {0}},
	{"a version to come", TEXT("\3" EIGHT("\2")), false, {0}},
	{"jsonb of 0.1.0",
	TEXT("{\"line\": 12, \"clock\": 817000000000000, \"ended\": false, \"offset\": 345, \"origin\": -7, \"passing\": -1, \"identity\": \"a\\\"b\\\\c\"}"),
	true, {345, 12, INT64_C(817000000000000), false, -1, {-7, "a\"b\\c"}, ""}},
	{"json of 0.1.0", TEXT("{\"offset\":1,\"line\":2,\"ended\":true,\"identity\":\"\"}"), true, {1, 2, 0, true, 0, {0, ""}, ""}},
	{"json without passing", TEXT("{\"offset\": 9, \"passing\": null}"), true, {9, 0, 0, false, 0, {0, ""}, ""}},
	{"json cut short", TEXT("{\"offset\": 9"), false, {0}},
	{"json with a tail", TEXT("{\"offset\": 9} "), false, {0}},
	{"json whose number is none", TEXT("{\"offset\": 9x}"), false, {0}},
	{"json whose number is too large", TEXT("{\"offset\": 99999999999999999999}"), false, {0}},
	{"json without fields", TEXT("{}"), false, {0}}
};

static bool
same(const WeirSocketPosition *a, const WeirSocketPosition *b)
{
	return a->offset == b->offset && a->line == b->line && a->clock == b->clock &&
		a->ended == b->ended && a->passing == b->passing && a->origin.start == b->origin.start &&
		strcmp(a->origin.identity, b->origin.identity) == 0 && strcmp(a->peer, b->peer) == 0;
}

static void
set_bytes(WeirPosition *position, const char *bytes, size_t len)
{
	memset(position, 0, sizeof(*position));
	memcpy(position->bytes, bytes, len);
	position->len = (uint32_t) len;
}

static void
random_position(Random *r, WeirSocketPosition *p)
{
	int			len = random_below(r, WEIR_IDENTITY_SIZE);
	int			peer = random_below(r, 2) * random_below(r, WEIR_PEER_SIZE);

	memset(p, 0, sizeof(*p));
	p->offset = (int64_t) random_bits(r);
	p->line = (int64_t) random_bits(r);
	p->clock = (int64_t) random_bits(r);
	p->passing = (int64_t) random_bits(r);
	p->origin.start = (int64_t) random_bits(r);
	p->ended = random_below(r, 2) == 1;
	for (int i = 0; i < len; i++)
		p->origin.identity[i] = (char) ('!' + random_below(r, 94));
	for (int i = 0; i < peer; i++)
		p->peer[i] = (char) ('!' + random_below(r, 94));
}

static bool
round_trips(int n)
{
	Random		r = {7};
	WeirSocketPosition in;
	WeirSocketPosition out;
	WeirPosition bytes;

	for (int i = 0; i < n; i++)
	{
		random_position(&r, &in);
		weir_socket_position_encode(&in, &bytes);
		if (!weir_socket_position_decode(&bytes, &out) || !same(&in, &out))
			return false;
	}
	return true;
}

void
test_socket_position(void)
{
	WeirPosition position;
	WeirSocketPosition found;

	for (int i = 0; i < COUNT(cases); i++)
	{
		const Case *c = &cases[i];
		bool		good;

		set_bytes(&position, c->bytes, c->len);
		good = weir_socket_position_decode(&position, &found);
		ok(good == c->good && (!good || same(&found, &c->expected)), "position: %s", c->name);
	}
	ok(round_trips(1000), "position: what is encoded is decoded");
}
