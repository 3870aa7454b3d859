/*
 * selection_test.c
 *		Partitions as an option names them.
 */
#include "selection.h"
#include "tap.h"
#include "tests.h"

typedef struct Case
{
	const char *text;
	bool		valid;
	int32_t		last;
	int32_t		has;
	int32_t		lacks;
} Case;

static const Case cases[] = {
	{"0", true, 0, 0, 1},
	{"0,3-5", true, 5, 4, 2},
	{" 7 , 1 - 2 ", true, 7, 2, 3},
	{"3-3", true, 3, 3, 4},
	{"5,5,4-6", true, 6, 5, 3},
	{"999999", true, 999999, 999999, 0},
	{"", false, 0, 0, 0},
	{",", false, 0, 0, 0},
	{"1,", false, 0, 0, 0},
	{"-1", false, 0, 0, 0},
	{"5-3", false, 0, 0, 0},
	{"1-", false, 0, 0, 0},
	{"1 2", false, 0, 0, 0},
	{"a", false, 0, 0, 0},
	{"1.5", false, 0, 0, 0},
	{"1000000", false, 0, 0, 0},
	{"99999999999999999999", false, 0, 0, 0},
};

void
test_selection(void)
{
	char		many[4 * WEIR_SELECTION_MAX + 4] = "";
	WeirSelection selection;
	int			len = 0;

	for (int i = 0; i < COUNT(cases); i++)
	{
		const Case *c = &cases[i];
		bool		valid = weir_selection_parse(c->text, &selection);

		ok(valid == c->valid &&
		   (!valid || (weir_selection_last(&selection) == c->last && weir_selection_has(&selection, c->has) &&
					   !weir_selection_has(&selection, c->lacks))), "selection: \"%s\"", c->text);
	}
	for (int i = 0; i < WEIR_SELECTION_MAX; i++)
	{
		many[len++] = '1';
		many[len++] = ',';
	}
	many[len - 1] = '\0';
	ok(weir_selection_parse(many, &selection), "selection: as many ranges as there is room for");
	many[len - 1] = ',';
	many[len] = '1';
	ok(!weir_selection_parse(many, &selection), "selection: one more");
}
