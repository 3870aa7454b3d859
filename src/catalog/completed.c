/*
 * catalog/completed.c
 *		weir_internal.completed, timeline and marker: what recovery reads.
 *
 * A completed row is the decision about its checkpoint: its transaction's
 * commit makes it.  A marker is written by each sink task in its epoch, so a
 * listed transaction without a marker was rolled back by somebody, a marker
 * without a completed row was committed by somebody.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "lib/stringinfo.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/json.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

#include "base/compat.h"
#include "base/fault.h"
#include "catalog/checkpoint.h"
#include "catalog/internal.h"

/* A JSON array of the positions' bytes, in hexadecimal. */
static Datum
positions_text(int n, const WeirPosition *positions)
{
	StringInfoData buf;

	initStringInfo(&buf);
	appendStringInfoChar(&buf, '[');
	for (int i = 0; i < n; i++)
	{
		appendStringInfoString(&buf, i > 0 ? ",\"" : "\"");
		enlargeStringInfo(&buf, (int) positions[i].len * 2);
		buf.len += hex_encode((const char *) positions[i].bytes, positions[i].len, buf.data + buf.len);
		appendStringInfoChar(&buf, '"');
	}
	appendStringInfoChar(&buf, ']');
	return CStringGetTextDatum(buf.data);
}

static Datum
names_array(int n, char **names)
{
	Datum	   *elements = palloc(sizeof(Datum) * Max(n, 1));

	for (int i = 0; i < n; i++)
		elements[i] = CStringGetTextDatum(names[i]);
	return PointerGetDatum(construct_array(elements, n, TEXTOID, -1, false, TYPALIGN_INT));
}

void
weir_completed_insert(int64 job, const WeirCompleted *row)
{
	Oid			types[] = {INT8OID, INT8OID, INT8OID, INT8OID, INT4OID, INT4OID, TEXTOID, TEXTARRAYOID, TEXTOID};
	Datum		values[9];
	char		nulls[] = "         ";

	values[0] = Int64GetDatum(job);
	values[1] = Int64GetDatum(row->checkpoint);
	values[2] = Int64GetDatum(row->timeline);
	values[3] = Int64GetDatum(row->attempt);
	values[4] = Int32GetDatum(row->parallelism);
	values[5] = Int32GetDatum(row->max_parallelism);
	values[6] = positions_text(row->npositions, row->positions);
	values[7] = names_array(row->nprepared, row->prepared);
	values[8] = row->savepoint ? CStringGetTextDatum(row->savepoint) : (Datum) 0;
	nulls[8] = row->savepoint ? ' ' : 'n';
	weir_internal_execute("INSERT INTO weir_internal.completed (job, checkpoint, timeline, "
						  "attempt, parallelism, max_parallelism, positions, prepared, savepoint, completed_at) "
						  "VALUES ($1, $2, $3, $4, $5, $6, $7::jsonb, $8, $9, pg_catalog.clock_timestamp())",
						  9, types, values, nulls);
}

/*
 * What positions_text wrote.  Version 0.1.0 wrote objects, whose text is what
 * their source reads.
 */
static WeirPosition *
read_positions(Datum json, int *n, MemoryContext context)
{
	Oid			types[] = {JSONBOID};
	Datum		values[] = {json};
	WeirPosition *positions;

	*n = weir_internal_run("SELECT CASE pg_catalog.jsonb_typeof(e) WHEN 'string' "
						   "THEN pg_catalog.decode(e #>> '{}', 'hex') "
						   "ELSE pg_catalog.convert_to(e::text, 'UTF8') END "
						   "FROM pg_catalog.jsonb_array_elements($1) WITH ORDINALITY a(e, i) ORDER BY i",
						   1, types, values, NULL);
	positions = MemoryContextAllocZero(context, sizeof(WeirPosition) * Max(*n, 1));
	for (int i = 0; i < *n; i++)
	{
		bool		isnull;
		bytea	   *bytes = DatumGetByteaPP(SPI_getbinval(SPI_tuptable->vals[i], SPI_tuptable->tupdesc,
													  1, &isnull));

		positions[i].len = VARSIZE_ANY_EXHDR(bytes);
		if (positions[i].len > WEIR_POSITION_MAX)
			ereport(ERROR,
					(errcode(ERRCODE_DATA_CORRUPTED),
					 errmsg("position of a stream has %u bytes", positions[i].len),
					 errdetail("At most %d are read.", WEIR_POSITION_MAX)));
		memcpy(positions[i].bytes, VARDATA_ANY(bytes), positions[i].len);
	}
	return positions;
}

static void
read_names(WeirCompleted *row, Datum array, MemoryContext context)
{
	Datum	   *elements;
	int			n;

	deconstruct_array(DatumGetArrayTypeP(array), TEXTOID, -1, false, TYPALIGN_INT,
					  &elements, NULL, &n);
	row->nprepared = n;
	row->prepared = MemoryContextAllocZero(context, sizeof(char *) * Max(n, 1));
	for (int i = 0; i < n; i++)
		row->prepared[i] = MemoryContextStrdup(context, TextDatumGetCString(elements[i]));
}

