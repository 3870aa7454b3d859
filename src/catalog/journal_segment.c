/*
 * catalog/journal_segment.c
 *		weir_internal.journal_segment, and the names of the tables that it
 *		tells of.
 */
#include "postgres.h"

#include "catalog/namespace.h"
#include "utils/lsyscache.h"

#include "catalog/internal.h"
#include "catalog/journal_segment.h"
#include "catalog/row.h"

#define WHERE_STREAM " WHERE job = $1 AND stream = $2 "
#define WHERE_SLOT WHERE_STREAM "AND slot = $3"

char *
weir_journal_table_name(int64 job, int stream, int slot)
{
	return psprintf("journal_" INT64_FORMAT "_%d_%d", job, stream, slot);
}

Oid
weir_journal_table(int64 job, int stream, int slot)
{
	char	   *name = weir_journal_table_name(job, stream, slot);
	Oid			relid = get_relname_relid(name, get_namespace_oid("weir_internal", false));

	pfree(name);
	return relid;
}

static void
bind_stream(WeirArguments *args, int64 job, int stream)
{
	weir_bind_int64(args, job);
	weir_bind_int32(args, stream);
}

static WeirJournalSegment *
select_rows(const char *sql, const WeirArguments *args, int *n)
{
	MemoryContext caller = CurrentMemoryContext;
	WeirJournalSegment *segments;
	WeirInternal saved;

	weir_internal_enter(&saved);
	*n = (int) weir_internal_run(sql, args);
	segments = MemoryContextAllocZero(caller, Max(*n, 1) * sizeof(WeirJournalSegment));
	for (int i = 0; i < *n; i++)
	{
		segments[i].stream = weir_row_int32(i, "stream");
		segments[i].slot = weir_row_int32(i, "slot");
		segments[i].number = weir_row_int64(i, "segment");
		segments[i].start_offset = weir_row_int64(i, "start_offset");
	}
	weir_internal_leave(&saved);
	return segments;
}

WeirJournalSegment *
weir_journal_segments(int64 job, int stream, int *n)
{
	WeirArguments args = {0};

	bind_stream(&args, job, stream);
	return select_rows("SELECT stream, slot, segment, start_offset FROM weir_internal.journal_segment"
					   WHERE_STREAM "ORDER BY segment NULLS LAST, slot", &args, n);
}

WeirJournalSegment *
weir_journal_segments_of_job(int64 job, int *n)
{
	WeirArguments args = {0};

	weir_bind_int64(&args, job);
	return select_rows("SELECT stream, slot, segment, start_offset FROM weir_internal.journal_segment"
					   " WHERE job = $1", &args, n);
}

bool
weir_journal_segment_first(int64 job, int stream, int64 *offset)
{
	WeirArguments args = {0};
	WeirInternal saved;
	bool		found;

	bind_stream(&args, job, stream);
	weir_internal_enter(&saved);
	found = weir_internal_run("SELECT start_offset FROM weir_internal.journal_segment"
							  WHERE_STREAM "AND segment IS NOT NULL ORDER BY segment LIMIT 1",
							  &args) > 0;
	if (found)
		*offset = weir_row_int64(0, "start_offset");
	weir_internal_leave(&saved);
	return found;
}

void
weir_journal_segment_insert(int64 job, int stream, int slot)
{
	WeirArguments args = {0};

	bind_stream(&args, job, stream);
	weir_bind_int32(&args, slot);
	(void) weir_internal_execute("INSERT INTO weir_internal.journal_segment (job, stream, slot)"
								 " VALUES ($1, $2, $3)", &args);
}

void
weir_journal_segment_begin(int64 job, const WeirJournalSegment *segment)
{
	WeirArguments args = {0};

	bind_stream(&args, job, segment->stream);
	weir_bind_int32(&args, segment->slot);
	weir_bind_int64(&args, segment->number);
	weir_bind_int64(&args, segment->start_offset);
	(void) weir_internal_execute("UPDATE weir_internal.journal_segment"
								 " SET segment = $4, start_offset = $5" WHERE_SLOT, &args);
}

void
weir_journal_segment_empty(int64 job, int stream, int slot)
{
	WeirArguments args = {0};
	WeirInternal saved;

	bind_stream(&args, job, stream);
	weir_bind_int32(&args, slot);
	weir_internal_enter(&saved);
	(void) weir_internal_run_once(psprintf("TRUNCATE ONLY weir_internal.%s",
										   weir_journal_table_name(job, stream, slot)), NULL);
	(void) weir_internal_run("UPDATE weir_internal.journal_segment"
							 " SET segment = NULL, start_offset = NULL" WHERE_SLOT, &args);
	weir_internal_leave(&saved);
}

void
weir_journal_segment_delete(int64 job)
{
	WeirArguments args = {0};

	weir_bind_int64(&args, job);
	(void) weir_internal_execute("DELETE FROM weir_internal.journal_segment WHERE job = $1", &args);
}
