/*
 * state/chunk/piece.h
 *		Flat values in pieces of slab memory, and their bytes in a chunk.
 */
#ifndef WEIR_STATE_CHUNK_PIECE_H
#define WEIR_STATE_CHUNK_PIECE_H

#include "postgres.h"

#include "lib/stringinfo.h"

#include "state/flat.h"
#include "state/slab.h"

/* A flat copy; of a by-value type the value itself. */
extern Datum weir_piece_make(WeirSlab *slab, const WeirFlatType *type, Datum value, bool isnull);
extern void weir_piece_free(WeirSlab *slab, const WeirFlatType *type, Datum value, bool isnull);
/* As near as accounting needs: what weir_piece_put writes. */
extern int64 weir_piece_size(const WeirFlatType *type, Datum value, bool isnull);

/* Bytes being read: nothing beyond end, wrong says what was found amiss first. */
typedef struct WeirBytes
{
	const char *at;
	const char *end;
	const char *wrong;
} WeirBytes;

extern void weir_put_varint(StringInfo out, uint32 value);
extern void weir_put_varint64(StringInfo out, uint64 value);
/* As a varint of 64 bits, the sign in the lowest of them. */
extern void weir_put_signed(StringInfo out, int64 value);
/* As a varint 0 for NULL, else 1 + length, and bytes. */
extern void weir_piece_put(StringInfo out, const WeirFlatType *type, Datum value, bool isnull);

/* Zero once something is wrong. */
extern uint8 weir_get_uint8(WeirBytes *bytes);
extern int64 weir_get_int64(WeirBytes *bytes);
extern uint32 weir_get_varint(WeirBytes *bytes);
extern uint64 weir_get_varint64(WeirBytes *bytes);
extern int64 weir_get_signed(WeirBytes *bytes);
/* What weir_piece_put wrote; NULL once something is wrong. */
extern Datum weir_piece_get(WeirBytes *bytes, WeirSlab *slab, const WeirFlatType *type,
							bool *isnull);

#endif
