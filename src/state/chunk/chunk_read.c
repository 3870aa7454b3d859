/*
 * state/chunk/chunk_read.c
 *		Chunks, read: a reader believes nothing.  Every length is checked against
 *		what is left, before and after the checksum.
 */
#include "postgres.h"

#include "utils/builtins.h"
#include "utils/memutils.h"

#include "base/compat.h"
#include "decide/keygroup.h"
#include "state/chunk/chunk.h"
#include "state/chunk/chunk_format.h"
#include "state/chunk/convert.h"
#include "state/chunk/row.h"

/* One of the chunk's states, in its order. */
typedef struct ChunkState
{
	WeirState  *state;			/* NULL: left behind */
	bool		is_live;		/* of a kind that keeps live objects */
	bool		converts;		/* its values are of another type */
	int			natts;			/* of their type, when the chunk was written */
	char	   *scratch;		/* where a cell in place is read */
} ChunkState;

typedef struct ChunkReader
{
	WeirStore  *store;
	const char *at;
	const char *end;
	int			group;
	uint32		nentries;
	int			nstates;
	ChunkState	states[FLEXIBLE_ARRAY_MEMBER];
} ChunkReader;

pg_noreturn static void
damaged(int group, const char *what)
{
	ereport(ERROR,
			(errcode(ERRCODE_DATA_CORRUPTED),
			 errmsg("a snapshot chunk of key group %d is damaged", group),
			 errdetail("In it, %s.", what),
			 errhint("Start the job from a savepoint, or with weir.start_job(fresh => true).")));
}

static const char *
get(ChunkReader *reader, Size size)
{
	const char *bytes = reader->at;

	if (size > (Size) (reader->end - reader->at))
		damaged(reader->group, "an item goes beyond the end");
	reader->at += size;
	return bytes;
}

static inline uint8
get_uint8(ChunkReader *reader)
{
	return *(const uint8 *) get(reader, 1);
}

static uint16
get_uint16(ChunkReader *reader)
{
	uint16		value;

	memcpy(&value, get(reader, sizeof(value)), sizeof(value));
	return value;
}

static uint32
get_uint32(ChunkReader *reader)
{
	uint32		value;

	memcpy(&value, get(reader, sizeof(value)), sizeof(value));
	return value;
}

static uint32
get_varint(ChunkReader *reader)
{
	uint64		value = 0;

	for (int shift = 0; shift < 35; shift += 7)
	{
		uint8		byte = get_uint8(reader);

		value |= (uint64) (byte & 0x7f) << shift;
		if (!(byte & 0x80))
		{
			if (value > PG_UINT32_MAX)
				break;
			return (uint32) value;
		}
	}
	damaged(reader->group, "a length is too long");
}

/* Checks the frame of a payload, and returns its header. */
static ChunkHeader
check_frame(int group, bool is_full, bytea *payload)
{
	ChunkHeader header;
	Size		size = VARSIZE_ANY_EXHDR(payload);
	const char *chunk = VARDATA_ANY(payload);

	if (size < sizeof(header))
		damaged(group, "the header is cut off");
	memcpy(&header, chunk, sizeof(header));
	if (header.magic != CHUNK_MAGIC)
		damaged(group, "the first bytes are not those of a chunk");
	if (header.length != size)
		damaged(group, "the length is not the one it says");
	if (header.crc != chunk_crc(chunk, size))
		damaged(group, "the checksum does not match");
	if (header.version < CHUNK_OLDEST_VERSION || header.version > CHUNK_VERSION)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("a snapshot chunk of key group %d has format version %d", group,
						header.version),
				 errdetail("This version of weir reads versions %d to %d.", CHUNK_OLDEST_VERSION,
						   CHUNK_VERSION),
				 errhint("Start the job with the version of weir that wrote it.")));
	if (header.group != (uint32) group || ((header.flags & CHUNK_FULL) != 0) != is_full)
		damaged(group, "the group or the kind is not that of its row");
	return header;
}

