/*
 * decide/growth.h
 *		Is a record that is not whole yet worth a word?
 *
 * A quote that is never closed, or a peer that stops within a record, shows in
 * nothing but that one record grows or stands open.  It is said once a record:
 * when it has stood open for a minute, or for a second and takes more than half
 * of max_record: one that just takes its time to arrive is not meant.
 */
#ifndef WEIR_DECIDE_GROWTH_H
#define WEIR_DECIDE_GROWTH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* us that a record may stand open, and a large one */
#define WEIR_RECORD_PATIENCE INT64_C(60000000)
#define WEIR_LARGE_PATIENCE INT64_C(1000000)

typedef struct WeirGrowth
{
	int64_t		offset;			/* where the record begins */
	int64_t		since;			/* us: it has stood open from then on; 0: none does */
	bool		large;
	bool		said;
} WeirGrowth;

/* A record that begins at offset has so many bytes; true: say so. */
extern bool weir_growth_look(WeirGrowth *g, int64_t offset, size_t bytes,
							 size_t max_record, int64_t now);

/* When to look again if nothing comes; 0: never. */
extern int64_t weir_growth_due(const WeirGrowth *g);

#endif
