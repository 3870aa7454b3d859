/*
 * catalog/internal.c
 *		The way to Weir's own tables.
 */
#include "postgres.h"

#include "access/xact.h"
#include "catalog/pg_authid.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/memutils.h"

#include "catalog/internal.h"

void
weir_internal_enter(WeirInternal *saved)
{
	GetUserIdAndSecContext(&saved->user, &saved->security);
	saved->read_only = XactReadOnly;
	XactReadOnly = false;
	SetUserIdAndSecContext(BOOTSTRAP_SUPERUSERID,
						   saved->security | SECURITY_LOCAL_USERID_CHANGE);
	saved->guc_nest = NewGUCNestLevel();
	(void) set_config_option("search_path", "pg_catalog, pg_temp", PGC_USERSET,
							 PGC_S_SESSION, GUC_ACTION_SAVE, true, 0, false);
	if (SPI_connect() != SPI_OK_CONNECT)
		elog(ERROR, "SPI_connect failed");
}

void
weir_internal_leave(WeirInternal *saved)
{
	SPI_finish();
	AtEOXact_GUC(false, saved->guc_nest);
	SetUserIdAndSecContext(saved->user, saved->security);
	XactReadOnly = saved->read_only;
}

/*
 * The plan has parameters where the statement does: an extension that watches what
 * plans compare with would note each value of a constant as something else.
 */
uint64
weir_internal_run(const char *sql, int nargs, Oid *types, Datum *values,
				  const char *nulls)
{
	SPIPlanPtr	plan = SPI_prepare_cursor(sql, nargs, types, CURSOR_OPT_GENERIC_PLAN);
	int			result = plan ? SPI_execute_plan(plan, values, nulls, false, 0) : SPI_result;

	if (result < 0)
		elog(ERROR, "SPI failed (%s) for: %s", SPI_result_code_string(result), sql);
	(void) SPI_freeplan(plan);
	return SPI_processed;
}

uint64
weir_internal_execute(const char *sql, int nargs, Oid *types, Datum *values,
					  const char *nulls)
{
	WeirInternal saved;
	uint64		processed;

	weir_internal_enter(&saved);
	processed = weir_internal_run(sql, nargs, types, values, nulls);
	weir_internal_leave(&saved);
	return processed;
}

Datum
weir_internal_get(uint64 row, int column, bool *isnull)
{
	return SPI_getbinval(SPI_tuptable->vals[row], SPI_tuptable->tupdesc, column,
						 isnull);
}

int64
weir_internal_int64(uint64 row, int column)
{
	bool		isnull;
	Datum		value = weir_internal_get(row, column, &isnull);

	return isnull ? 0 : DatumGetInt64(value);
}

char *
weir_internal_text(MemoryContext context, uint64 row, int column)
{
	bool		isnull;
	Datum		value = weir_internal_get(row, column, &isnull);
	MemoryContext old;
	char	   *result;

	if (isnull)
		return NULL;
	old = MemoryContextSwitchTo(context);
	result = TextDatumGetCString(value);
	MemoryContextSwitchTo(old);
	return result;
}
