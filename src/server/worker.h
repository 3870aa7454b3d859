/*
 * server/worker.h
 *		Weir's processes that are started as they are needed.
 */
#ifndef WEIR_SERVER_WORKER_H
#define WEIR_SERVER_WORKER_H

#include "postgres.h"

#include "postmaster/bgworker.h"

/* What runs in it, and what it is called in pg_stat_activity. */
typedef struct WeirWorker
{
	const char *function;
	const char *name;			/* cut to what there is room for */
	const char *type;
	Datum		arg;
	const void *extra;			/* at most BGW_EXTRALEN bytes; NULL: none */
	Size		extra_size;
} WeirWorker;

/*
 * Connects to a database, is not started again, and sets this process's latch when
 * it starts and ends.  False if none is free; the handle in CurrentMemoryContext.
 */
extern bool weir_worker_start(const WeirWorker *what, BackgroundWorkerHandle **handle);

#endif
