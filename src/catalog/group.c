/*
 * catalog/group.c
 *		weir_internal.group_job and group_partition.
 *
 * Whether a row can lack what was written later is told by the server's WAL timeline:
 * it changes when a standby is promoted, or a backup is recovered to some point.
 */
#include "postgres.h"

#include "access/xlog.h"
#include "catalog/pg_type.h"
#include "utils/builtins.h"

#include "catalog/checkpoint.h"
#include "catalog/group.h"
#include "catalog/internal.h"
#include "catalog/row.h"

static const char *const owned_names[] = {
	[WEIR_OWNED_NONE] = "none",
	[WEIR_OWNED_OWNED] = "owned",
	[WEIR_OWNED_GIVEN] = "given",
};

const char *
weir_owned_name(WeirOwned state)
{
	return owned_names[state];
}

bool
weir_owned_parse(const char *word, WeirOwned *out)
{
	for (int i = 0; i < lengthof(owned_names); i++)
	{
		if (strcmp(word, owned_names[i]) == 0)
		{
			*out = (WeirOwned) i;
			return true;
		}
	}
	return false;
}

bool
weir_group_get(int64 job, char **group, char **member)
{
	WeirInternal saved;
	WeirArguments args = {0};
	MemoryContext context = CurrentMemoryContext;
	bool		found;

	weir_bind_int64(&args, job);
	weir_internal_enter(&saved);
	found = weir_internal_run("SELECT group_name, member FROM weir_internal.group_job WHERE job = $1", &args) > 0;
	if (found)
	{
		*group = weir_row_text(context, 0, "group_name");
		*member = weir_row_text(context, 0, "member");
	}
	weir_internal_leave(&saved);
	return found;
}

bool
weir_group_is_of(int64 job)
{
	char	   *group;
	char	   *member;

	return weir_group_get(job, &group, &member);
}

void
weir_group_set(int64 job, const char *group, const char *member)
{
	WeirArguments args = {0};

	weir_bind_int64(&args, job);
	weir_bind_text(&args, group);
	weir_bind_text(&args, member);
	weir_internal_execute("INSERT INTO weir_internal.group_job (job, group_name, member) VALUES ($1, $2, $3)"
						  " ON CONFLICT (job) DO UPDATE SET group_name = $2, member = $3", &args);
}

static WeirOwned
read_state(MemoryContext context, uint64 i)
{
	char	   *word = weir_row_text(context, i, "state");
	WeirOwned	state;

	if (!weir_owned_parse(word, &state))
		elog(ERROR, "unknown state \"%s\" of a partition", word);
	return state;
}

static WeirPartition *
read_partition(MemoryContext context, uint64 i)
{
	WeirPartition *row = MemoryContextAllocZero(context, sizeof(WeirPartition));

	row->partition = weir_row_int32(i, "partition");
	row->state = read_state(context, i);
	row->epoch = weir_row_int64(i, "epoch");
	row->to = weir_row_text(context, i, "given_to");
	row->taking = weir_row_bool(i, "taking");
	row->from = weir_row_text(context, i, "taking_from");
	row->certain = weir_row_int64(i, "wal_timeline") == (int64) GetWALInsertionTimeLine();
	row->reading = weir_row_bool(i, "reading");
	row->waits_for = weir_row_text(context, i, "waits_for");
	return row;
}

List *
weir_partitions(int64 job)
{
	WeirInternal saved;
	WeirArguments args = {0};
	MemoryContext context = CurrentMemoryContext;
	List	   *rows = NIL;
	uint64		n;

	weir_bind_int64(&args, job);
	weir_internal_enter(&saved);
	n = weir_internal_run("SELECT * FROM weir_internal.group_partition WHERE job = $1 ORDER BY partition", &args);
	for (uint64 i = 0; i < n; i++)
	{
		WeirPartition *row = read_partition(context, i);
		MemoryContext old = MemoryContextSwitchTo(context);

		rows = lappend(rows, row);
		MemoryContextSwitchTo(old);
	}
	weir_internal_leave(&saved);
	return rows;
}

