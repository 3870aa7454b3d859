/*
 * api/consumer.h
 *		The one job that a sender of the protocol "resume" serves.
 */
#ifndef WEIR_API_CONSUMER_H
#define WEIR_API_CONSUMER_H

#include "postgres.h"

/* Error if the stream's sender serves another job. */
extern void weir_check_consumer(int64 job, Oid stream);

#endif
