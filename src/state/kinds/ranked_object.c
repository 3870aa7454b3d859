/*
 * state/kinds/ranked_object.c
 *		The best rows of a key in memory, and in a chunk: varint number | a row: its
 *		values (weir_piece_put).
 */
#include "postgres.h"

#include "utils/memutils.h"

#include "base/compat.h"
#include "state/chunk/piece.h"
#include "state/kinds/ranked_int.h"

#define FIRST_ROOM 4

static void
ranked_init(WeirState *state)
{
	const WeirRankedDecl *decl = state->decl.ranked;
	MemoryContext old = MemoryContextSwitchTo(state->store->context);
	WeirRanking *ranking = palloc0(sizeof(WeirRanking));

	ranking->desc = CreateTupleDescCopy(decl->input);
	ranking->order = weir_order_create(decl->columns, decl->ncolumns);
	ranking->limit = decl->limit;
	ranking->last_first = decl->last_first;
	weir_flat_salt(&state->type, weir_flat_columns_init(&ranking->columns, ranking->desc, state->store->context));
	state->detail = ranking;
	state->decl.ranked = NULL;	/* the caller's, and of no further use */
	MemoryContextSwitchTo(old);
}

/* ---- one row ---- */

WeirRankedRow *
weir_ranked_row_make(WeirState *state)
{
	WeirRanking *ranking = weir_ranking_of(state);
	Size		head = offsetof(WeirRankedRow, values) +
		(sizeof(Datum) + sizeof(bool)) * ranking->desc->natts;
	Size		size = weir_flat_columns_measure(&ranking->columns, head);
	WeirRankedRow *row;

	if (size > MaxAllocSize)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("a row is too large to be kept"),
				 errdetail("It takes %zu bytes.", size),
				 errhint("Select fewer or shorter columns.")));
	row = weir_slab_alloc(state->store->slab, size);
	row->size = size;
	row->owners = 1;
	(void) weir_flat_columns_write(&ranking->columns, (char *) row, row->values, head);
	return row;
}

static void
disown(WeirState *state, WeirRankedRow *row)
{
	if (--row->owners == 0)
		weir_slab_free(state->store->slab, row, row->size);
}

/* ---- those of a key ---- */

static WeirRankedRow **
make_slots(WeirState *state, int room)
{
	return weir_slab_alloc(state->store->slab, sizeof(WeirRankedRow *) * room);
}

static void
free_slots(WeirState *state, WeirRanked *ranked)
{
	if (ranked->room > 1)
		weir_slab_free(state->store->slab, ranked->rows, sizeof(WeirRankedRow *) * ranked->room);
}

WeirRanked *
weir_ranked_make(WeirState *state)
{
	WeirRanked *ranked = weir_slab_alloc(state->store->slab, sizeof(WeirRanked));

	memset(ranked, 0, sizeof(WeirRanked));
	ranked->live.bytes = 1;
	ranked->room = 1;
	ranked->rows = &ranked->one;
	return ranked;
}

static void
make_room(WeirState *state, WeirRanked *ranked)
{
	int			room = ranked->room == 1 ? FIRST_ROOM : ranked->room * 2;
	WeirRankedRow **rows;

	if (ranked->n < ranked->room)
		return;
	rows = make_slots(state, room);
	memcpy(rows, ranked->rows, sizeof(WeirRankedRow *) * ranked->n);
	free_slots(state, ranked);
	ranked->rows = rows;
	ranked->room = room;
}

void
weir_ranked_insert(WeirState *state, WeirRanked *ranked, int at, WeirRankedRow *row)
{
	make_room(state, ranked);
	memmove(ranked->rows + at + 1, ranked->rows + at, sizeof(WeirRankedRow *) * (ranked->n - at));
	ranked->rows[at] = row;
	ranked->n++;
	ranked->live.bytes += row->size;
}