/* So that there is something to lock. */
static void
make_row(int64 job, int partition)
{
	WeirArguments args = {0};

	weir_bind_int64(&args, job);
	weir_bind_int32(&args, partition);
	weir_bind_int64(&args, GetWALInsertionTimeLine());
	weir_internal_run("INSERT INTO weir_internal.group_partition (job, partition, wal_timeline)"
					  " VALUES ($1, $2, $3) ON CONFLICT DO NOTHING", &args);
}

WeirPartition *
weir_partition_lock(int64 job, int partition)
{
	WeirInternal saved;
	WeirArguments args = {0};
	MemoryContext context = CurrentMemoryContext;
	WeirPartition *row;

	weir_bind_int64(&args, job);
	weir_bind_int32(&args, partition);
	weir_internal_enter(&saved);
	make_row(job, partition);
	weir_internal_run("SELECT * FROM weir_internal.group_partition WHERE job = $1 AND partition = $2"
					  " FOR UPDATE", &args);
	row = read_partition(context, 0);
	weir_internal_leave(&saved);
	return row;
}

void
weir_partition_put(int64 job, const WeirPartition *row)
{
	WeirArguments args = {0};

	weir_bind_int64(&args, job);
	weir_bind_int32(&args, row->partition);
	weir_bind_text(&args, weir_owned_name(row->state));
	weir_bind_int64(&args, row->epoch);
	weir_bind_text(&args, row->to);
	weir_bind_bool(&args, row->taking);
	weir_bind_text(&args, row->from);
	weir_bind_int64(&args, row->certain ? (int64) GetWALInsertionTimeLine() : 0);
	weir_bind_bool(&args, row->reading);
	weir_bind_text(&args, row->waits_for);
	weir_internal_execute("INSERT INTO weir_internal.group_partition AS p (job, partition, state, epoch,"
						  " given_to, taking, taking_from, wal_timeline, reading, waits_for)"
						  " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)"
						  " ON CONFLICT (job, partition) DO UPDATE SET state = $3, epoch = $4, given_to = $5,"
						  " taking = $6, taking_from = $7, wal_timeline = $8, reading = $9, waits_for = $10,"
						  " checkpoint = CASE $3 WHEN 'given' THEN p.checkpoint END,"
						  " timeline = CASE $3 WHEN 'given' THEN p.timeline END,"
						  " positions = CASE $3 WHEN 'given' THEN p.positions END,"
						  " since = CASE WHEN (p.state, p.epoch, p.taking, p.reading, p.waits_for)"
						  " IS NOT DISTINCT FROM ($3, $4, $6, $9, $10)"
						  " THEN p.since ELSE pg_catalog.clock_timestamp() END", &args);
}

void
weir_partitions_set_reading(int64 job, List *partitions)
{
	WeirArguments args = {0};
	int64	   *numbers = palloc(sizeof(int64) * Max(list_length(partitions), 1));
	int			n = 0;
	ListCell   *lc;

	foreach(lc, partitions)
		numbers[n++] = lfirst_int(lc);
	weir_bind_int64(&args, job);
	weir_bind_int64_array(&args, numbers, n);
	weir_internal_execute("UPDATE weir_internal.group_partition SET reading = NOT reading,"
						  " since = pg_catalog.clock_timestamp()"
						  " WHERE job = $1 AND reading <> (partition = ANY ($2))", &args);
	pfree(numbers);
}

void
weir_given_put(int64 job, int partition, const WeirGiven *given)
{
	WeirArguments args = {0};

	weir_bind_int64(&args, job);
	weir_bind_int32(&args, partition);
	weir_bind_int64(&args, given->checkpoint);
	weir_bind_int64(&args, given->timeline);
	weir_bind(&args, TEXTOID, weir_positions_text(given->npositions, given->positions), false);
	weir_internal_execute("UPDATE weir_internal.group_partition SET checkpoint = $3, timeline = $4,"
						  " positions = $5::jsonb WHERE job = $1 AND partition = $2", &args);
}