static void
check_keys(ChunkReader *reader, int nkeys)
{
	WeirStore  *store = reader->store;
	bool		same = nkeys == store->nkeys;

	for (int i = 0; i < nkeys; i++)
	{
		uint32		fingerprint = get_uint32(reader);

		if (same && fingerprint != weir_flat_fingerprint(&store->keys[i].type))
			same = false;
	}
	if (!same)
		ereport(ERROR,
				(errcode(ERRCODE_DATATYPE_MISMATCH),
				 errmsg("the key of function %s is not the one its snapshot was taken with",
						store->function),
				 errdetail("The number or the types of the key's columns, or what hashes them, have changed."),
				 errhint("Restore the key, or start with weir.start_job(fresh => true).")));
}

pg_noreturn static void
refuse_type(const WeirState *state, WeirStateKind kind)
{
	ereport(ERROR,
			(errcode(ERRCODE_DATATYPE_MISMATCH),
			 errmsg("state \"%s\" of function %s is not of the type its snapshot was taken with",
					state->decl.name, state->store->function),
			 errdetail("It is declared as %s of type %s, and was kept as %s%s.",
					   weir_state_kind_name(state->decl.kind), format_type_be(state->decl.type),
					   weir_state_kind_name(kind), kind == state->decl.kind ? " of another one" : ""),
			 kind == state->decl.kind && weir_conversion_is_for(kind) ?
			 errhint("Restore the type, or name a function that converts its values in weir.alter_job(migrate => ...).") :
			 errhint("Declare it as it was, or by another name and leave what was kept behind with weir.alter_job(drop_state => true).")));
}

/* Does the chunk's state look as the declared one does, or as one that can be converted? */
static void
match_type(ChunkState *match, uint8 kind, uint32 fingerprint)
{
	WeirState  *state = match->state;

	if (kind == state->decl.kind && match->natts <= state->type.natts &&
		fingerprint == state->type.fingerprints[match->natts])
		return;
	match->converts = kind == state->decl.kind &&
		weir_conversion_migrates(state, match->natts, fingerprint);
	if (!match->converts)
		refuse_type(state, kind);
}

/* Which of the store's states is the chunk's next? */
static ChunkState
match_state(ChunkReader *reader)
{
	WeirStore  *store = reader->store;
	uint8		kind = get_uint8(reader);
	uint8		length = get_uint8(reader);
	uint16		natts = get_uint16(reader);
	uint32		fingerprint = get_uint32(reader);
	const char *name = get(reader, length);
	ChunkState	match = {0};

	if (kind >= WEIR_STATE_KINDS)
		damaged(reader->group, "a state is of no known kind");
	match.state = weir_store_state(store, name, length);
	match.is_live = weir_live_ops(kind) != NULL;
	match.natts = natts;
	if (match.state)
	{
		match_type(&match, kind, fingerprint);
		if (match.state->in_place)
			match.scratch = palloc(match.state->in_place_size);
	}
	else if (!weir_conversion_drops(store))
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("the snapshot holds state \"%s\", which %s does not have",
						pnstrdup(name, length), store->function),
				 errhint("Declare it again, or leave it behind with weir.alter_job(drop_state => true).")));
	return match;
}

static Datum
get_by_value(ChunkReader *reader, const WeirFlatType *type, Size size)
{
	const uint8 *bytes = (const uint8 *) get(reader, size);
	uint64		bits = 0;
	int64		number;
	Datum		value;

	if (size > sizeof(bits))
		damaged(reader->group, "a number is too long");
	while (size > 0)
		bits = bits << 8 | bytes[--size];
	number = (int64) (bits >> 1 ^ (bits & 1 ? PG_UINT64_MAX : 0));
	/* as fetch_att makes it of memory, so that equal values are equal datums */
	switch (type->typlen)
	{
		case 1:
			value = CharGetDatum((char) number);
			break;
		case 2:
			value = Int16GetDatum((int16) number);
			break;
		case 4:
			value = Int32GetDatum((int32) number);
			break;
		default:
			return Int64GetDatum(number);
	}
	if (signed_datum(type->typlen, value) != number)
		damaged(reader->group, "a number is out of range");
	return value;
}

