/*
 * changes_position_test.c
 *		Positions of a stream of changes as bytes.
 */
#include <string.h>

#include "decide/changes_position.h"
#include "tap.h"

static bool
same(const WeirChangesPosition *a, const WeirChangesPosition *b)
{
	return a->phase == b->phase && a->system == b->system && a->lsn == b->lsn &&
		a->transaction == b->transaction && a->halves == b->halves && a->copied == b->copied &&
		a->line == b->line && a->clock == b->clock && a->ended == b->ended;
}

static void
test_bytes(void)
{
	static const char version_1[] = "\1\2\0\0\0\0\0\0\0\1\0\0\0\0\0\0\0\2\0\0\0\0\0\0\0\3\0\0\0\0\0\0\0\4"
		"\0\0\0\0\0\0\0\5\0\0\0\0\0\0\0\6\377\377\377\377\377\377\377\376\0\0\0\0\0\0\0\7";
	static const WeirChangesPosition expected = {WEIR_CHANGES_FOLLOW, 1, 2, 3, 4, 5, 6, -2, 7};
	static const WeirChangesPosition none = {WEIR_CHANGES_NOWHERE, 0, 0, 0, 0, 0, 0, 0, 0};
	WeirChangesPosition read;
	WeirPosition bytes;

	weir_changes_position_encode(&expected, &bytes);
	ok(bytes.len == sizeof(version_1) - 1 && memcmp(bytes.bytes, version_1, bytes.len) == 0,
	   "changes position: its bytes are those of version 1");
	ok(weir_changes_position_decode(&bytes, &read) && same(&read, &expected), "changes position: read back");
	bytes.bytes[1] = 3;
	ok(!weir_changes_position_decode(&bytes, &read), "changes position: an unknown phase");
	bytes.bytes[1] = 2;
	bytes.len--;
	ok(!weir_changes_position_decode(&bytes, &read), "changes position: cut short");
	weir_changes_position_encode(&expected, &bytes);
	bytes.bytes[0] = 2;
	ok(!weir_changes_position_decode(&bytes, &read), "changes position: a version to come");
	bytes.len = 0;
	ok(weir_changes_position_decode(&bytes, &read) && same(&read, &none), "changes position: no bytes are nowhere");
}

static void
test_order(void)
{
	static const WeirChangesPosition ascending[] = {
		{WEIR_CHANGES_NOWHERE, 0, 0, 0, 0, 0, 0, 0, 0},
		{WEIR_CHANGES_COPY, 1, 100, 0, 0, 0, 0, 0, 0},
		{WEIR_CHANGES_COPY, 1, 100, 0, 0, 7, 0, 0, 0},
		{WEIR_CHANGES_FOLLOW, 1, 100, 0, 0, 7, 0, 0, 0},
		{WEIR_CHANGES_FOLLOW, 1, 100, 200, 1, 7, 0, 0, 0},
		{WEIR_CHANGES_FOLLOW, 1, 100, 200, 2, 7, 0, 0, 0},
		{WEIR_CHANGES_FOLLOW, 1, 210, 0, 0, 7, 0, 0, 0},
	};
	int			n = (int) (sizeof(ascending) / sizeof(ascending[0]));
	bool		good = true;

	for (int i = 0; i < n; i++)
	{
		for (int j = 0; j < n; j++)
			good = good && weir_changes_position_is_behind(&ascending[i], &ascending[j]) == (i > j);
	}
	ok(good, "changes position: by phase, then by rows of the copy, by commits, by halves");
}

void
test_changes_position(void)
{
	test_bytes();
	test_order();
}
