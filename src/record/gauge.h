/*
 * record/gauge.h
 *		What the two ends of a channel know of each other beside its messages: how
 *		many rows are under way, how many may be, and which barrier is on its way.
 *
 * It lies in shared memory; each field has one writer.  A full channel is no
 * place to wait for memory alone: rows that are slow to be worked off keep every
 * barrier behind them waiting, so the receiver says how many it wants before it.
 */
#ifndef WEIR_RECORD_GAUGE_H
#define WEIR_RECORD_GAUGE_H

#include "postgres.h"

#include "port/atomics.h"

#define WEIR_ANNOUNCED 8		/* more than are under way at a time */

typedef struct WeirGauge
{
	/* the sender's */
	pg_atomic_uint64 sent;		/* rows handed over, pending ones among them */
	pg_atomic_uint64 nannounced;	/* barriers handed over; the newest of them are .. */
	pg_atomic_uint64 announced[WEIR_ANNOUNCED];	/* .. these checkpoints' .. */
	pg_atomic_uint64 sent_at[WEIR_ANNOUNCED];	/* .. sent by their sources then, us; PG_INT64_MAX: never overtake */
	pg_atomic_uint32 waiting;	/* it waits for room; cleared by who wakes it */
	/* the receiver's */
	pg_atomic_uint64 done;		/* rows worked off */
	pg_atomic_uint64 allowed;	/* rows that may be under way */
} WeirGauge;

/* allowed: until the receiver says something else. */
static inline void
weir_gauge_init(WeirGauge *gauge, uint64 allowed)
{
	pg_atomic_init_u64(&gauge->sent, 0);
	pg_atomic_init_u64(&gauge->nannounced, 0);
	for (int i = 0; i < WEIR_ANNOUNCED; i++)
	{
		pg_atomic_init_u64(&gauge->announced[i], 0);
		pg_atomic_init_u64(&gauge->sent_at[i], 0);
	}
	pg_atomic_init_u32(&gauge->waiting, 0);
	pg_atomic_init_u64(&gauge->done, 0);
	pg_atomic_init_u64(&gauge->allowed, allowed);
}

/* Rows that may still be handed over. */
static inline uint64
weir_gauge_room(WeirGauge *gauge)
{
	uint64		under_way = pg_atomic_read_u64(&gauge->sent) - pg_atomic_read_u64(&gauge->done);
	uint64		allowed = pg_atomic_read_u64(&gauge->allowed);

	return allowed > under_way ? allowed - under_way : 0;
}

#endif
