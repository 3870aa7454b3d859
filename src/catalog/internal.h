/*
 * catalog/internal.h
 *		How Weir's own tables are reached: SPI under the rights of the
 *		bootstrap superuser, with nothing but pg_catalog on the search path.
 *
 * All functions need a transaction and an active snapshot.
 */
#ifndef WEIR_CATALOG_INTERNAL_H
#define WEIR_CATALOG_INTERNAL_H

#include "postgres.h"

#include "catalog/arguments.h"

typedef struct WeirInternal
{
	Oid			user;
	int			security;
	int			guc_nest;
	bool		read_only;
} WeirInternal;

/* Connects SPI, switches user and path, allows writing; leave undoes it. */
extern void weir_internal_enter(WeirInternal *saved);
extern void weir_internal_leave(WeirInternal *saved);

/*
 * Between enter and leave: runs a statement, returns rows processed; args may be
 * NULL.  Its plan is kept for the session, by its text.
 */
extern uint64 weir_internal_run(const char *sql, const WeirArguments *args);
/* The same for a text that will not come again: no plan is kept. */
extern uint64 weir_internal_run_once(const char *sql, const WeirArguments *args);
/* The same for a query that takes the active snapshot as it is. */
extern uint64 weir_internal_read(const char *sql, const WeirArguments *args);

/* Enter, run, leave. */
extern uint64 weir_internal_execute(const char *sql, const WeirArguments *args);

#endif
