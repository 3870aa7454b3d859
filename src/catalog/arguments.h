/*
 * catalog/arguments.h
 *		The arguments of a statement on Weir's tables, in the order of $1, $2, ..
 */
#ifndef WEIR_CATALOG_ARGUMENTS_H
#define WEIR_CATALOG_ARGUMENTS_H

#include "postgres.h"

#include "utils/timestamp.h"

#define WEIR_MAX_ARGUMENTS 16

/* Begins as {0}.  By reference values must outlive the statement. */
typedef struct WeirArguments
{
	int			n;
	Oid			types[WEIR_MAX_ARGUMENTS];
	Datum		values[WEIR_MAX_ARGUMENTS];
	char		nulls[WEIR_MAX_ARGUMENTS];	/* as SPI has them */
} WeirArguments;

extern void weir_bind(WeirArguments *args, Oid type, Datum value, bool isnull);

extern void weir_bind_bool(WeirArguments *args, bool value);
extern void weir_bind_int32(WeirArguments *args, int32 value);
extern void weir_bind_int64(WeirArguments *args, int64 value);
extern void weir_bind_float8(WeirArguments *args, double value);
extern void weir_bind_oid(WeirArguments *args, Oid value);
extern void weir_bind_timestamptz(WeirArguments *args, TimestampTz value);
/* NULL is null. */
extern void weir_bind_text(WeirArguments *args, const char *value);
extern void weir_bind_interval(WeirArguments *args, const Interval *value);
extern void weir_bind_bytea(WeirArguments *args, const char *data, int len);
/* Arrays, in the current memory context. */
extern void weir_bind_int64_array(WeirArguments *args, const int64 *values, int n);
extern void weir_bind_text_array(WeirArguments *args, char **values, int n);

/* The argument added last is null. */
extern void weir_bind_set_null(WeirArguments *args);

#endif
