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
#include "lib/stringinfo.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/memutils.h"

#include "base/compat.h"
#include "base/fault.h"
#include "catalog/checkpoint.h"
#include "catalog/internal.h"
#include "catalog/row.h"

static void
append_bytes(StringInfo buf, const uint8 *bytes, Size len)
{
	appendStringInfoChar(buf, '"');
	enlargeStringInfo(buf, (int) len * 2);
	buf->len += hex_encode((const char *) bytes, len, buf->data + buf->len);
	appendStringInfoChar(buf, '"');
}

static void
append_position(StringInfo buf, const WeirPosition *position)
{
	uint8		marks[WEIR_MARKS_MAX];
	Size		len = weir_marks_encode(position, marks);

	if (len == 0)
	{
		append_bytes(buf, position->bytes, position->len);
		return;
	}
	appendStringInfoChar(buf, '[');
	append_bytes(buf, position->bytes, position->len);
	appendStringInfoChar(buf, ',');
	append_bytes(buf, marks, len);
	appendStringInfoChar(buf, ']');
}

/*
 * A JSON array of the positions' bytes, in hexadecimal; where there are watermarks an
 * array of both.
 */
Datum
weir_positions_text(int n, const WeirPosition *positions)
{
	StringInfoData buf;

	initStringInfo(&buf);
	appendStringInfoChar(&buf, '[');
	for (int i = 0; i < n; i++)
	{
		if (i > 0)
			appendStringInfoChar(&buf, ',');
		append_position(&buf, &positions[i]);
	}
	appendStringInfoChar(&buf, ']');
	return CStringGetTextDatum(buf.data);
}

void
weir_completed_insert(int64 job, const WeirCompleted *row)
{
	WeirArguments args = {0};

	weir_bind_int64(&args, job);
	weir_bind_int64(&args, row->checkpoint);
	weir_bind_int64(&args, row->timeline);
	weir_bind_int64(&args, row->attempt);
	weir_bind_int32(&args, row->parallelism);
	weir_bind_int32(&args, row->max_parallelism);
	weir_bind(&args, TEXTOID, weir_positions_text(row->npositions, row->positions), false);
	weir_bind_text_array(&args, row->prepared, row->nprepared);
	weir_bind_text(&args, row->savepoint);
	weir_internal_execute("INSERT INTO weir_internal.completed (job, checkpoint, timeline, "
						  "attempt, parallelism, max_parallelism, positions, prepared, savepoint, completed_at) "
						  "VALUES ($1, $2, $3, $4, $5, $6, $7::jsonb, $8, $9, pg_catalog.clock_timestamp())", &args);
}

static void
read_bytes(WeirPosition *position, const bytea *bytes)
{
	position->len = VARSIZE_ANY_EXHDR(bytes);
	if (position->len > WEIR_POSITION_MAX)
		ereport(ERROR,
				(errcode(ERRCODE_DATA_CORRUPTED),
				 errmsg("position of a stream has %u bytes", position->len),
				 errdetail("At most %d are read.", WEIR_POSITION_MAX)));
	memcpy(position->bytes, VARDATA_ANY(bytes), position->len);
}

static void
read_marks(WeirPosition *position, const bytea *bytes)
{
	if (!weir_marks_decode(position, (const uint8 *) VARDATA_ANY(bytes), VARSIZE_ANY_EXHDR(bytes)))
		ereport(ERROR,
				(errcode(ERRCODE_DATA_CORRUPTED),
				 errmsg("watermarks of a stream cannot be read"),
				 errdetail("They have %u bytes.", (unsigned) VARSIZE_ANY_EXHDR(bytes)),
				 errhint("Was the checkpoint written by a later version of weir?")));
}

/*
 * What weir_positions_text wrote.  Version 0.1.0 wrote objects, whose text is what
 * their source reads.
 */
