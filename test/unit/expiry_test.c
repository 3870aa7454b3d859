/*
 * expiry_test.c
 *		Time to live.
 */
#include <string.h>

#include "decide/expiry.h"
#include "tap.h"

#define WRITE WEIR_TTL_ON_CREATE_AND_WRITE
#define READ WEIR_TTL_ON_READ_AND_WRITE
#define NEVER WEIR_TTL_NEVER_RETURN_EXPIRED
#define RELAXED WEIR_TTL_RETURN_EXPIRED_IF_NOT_CLEANED_UP

static void
test_reads(void)
{
	static const struct
	{
		const char *name;
		WeirTtl		ttl;
		int64_t		stamp;
		int64_t		now;
		WeirTtlRead expected;
	}			cases[] = {
		{"20: written at 0 and 50, ttl 100, read at 120: present", {WRITE, NEVER, 100}, 50, 120, WEIR_TTL_PRESENT},
		{"20: written at 0 only, read at 120: expired", {WRITE, NEVER, 100}, 0, 120, WEIR_TTL_EXPIRED},
		{"one before the limit is present", {WRITE, NEVER, 100}, 0, 99, WEIR_TTL_PRESENT},
		{"last access + ttl = now is expired", {WRITE, NEVER, 100}, 0, 100, WEIR_TTL_EXPIRED},
		{"relaxed: the old value once", {WRITE, RELAXED, 100}, 0, 100, WEIR_TTL_EXPIRED_RETURN},
		{"relaxed: present as ever before", {WRITE, RELAXED, 100}, 0, 99, WEIR_TTL_PRESENT},
		{"on_read_and_write: a read renews", {READ, NEVER, 100}, 0, 99, WEIR_TTL_PRESENT_RENEW},
		{"on_read_and_write: an expired value is not renewed", {READ, NEVER, 100}, 0, 100, WEIR_TTL_EXPIRED},
		{"on_read_and_write, relaxed: expired is returned, not renewed", {READ, RELAXED, 100}, 0, 100, WEIR_TTL_EXPIRED_RETURN},
		{"disabled: never expires", {WEIR_TTL_DISABLED, NEVER, 0}, 0, INT64_MAX, WEIR_TTL_PRESENT},
		{"22: a restored stamp counts the downtime", {WRITE, NEVER, 100}, 1000, 5000, WEIR_TTL_EXPIRED},
		{"a stamp before the epoch", {WRITE, NEVER, 100}, -1000, -901, WEIR_TTL_PRESENT},
		{"a sum beyond the last moment is clamped", {WRITE, NEVER, INT64_MAX}, 10, INT64_MAX - 1, WEIR_TTL_PRESENT},
		{"the last moment itself has come", {WRITE, NEVER, INT64_MAX}, 10, INT64_MAX, WEIR_TTL_EXPIRED},
		{"earliest stamp, longest ttl", {WRITE, NEVER, INT64_MAX}, INT64_MIN, 0, WEIR_TTL_EXPIRED}
	};
	int			i;

	for (i = 0; i < COUNT(cases); i++)
	{
		WeirTtlRead got = weir_ttl_read(&cases[i].ttl, cases[i].stamp, cases[i].now);

		ok(got == cases[i].expected, "ttl %s", cases[i].name);
	}
}

/* Scenario 21: written 0, read 50; read 120: present; read 250: removed, then absent. */
static void
test_renewal(void)
{
	WeirTtl		ttl = {READ, NEVER, 100};
	int64_t		stamp = 0;

	ok(weir_ttl_read(&ttl, stamp, 50) == WEIR_TTL_PRESENT_RENEW, "ttl 21: the read at 50 renews");
	stamp = 50;
	ok(weir_ttl_read(&ttl, stamp, 120) == WEIR_TTL_PRESENT_RENEW, "ttl 21: present at 120");
	stamp = 120;
	ok(weir_ttl_read(&ttl, stamp, 250) == WEIR_TTL_EXPIRED, "ttl 21: absent and removed at 250");
}

static void
test_adds(void)
{
	static const struct
	{
		const char *name;
		WeirTtl		ttl;
		int64_t		now;
		bool		expected;
	}			cases[] = {
		{"add goes on with what is present", {WRITE, NEVER, 100}, 99, true},
		{"add starts anew where it has expired", {WRITE, NEVER, 100}, 100, false},
		{"add, relaxed: the expired is read once more", {WRITE, RELAXED, 100}, 100, true},
		{"add, reads renew: starts anew all the same", {READ, NEVER, 100}, 100, false},
		{"add, disabled: never starts anew", {WEIR_TTL_DISABLED, NEVER, 0}, INT64_MAX, true}
	};
	int			i;

	for (i = 0; i < COUNT(cases); i++)
		ok(weir_ttl_add_continues(&cases[i].ttl, 0, cases[i].now) == cases[i].expected,
		   "ttl %s", cases[i].name);
}

static void
test_names(void)
{
	static const char *const wrong[] = {"", "Disabled", "on_read", "on_create_and_write ", "never"};
	WeirTtlUpdate u;
	WeirTtlVisibility v;
	bool		pass = true;
	int			i;

	for (i = 0; i < 3; i++)
		pass = pass && weir_ttl_parse_update(weir_ttl_update_name((WeirTtlUpdate) i), &u) && (int) u == i;
	ok(pass, "ttl: update types parse as they are named");
	pass = true;
	for (i = 0; i < 2; i++)
		pass = pass && weir_ttl_parse_visibility(weir_ttl_visibility_name((WeirTtlVisibility) i), &v) && (int) v == i;
	ok(pass, "ttl: visibilities parse as they are named");
	pass = true;
	for (i = 0; i < COUNT(wrong); i++)
		pass = pass && !weir_ttl_parse_update(wrong[i], &u) && !weir_ttl_parse_visibility(wrong[i], &v);
	ok(pass, "ttl: unknown words are refused");
	ok(strcmp(weir_ttl_update_name(WRITE), "on_create_and_write") == 0 &&
	   strcmp(weir_ttl_visibility_name(RELAXED), "return_expired_if_not_cleaned_up") == 0,
	   "ttl: the names are the contract's");
}

void
test_expiry(void)
{
	test_reads();
	test_renewal();
	test_adds();
	test_names();
}
