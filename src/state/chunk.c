/*
 * state/chunk.c
 *		The format of a chunk, version 1.  Numbers are in the machine's byte
 *		order: a chunk is read where it was written.
 *
 *		uint32	magic
 *		uint32	CRC-32C of all that follows
 *		uint32	length of the whole, without the varlena header
 *		uint16	version
 *		uint16	1: a part of a full snapshot of the group
 *		uint32	key group
 *		uint32	number of entries
 *		uint16	number of key columns
 *		uint16	number of states
 *		a key column:	uint32 fingerprint of its type
 *		a state:		uint8 kind, uint8 length of its name, uint16 number of
 *						attributes, uint32 fingerprint of its type, its name
 *		an entry:		uint8 1 for a tombstone,
 *						a key column: varint 0 for NULL, else 1 + length, bytes
 *						unless a tombstone, a state: uint8 cell flags; if present:
 *						int64 stamp if flag 4; varint length and bytes if not NULL,
 *						of a live object uint32 length and what its kind writes
 *
 * A varint holds 7 bits a byte, the lowest first; the eighth bit says that more
 * follow.  States are matched by name.  A reader believes nothing: every length
 * is checked against what is left, before and after the checksum.
 */
#include "postgres.h"

#include "port/pg_crc32c.h"
#include "utils/builtins.h"

#include "decide/keygroup.h"
#include "state/chunk.h"
#include "state/piece.h"

#define CHUNK_MAGIC 0x52494557	/* "WEIR" */
#define CHUNK_VERSION 1
#define CHUNK_FULL 1
#define CHUNK_TOMBSTONE 1
#define CHUNK_STAMPED 4			/* beside WEIR_CELL_PRESENT and WEIR_CELL_NULL */

/* The fixed part of the header, without padding. */
typedef struct ChunkHeader
{
	uint32		magic;
	uint32		crc;
	uint32		length;
	uint16		version;
	uint16		flags;
	uint32		group;
	uint32		nentries;
	uint16		nkeys;
	uint16		nstates;
} ChunkHeader;

StaticAssertDecl(sizeof(ChunkHeader) == 28, "chunk header has padding");

static pg_crc32c
chunk_crc(const char *chunk, Size length)
{
	pg_crc32c	crc;

	INIT_CRC32C(crc);
	COMP_CRC32C(crc, chunk + offsetof(ChunkHeader, length), length - offsetof(ChunkHeader, length));
	FIN_CRC32C(crc);
	return crc;
}

/* ---- writing ---- */

static inline void
put(StringInfo buffer, const void *bytes, int size)
{
	appendBinaryStringInfoNT(buffer, bytes, size);
}

static inline void
put_uint8(StringInfo buffer, uint8 value)
{
	put(buffer, &value, 1);
}

static void
put_value(StringInfo buffer, const WeirFlatType *type, Datum value, uint32 plus)
{
	Size		size = weir_flat_size(type, value);
	Datum		space;

	weir_put_varint(buffer, size + plus);
	put(buffer, weir_flat_bytes(type, value, &space), size);
}

void
weir_chunk_init(WeirChunkBuilder *builder, WeirStore *store, WeirChunkWriter writer, void *arg)
{
	memset(builder, 0, sizeof(*builder));
	builder->store = store;
	builder->writer = writer;
	builder->arg = arg;
	initStringInfo(&builder->buffer);
	enlargeStringInfo(&builder->buffer, WEIR_CHUNK_SIZE * 2);
}

void
weir_chunk_free(WeirChunkBuilder *builder)
{
	pfree(builder->buffer.data);
}

void
weir_chunk_begin(WeirChunkBuilder *builder, int group, bool is_full)
{
	WeirStore  *store = builder->store;
	StringInfo	buffer = &builder->buffer;
	ChunkHeader header = {0};

	builder->group = group;
	builder->is_full = is_full;
	builder->seq = 0;
	builder->nentries = 0;
	builder->bytes = 0;

	header.magic = CHUNK_MAGIC;
	header.version = CHUNK_VERSION;
	header.flags = is_full ? CHUNK_FULL : 0;
	header.group = group;
	header.nkeys = store->nkeys;
	header.nstates = store->nstates;

	resetStringInfo(buffer);
	put(buffer, "\0\0\0\0", VARHDRSZ);
	put(buffer, &header, sizeof(header));
	for (int i = 0; i < store->nkeys; i++)
		put(buffer, &weir_flat_fingerprint(&store->keys[i].type), sizeof(uint32));
	for (int i = 0; i < store->nstates; i++)
	{
		WeirState  *state = &store->states[i];
		uint16		natts = state->type.natts;

		put_uint8(buffer, state->decl.kind);
		put_uint8(buffer, state->name_length);
		put(buffer, &natts, sizeof(natts));
		put(buffer, &weir_flat_fingerprint(&state->type), sizeof(uint32));
		put(buffer, state->decl.name, state->name_length);
	}
	builder->header_end = buffer->len;
}

