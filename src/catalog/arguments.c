/*
 * catalog/arguments.c
 *		The arguments of a statement on Weir's tables.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "utils/array.h"
#include "utils/builtins.h"

#include "base/compat.h"
#include "catalog/arguments.h"

void
weir_bind(WeirArguments *args, Oid type, Datum value, bool isnull)
{
	Assert(args->n < WEIR_MAX_ARGUMENTS);
	args->types[args->n] = type;
	args->values[args->n] = isnull ? (Datum) 0 : value;
	args->nulls[args->n] = isnull ? 'n' : ' ';
	args->n++;
}

void
weir_bind_bool(WeirArguments *args, bool value)
{
	weir_bind(args, BOOLOID, BoolGetDatum(value), false);
}

void
weir_bind_int32(WeirArguments *args, int32 value)
{
	weir_bind(args, INT4OID, Int32GetDatum(value), false);
}

void
weir_bind_int64(WeirArguments *args, int64 value)
{
	weir_bind(args, INT8OID, Int64GetDatum(value), false);
}

void
weir_bind_float8(WeirArguments *args, double value)
{
	weir_bind(args, FLOAT8OID, Float8GetDatum(value), false);
}

void
weir_bind_oid(WeirArguments *args, Oid value)
{
	weir_bind(args, OIDOID, ObjectIdGetDatum(value), false);
}

void
weir_bind_timestamptz(WeirArguments *args, TimestampTz value)
{
	weir_bind(args, TIMESTAMPTZOID, TimestampTzGetDatum(value), false);
}

void
weir_bind_text(WeirArguments *args, const char *value)
{
	weir_bind(args, TEXTOID, value ? CStringGetTextDatum(value) : (Datum) 0, value == NULL);
}

void
weir_bind_interval(WeirArguments *args, const Interval *value)
{
	weir_bind(args, INTERVALOID, PointerGetDatum(value), value == NULL);
}

void
weir_bind_bytea(WeirArguments *args, const char *data, int len)
{
	bytea	   *value;

	if (data == NULL)
	{
		weir_bind(args, BYTEAOID, (Datum) 0, true);
		return;
	}
	value = palloc(VARHDRSZ + len);
	SET_VARSIZE(value, VARHDRSZ + len);
	memcpy(VARDATA(value), data, len);
	weir_bind(args, BYTEAOID, PointerGetDatum(value), false);
}

void
weir_bind_int64_array(WeirArguments *args, const int64 *values, int n)
{
	Datum	   *elements = palloc(sizeof(Datum) * Max(n, 1));

	for (int i = 0; i < n; i++)
		elements[i] = Int64GetDatum(values[i]);
	weir_bind(args, INT8ARRAYOID,
			 PointerGetDatum(construct_array(elements, n, INT8OID, sizeof(int64),
											 FLOAT8PASSBYVAL, TYPALIGN_DOUBLE)), false);
}

void
weir_bind_text_array(WeirArguments *args, char **values, int n)
{
	Datum	   *elements = palloc(sizeof(Datum) * Max(n, 1));

	for (int i = 0; i < n; i++)
		elements[i] = CStringGetTextDatum(values[i]);
	weir_bind(args, TEXTARRAYOID,
			 PointerGetDatum(construct_array(elements, n, TEXTOID, -1, false, TYPALIGN_INT)),
			 false);
}

void
weir_bind_set_null(WeirArguments *args)
{
	Assert(args->n > 0);
	args->nulls[args->n - 1] = 'n';
	args->values[args->n - 1] = (Datum) 0;
}
