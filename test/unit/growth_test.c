/*
 * growth_test.c
 *		When a record that is not whole yet is worth a word.
 */
#include "decide/growth.h"
#include "tap.h"

#define SECOND INT64_C(1000000)

typedef struct Look
{
	int64_t		offset;
	size_t		bytes;
	int64_t		at;				/* s */
	bool		says;
	int64_t		due;			/* s; 0: never */
} Look;

typedef struct Case
{
	const char *name;
	Look		looks[5];
} Case;

static const Case cases[] = {
	{"nothing is open", {{0, 0, 1, false, 0}, {0, 0, 100, false, 0}}},
	{"half of max_record, once", {{5, 50, 1, false, 61}, {5, 51, 2, true, 0}, {5, 99, 3, false, 0}, {5, 99, 200, false, 0}}},
	{"a large one may take a second", {{5, 99, 1, false, 2}, {0, 0, 2, false, 0}, {200, 51, 3, false, 4}, {200, 51, 4, true, 0}}},
	{"open for a minute, once", {{5, 1, 1, false, 61}, {5, 1, 60, false, 61}, {5, 1, 61, true, 0}, {5, 2, 62, false, 0}}},
	{"the next record is another", {{5, 60, 1, false, 2}, {5, 60, 2, true, 0}, {70, 1, 3, false, 63}, {70, 60, 4, true, 0}}},
	{"the clock begins with the record", {{5, 1, 1, false, 61}, {9, 1, 60, false, 120}, {9, 1, 61, false, 120}}},
	{"whole in between", {{5, 1, 1, false, 61}, {5, 0, 2, false, 0}, {9, 1, 50, false, 110}, {9, 1, 100, false, 110}}}
};

void
test_growth(void)
{
	int			i;
	int			k;

	for (i = 0; i < COUNT(cases); i++)
	{
		WeirGrowth	g = {0, 0, false, false};
		bool		same = true;

		for (k = 0; k < COUNT(cases[i].looks) && cases[i].looks[k].at > 0; k++)
		{
			const Look *l = &cases[i].looks[k];

			same = same && weir_growth_look(&g, l->offset, l->bytes, 100, l->at * SECOND) == l->says &&
				weir_growth_due(&g) == l->due * SECOND;
		}
		ok(same, "growth: %s", cases[i].name);
	}
}
