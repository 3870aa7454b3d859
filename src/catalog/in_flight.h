/*
 * catalog/in_flight.h
 *		weir_internal.in_flight: rows that a checkpoint's barrier overtook, which
 *		belong to the checkpoint as keyed state does.
 *		All functions need a transaction and an active snapshot.
 */
#ifndef WEIR_CATALOG_IN_FLIGHT_H
#define WEIR_CATALOG_IN_FLIGHT_H

#include "postgres.h"

/* A message that waited in front of a task. */
typedef struct WeirInFlight
{
	int			exchange;		/* by which it came */
	const char *types;			/* of its rows, so that others are not taken for them */
	const char *payload;		/* as the channel carried it */
	int			size;			/* bytes */
} WeirInFlight;

typedef void (*WeirInFlightFunction) (void *arg, const WeirInFlight *message);

/* seq: counts the messages of the checkpoint's task from 0. */
extern void weir_in_flight_insert(int64 job, int64 timeline, int64 checkpoint, int task, int seq,
								  const WeirInFlight *message);

/* Those of a checkpoint that came by this exchange, in the order in which each task had them. */
extern void weir_in_flight_read(int64 job, int64 checkpoint, int exchange,
								WeirInFlightFunction take, void *arg);

/* The last of the exchanges by which some of a checkpoint came; -1: it has none. */
extern int	weir_in_flight_last_exchange(int64 job, int64 checkpoint);

/* What belongs to no checkpoint: of this timeline, newer than the one that is restored. */
extern void weir_in_flight_delete_newer(int64 job, int64 timeline, int64 checkpoint);

/* Of checkpoints before this one. */
extern void weir_in_flight_trim(int64 job, int64 before);

#endif