void
weir_ranked_drop_last(WeirState *state, WeirRanked *ranked)
{
	WeirRankedRow *row = ranked->rows[--ranked->n];

	ranked->live.bytes -= row->size;
	disown(state, row);
}

static WeirLive *
ranked_copy(WeirState *state, WeirLive *live)
{
	const WeirRanked *from = (const WeirRanked *) live;
	WeirRanked *copy = weir_slab_alloc(state->store->slab, sizeof(WeirRanked));

	*copy = *from;
	copy->rows = copy->room > 1 ? make_slots(state, copy->room) : &copy->one;
	for (int i = 0; i < copy->n; i++)
	{
		copy->rows[i] = from->rows[i];
		copy->rows[i]->owners++;
	}
	return &copy->live;
}

static void
ranked_free(WeirState *state, WeirLive *live)
{
	WeirRanked *ranked = (WeirRanked *) live;

	for (int i = 0; i < ranked->n; i++)
		disown(state, ranked->rows[i]);
	free_slots(state, ranked);
	weir_slab_free(state->store->slab, ranked, sizeof(WeirRanked));
}

/* ---- in a chunk ---- */

static void
ranked_flatten(WeirState *state, WeirLive *live, StringInfo out)
{
	const WeirRanking *ranking = weir_ranking_of(state);
	const WeirRanked *ranked = (const WeirRanked *) live;

	weir_put_varint(out, ranked->n);
	for (int i = 0; i < ranked->n; i++)
	{
		const WeirRankedRow *row = ranked->rows[i];
		const bool *nulls = weir_ranked_row_nulls(ranking, row);

		for (int c = 0; c < ranking->desc->natts; c++)
			weir_piece_put(out, &ranking->columns.types[c], row->values[c], nulls[c]);
	}
}

/* NULL once something is wrong. */
static WeirRankedRow *
read_row(WeirState *state, WeirBytes *bytes)
{
	WeirRanking *ranking = weir_ranking_of(state);
	WeirSlab   *slab = state->store->slab;
	WeirRankedRow *row;
	int			n = 0;

	while (n < ranking->desc->natts && bytes->wrong == NULL)
	{
		ranking->columns.values[n] = weir_piece_get(bytes, slab, &ranking->columns.types[n], &ranking->columns.nulls[n]);
		n++;
	}
	row = bytes->wrong ? NULL : weir_ranked_row_make(state);
	for (int i = 0; i < n; i++)
		weir_piece_free(slab, &ranking->columns.types[i], ranking->columns.values[i], ranking->columns.nulls[i]);
	return row;
}

static void
read_rows(WeirState *state, WeirRanked *ranked, uint32 n, WeirBytes *bytes)
{
	for (uint32 i = 0; i < n && bytes->wrong == NULL; i++)
	{
		WeirRankedRow *row = read_row(state, bytes);

		if (row)
			weir_ranked_insert(state, ranked, ranked->n, row);
	}
	ranked->changed = ranked->n;
}

static WeirLive *
ranked_unflatten(WeirState *state, const char *at, Size size, const char **wrong)
{
	WeirBytes	bytes = {at, at + size, NULL};
	WeirRanked *ranked = weir_ranked_make(state);
	uint32		n = weir_get_varint(&bytes);

	if (bytes.wrong == NULL && (n == 0 || n > (uint32) weir_ranking_of(state)->limit))
		bytes.wrong = "the number of ranked rows is out of range";
	read_rows(state, ranked, n, &bytes);
	if (bytes.wrong == NULL && bytes.at != bytes.end)
		bytes.wrong = "bytes are left over after ranked rows";
	*wrong = bytes.wrong;
	if (*wrong == NULL)
		return &ranked->live;
	ranked_free(state, &ranked->live);
	return NULL;
}

const WeirLiveOps weir_ranked_ops = {
	.init = ranked_init,
	.flatten = ranked_flatten,
	.unflatten = ranked_unflatten,
	.copy = ranked_copy,
	.free = ranked_free
};
