/*
 * state/chunk/chunk.c
 *		Chunks, written.  See chunk_format.h.
 */
#include "postgres.h"

#include "port/pg_bitutils.h"

#include "base/compat.h"
#include "state/chunk/chunk.h"
#include "state/chunk/chunk_format.h"
#include "state/chunk/piece.h"

static inline char *
put_space(StringInfo buffer, int size)
{
	char	   *space;

	if (buffer->len + size >= buffer->maxlen)
		enlargeStringInfo(buffer, size);
	space = buffer->data + buffer->len;
	buffer->len += size;
	return space;
}

static inline void
put(StringInfo buffer, const void *bytes, int size)
{
	memcpy(put_space(buffer, size), bytes, size);
}

static inline void
put_uint8(StringInfo buffer, uint8 value)
{
	put(buffer, &value, 1);
}

static inline void
put_by_value(StringInfo buffer, const WeirFlatType *type, Datum value, uint32 plus)
{
	int64		number = signed_datum(type->typlen, value);
	uint64		bits = (uint64) number << 1 ^ (number < 0 ? PG_UINT64_MAX : 0);
	int			size = bits == 0 ? 0 : pg_leftmost_one_pos64(bits) / 8 + 1;
	char	   *space = put_space(buffer, 1 + size);

	*space++ = (char) (size + plus);
	for (; size > 0; size--, bits >>= 8)
		*space++ = (char) bits;
}

/* plus: added to the length that is written. */
static void
put_value(StringInfo buffer, const WeirFlatType *type, Datum value, uint32 plus)
{
	Size		size;

	if (type->typbyval)
	{
		put_by_value(buffer, type, value, plus);
		return;
	}
	size = weir_flat_size(type, value);
	weir_put_varint(buffer, size + plus);
	put(buffer, DatumGetPointer(value), size);
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
put_in_place(StringInfo buffer, WeirState *state, const void *cell)
{
	int			start = buffer->len;
	int			size;

	/* the length takes one byte as a rule */
	put_uint8(buffer, 0);
	state->in_place->flatten(state, cell, buffer);
	size = buffer->len - start - 1;
	if (size < 0x80)
		buffer->data[start] = (char) size;
	else
	{
		Assert(size < 0x4000);
		(void) put_space(buffer, 1);
		memmove(buffer->data + start + 2, buffer->data + start + 1, size);
		buffer->data[start] = (char) (0x80 | (size & 0x7f));
		buffer->data[start + 1] = (char) (size >> 7);
	}
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
	if (state->in_place)
		flags |= CHUNK_IN_PLACE;
	put_uint8(buffer, flags);
	if (state->stamp_offset)
		put(buffer, &cell.stamp, sizeof(cell.stamp));
	if (state->live)
		put_live(buffer, state, (WeirLive *) DatumGetPointer(cell.value));
	else if (state->in_place)
		put_in_place(buffer, state, DatumGetPointer(cell.value));
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
