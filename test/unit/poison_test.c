/*
 * poison_test.c
 *		Whose failure is it, and did the same record fail twice running?
 */
#include <string.h>

#include "decide/poison.h"
#include "tap.h"

typedef struct Attempt
{
	int64_t		line;
	const char *sqlstate;
	bool		poison;
} Attempt;

typedef struct Case
{
	const char *name;
	Attempt		attempts[5];	/* up to one without a code */
} Case;

static const Case cases[] = {
	{"the same record, the same code", {{7, "22P02", false}, {7, "22P02", true}}},
	{"another record", {{7, "22P02", false}, {8, "22P02", false}, {8, "22P02", true}}},
	{"another code", {{7, "22P02", false}, {7, "22012", false}, {7, "22012", true}}},
	{"not two attempts running", {{7, "22P02", false}, {8, "22P02", false}, {7, "22P02", false}}},
	{"the same row that is sent, the same code", {{-7, "22001", false}, {-7, "22001", true}}},
	{"a record with the number of a row that is sent", {{-7, "22001", false}, {7, "22001", false}}},
	{"an error that is at no record", {{0, "P0001", false}, {0, "P0001", false}}},
	{"an error at no record comes between", {{7, "22P02", false}, {0, "P0001", false}, {7, "22P02", false}}},
	{"a class that is never a record's, at a record", {{7, "55P03", false}, {7, "55P03", false}, {7, "55P03", false}}},
	{"an internal error at the same record", {{7, "XX000", false}, {7, "XX000", true}}},
	{"at another", {{7, "XX000", false}, {8, "XX000", false}}},
	{"it counts neither way when it comes between", {{7, "22P02", false}, {9, "55P03", false}, {0, "57P01", false}, {7, "22P02", true}}},
	{"and does not count as the first", {{7, "57P01", false}, {7, "22P02", false}, {7, "22P02", true}}}
};

static bool
run(const Case *c)
{
	WeirRecordFailure last = {0, ""};
	int			i;

	for (i = 0; i < COUNT(c->attempts) && c->attempts[i].sqlstate != NULL; i++)
	{
		WeirRecordFailure failure = {c->attempts[i].line, ""};

		strcpy(failure.sqlstate, c->attempts[i].sqlstate);
		if (weir_poison_failed(&last, &failure) != c->attempts[i].poison)
			return false;
	}
	return true;
}

static bool
suspects_hold(void)
{
	WeirSuspects suspects = {0};

	weir_suspect(&suspects, 0);
	for (int round = 0; round < 2; round++)
		weir_suspect(&suspects, 7);
	if (suspects.n != 1 || !weir_is_suspect(&suspects, 7) || weir_is_suspect(&suspects, 8))
		return false;
	for (int line = 100; line < 100 + WEIR_SUSPECTS; line++)
		weir_suspect(&suspects, line);
	return !weir_is_suspect(&suspects, 7) && weir_is_suspect(&suspects, 100) &&
		weir_is_suspect(&suspects, 99 + WEIR_SUSPECTS);
}

void
test_poison(void)
{
	static const char *const environment[] = {
		"08006", "0L000", "0P000", "28P01", "3D000", "HV00N", "40001", "40P01", "53200", "53300", "55006", "55P03", "57014", "57P01", "58030",
		"3F000", "42501", "42P01", "42703", "42704", "42804", "42883", "XX001", "XX002"
	};
	static const char *const record[] = {
		"22P02", "22P04", "22012", "22021", "23505", "23514", "42601", "42602", "42622", "54000", "P0001", "0A000", "38000", "HV021", "XYZ01"
	};
	int			i;
	bool		right = true;

	for (i = 0; i < COUNT(environment); i++)
		right = right && weir_blame(environment[i]) != WEIR_BLAME_RECORD;
	ok(right, "poison: connections, roles, what is missing, the server's state and damaged data are never a record's");
	right = true;
	for (i = 0; i < COUNT(record); i++)
		right = right && weir_blame(record[i]) == WEIR_BLAME_RECORD;
	ok(right, "poison: any other is, and so are texts that do not parse");
	ok(weir_blame("XX000") == WEIR_BLAME_IF_REPEATED,
	   "poison: an internal error is, if repeated");
	ok(suspects_hold(), "poison: the newest suspects are known");
	for (i = 0; i < COUNT(cases); i++)
		ok(run(&cases[i]), "poison: %s", cases[i].name);
}
