/*
 * token.c
 *		What is committed with an offset: whose it is.
 */
#include "postgres.h"

#include "access/xlog.h"
#include "miscadmin.h"

#include "token.h"

char *
weir_kafka_token(int64 job, int ordinal)
{
	return psprintf("weir " UINT64_FORMAT "/%u/" INT64_FORMAT "/%d", GetSystemIdentifier(), MyDatabaseId, job, ordinal);
}

bool
weir_kafka_token_is_mine(const char *token, int64 job, int ordinal)
{
	char	   *mine = weir_kafka_token(job, ordinal);
	bool		same = strcmp(mine, token) == 0;

	pfree(mine);
	return same;
}
