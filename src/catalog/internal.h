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
 * Between enter and leave: runs a statement with arguments of the types given
 * (Oid, Datum pairs; nulls as SPI has them or NULL), returns rows processed.
 */
extern uint64 weir_internal_run(const char *sql, int nargs, Oid *types,
								Datum *values, const char *nulls);

/* Enter, run, leave. */
extern uint64 weir_internal_execute(const char *sql, int nargs, Oid *types,
									Datum *values, const char *nulls);

/* Column (1-based) of a row of the last result. */
extern Datum weir_internal_get(uint64 row, int column, bool *isnull);
extern int64 weir_internal_int64(uint64 row, int column);	/* NULL: 0 */
/* In a context that outlives SPI's; NULL if it is null. */
extern char *weir_internal_text(MemoryContext context, uint64 row, int column);

#endif