WeirPosition *
weir_positions_read(Datum json, int *n, MemoryContext context)
{
	WeirArguments args = {0};
	WeirPosition *positions;

	weir_bind(&args, JSONBOID, json, false);
	*n = weir_internal_run("SELECT CASE pg_catalog.jsonb_typeof(e) "
						   "WHEN 'string' THEN pg_catalog.decode(e #>> '{}', 'hex') "
						   "WHEN 'array' THEN pg_catalog.decode(e ->> 0, 'hex') "
						   "ELSE pg_catalog.convert_to(e::text, 'UTF8') END AS bytes, "
						   "CASE pg_catalog.jsonb_typeof(e) WHEN 'array' "
						   "THEN pg_catalog.decode(e ->> 1, 'hex') END AS marks "
						   "FROM pg_catalog.jsonb_array_elements($1) WITH ORDINALITY a(e, i) ORDER BY i",
						   &args);
	positions = MemoryContextAllocZero(context, sizeof(WeirPosition) * Max(*n, 1));
	for (int i = 0; i < *n; i++)
	{
		bool		isnull;
		Datum		bytes = weir_row_datum(i, "bytes", &isnull);

		read_bytes(&positions[i], DatumGetByteaPP(bytes));
		bytes = weir_row_datum(i, "marks", &isnull);
		if (!isnull)
			read_marks(&positions[i], DatumGetByteaPP(bytes));
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
read_completed(uint64 i, MemoryContext context)
{
	WeirCompleted *row = MemoryContextAllocZero(context, sizeof(WeirCompleted));
	bool		isnull;

	row->checkpoint = weir_row_int64(i, "checkpoint");
	row->timeline = weir_row_int64(i, "timeline");
	row->attempt = weir_row_int64(i, "attempt");
	row->parallelism = weir_row_int32(i, "parallelism");
	row->max_parallelism = weir_row_int32(i, "max_parallelism");
	row->completed_at = weir_row_int64(i, "completed_at");
	row->savepoint = weir_row_text(context, i, "savepoint");
	read_names(row, weir_row_datum(i, "prepared", &isnull), context);
	return row;
}

/* Those rows "d" of a job for which the condition holds. */
static List *
read_rows(int64 job, const char *condition)
{
	WeirInternal saved;
	WeirArguments args = {0};
	MemoryContext context = CurrentMemoryContext;
	List	   *result = NIL;
	ListCell   *lc;
	Datum	   *positions;
	uint64		n;
	bool		isnull;

	weir_bind_int64(&args, job);
	weir_internal_enter(&saved);
	n = weir_internal_run(psprintf("SELECT * FROM weir_internal.completed d "
								   "WHERE job = $1 AND %s ORDER BY checkpoint", condition), &args);
	positions = palloc(sizeof(Datum) * Max(n, 1));
	for (uint64 i = 0; i < n; i++)
	{
		WeirCompleted *row = read_completed(i, context);
		MemoryContext old = MemoryContextSwitchTo(context);

		result = lappend(result, row);
		MemoryContextSwitchTo(old);
		positions[i] = weir_row_datum(i, "positions", &isnull);
	}
	foreach(lc, result)
	{
		WeirCompleted *row = lfirst(lc);

		row->positions = weir_positions_read(positions[foreach_current_index(lc)],
											 &row->npositions, context);
	}
	weir_internal_leave(&saved);
	return result;
}

List *
weir_completed_all(int64 job)
{
	return read_rows(job, "true");
}

WeirCompleted *
weir_completed_find(List *rows, int64 checkpoint)
{
	ListCell   *lc;

	foreach(lc, rows)
	{
		WeirCompleted *row = lfirst(lc);

		if (row->checkpoint == checkpoint)
			return row;
	}
	return NULL;
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
	WeirArguments args = {0};
	bool		found;

	weir_bind_int64(&args, job);
	weir_bind_text(&args, name);
	weir_internal_enter(&saved);
	found = weir_internal_run("UPDATE weir_internal.completed SET savepoint = NULL "
							  "WHERE job = $1 AND savepoint = $2", &args) > 0;
	if (found)
		weir_internal_run("UPDATE weir_internal.checkpoint SET savepoint = NULL "
						  "WHERE job = $1 AND savepoint = $2 AND status = 'completed'", &args);
	weir_internal_leave(&saved);
	return found;
}

void
weir_completed_forget(int64 job, int64 before)
{
	WeirInternal saved;
	WeirArguments args = {0};

	weir_bind_int64(&args, job);
	weir_bind_int64(&args, before);
	weir_internal_enter(&saved);
	weir_internal_run("DELETE FROM weir_internal.completed WHERE job = $1 AND checkpoint < $2 "
					  "AND savepoint IS NULL", &args);
	weir_internal_run("DELETE FROM weir_internal.marker m WHERE job = $1 AND checkpoint < $2 "
					  "AND NOT EXISTS (SELECT FROM weir_internal.completed c "
					  "WHERE c.job = $1 AND c.checkpoint = m.checkpoint)", &args);
	weir_internal_leave(&saved);
}

void
weir_marker_insert(int64 job, int64 attempt, int64 checkpoint, int task)
{
	WeirArguments args = {0};

	weir_bind_int64(&args, job);
	weir_bind_int64(&args, attempt);
	weir_bind_int64(&args, checkpoint);
	weir_bind_int32(&args, task);
	WEIR_FAULT(before_marker);
	weir_internal_execute("INSERT INTO weir_internal.marker VALUES ($1, $2, $3, $4)", &args);
	WEIR_FAULT(after_marker);
}

void
weir_marker_delete(int64 job, int64 attempt, int task)
{
	WeirArguments args = {0};

	weir_bind_int64(&args, job);
	weir_bind_int64(&args, attempt);
	weir_bind_int32(&args, task);
	weir_internal_execute("DELETE FROM weir_internal.marker WHERE job = $1 AND attempt = $2 "
						  "AND task = $3 AND xmin = pg_catalog.pg_current_xact_id()::xid", &args);
}

WeirGid *
weir_marker_all(int64 job, int *n)
{
	WeirInternal saved;
	WeirArguments args = {0};
	MemoryContext context = CurrentMemoryContext;
	WeirGid    *gids;

	weir_bind_int64(&args, job);
	weir_internal_enter(&saved);
	*n = weir_internal_run("SELECT attempt, checkpoint, task FROM weir_internal.marker "
						   "WHERE job = $1", &args);
	gids = MemoryContextAllocZero(context, sizeof(WeirGid) * Max(*n, 1));
	for (int i = 0; i < *n; i++)
	{
		gids[i].database = MyDatabaseId;
		gids[i].job = job;
		gids[i].attempt = weir_row_int64(i, "attempt");
		gids[i].checkpoint = weir_row_int64(i, "checkpoint");
		gids[i].task = weir_row_int32(i, "task");
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
	WeirArguments args = {0};
	int64		timeline;

	weir_bind_int64(&args, job);
	weir_bind_int64(&args, base);
	weir_bind(&args, TEXTOID, weir_positions_text(npositions, positions), false);
	weir_bind_bool(&args, drop_state);
	weir_bind_text(&args, migrate);
	weir_internal_enter(&saved);
	weir_internal_run("INSERT INTO weir_internal.timeline "
					  "(job, timeline, base, positions, drop_state, migrate) "
					  "SELECT $1, COALESCE(max(timeline), 0) + 1, $2, $3::jsonb, $4, $5 "
					  "FROM weir_internal.timeline WHERE job = $1 RETURNING timeline", &args);
	timeline = weir_row_int64(0, "timeline");
	weir_internal_leave(&saved);
	return timeline;
}

bool
weir_timeline_get(int64 job, int64 timeline, int64 *base, int *npositions,
				  WeirPosition **positions)
{
	WeirInternal saved;
	WeirArguments args = {0};
	MemoryContext context = CurrentMemoryContext;
	bool		found;

	weir_bind_int64(&args, job);
	weir_bind_int64(&args, timeline);
	weir_internal_enter(&saved);
	found = weir_internal_run("SELECT base, positions FROM weir_internal.timeline "
							  "WHERE job = $1 AND timeline = $2", &args) > 0;
	if (found)
	{
		bool		isnull;
		Datum		json = weir_row_datum(0, "positions", &isnull);

		*base = weir_row_int64(0, "base");
		*positions = weir_positions_read(json, npositions, context);
	}
	weir_internal_leave(&saved);
	return found;
}

void
weir_timeline_set_positions(int64 job, int64 timeline, int npositions, const WeirPosition *positions)
{
	WeirArguments args = {0};

	weir_bind_int64(&args, job);
	weir_bind_int64(&args, timeline);
	weir_bind(&args, TEXTOID, weir_positions_text(npositions, positions), false);
	weir_internal_execute("UPDATE weir_internal.timeline SET positions = $3::jsonb "
						  "WHERE job = $1 AND timeline = $2", &args);
}

void
weir_timeline_conversion(int64 job, int64 timeline, bool *drop_state, char **migrate)
{
	WeirInternal saved;
	WeirArguments args = {0};
	MemoryContext context = CurrentMemoryContext;

	weir_bind_int64(&args, job);
	weir_bind_int64(&args, timeline);
	*drop_state = false;
	*migrate = NULL;
	weir_internal_enter(&saved);
	if (weir_internal_run("SELECT drop_state, migrate FROM weir_internal.timeline "
						  "WHERE job = $1 AND timeline = $2", &args) > 0)
	{
		*drop_state = weir_row_bool(0, "drop_state");
		*migrate = weir_row_text(context, 0, "migrate");
	}
	weir_internal_leave(&saved);
}
