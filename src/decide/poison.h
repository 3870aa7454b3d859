/*
 * decide/poison.h
 *		Is an error a record's, and will another attempt meet it again?
 */
#ifndef WEIR_DECIDE_POISON_H
#define WEIR_DECIDE_POISON_H

#include <stdbool.h>
#include <stdint.h>

/* How an attempt ended, as far as it blames a record. */
typedef struct WeirRecordFailure
{
	int64_t		line;			/* of the record it was at, 0: none; less: of a row that is sent */
	char		sqlstate[6];
} WeirRecordFailure;

/* Whose error is it that came up while a record was at work? */
typedef enum WeirBlame
{
	WEIR_BLAME_NONE,			/* not the record's */
	WEIR_BLAME_RECORD,
	WEIR_BLAME_IF_REPEATED		/* the record's, if the next attempt that meets it fails so, too */
} WeirBlame;

/*
 * Not the record's, whichever it is: the classes of connections (and HV00N, a
 * foreign server's), transaction rollback, resources, object state, operator
 * intervention and system errors; what is missing or not allowed (class 42, but
 * for a text that is no name or does not parse, and the classes of roles,
 * passwords, databases and schemas: 0L, 0P, 28, 3D, 3F).  An internal error may be: types, languages and
 * extensions say so of bad data.  Of damaged data it is not.
 */
extern WeirBlame weir_blame(const char *sqlstate);

/* Records that an attempt ended at with an error that is theirs if repeated: the newest. */
#define WEIR_SUSPECTS 64

typedef struct WeirSuspects
{
	int			n;
	int64_t		lines[WEIR_SUSPECTS];
} WeirSuspects;

extern void weir_suspect(WeirSuspects *suspects, int64_t line);
extern bool weir_is_suspect(const WeirSuspects *suspects, int64_t line);

/*
 * An attempt has failed.  True if its record failed in the same way in the
 * attempt before.  An error that is no record's counts neither way: it is as if
 * that attempt had not been.
 */
extern bool weir_poison_failed(WeirRecordFailure *last, const WeirRecordFailure *failure);

#endif