/* A key column's bytes, where a datum may point to them. */
static char *
key_scratch(WeirStore *store, WeirKeyColumnState *column, Size size)
{
	if (size > column->scratch_size)
	{
		if (column->scratch)
			pfree(column->scratch);
		column->scratch_size = 0;
		column->scratch = MemoryContextAllocHuge(store->context, size + 64);
		column->scratch_size = size + 64;
	}
	return column->scratch;
}

static void
read_key(ChunkReader *reader, Datum *key, bool *isnull)
{
	WeirStore  *store = reader->store;

	for (int i = 0; i < store->nkeys; i++)
	{
		WeirKeyColumnState *column = &store->keys[i];
		uint32		size = get_varint(reader);
		const char *bytes;
		const char *wrong;

		isnull[i] = size == 0;
		key[i] = (Datum) 0;
		if (isnull[i])
			continue;
		size--;
		if (column->type.typbyval)
		{
			key[i] = get_by_value(reader, &column->type, size);
			continue;
		}
		bytes = get(reader, size);
		wrong = weir_flat_read(&column->type,
							   memcpy(key_scratch(store, column, size), bytes, size),
							   size, &key[i]);
		if (wrong)
			damaged(reader->group, wrong);
	}
}

/*
 * A piece of memory with a value's bytes: the slab's, or, without one, palloc's.  A
 * row kept short with fewer attributes than its type has gets its header back.
 */
static char *
take_piece(ChunkReader *reader, const WeirFlatType *type, int natts, WeirSlab *slab, Size *size)
{
	const char *bytes = get(reader, *size);
	bool		grown = type->row && natts < type->natts && *size > 0 &&
		VARATT_IS_1B(bytes) && !VARATT_IS_1B_E(bytes) && VARSIZE_1B(bytes) == *size;
	char	   *piece;

	if (grown)
		*size = weir_row_restored_size(PointerGetDatum(bytes));
	piece = slab ? weir_slab_alloc(slab, *size) : palloc(Max(*size, 1));
	if (grown)
		weir_row_restore_part(type->row, PointerGetDatum(bytes), natts, piece);
	else
		memcpy(piece, bytes, *size);
	return piece;
}

static Datum
read_value(ChunkReader *reader, WeirState *state, int natts)
{
	WeirSlab   *slab = state->store->slab;
	Size		size = get_varint(reader);
	const char *wrong;
	char	   *piece;
	Datum		value;

	if (state->type.typbyval)
		return get_by_value(reader, &state->type, size);
	piece = take_piece(reader, &state->type, natts, slab, &size);
	wrong = weir_flat_read(&state->type, piece, size, &value);
	if (wrong)
	{
		weir_slab_free(slab, piece, size);
		damaged(reader->group, wrong);
	}
	return value;
}

/* A value of another type. */
static void
convert_value(ChunkReader *reader, WeirState *state, int natts, WeirCell *cell)
{
	const WeirFlatType *type = weir_conversion_type(state);
	Size		size = get_varint(reader);
	const char *wrong;
	char	   *piece;
	Datum		value;
	bool		isnull;

	if (type->typbyval)
	{
		cell->value = weir_conversion_apply(state, get_by_value(reader, type, size), &isnull);
		cell->flags |= isnull ? WEIR_CELL_NULL : 0;
		return;
	}
	piece = take_piece(reader, type, natts, NULL, &size);
	wrong = weir_flat_read(type, piece, size, &value);
	if (wrong)
		damaged(reader->group, wrong);
	cell->value = weir_conversion_apply(state, weir_flat_datum(type, value), &isnull);
	cell->flags |= isnull ? WEIR_CELL_NULL : 0;
	pfree(piece);
}

