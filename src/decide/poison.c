/*
 * decide/poison.c
 *		Records that no restart helps.
 */
#include "decide/poison.h"

#include <string.h>

bool
weir_blames_record(const char *sqlstate)
{
	static const char *const others[] = {"08", "40", "53", "55", "57", "58", "XX"};

	for (unsigned i = 0; i < sizeof(others) / sizeof(others[0]); i++)
	{
		if (strncmp(sqlstate, others[i], 2) == 0)
			return false;
	}
	return true;
}

bool
weir_poison_failed(WeirRecordFailure *last, const WeirRecordFailure *failure)
{
	bool		same;

	if (!weir_blames_record(failure->sqlstate))
		return false;
	same = failure->line > 0 && failure->line == last->line &&
		strcmp(failure->sqlstate, last->sqlstate) == 0;
	*last = *failure;
	return same;
}
