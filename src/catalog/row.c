/*
 * catalog/row.c
 *		Rows of the last statement's result, their columns by name.
 */
#include "postgres.h"

#include "executor/spi.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

#include "base/interval.h"
#include "catalog/row.h"

Datum
weir_row_datum(uint64 row, const char *column, bool *isnull)
{
	int			number = SPI_fnumber(SPI_tuptable->tupdesc, column);
	Datum		value;

	if (number <= 0)
		elog(ERROR, "the result has no column \"%s\"", column);
	value = SPI_getbinval(SPI_tuptable->vals[row], SPI_tuptable->tupdesc, number, isnull);
	return *isnull ? (Datum) 0 : value;
}

bool
weir_row_is_null(uint64 row, const char *column)
{
	bool		isnull;

	(void) weir_row_datum(row, column, &isnull);
	return isnull;
}

bool
weir_row_bool(uint64 row, const char *column)
{
	bool		isnull;

	return DatumGetBool(weir_row_datum(row, column, &isnull));
}

int
weir_row_int32(uint64 row, const char *column)
{
	bool		isnull;

	return DatumGetInt32(weir_row_datum(row, column, &isnull));
}

int64
weir_row_int64(uint64 row, const char *column)
{
	bool		isnull;
	Datum		value = weir_row_datum(row, column, &isnull);

	return isnull ? 0 : DatumGetInt64(value);
}

double
weir_row_float8(uint64 row, const char *column)
{
	bool		isnull;
	Datum		value = weir_row_datum(row, column, &isnull);

	return isnull ? 0 : DatumGetFloat8(value);
}

Oid
weir_row_oid(uint64 row, const char *column)
{
	bool		isnull;

	return DatumGetObjectId(weir_row_datum(row, column, &isnull));
}

int64
weir_row_interval(uint64 row, const char *column)
{
	bool		isnull;
	Datum		value = weir_row_datum(row, column, &isnull);
	Interval   *i = DatumGetIntervalP(value);

	return isnull ? 0 : weir_interval_us(i);
}

char *
weir_row_text(MemoryContext context, uint64 row, const char *column)
{
	bool		isnull;
	Datum		value = weir_row_datum(row, column, &isnull);
	MemoryContext old;
	char	   *result;

	if (isnull)
		return NULL;
	old = MemoryContextSwitchTo(context);
	result = TextDatumGetCString(value);
	MemoryContextSwitchTo(old);
	return result;
}

bytea *
weir_row_bytea(MemoryContext context, uint64 row, const char *column)
{
	bool		isnull;
	Datum		value = weir_row_datum(row, column, &isnull);
	MemoryContext old;
	bytea	   *copy;

	if (isnull)
		return NULL;
	old = MemoryContextSwitchTo(context);
	copy = DatumGetByteaPCopy(value);
	MemoryContextSwitchTo(old);
	return copy;
}

Jsonb *
weir_row_jsonb(MemoryContext context, uint64 row, const char *column)
{
	bool		isnull;
	Datum		value = weir_row_datum(row, column, &isnull);
	MemoryContext old;
	Jsonb	   *copy;

	if (isnull)
		return NULL;
	old = MemoryContextSwitchTo(context);
	copy = DatumGetJsonbPCopy(value);
	MemoryContextSwitchTo(old);
	return copy;
}