/* A cell that is left behind. */
static void
skip_cell(ChunkReader *reader, bool is_live, uint8 flags)
{
	if (flags & CHUNK_STAMPED)
		(void) get(reader, sizeof(int64));
	if (flags & WEIR_CELL_PRESENT && !(flags & WEIR_CELL_NULL))
		(void) get(reader, is_live && !(flags & CHUNK_IN_PLACE) ? get_uint32(reader) : get_varint(reader));
}

static Datum
read_live(ChunkReader *reader, WeirState *state)
{
	Size		size = get_uint32(reader);
	const char *bytes = get(reader, size);
	const char *wrong = NULL;
	WeirLive   *live = state->live->unflatten(state, bytes, size, &wrong);

	if (wrong)
		damaged(reader->group, wrong);
	live->made_in = 0;
	return PointerGetDatum(live);
}

/* Bytes that the cell takes over: of a cell in place, or of the object that there was before. */
static Datum
read_in_place(ChunkReader *reader, WeirState *state, char *scratch, bool was_live)
{
	Size		size = was_live ? get_uint32(reader) : get_varint(reader);
	const char *bytes = get(reader, size);
	const char *wrong = was_live ? state->in_place->unflatten_live(state, bytes, size, scratch) :
		state->in_place->unflatten(state, bytes, size, scratch);

	if (wrong)
		damaged(reader->group, wrong);
	return PointerGetDatum(scratch);
}

static uint8
read_flags(ChunkReader *reader, bool is_live)
{
	uint8		flags = get_uint8(reader);

	if (flags & ~(WEIR_CELL_PRESENT | WEIR_CELL_NULL | CHUNK_STAMPED | CHUNK_IN_PLACE) ||
		(flags != 0 && !(flags & WEIR_CELL_PRESENT)) ||
		(is_live && (flags & WEIR_CELL_NULL)) ||
		(!is_live && (flags & CHUNK_IN_PLACE)))
		damaged(reader->group, "a value's flags have no meaning");
	return flags;
}

static void
read_cell(ChunkReader *reader, const ChunkState *match, WeirGroup *group, WeirEntry *entry)
{
	WeirState  *state = match->state;
	uint8		flags = read_flags(reader, match->is_live);
	WeirCell	cell = {(Datum) 0, 0, flags & (WEIR_CELL_PRESENT | WEIR_CELL_NULL)};

	if (state == NULL)
	{
		skip_cell(reader, match->is_live, flags);
		return;
	}
	if (flags & CHUNK_STAMPED)
		memcpy(&cell.stamp, get(reader, sizeof(int64)), sizeof(int64));
	else if (state->stamp_offset)
		cell.stamp = state->store->clock;	/* it has got its ttl since */
	state->converts = match->converts;
	if (flags & CHUNK_IN_PLACE && state->in_place == NULL)
		damaged(reader->group, "a state is kept as none of its kind");
	if (cell.flags == WEIR_CELL_PRESENT && state->in_place)
		cell.value = read_in_place(reader, state, match->scratch, !(flags & CHUNK_IN_PLACE));
	else if (cell.flags == WEIR_CELL_PRESENT && state->live)
		cell.value = read_live(reader, state);
	else if (cell.flags == WEIR_CELL_PRESENT && match->converts)
		convert_value(reader, state, match->natts, &cell);
	else if (cell.flags == WEIR_CELL_PRESENT)
		cell.value = read_value(reader, state, match->natts);
	weir_cell_put(state, group, entry, cell);
	weir_due_note(state, entry);
}

