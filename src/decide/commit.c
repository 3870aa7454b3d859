/*
 * decide/commit.c
 *		What a PREPARE or a COMMIT PREPARED that failed means, and when the
 *		latter is tried again.
 *
 * PREPARE refuses a transaction for what was done in it (NOTIFY, temporary
 * tables, cursors WITH HOLD, one advisory lock both ways, postgres_fdw) with
 * feature_not_supported.  The same input would lead there again, so another
 * attempt would not help.  That no slot is free or a disk is full may pass.
 *
 * A transaction that is decided is committed however long it takes.
 */
#include "decide/commit.h"

#include <string.h>

#define FIRST_DELAY INT64_C(10000)
#define MAX_DELAY INT64_C(10000000)

bool
weir_prepare_is_hopeless(const char *sqlstate)
{
	return strcmp(sqlstate, "0A000") == 0;	/* feature_not_supported */
}

bool
weir_commit_was_resolved(const char *sqlstate)
{
	return strcmp(sqlstate, "42704") == 0;	/* undefined_object */
}

void
weir_retry_failed(WeirRetry *r, int64_t now)
{
	int64_t		delay = FIRST_DELAY;
	int			i;

	for (i = 0; i < r->failures && delay < MAX_DELAY; i++)
		delay *= 2;
	if (delay > MAX_DELAY)
		delay = MAX_DELAY;
	r->failures++;
	r->due = now > INT64_MAX - delay ? INT64_MAX : now + delay;
}
