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
	int64_t		line;			/* of the record it was at, 0: none */
	char		sqlstate[6];
} WeirRecordFailure;

/*
 * False for the classes of connections, transaction rollback, resources, object
 * state, operator intervention, system and internal errors: whatever record was
 * at work, the error is not its.
 */
extern bool weir_blames_record(const char *sqlstate);

/*
 * An attempt has failed.  True if its record failed in the same way in the
 * attempt before.  An error that is no record's counts neither way: it is as if
 * that attempt had not been.
 */
extern bool weir_poison_failed(WeirRecordFailure *last, const WeirRecordFailure *failure);

#endif
