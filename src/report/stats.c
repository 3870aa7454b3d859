/*
 * report/stats.c
 *		weir.job_stats: how long and how much, of a job's kept checkpoints and of
 *		what it has measured itself.
 */
#include "postgres.h"

#include "funcapi.h"
#include "utils/builtins.h"
#include "utils/tuplestore.h"

#include "catalog/row.h"
#include "report/page.h"
#include "report/view.h"

PG_FUNCTION_INFO_V1(weir_job_stats);

#define COLUMNS 7

static const char *const names[COLUMNS] = {"metric", "unit", "count", "min", "median", "p99", "max"};

static const char query[] =
"WITH c AS (SELECT * FROM weir.checkpoints WHERE job = $1 AND status = 'completed'),"
" t AS (SELECT * FROM weir.checkpoint_tasks WHERE job = $1 AND checkpoint_id IN (SELECT checkpoint_id FROM c)),"
" v (n, metric, unit, value) AS ("
"  SELECT 1, 'checkpoint duration', 'seconds', extract(epoch FROM duration)::float8 FROM c"
"  UNION ALL SELECT 2, 'checkpoint bytes written', 'bytes', written_bytes FROM c"
"  UNION ALL SELECT 3, 'checkpoint state bytes', 'bytes', state_bytes FROM c"
"  UNION ALL SELECT 4, 'barrier start delay', 'seconds', extract(epoch FROM start_delay)::float8 FROM t"
"  UNION ALL SELECT 5, 'barrier alignment', 'seconds', extract(epoch FROM alignment)::float8 FROM t)"
" SELECT metric, unit, count(value) AS count, min(value) AS min,"
"        percentile_cont(0.5) WITHIN GROUP (ORDER BY value) AS median,"
"        percentile_cont(0.99) WITHIN GROUP (ORDER BY value) AS p99, max(value) AS max, n AS place"
"   FROM v GROUP BY n, metric, unit HAVING count(value) > 0"
" UNION ALL SELECT metric, unit, count, min, median, p99, max, 6 FROM weir.measures WHERE job = $1"
" ORDER BY place, unit, metric";

static void
put_row(ReturnSetInfo *rsinfo, uint64 row)
{
	Datum		values[COLUMNS];
	bool		nulls[COLUMNS];

	for (int i = 0; i < COLUMNS; i++)
		values[i] = weir_row_datum(row, names[i], &nulls[i]);
	tuplestore_putvalues(rsinfo->setResult, rsinfo->setDesc, values, nulls);
}

/* weir.job_stats(job text) */
Datum
weir_job_stats(PG_FUNCTION_ARGS)
{
	WeirArguments arguments = {0};
	char	   *job;
	int			guc_nest;
	uint64		rows;

	if (PG_ARGISNULL(0))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("job name must not be null")));
	job = text_to_cstring(PG_GETARG_TEXT_PP(0));
	InitMaterializedSRF(fcinfo, 0);
	weir_bind_text(&arguments, job);
	guc_nest = weir_view_enter();
	weir_view_must_show(job);
	rows = weir_view_read(query, &arguments);
	for (uint64 row = 0; row < rows; row++)
		put_row((ReturnSetInfo *) fcinfo->resultinfo, row);
	weir_view_leave(guc_nest);
	return (Datum) 0;
}
