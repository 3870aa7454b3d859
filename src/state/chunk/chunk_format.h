/*
 * state/chunk/chunk_format.h
 *		The format of a chunk, version 3.  Numbers are in the machine's byte
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
 *						int64 stamp if flag 4; varint length and bytes if not NULL;
 *						of a live object uint32 length and what its kind writes; of a
 *						cell in place, flag 8, varint length and what its kind writes
 *
 * A varint holds 7 bits a byte, the lowest first; the eighth bit says that more
 * follow.  A value of a by-value type is taken as a signed integer, its sign moved
 * into the lowest bit, and only as many bytes as are needed, the lowest first.
 * States are matched by name.  Version 2 had no cells in place, and is read.
 *
 * For chunk.c, which writes it, and chunk_read.c.
 */
#ifndef WEIR_STATE_CHUNK_CHUNK_FORMAT_H
#define WEIR_STATE_CHUNK_CHUNK_FORMAT_H

#include "postgres.h"

#include "port/pg_crc32c.h"

#define CHUNK_MAGIC 0x52494557	/* "WEIR" */
#define CHUNK_VERSION 3
#define CHUNK_OLDEST_VERSION 2
#define CHUNK_FULL 1
#define CHUNK_TOMBSTONE 1
#define CHUNK_STAMPED 4			/* beside WEIR_CELL_PRESENT and WEIR_CELL_NULL */
#define CHUNK_IN_PLACE 8

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

static inline pg_crc32c
chunk_crc(const char *chunk, Size length)
{
	pg_crc32c	crc;

	INIT_CRC32C(crc);
	COMP_CRC32C(crc, chunk + offsetof(ChunkHeader, length), length - offsetof(ChunkHeader, length));
	FIN_CRC32C(crc);
	return crc;
}

/* A by-value datum as the integer that is written. */
static inline int64
signed_datum(int16 typlen, Datum value)
{
	switch (typlen)
	{
		case 1:
			return (int8) DatumGetChar(value);
		case 2:
			return DatumGetInt16(value);
		case 4:
			return DatumGetInt32(value);
		default:
			return DatumGetInt64(value);
	}
}

#endif
