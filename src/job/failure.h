/*
 * job/failure.h
 *		Why an attempt failed, as a value.
 */
#ifndef WEIR_JOB_FAILURE_H
#define WEIR_JOB_FAILURE_H

#include "postgres.h"

typedef struct WeirFailure
{
	int			sqlstate;
	int64		line;			/* of the record it is about, 0: none's */
	const char *message;
	const char *detail;			/* NULL: none */
	const char *hint;			/* NULL: none */
} WeirFailure;

/* With its texts, in CurrentMemoryContext. */
extern WeirFailure weir_failure_copy(const WeirFailure *failure);

/* As weir.jobs.last_error shows it. */
extern char *weir_failure_text(const WeirFailure *failure);
/* Its message's first line. */
extern char *weir_failure_reason(const WeirFailure *failure);
/* What else is known of it: the rest of the message, and the detail; NULL: nothing. */
extern char *weir_failure_detail(const WeirFailure *failure);

/* Both, each on lines of its own; either may be NULL. */
extern char *weir_failure_join(const char *first, const char *second);

#endif
