/*
 * job/group_take.c
 *		Takes a partition from the server that has it.
 *
 *	here				there
 *	row "taking"							committed before
 *	begin				begin
 *						row "given"			from here no checkpoint of theirs includes it
 *	chunks  <---------- its state
 *						commit				its state stays there, for who takes it
 *	completed row,
 *	row "owned"
 *	commit									a crash before it takes again
 *
 * The state arrives as if this job had written it with a checkpoint of its own: whole
 * groups with one id, what had changed since with the next, which is the one that the
 * attempt restores.
 */
#include "postgres.h"

#include "access/xact.h"
#include "utils/builtins.h"
#include "utils/memutils.h"

#include "base/fault.h"
#include "catalog/in_flight.h"
#include "catalog/snapshot.h"
#include "job/group.h"
#include "job/remote_call.h"

#define FETCH_CHUNKS "FETCH 500 FROM weir_state"

/* Columns of weir.group_take, of weir.group_state. */
enum
{
	TAKE_EPOCH,
	TAKE_NODES,
	TAKE_POSITIONS
};
enum
{
	STATE_STEP,
	STATE_FULL,
	STATE_PAYLOAD
};

typedef struct TakeOver
{
	WeirCoordinator *co;
	const WeirServer *peer;
	WeirRemote *remote;
	int			partition;
	int64		id;				/* of whole groups; the next one of what changed since, and restored */
	/* what the peer said */
	int64		epoch;
	char	   *positions;
	/* chunks */
	WeirSnapshotWriter *writer;
	int			step;
	bool		is_full;
	int			seq;
} TakeOver;

bool
weir_group_can_take(WeirCoordinator *co)
{
	bool		rows_wait = false;

	if (co->start.restore != 0 && co->start.restore_timeline != co->start.timeline)
		return false;
	if (co->start.restore != 0)
	{
		weir_coordinator_begin(co);
		rows_wait = weir_in_flight_last_exchange(co->job->id, co->start.restore) >= 0;
		weir_coordinator_end(co, false);
	}
	return !rows_wait;
}

static WeirRemoteRows *
call(TakeOver *t, const char *sql, char **why)
{
	return weir_call(t->remote, sql, why);
}

static char *
arguments(const TakeOver *t)
{
	return psprintf("%s, %s, %d, %s", quote_literal_cstr(t->co->job->name),
					quote_literal_cstr(t->co->group->name), t->partition,
					quote_literal_cstr(t->co->group->member));
}

/* False with *why NULL: it is not theirs to give. */
static bool
ask_for(TakeOver *t, char **why)
{
	WeirRemoteRows *rows;
	const char *positions;
	char	   *nodes = weir_group_nodes(t->co->job->id);

	if (!call(t, "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE;"
			  " SET LOCAL search_path = ''; SET LOCAL lock_timeout = '20s'", why))
		return false;
	rows = call(t, psprintf("SELECT epoch, nodes, positions FROM weir.group_take(%s)", arguments(t)), why);
	if (rows == NULL || rows->nrows == 0)
		return false;
	if (strcmp(weir_remote_value(rows, 0, TAKE_NODES), nodes) != 0)
	{
		*why = psprintf("its query is another: it has %s; here is %s",
						weir_remote_value(rows, 0, TAKE_NODES), nodes);
		return false;
	}
	t->epoch = strtoll(weir_remote_value(rows, 0, TAKE_EPOCH), NULL, 10);
	positions = weir_remote_value(rows, 0, TAKE_POSITIONS);
	if (positions == NULL)
	{
		*why = pstrdup("it has given it without a position to begin with");
		return false;
	}
	t->positions = pstrdup(positions);
	return true;
}

/* ---- its state ---- */

static void
end_chunks(TakeOver *t)
{
	int64		inserting;
	int64		bytes;

	if (t->writer)
		weir_snapshot_end(t->writer, &inserting, &bytes);
	t->writer = NULL;
}

static void
put_chunk(TakeOver *t, int step, bool is_full, const char *payload)
{
	Datum		bytes = DirectFunctionCall1(byteain, CStringGetDatum(payload));

	if (t->writer == NULL || step != t->step || is_full != t->is_full)
	{
		end_chunks(t);
		t->step = step;
		t->is_full = is_full;
		t->seq = 0;
		t->writer = weir_snapshot_begin(t->co->job->id, t->co->start.timeline, step,
										is_full ? t->id : t->id + 1);
	}
	weir_snapshot_add(t->writer, t->partition, is_full, t->seq++, DatumGetByteaPP(bytes));
	pfree(DatumGetPointer(bytes));
}

