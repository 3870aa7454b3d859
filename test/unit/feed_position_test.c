/*
 * feed_position_test.c
 *		Positions of a stream fed from SQL as bytes.
 */
#include <string.h>

#include "decide/feed_position.h"
#include "tap.h"

static bool
same(const WeirFeedPosition *a, const WeirFeedPosition *b)
{
	return a->place == b->place && a->rows == b->rows && a->line == b->line &&
		a->clock == b->clock && a->ended == b->ended;
}

static void
test_bytes(void)
{
	static const char version_1[] = "\1\0\0\0\0\0\0\0\2\0\0\0\0\0\0\0\3\0\0\0\0\0\0\0\4\377\377\377\377\377\377\377\376\1";
	static const WeirFeedPosition expected = {2, 3, 4, -2, true};
	WeirFeedPosition none = {0, 0, 0, 0, false};
	WeirFeedPosition read;
	WeirPosition bytes;

	weir_feed_position_encode(&expected, &bytes);
	ok(bytes.len == sizeof(version_1) - 1 && memcmp(bytes.bytes, version_1, bytes.len) == 0,
	   "feed position: its bytes are those of version 1");
	ok(weir_feed_position_decode(&bytes, &read) && same(&read, &expected), "feed position: read back");
	bytes.bytes[bytes.len - 1] = 2;
	ok(!weir_feed_position_decode(&bytes, &read), "feed position: neither ended nor not");
	bytes.len--;
	ok(!weir_feed_position_decode(&bytes, &read), "feed position: cut short");
	weir_feed_position_encode(&expected, &bytes);
	bytes.bytes[0] = 2;
	ok(!weir_feed_position_decode(&bytes, &read), "feed position: a version to come");
	bytes.len = 0;
	ok(weir_feed_position_decode(&bytes, &read) && same(&read, &none), "feed position: no bytes are the oldest row");
}

static void
test_order(void)
{
	WeirFeedPosition a = {10, 5, 0, 0, false};
	WeirFeedPosition b = {10, 6, 0, 0, false};
	WeirFeedPosition c = {11, 0, 0, 0, false};

	ok(weir_feed_position_is_behind(&b, &a) && !weir_feed_position_is_behind(&a, &b), "feed position: by rows");
	ok(weir_feed_position_is_behind(&c, &b) && !weir_feed_position_is_behind(&b, &c), "feed position: by place first");
	ok(!weir_feed_position_is_behind(&a, &a), "feed position: not behind itself");
}

void
test_feed_position(void)
{
	test_bytes();
	test_order();
}