static WeirCompleted *
read_completed(SPITupleTable *table, uint64 i, MemoryContext context)
{
	WeirCompleted *row = MemoryContextAllocZero(context, sizeof(WeirCompleted));
	HeapTuple	tuple = table->vals[i];
	TupleDesc	desc = table->tupdesc;
	bool		isnull;

	row->checkpoint = DatumGetInt64(SPI_getbinval(tuple, desc, 1, &isnull));
	row->timeline = DatumGetInt64(SPI_getbinval(tuple, desc, 2, &isnull));
	row->attempt = DatumGetInt64(SPI_getbinval(tuple, desc, 3, &isnull));
	row->parallelism = DatumGetInt32(SPI_getbinval(tuple, desc, 4, &isnull));
	row->max_parallelism = DatumGetInt32(SPI_getbinval(tuple, desc, 5, &isnull));
	row->completed_at = DatumGetTimestampTz(SPI_getbinval(tuple, desc, 8, &isnull));
	row->savepoint = SPI_getvalue(tuple, desc, 9);
	if (row->savepoint)
		row->savepoint = MemoryContextStrdup(context, row->savepoint);
	read_names(row, SPI_getbinval(tuple, desc, 7, &isnull), context);
	row->positions = read_positions(SPI_getbinval(tuple, desc, 6, &isnull),
									&row->npositions, context);
	return row;
}

/* Those rows "d" of a job for which the condition holds. */
static List *
read_rows(int64 job, const char *condition)
{
	WeirInternal saved;
	Oid			types[] = {INT8OID};
	Datum		values[] = {Int64GetDatum(job)};
	MemoryContext context = CurrentMemoryContext;
	List	   *result = NIL;
	SPITupleTable *table;
	uint64		n;

	weir_internal_enter(&saved);
	n = weir_internal_run(psprintf("SELECT checkpoint, timeline, attempt, parallelism, max_parallelism, "
								   "positions, prepared, completed_at, savepoint FROM weir_internal.completed d "
								   "WHERE job = $1 AND %s ORDER BY checkpoint", condition),
						  1, types, values, NULL);
	table = SPI_tuptable;
	for (uint64 i = 0; i < n; i++)
	{
		WeirCompleted *row = read_completed(table, i, context);
		MemoryContext old = MemoryContextSwitchTo(context);

		result = lappend(result, row);
		MemoryContextSwitchTo(old);
	}
	weir_internal_leave(&saved);
	return result;
}

List *
weir_completed_all(int64 job)
{
	return read_rows(job, "true");
}

List *
weir_completed_visible(int64 job)
{
	return read_rows(job, "NOT EXISTS (SELECT FROM weir_internal.checkpoint k "
					 "WHERE k.job = d.job AND k.id = d.checkpoint AND k.visible_at IS NULL)");
}

WeirCompleted *
weir_savepoint_find(int64 job, const char *name)
{
	ListCell   *lc;

	foreach(lc, weir_completed_all(job))
	{
		WeirCompleted *row = lfirst(lc);

		if (row->savepoint && strcmp(row->savepoint, name) == 0)
			return row;
	}
	return NULL;
}

bool
weir_savepoint_drop(int64 job, const char *name)
{
	WeirInternal saved;
	Oid			types[] = {INT8OID, TEXTOID};
	Datum		values[] = {Int64GetDatum(job), CStringGetTextDatum(name)};
	bool		found;

	weir_internal_enter(&saved);
	found = weir_internal_run("UPDATE weir_internal.completed SET savepoint = NULL "
							  "WHERE job = $1 AND savepoint = $2",
							  2, types, values, NULL) > 0;
	if (found)
		weir_internal_run("UPDATE weir_internal.checkpoint SET savepoint = NULL "
						  "WHERE job = $1 AND savepoint = $2 AND status = 'completed'",
						  2, types, values, NULL);
	weir_internal_leave(&saved);
	return found;
}

void
weir_completed_forget(int64 job, int64 before)
{
	WeirInternal saved;
	Oid			types[] = {INT8OID, INT8OID};
	Datum		values[] = {Int64GetDatum(job), Int64GetDatum(before)};

	weir_internal_enter(&saved);
	weir_internal_run("DELETE FROM weir_internal.completed WHERE job = $1 AND checkpoint < $2 "
					  "AND savepoint IS NULL",
					  2, types, values, NULL);
	weir_internal_run("DELETE FROM weir_internal.marker m WHERE job = $1 AND checkpoint < $2 "
					  "AND NOT EXISTS (SELECT FROM weir_internal.completed c "
					  "WHERE c.job = $1 AND c.checkpoint = m.checkpoint)",
					  2, types, values, NULL);
	weir_internal_leave(&saved);
}

