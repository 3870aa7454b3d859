/*
 * state/chunk/row.h
 *		Composite values without their header, for flat.c.
 *
 * A row of a known type, without NULLs and with all attributes, is its
 * attributes' bytes; the rest can be made again.  It is kept as a short varlena,
 * which no composite value with a header is.
 */
#ifndef WEIR_STATE_CHUNK_ROW_H
#define WEIR_STATE_CHUNK_ROW_H

#include "postgres.h"

#include "access/htup.h"
#include "access/tupdesc.h"

typedef struct WeirFlatRow WeirFlatRow;

/* The header of a row of the type that has all attributes; of fixed size. */
extern void weir_row_header(TupleDesc desc, HeapTupleHeader header);

extern WeirFlatRow *weir_row_create(TupleDesc desc, HeapTupleHeader header,
									MemoryContext context);

/* Makes an expanded record that is small an ordinary value. */
extern void weir_row_flatten(WeirFlatRow *row, Datum *value);
/* Replaces an ordinary value by a short one, where that can be. */
extern void weir_row_shorten(WeirFlatRow *row, Datum *value);
/* The ordinary value of a short one; both functions' results last until the next call. */
extern Datum weir_row_restore(WeirFlatRow *row, Datum kept);
/* The same, written to bytes (weir_row_restored_size), with its first natts attributes only. */
extern Size weir_row_restored_size(Datum kept);
extern void weir_row_restore_part(WeirFlatRow *row, Datum kept, int natts, char *bytes);

/* Can the bytes be a row of the type? */
extern bool weir_row_fits(WeirFlatRow *row, Datum kept);

#endif