/* Makes the store hold one entry of the chunk as the chunk has it. */
static void
read_entry(ChunkReader *reader, Datum *key, bool *isnull)
{
	WeirStore  *store = reader->store;
	uint8		flags = get_uint8(reader);
	WeirGroup  *group;
	WeirEntry  *entry;

	if (flags & ~CHUNK_TOMBSTONE)
		damaged(reader->group, "an entry's flags have no meaning");
	read_key(reader, key, isnull);
	store->key = key;
	store->key_isnull = isnull;
	store->key_hash = weir_keys_hash(store, key, isnull);
	if (store->by_partition)
		store->key_hash = weir_hash_in_group(store->key_hash, reader->group, store->max_parallelism);
	store->group = NULL;
	store->looked_up = false;
	if (weir_key_group(store->key_hash, store->max_parallelism) != reader->group)
		damaged(reader->group, "a key belongs to another group");
	group = weir_current_group(store);

	if (flags & CHUNK_TOMBSTONE)
	{
		entry = weir_entry_find(store);
		for (int i = 0; entry && i < store->nstates; i++)
			weir_cell_put(&store->states[i], group, entry, (WeirCell) {0});
		if (entry)
			weir_entry_delete(store, group, entry);
		return;
	}
	entry = weir_entry_make(store);
	entry->flags |= WEIR_ENTRY_WRITTEN;
	for (int i = 0; i < reader->nstates; i++)
		read_cell(reader, &reader->states[i], group, entry);
	if (weir_entry_is_empty(store, entry))
		weir_entry_delete(store, group, entry); /* all it had was left behind */
}

static void
read_entries(ChunkReader *reader, uint32 nentries)
{
	WeirStore  *store = reader->store;
	Datum	   *key = palloc(sizeof(Datum) * Max(store->nkeys, 1));
	bool	   *isnull = palloc(sizeof(bool) * Max(store->nkeys, 1));

	for (uint32 i = 0; i < nentries; i++)
		read_entry(reader, key, isnull);
	if (reader->at != reader->end)
		damaged(reader->group, "bytes are left over");
	store->entry = NULL;
	store->looked_up = false;
	pfree(key);
	pfree(isnull);
}

/* Of errors that a type's or an aggregate's functions raise. */
static void
entries_context(void *arg)
{
	ChunkReader *reader = arg;

	errcontext("snapshot chunk of key group %d of function %s", reader->group,
			   reader->store->function);
}

/* A reader behind the chunk's header, which fits the store. */
static ChunkReader *
open_chunk(WeirStore *store, int group, bool is_full, bytea *payload)
{
	ChunkHeader header;
	ChunkReader *reader;

	if (group < store->first_group || group >= store->first_group + store->ngroups)
		ereport(ERROR,
				(errcode(ERRCODE_INTERNAL_ERROR),
				 errmsg("a chunk of group %d reached the task of groups %d to %d", group,
						store->first_group, store->first_group + store->ngroups - 1)));
	header = check_frame(group, is_full, payload);
	reader = palloc(offsetof(ChunkReader, states) + sizeof(ChunkState) * Max(header.nstates, 1));
	reader->store = store;
	reader->group = group;
	reader->at = VARDATA_ANY(payload) + sizeof(header);
	reader->end = VARDATA_ANY(payload) + header.length;
	reader->nentries = header.nentries;
	reader->nstates = header.nstates;
	check_keys(reader, header.nkeys);
	for (int i = 0; i < header.nstates; i++)
		reader->states[i] = match_state(reader);
	return reader;
}

void
weir_store_check(WeirStore *store, int group, bool is_full, bytea *payload)
{
	pfree(open_chunk(store, group, is_full, payload));
}

void
weir_store_load(WeirStore *store, int group, bool is_full, bytea *payload)
{
	ChunkReader *reader = open_chunk(store, group, is_full, payload);
	WeirGroup  *target = &store->groups[group - store->first_group];
	ErrorContextCallback context = {error_context_stack, entries_context, reader};
	MemoryContext scratch = AllocSetContextCreate(CurrentMemoryContext, "weir chunk",
												  ALLOCSET_DEFAULT_SIZES);
	MemoryContext old = MemoryContextSwitchTo(scratch);

	/* what functions of types and migrations leave behind goes with the chunk */
	error_context_stack = &context;
	read_entries(reader, reader->nentries);
	error_context_stack = context.previous;
	MemoryContextSwitchTo(old);
	MemoryContextDelete(scratch);
	if (is_full)
		target->has_base = true;
	else
		target->delta_bytes += VARSIZE_ANY(payload) + WEIR_CHUNK_ROW_OVERHEAD;
	pfree(reader);
}
