/*
 * decide/position.h
 *		Where a source stands in its stream: bytes that nobody but the source
 *		that wrote them reads.
 *
 * They are kept in checkpoints, so every source must read what its earlier
 * versions wrote: the first byte says which version that is.  No bytes: where
 * the stream begins, as far as it can still be read.
 */
#ifndef WEIR_DECIDE_POSITION_H
#define WEIR_DECIDE_POSITION_H

#include <stdint.h>

#define WEIR_POSITION_MAX	512

typedef struct WeirPosition
{
	uint32_t	len;
	uint8_t		bytes[WEIR_POSITION_MAX];
	int64_t		retried;		/* no bytes of it: the last of the job's records that came
								 * again (catalog/retry.h) before it, 0: none */
} WeirPosition;

#endif
