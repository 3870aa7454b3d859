/*
 * decide/poison.c
 *		Records that no restart helps.
 */
#include "decide/poison.h"

#include <string.h>

/* Does it begin with one of these? */
static bool
is_one_of(const char *sqlstate, const char *const *beginnings)
{
	for (; *beginnings; beginnings++)
	{
		if (strncmp(sqlstate, *beginnings, strlen(*beginnings)) == 0)
			return true;
	}
	return false;
}

WeirBlame
weir_blame(const char *sqlstate)
{
	static const char *const data[] = {"42601", "42602", "42622", NULL};
	static const char *const others[] = {"08", "0L", "0P", "28", "3D", "3F", "40", "42",
		"53", "55", "57", "58", "HV00N", "WE", "XX", NULL};

	if (strcmp(sqlstate, "XX000") == 0)
		return WEIR_BLAME_IF_REPEATED;
	if (is_one_of(sqlstate, data))
		return WEIR_BLAME_RECORD;
	return is_one_of(sqlstate, others) ? WEIR_BLAME_NONE : WEIR_BLAME_RECORD;
}

void
weir_suspect(WeirSuspects *suspects, int64_t line)
{
	if (line <= 0 || weir_is_suspect(suspects, line))
		return;
	if (suspects->n == WEIR_SUSPECTS)
		memmove(suspects->lines, suspects->lines + 1, sizeof(int64_t) * --suspects->n);
	suspects->lines[suspects->n++] = line;
}

bool
weir_is_suspect(const WeirSuspects *suspects, int64_t line)
{
	for (int i = 0; i < suspects->n; i++)
	{
		if (suspects->lines[i] == line)
			return true;
	}
	return false;
}

bool
weir_poison_failed(WeirRecordFailure *last, const WeirRecordFailure *failure)
{
	bool		same;

	if (weir_blame(failure->sqlstate) == WEIR_BLAME_NONE)
		return false;
	same = failure->line != 0 && failure->line == last->line &&
		strcmp(failure->sqlstate, last->sqlstate) == 0;
	*last = *failure;
	return same;
}