/* Hands out the buffer's first end bytes as a chunk of nentries. */
static void
write_chunk(WeirChunkBuilder *builder, int end, uint32 nentries)
{
	char	   *chunk = builder->buffer.data + VARHDRSZ;
	ChunkHeader *header = (ChunkHeader *) chunk;

	SET_VARSIZE(builder->buffer.data, end);
	header->length = end - VARHDRSZ;
	header->nentries = nentries;
	header->crc = chunk_crc(chunk, header->length);
	builder->writer(builder->arg, builder->group, builder->is_full, builder->seq++,
					(bytea *) builder->buffer.data);
	builder->bytes += end;
}

static void
put_live(StringInfo buffer, WeirState *state, WeirLive *live)
{
	int			start = buffer->len;
	uint32		length = 0;

	put(buffer, &length, sizeof(length));
	state->live->flatten(state, live, buffer);
	length = buffer->len - start - sizeof(length);
	memcpy(buffer->data + start, &length, sizeof(length));
}

static void
put_cell(StringInfo buffer, WeirState *state, WeirEntry *entry)
{
	WeirCell	cell = weir_cell_get(state, entry);
	uint8		flags = cell.flags;

	if (!(flags & WEIR_CELL_PRESENT))
	{
		put_uint8(buffer, 0);
		return;
	}
	if (state->stamp_offset)
		flags |= CHUNK_STAMPED;
	put_uint8(buffer, flags);
	if (state->stamp_offset)
		put(buffer, &cell.stamp, sizeof(cell.stamp));
	if (state->live)
		put_live(buffer, state, (WeirLive *) DatumGetPointer(cell.value));
	else if (!(flags & WEIR_CELL_NULL))
		put_value(buffer, &state->type, cell.value, 0);
}

static void
put_entry(StringInfo buffer, WeirStore *store, WeirEntry *entry)
{
	bool		tombstone = weir_entry_is_empty(store, entry);

	put_uint8(buffer, tombstone ? CHUNK_TOMBSTONE : 0);
	for (int i = 0; i < store->nkeys; i++)
	{
		if (weir_entry_key_nulls(entry)[i])
			weir_put_varint(buffer, 0);
		else
			put_value(buffer, &store->keys[i].type, weir_entry_key(store, entry)[i], 1);
	}
	for (int i = 0; !tombstone && i < store->nstates; i++)
		put_cell(buffer, &store->states[i], entry);
}

void
weir_chunk_add(WeirChunkBuilder *builder, WeirEntry *entry)
{
	StringInfo	buffer = &builder->buffer;
	int			start = buffer->len;

	put_entry(buffer, builder->store, entry);
	if (buffer->len > WEIR_CHUNK_SIZE && builder->nentries > 0)
	{
		int			size = buffer->len - start;

		write_chunk(builder, start, builder->nentries);
		memmove(buffer->data + builder->header_end, buffer->data + start, size);
		buffer->len = builder->header_end + size;
		builder->nentries = 0;
	}
	builder->nentries++;
}

void
weir_chunk_end(WeirChunkBuilder *builder, bool write_empty)
{
	if (builder->nentries > 0 || (write_empty && builder->seq == 0))
		write_chunk(builder, builder->buffer.len, builder->nentries);
}

/* ---- reading ---- */

typedef struct ChunkReader
{
	WeirStore  *store;
	const char *at;
	const char *end;
	int			group;
	int			nstates;
	WeirState  *states[FLEXIBLE_ARRAY_MEMBER];	/* the chunk's, in its order */
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
match_state(ChunkReader *reader)
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
	return state;
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
		bytes = get(reader, --size);
		wrong = weir_flat_read(&column->type,
							   memcpy(key_scratch(store, column, size), bytes, size),
							   size, &key[i]);
		if (wrong)
			damaged(reader->group, wrong);
	}
}

static Datum
read_value(ChunkReader *reader, WeirState *state)
{
	WeirSlab   *slab = state->store->slab;
	Size		size = get_varint(reader);
	const char *bytes = get(reader, size);
	const char *wrong;
	char	   *piece;
	Datum		value;
	Datum		space = 0;

	if (state->type.typbyval)
	{
		memcpy(&space, bytes, Min(size, sizeof(space)));
		wrong = weir_flat_read(&state->type, (char *) &space, size, &value);
		if (wrong)
			damaged(reader->group, wrong);
		return value;
	}
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
read_cell(ChunkReader *reader, WeirState *state, WeirGroup *group, WeirEntry *entry)
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
		cell.value = state->live ? read_live(reader, state) : read_value(reader, state);
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
		read_cell(reader, reader->states[i], group, entry);
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
	reader = palloc(offsetof(ChunkReader, states) + sizeof(WeirState *) * Max(header.nstates, 1));
	reader->store = store;
	reader->group = group;
	reader->at = VARDATA_ANY(payload) + sizeof(header);
	reader->end = VARDATA_ANY(payload) + header.length;
	reader->nstates = header.nstates;
	check_keys(reader, header.nkeys);
	for (int i = 0; i < header.nstates; i++)
		reader->states[i] = match_state(reader);
	read_entries(reader, header.nentries);

	target = &store->groups[group - store->first_group];
	if (is_full)
		target->has_base = true;
	else
		target->delta_bytes += VARSIZE_ANY(payload);
	pfree(reader);
}
