/*
 * catalog/row.h
 *		Rows of the last statement's result, their columns by name.
 *
 * Null is 0, false, InvalidOid or NULL.  A column that is not there is an error.
 * Between weir_internal_enter and leave, before the next statement.
 */
#ifndef WEIR_CATALOG_ROW_H
#define WEIR_CATALOG_ROW_H

#include "postgres.h"

#include "utils/jsonb.h"

extern Datum weir_row_datum(uint64 row, const char *column, bool *isnull);
extern bool weir_row_is_null(uint64 row, const char *column);
extern bool weir_row_bool(uint64 row, const char *column);
extern int	weir_row_int32(uint64 row, const char *column);
extern int64 weir_row_int64(uint64 row, const char *column);
extern double weir_row_float8(uint64 row, const char *column);
extern Oid	weir_row_oid(uint64 row, const char *column);
/* Microseconds of an interval, which has no months. */
extern int64 weir_row_interval(uint64 row, const char *column);

/* Copies in a context that outlives SPI's. */
extern char *weir_row_text(MemoryContext context, uint64 row, const char *column);
extern bytea *weir_row_bytea(MemoryContext context, uint64 row, const char *column);
extern Jsonb *weir_row_jsonb(MemoryContext context, uint64 row, const char *column);

#endif