void
weir_marker_insert(int64 job, int64 attempt, int64 checkpoint, int task)
{
	Oid			types[] = {INT8OID, INT8OID, INT8OID, INT4OID};
	Datum		values[] = {Int64GetDatum(job), Int64GetDatum(attempt),
	Int64GetDatum(checkpoint), Int32GetDatum(task)};

	WEIR_FAULT(before_marker);
	weir_internal_execute("INSERT INTO weir_internal.marker VALUES ($1, $2, $3, $4)",
						  4, types, values, NULL);
	WEIR_FAULT(after_marker);
}

void
weir_marker_delete(int64 job, int64 attempt, int task)
{
	Oid			types[] = {INT8OID, INT8OID, INT4OID};
	Datum		values[] = {Int64GetDatum(job), Int64GetDatum(attempt), Int32GetDatum(task)};

	weir_internal_execute("DELETE FROM weir_internal.marker WHERE job = $1 AND attempt = $2 "
						  "AND task = $3 AND xmin = pg_catalog.pg_current_xact_id()::xid",
						  3, types, values, NULL);
}

WeirGid *
weir_marker_all(int64 job, int *n)
{
	WeirInternal saved;
	Oid			types[] = {INT8OID};
	Datum		values[] = {Int64GetDatum(job)};
	MemoryContext context = CurrentMemoryContext;
	WeirGid    *gids;

	weir_internal_enter(&saved);
	*n = weir_internal_run("SELECT attempt, checkpoint, task::bigint FROM weir_internal.marker "
						   "WHERE job = $1",
						   1, types, values, NULL);
	gids = MemoryContextAllocZero(context, sizeof(WeirGid) * Max(*n, 1));
	for (int i = 0; i < *n; i++)
	{
		gids[i].database = MyDatabaseId;
		gids[i].job = job;
		gids[i].attempt = weir_internal_int64(i, 1);
		gids[i].checkpoint = weir_internal_int64(i, 2);
		gids[i].task = weir_internal_int64(i, 3);
	}
	weir_internal_leave(&saved);
	return gids;
}

int64
weir_timeline_begin(int64 job, int64 base, int npositions,
					const WeirPosition *positions, bool drop_state,
					const char *migrate)
{
	WeirInternal saved;
	Oid			types[] = {INT8OID, INT8OID, TEXTOID, BOOLOID, TEXTOID};
	Datum		values[5];
	int64		timeline;

	values[0] = Int64GetDatum(job);
	values[1] = Int64GetDatum(base);
	values[2] = positions_text(npositions, positions);
	values[3] = BoolGetDatum(drop_state);
	values[4] = migrate ? CStringGetTextDatum(migrate) : (Datum) 0;
	weir_internal_enter(&saved);
	weir_internal_run("INSERT INTO weir_internal.timeline "
					  "(job, timeline, base, positions, drop_state, migrate) "
					  "SELECT $1, COALESCE(max(timeline), 0) + 1, $2, $3::jsonb, $4, $5 "
					  "FROM weir_internal.timeline WHERE job = $1 RETURNING timeline",
					  5, types, values, migrate ? NULL : "    n");
	timeline = weir_internal_int64(0, 1);
	weir_internal_leave(&saved);
	return timeline;
}

bool
weir_timeline_get(int64 job, int64 timeline, int64 *base, int *npositions,
				  WeirPosition **positions)
{
	WeirInternal saved;
	Oid			types[] = {INT8OID, INT8OID};
	Datum		values[] = {Int64GetDatum(job), Int64GetDatum(timeline)};
	MemoryContext context = CurrentMemoryContext;
	bool		found;

	weir_internal_enter(&saved);
	found = weir_internal_run("SELECT base, positions FROM weir_internal.timeline "
							  "WHERE job = $1 AND timeline = $2",
							  2, types, values, NULL) > 0;
	if (found)
	{
		bool		isnull;
		Datum		json = weir_internal_get(0, 2, &isnull);

		*base = weir_internal_int64(0, 1);
		*positions = read_positions(json, npositions, context);
	}
	weir_internal_leave(&saved);
	return found;
}

void
weir_timeline_conversion(int64 job, int64 timeline, bool *drop_state, char **migrate)
{
	WeirInternal saved;
	Oid			types[] = {INT8OID, INT8OID};
	Datum		values[] = {Int64GetDatum(job), Int64GetDatum(timeline)};
	MemoryContext context = CurrentMemoryContext;

	*drop_state = false;
	*migrate = NULL;
	weir_internal_enter(&saved);
	if (weir_internal_run("SELECT drop_state::int::bigint, migrate FROM weir_internal.timeline "
						  "WHERE job = $1 AND timeline = $2",
						  2, types, values, NULL) > 0)
	{
		*drop_state = weir_internal_int64(0, 1) != 0;
		*migrate = weir_internal_text(context, 0, 2);
	}
	weir_internal_leave(&saved);
}
