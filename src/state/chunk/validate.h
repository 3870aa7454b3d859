/*
 * state/chunk/validate.h
 *		Do bytes have the shape of a value?  PostgreSQL trusts the lengths inside
 *		arrays and rows, and would read beyond them.
 */
#ifndef WEIR_STATE_CHUNK_VALIDATE_H
#define WEIR_STATE_CHUNK_VALIDATE_H

#include "postgres.h"

#include "access/htup.h"
#include "access/tupdesc.h"

/* Are its values made of other values: is it an array or a composite type? */
extern bool weir_type_has_parts(Oid type);

/*
 * What is wrong with the bytes as a value of a type that has parts, NULL if
 * nothing.  They are aligned, and a plain varlena of this size.  Row types that
 * were created anew are put right where they stand.
 */
extern const char *weir_validate(Oid type, char *bytes, Size size);

/* The same for a row of this shape, its header's own type apart; size: with the header. */
extern const char *weir_validate_row(TupleDesc desc, HeapTupleHeader row, Size size);

#endif