WeirGiven *
weir_given_get(int64 job, int partition)
{
	WeirInternal saved;
	WeirArguments args = {0};
	MemoryContext context = CurrentMemoryContext;
	WeirGiven  *given = NULL;

	weir_bind_int64(&args, job);
	weir_bind_int32(&args, partition);
	weir_internal_enter(&saved);
	if (weir_internal_run("SELECT checkpoint, timeline FROM weir_internal.group_partition"
						  " WHERE job = $1 AND partition = $2 AND checkpoint IS NOT NULL", &args) > 0)
	{
		given = MemoryContextAllocZero(context, sizeof(WeirGiven));
		given->checkpoint = weir_row_int64(0, "checkpoint");
		given->timeline = weir_row_int64(0, "timeline");
	}
	weir_internal_leave(&saved);
	return given;
}

Datum
weir_given_positions(int64 job, int partition, bool *isnull)
{
	WeirInternal saved;
	WeirArguments args = {0};
	MemoryContext context = CurrentMemoryContext;
	Jsonb	   *positions = NULL;

	weir_bind_int64(&args, job);
	weir_bind_int32(&args, partition);
	weir_internal_enter(&saved);
	if (weir_internal_run("SELECT positions FROM weir_internal.group_partition"
						  " WHERE job = $1 AND partition = $2", &args) > 0)
		positions = weir_row_jsonb(context, 0, "positions");
	weir_internal_leave(&saved);
	*isnull = positions == NULL;
	return PointerGetDatum(positions);
}

char *
weir_group_nodes(int64 job)
{
	WeirInternal saved;
	WeirArguments args = {0};
	MemoryContext context = CurrentMemoryContext;
	char	   *nodes;

	weir_bind_int64(&args, job);
	weir_internal_enter(&saved);
	weir_internal_run("SELECT coalesce(pg_catalog.string_agg(CASE WHEN keyed THEN 'step ' ELSE 'source ' END"
					  " || number || ': ' || kind || ' ' || identity, '; ' ORDER BY keyed, number), '') AS nodes"
					  " FROM weir_internal.job_node WHERE job = $1 AND current", &args);
	nodes = weir_row_text(context, 0, "nodes");
	weir_internal_leave(&saved);
	return nodes;
}

bool
weir_partitions_hold(int64 job, int n, const int32 *partitions, const int64 *epochs)
{
	WeirArguments args = {0};
	int64	   *numbers = palloc(sizeof(int64) * Max(n, 1));
	uint64		held;

	for (int i = 0; i < n; i++)
		numbers[i] = partitions[i];
	weir_bind_int64(&args, job);
	weir_bind_int64_array(&args, numbers, n);
	weir_bind_int64_array(&args, epochs, n);
	weir_bind_int64(&args, GetWALInsertionTimeLine());
	held = weir_internal_execute("SELECT FROM weir_internal.group_partition WHERE job = $1 AND state = 'owned'"
								 " AND wal_timeline = $4 AND (partition, epoch) IN"
								 " (SELECT p, e FROM ROWS FROM (pg_catalog.unnest($2), pg_catalog.unnest($3)) AS x(p, e))"
								 " FOR SHARE", &args);
	pfree(numbers);
	return held == (uint64) n;
}

WeirPosition *
weir_positions_parse(const char *json, int *n)
{
	WeirInternal saved;
	WeirArguments args = {0};
	MemoryContext context = CurrentMemoryContext;
	WeirPosition *positions;
	Jsonb	   *value;

	weir_bind_text(&args, json);
	weir_internal_enter(&saved);
	weir_internal_run("SELECT $1::jsonb AS positions", &args);
	value = weir_row_jsonb(context, 0, "positions");
	positions = weir_positions_read(JsonbPGetDatum(value), n, context);
	weir_internal_leave(&saved);
	return positions;
}
