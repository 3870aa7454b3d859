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
	{"an error that is at no record", {{0, "42P01", false}, {0, "42P01", false}}},
	{"an error at no record comes between", {{7, "22P02", false}, {0, "42P01", false}, {7, "22P02", false}}},
	{"a class that is never a record's, at a record", {{7, "55P03", false}, {7, "55P03", false}, {7, "55P03", false}}},
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

void
test_poison(void)
{
	static const char *const environment[] = {
		"08006", "40001", "40P01", "53200", "53300", "55006", "55P03", "57014", "57P01", "58030", "XX000", "XX001"
	};
	static const char *const record[] = {
		"22P02", "22P04", "22012", "22021", "23505", "23514", "42501", "54000", "P0001", "0A000", "38000", "XYZ01"
	};
	int			i;
	bool		right = true;

	for (i = 0; i < COUNT(environment); i++)
		right = right && !weir_blames_record(environment[i]);
	ok(right, "poison: classes 08, 40, 53, 55, 57, 58 and XX are never a record's");
	right = true;
	for (i = 0; i < COUNT(record); i++)
		right = right && weir_blames_record(record[i]);
	ok(right, "poison: any other is");
	for (i = 0; i < COUNT(cases); i++)
		ok(run(&cases[i]), "poison: %s", cases[i].name);
}
