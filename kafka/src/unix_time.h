/*
 * unix_time.h
 *		Times as Kafka has them: milliseconds since 1970.
 */
#ifndef WEIR_KAFKA_UNIX_TIME_H
#define WEIR_KAFKA_UNIX_TIME_H

#include "postgres.h"

#include "datatype/timestamp.h"

#define WEIR_UNIX_EPOCH_MS	(INT64CONST(1000) * SECS_PER_DAY * (POSTGRES_EPOCH_JDATE - UNIX_EPOCH_JDATE))

static inline int64
weir_unix_ms(TimestampTz time)
{
	return time / 1000 + WEIR_UNIX_EPOCH_MS;
}

static inline TimestampTz
weir_unix_time(int64 ms)
{
	return (ms - WEIR_UNIX_EPOCH_MS) * 1000;
}

#endif
