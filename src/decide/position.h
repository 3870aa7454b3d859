/*
 * decide/position.h
 *		Where a source stands in its stream: bytes that nobody but the source
 *		that wrote them reads, and how far event time had come there.
 *
 * They are kept in checkpoints, so every source must read what its earlier
 * versions wrote: the first byte says which version that is.  No bytes: where
 * the stream begins, as far as it can still be read.
 *
 * The watermarks are written beside them as bytes of their own.  No bytes: there are none.
 * Where none is a partition's: the byte 1, then of each whose it is and the watermark,
 * eight bytes each, in network byte order.  Else the byte 2, then for each of those whose
 * they are: that, in eight bytes, how many there are, and of each, as differences to the one
 * before, the partition and the watermark.  These are numbers of seven bits a byte, lowest
 * first, signs in the lowest bit of differences.
 */
#ifndef WEIR_DECIDE_POSITION_H
#define WEIR_DECIDE_POSITION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define WEIR_POSITION_MAX	4096
#define WEIR_POSITION_MARKS	512
#define WEIR_POSITION_READS	14	/* of a stream by one job, that have watermarks of their own */
#define WEIR_MARKS_MAX		(1 + WEIR_POSITION_MARKS * 24)

typedef struct WeirMark
{
	int64_t		whose;			/* WEIR_MARK_SOURCE, or what a scan of it goes by */
	int32_t		partition;		/* of the stream; WEIR_MARK_WHOLE: all that is read of it */
	int64_t		watermark;
} WeirMark;

#define WEIR_MARK_SOURCE	0
#define WEIR_MARK_IDLE		(-1)	/* of what is idle; its watermark says nothing */
#define WEIR_MARK_WHOLE		(-1)

typedef struct WeirPosition
{
	uint32_t	len;
	uint32_t	nmarks;
	int64_t		retried;		/* no bytes of it: the last of the job's records that came
								 * again (catalog/retry.h) before it, 0: none */
	uint8_t		bytes[WEIR_POSITION_MAX];
	WeirMark	marks[WEIR_POSITION_MARKS];
} WeirPosition;

/* Notes how far somebody's event time has come; INT64_MIN is not noted.  False: there is no room. */
extern bool weir_position_set_mark(WeirPosition *position, int64_t whose, int32_t partition, int64_t watermark);
/* INT64_MIN: none. */
extern int64_t weir_position_mark(const WeirPosition *position, int64_t whose, int32_t partition);

/*
 * Adds those of another task of the source, which reads other partitions: where both have one
 * of the whole, event time has come as far as at the one that is behind, if that is not idle.
 * first: there is none before.  False: there is no room.
 */
extern bool weir_position_merge_marks(WeirPosition *position, const WeirPosition *other, bool first);

/* As bytes, at most WEIR_MARKS_MAX: how many. */
extern size_t weir_marks_encode(const WeirPosition *position, uint8_t *bytes);
/* False if these are no such bytes. */
extern bool weir_marks_decode(WeirPosition *position, const uint8_t *bytes, size_t len);

#endif
