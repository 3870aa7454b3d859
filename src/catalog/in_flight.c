/*
 * catalog/in_flight.c
 *		weir_internal.in_flight: rows that a checkpoint's barrier overtook.
 */
#include "postgres.h"

#include "utils/memutils.h"

#include "base/compat.h"
#include "catalog/in_flight.h"
#include "catalog/internal.h"
#include "catalog/row.h"

void
weir_in_flight_insert(int64 job, int64 timeline, int64 checkpoint, int task, int seq,
					  const WeirInFlight *message)
{
	WeirArguments args = {0};

	weir_bind_int64(&args, job);
	weir_bind_int64(&args, timeline);
	weir_bind_int64(&args, checkpoint);
	weir_bind_int32(&args, task);
	weir_bind_int32(&args, seq);
	weir_bind_int32(&args, message->exchange);
	weir_bind_text(&args, message->types);
	weir_bind_bytea(&args, message->payload, message->size);
	(void) weir_internal_execute("INSERT INTO weir_internal.in_flight"
								 " (job, timeline, checkpoint, task, seq, exchange, types, payload)"
								 " VALUES ($1, $2, $3, $4, $5, $6, $7, $8)", &args);
	pfree(DatumGetPointer(args.values[7]));
	pfree(DatumGetPointer(args.values[6]));
}

void
weir_in_flight_read(int64 job, int64 checkpoint, int exchange, WeirInFlightFunction take,
					void *arg)
{
	WeirInternal saved;
	WeirArguments args = {0};
	MemoryContext context = CurrentMemoryContext;
	uint64		n;

	weir_bind_int64(&args, job);
	weir_bind_int64(&args, checkpoint);
	weir_bind_int32(&args, exchange);
	weir_internal_enter(&saved);
	n = weir_internal_run("SELECT types, payload FROM weir_internal.in_flight"
						  " WHERE job = $1 AND checkpoint = $2 AND exchange = $3"
						  " ORDER BY task, seq", &args);
	for (uint64 i = 0; i < n; i++)
	{
		bool		isnull;
		Datum		value = weir_row_datum(i, "payload", &isnull);
		bytea	   *payload = DatumGetByteaPP(value);
		WeirInFlight message = {0};
		MemoryContext old;

		message.exchange = exchange;
		message.types = weir_row_text(context, i, "types");
		message.payload = VARDATA_ANY(payload);
		message.size = VARSIZE_ANY_EXHDR(payload);
		old = MemoryContextSwitchTo(context);
		take(arg, &message);
		MemoryContextSwitchTo(old);
	}
	weir_internal_leave(&saved);
}

int
weir_in_flight_last_exchange(int64 job, int64 checkpoint)
{
	WeirInternal saved;
	WeirArguments args = {0};
	int			last;

	weir_bind_int64(&args, job);
	weir_bind_int64(&args, checkpoint);
	weir_internal_enter(&saved);
	weir_internal_run("SELECT coalesce(max(exchange), -1) AS last FROM weir_internal.in_flight"
					  " WHERE job = $1 AND checkpoint = $2", &args);
	last = weir_row_int32(0, "last");
	weir_internal_leave(&saved);
	return last;
}

void
weir_in_flight_delete_newer(int64 job, int64 timeline, int64 checkpoint)
{
	WeirArguments args = {0};

	weir_bind_int64(&args, job);
	weir_bind_int64(&args, timeline);
	weir_bind_int64(&args, checkpoint);
	(void) weir_internal_execute("DELETE FROM weir_internal.in_flight"
								 " WHERE job = $1 AND timeline = $2 AND checkpoint > $3", &args);
}

void
weir_in_flight_trim(int64 job, int64 before)
{
	WeirArguments args = {0};

	weir_bind_int64(&args, job);
	weir_bind_int64(&args, before);
	(void) weir_internal_execute("DELETE FROM weir_internal.in_flight"
								 " WHERE job = $1 AND checkpoint < $2"
								 " AND NOT EXISTS (SELECT FROM weir_internal.completed c WHERE c.job = $1"
								 " AND c.checkpoint = in_flight.checkpoint AND c.savepoint IS NOT NULL)", &args);
}