static bool
copy_state(TakeOver *t, char **why)
{
	MemoryContext page = AllocSetContextCreate(CurrentMemoryContext, "weir chunks", ALLOCSET_DEFAULT_SIZES);
	WeirRemoteRows *rows;

	weir_snapshot_delete_group(t->co->job->id, t->partition);
	if (!call(t, psprintf("DECLARE weir_state NO SCROLL CURSOR FOR"
						  " SELECT step, is_full, payload FROM weir.group_state(%s)", arguments(t)), why))
		return false;
	do
	{
		MemoryContext old = MemoryContextSwitchTo(page);

		rows = call(t, FETCH_CHUNKS, why);
		MemoryContextSwitchTo(old);
		for (int i = 0; rows && i < rows->nrows; i++)
			put_chunk(t, atoi(weir_remote_value(rows, i, STATE_STEP)),
					  weir_remote_value(rows, i, STATE_FULL)[0] == 't',
					  weir_remote_value(rows, i, STATE_PAYLOAD));
		if (rows == NULL || rows->nrows == 0)
			break;
		MemoryContextReset(page);
	} while (true);
	end_chunks(t);
	return rows != NULL;
}

/* ---- where it stands ---- */

static void
add_position(TakeOver *t, WeirPosition *position)
{
	WeirServerGroup  *g = t->co->group;
	int			n;
	WeirPosition *theirs = weir_positions_parse(t->positions, &n);

	g->ops->membership->without(position, t->partition);
	if (g->source < n && theirs[g->source].len > 0)
		g->ops->merge(position, &theirs[g->source]);
}

static void
choose_positions(TakeOver *t, WeirCompleted *row)
{
	const WeirStartPoint *start = &t->co->start;

	row->npositions = Max(start->npositions, t->co->group->source + 1);
	row->positions = MemoryContextAllocZero(t->co->context, sizeof(WeirPosition) * row->npositions);
	if (start->npositions > 0)
		memcpy(row->positions, start->positions, sizeof(WeirPosition) * start->npositions);
	add_position(t, &row->positions[t->co->group->source]);
}

static void
put_completed(TakeOver *t, WeirCompleted *row)
{
	row->checkpoint = t->id + 1;
	row->timeline = t->co->start.timeline;
	row->attempt = t->co->job->attempt;
	row->parallelism = t->co->job->parallelism;
	row->max_parallelism = t->co->job->max_parallelism;
	choose_positions(t, row);
	weir_completed_insert(t->co->job->id, row);
}

/* False: somebody has cleared it meanwhile. */
static bool
put_owned(TakeOver *t)
{
	WeirPartition *row = weir_partition_lock(t->co->job->id, t->partition);

	if (!row->taking || row->from == NULL || strcmp(row->from, t->peer->member) != 0)
		return false;
	row->state = WEIR_OWNED_OWNED;
	row->epoch = t->epoch + 1;
	row->to = NULL;
	row->taking = false;
	row->from = NULL;
	row->certain = true;
	row->waits_for = NULL;
	weir_partition_put(t->co->job->id, row);
	return true;
}

/* The next attempt begins there. */
static void
set_start(WeirCoordinator *co, const WeirCompleted *row)
{
	co->start.restore = row->checkpoint;
	co->start.restore_timeline = row->timeline;
	co->start.npositions = row->npositions;
	co->start.positions = row->positions;
	co->start.write_full = false;
}

static bool
transfer(TakeOver *t, WeirCompleted *row, char **why)
{
	t->remote = weir_call_connect(t->peer, why);
	if (t->remote == NULL || !ask_for(t, why) || !copy_state(t, why))
		return false;
	put_completed(t, row);
	WEIR_FAULT(before_peer_give);
	if (!call(t, "COMMIT", why))
		return false;
	WEIR_FAULT(after_peer_give);
	return put_owned(t);
}

bool
weir_group_take_over(WeirCoordinator *co, const WeirServer *peer, int partition, char **why)
{
	WeirCompleted row = {0};
	TakeOver	t = {.co = co, .peer = peer, .partition = partition, .id = co->checkpoints.next_id};
	char	   *said = NULL;

	co->checkpoints.next_id += 2;
	weir_coordinator_begin(co);
	if (transfer(&t, &row, &said))
	{
		weir_coordinator_end(co, true);
		set_start(co, &row);
		WEIR_FAULT(after_peer_take);
		return true;
	}
	*why = said ? MemoryContextStrdup(co->context, said) : NULL;
	AbortCurrentTransaction();
	MemoryContextSwitchTo(co->context);
	return false;
}
