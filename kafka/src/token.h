/*
 * token.h
 *		What is committed with an offset that must not be read before: whose it is.
 */
#ifndef WEIR_KAFKA_TOKEN_H
#define WEIR_KAFKA_TOKEN_H

#include "postgres.h"

extern char *weir_kafka_token(int64 job, int ordinal);
/* Not another job's, that had the same name, nor another stream's of the job. */
extern bool weir_kafka_token_is_mine(const char *token, int64 job, int ordinal);

#endif
