/*
 * report/view.c
 *		Reading the views.
 */
#include "postgres.h"

#include "executor/spi.h"
#include "utils/guc.h"

#include "catalog/job.h"
#include "report/view.h"

static void
set(const char *name, const char *value)
{
	(void) set_config_option(name, value, PGC_USERSET, PGC_S_SESSION, GUC_ACTION_SAVE, true, 0, false);
}

int
weir_view_enter(void)
{
	int			guc_nest = NewGUCNestLevel();

	set("search_path", "pg_catalog, pg_temp");
	set("extra_float_digits", "1");
	set("IntervalStyle", "postgres");
	set("DateStyle", "ISO, YMD");
	set("lock_timeout", "1s");
	if (SPI_connect() != SPI_OK_CONNECT)
		elog(ERROR, "SPI_connect failed");
	return guc_nest;
}

void
weir_view_leave(int guc_nest)
{
	SPI_finish();
	AtEOXact_GUC(false, guc_nest);
}

uint64
weir_view_read(const char *sql, const WeirArguments *args)
{
	int			result = SPI_execute_with_args(sql, args ? args->n : 0, args ? (Oid *) args->types : NULL,
											   args ? (Datum *) args->values : NULL,
											   args ? args->nulls : NULL, true, 0);

	if (result < 0)
		elog(ERROR, "SPI failed (%s) for: %s", SPI_result_code_string(result), sql);
	return SPI_processed;
}

char *
weir_view_value(uint64 row, const char *column)
{
	int			number = SPI_fnumber(SPI_tuptable->tupdesc, column);

	if (number <= 0)
		elog(ERROR, "there is no column \"%s\"", column);
	return SPI_getvalue(SPI_tuptable->vals[row], SPI_tuptable->tupdesc, number);
}

void
weir_view_must_show(const char *job)
{
	WeirArguments arguments = {0};

	weir_bind_text(&arguments, job);
	if (weir_view_read("SELECT FROM weir.jobs WHERE name = $1", &arguments) > 0)
		return;
	if (weir_job_by_name(job) != NULL)
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("must be owner of job \"%s\"", job)));
	ereport(ERROR,
			(errcode(ERRCODE_UNDEFINED_OBJECT),
			 errmsg("job \"%s\" does not exist", job),
			 errhint("The view weir.jobs lists the jobs of this database.")));
}
