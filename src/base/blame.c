/*
 * base/blame.c
 *		Whose error is it?
 *
 * That a policy's WITH CHECK refuses a row has the SQLSTATE of a privilege that is
 * missing, but is a matter of the row, as a CHECK constraint is.
 */
#include "postgres.h"

#include "base/blame.h"

static bool
is_refused_by_policy(const ErrorData *error)
{
	static const char refused[] = "new row violates row-level security policy";

	return error->sqlerrcode == ERRCODE_INSUFFICIENT_PRIVILEGE && error->message_id != NULL &&
		strncmp(error->message_id, refused, strlen(refused)) == 0;
}

WeirBlame
weir_error_blame(const ErrorData *error)
{
	return is_refused_by_policy(error) ? WEIR_BLAME_RECORD :
		weir_blame(unpack_sql_state(error->sqlerrcode));
}
