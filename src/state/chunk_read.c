/*
 * state/chunk_read.c
 *		Chunks, read: a reader believes nothing.  Every length is checked against
 *		what is left, before and after the checksum.
 */
#include "postgres.h"

#include "utils/builtins.h"

#include "decide/keygroup.h"
#include "state/chunk.h"
#include "state/chunk_format.h"
#include "state/row.h"

typedef struct ChunkReader
{
	WeirStore  *store;
	const char *at;
	const char *end;
	int			group;
	int			nstates;
	struct
	{
		WeirState  *state;
		int			natts;		/* of its type, when the chunk was written */
	}			states[FLEXIBLE_ARRAY_MEMBER];	/* the chunk's, in its order */
} ChunkReader;

pg_attribute_noreturn()
static void
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
	if (header.version != CHUNK_VERSION)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("a snapshot chunk of key group %d has format version %d", group,
						header.version),
				 errdetail("This version of weir reads version %d.", CHUNK_VERSION),
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
				 errdetail("The number or the types of the key's columns have changed."),
				 errhint("Restore the key, or start with weir.start_job(fresh => true).")));
}

/* Which of the store's states is the chunk's next? */
static WeirState *
match_state(ChunkReader *reader, int *natts_then)
{
	WeirStore  *store = reader->store;
	uint8		kind = get_uint8(reader);
	uint8		length = get_uint8(reader);
	uint16		natts = get_uint16(reader);
	uint32		fingerprint = get_uint32(reader);
	const char *name = get(reader, length);
	WeirState  *state = weir_store_state(store, name, length);

	if (state == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("the snapshot holds state \"%s\", which function %s does not declare",
						pnstrdup(name, length), store->function),
				 errhint("Declare it again, or start with weir.start_job(fresh => true).")));
	if (kind != state->decl.kind || natts > state->type.natts ||
		fingerprint != state->type.fingerprints[natts])
		ereport(ERROR,
				(errcode(ERRCODE_DATATYPE_MISMATCH),
				 errmsg("state \"%s\" of function %s is not of the type its snapshot was taken with",
						state->decl.name, store->function),
				 errdetail("It is now declared as %s.", format_type_be(state->decl.type)),
				 errhint("Restore the type, or start with weir.start_job(fresh => true).")));
	*natts_then = natts;
	return state;
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

static Datum
read_value(ChunkReader *reader, WeirState *state, int natts)
{
	WeirSlab   *slab = state->store->slab;
	Size		size = get_varint(reader);
	const char *bytes;
	const char *wrong;
	char	   *piece;
	Datum		value;
	bool		grown = state->type.row && natts < state->type.natts;

	if (state->type.typbyval)
		return get_by_value(reader, &state->type, size);
	bytes = get(reader, size);
	if (grown && size > 0 && VARATT_IS_1B(bytes) && !VARATT_IS_1B_E(bytes) && VARSIZE_1B(bytes) == size)
	{
		piece = weir_slab_alloc(slab, weir_row_restored_size(PointerGetDatum(bytes)));
		weir_row_restore_part(state->type.row, PointerGetDatum(bytes), natts, piece);
		size = VARSIZE(piece);
	}
	else
		piece = memcpy(weir_slab_alloc(slab, size), bytes, size);
	wrong = weir_flat_read(&state->type, piece, size, &value);
	if (wrong)
	{
		weir_slab_free(slab, piece, size);
		damaged(reader->group, wrong);
	}
	return value;
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

static void
read_cell(ChunkReader *reader, WeirState *state, int natts, WeirGroup *group,
		  WeirEntry *entry)
{
	uint8		flags = get_uint8(reader);
	WeirCell	cell = {(Datum) 0, 0, flags & ~CHUNK_STAMPED};

	if (flags & ~(WEIR_CELL_PRESENT | WEIR_CELL_NULL | CHUNK_STAMPED) ||
		(flags != 0 && !(flags & WEIR_CELL_PRESENT)) ||
		(state->live && (flags & WEIR_CELL_NULL)))
		damaged(reader->group, "a value's flags have no meaning");
	if (flags & CHUNK_STAMPED)
		memcpy(&cell.stamp, get(reader, sizeof(int64)), sizeof(int64));
	else if (state->stamp_offset)
		cell.stamp = state->store->clock;	/* it has got its ttl since */
	if (cell.flags == WEIR_CELL_PRESENT)
		cell.value = state->live ? read_live(reader, state) : read_value(reader, state, natts);
	weir_cell_put(state, group, entry, cell);
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
		read_cell(reader, reader->states[i].state, reader->states[i].natts, group, entry);
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

void
weir_store_load(WeirStore *store, int group, bool is_full, bytea *payload)
{
	ChunkHeader header;
	ChunkReader *reader;
	WeirGroup  *target;

	if (group < store->first_group || group >= store->first_group + store->ngroups)
		ereport(ERROR,
				(errcode(ERRCODE_INTERNAL_ERROR),
				 errmsg("a chunk of group %d reached the task of groups %d to %d", group,
						store->first_group, store->first_group + store->ngroups - 1)));
	header = check_frame(group, is_full, payload);
	reader = palloc(offsetof(ChunkReader, states) +
					sizeof(reader->states[0]) * Max(header.nstates, 1));
	reader->store = store;
	reader->group = group;
	reader->at = VARDATA_ANY(payload) + sizeof(header);
	reader->end = VARDATA_ANY(payload) + header.length;
	reader->nstates = header.nstates;
	check_keys(reader, header.nkeys);
	for (int i = 0; i < header.nstates; i++)
		reader->states[i].state = match_state(reader, &reader->states[i].natts);
	read_entries(reader, header.nentries);

	target = &store->groups[group - store->first_group];
	if (is_full)
		target->has_base = true;
	else
		target->delta_bytes += VARSIZE_ANY(payload) + WEIR_CHUNK_ROW_OVERHEAD;
	pfree(reader);
}
