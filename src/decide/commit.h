/*
 * decide/commit.h
 *		What a PREPARE or a COMMIT PREPARED that failed means, and when the
 *		latter is tried again.  Times are microseconds.
 */
#ifndef WEIR_DECIDE_COMMIT_H
#define WEIR_DECIDE_COMMIT_H

#include <stdbool.h>
#include <stdint.h>

/*
 * Can the transaction never be prepared, because of what was done in it?
 * Anything else that PREPARE fails with is the environment's and may pass.
 */
extern bool weir_prepare_is_hopeless(const char *sqlstate);

/* Was the transaction no longer there, so that somebody else has resolved it? */
extern bool weir_commit_was_resolved(const char *sqlstate);

/* What is decided is tried until it is done, at growing distances. */
typedef struct WeirRetry
{
	int			failures;		/* in a row */
	int64_t		due;			/* when to try next; 0: at once */
} WeirRetry;

extern void weir_retry_failed(WeirRetry *r, int64_t now);

#endif
