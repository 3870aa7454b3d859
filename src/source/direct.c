/*
 * source/direct.c
 *		Rows straight from records' bytes.
 *
 * A record is taken apart at the delimiter, its values freed of quotes and of the
 * common escapes.  What is rarer or wrong (bytes by number, a quote within a value,
 * a wrong number of columns, bytes that are no characters) is left to COPY's
 * parser.  A value is read where its form leaves no
 * doubt, whatever the session's settings; else by its type's input function.
 *
 * Values by reference lie in blocks of the batch's context.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "fmgr.h"
#include "lib/stringinfo.h"
#include "mb/pg_wchar.h"
#include "utils/builtins.h"
#include "utils/date.h"
#include "utils/datetime.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

#include "base/compat.h"
#include "decide/parse_datetime.h"
#include "decide/parse_number.h"
#include "source/decoder.h"
#include "source/direct.h"
#include "source/field.h"

#define BLOCK_BYTES		(32 * 1024)

typedef struct Column
{
	int			index;			/* in the batch */
	Oid			type;			/* InvalidOid: its input function reads it */
	int32		typmod;
	bool		not_null;
	Oid			declared;		/* type, or domain */
	FmgrInfo	input;			/* in a transaction; fn_oid is its Oid */
	Oid			ioparam;
} Column;

/* The second that was asked for last, and what its zone was. */
typedef struct ZoneCache
{
	const pg_tz *zone;
	int64		second;			/* of local time, since 2000 */
	int			west;			/* seconds west of Greenwich */
} ZoneCache;

struct WeirDirect
{
	MemoryContext context;
	WeirFieldReader fields;
	int			encoding;
	int			ncolumns;
	Column	   *columns;
	int			nabsent;
	int		   *absent;			/* columns that records have no value for */
	bool		alone;			/* no column needs its input function */

	bool		input;			/* input functions may be called */
	StringInfoData text;		/* of a value, for one */
	ZoneCache	zone;
	char	   *at;				/* room in the block */
	char	   *end;
};

/* Is the type one of those that are read here? */
static bool
is_known_type(Oid type)
{
	switch (type)
	{
		case INT2OID:
		case INT4OID:
		case INT8OID:
		case FLOAT4OID:
		case FLOAT8OID:
		case NUMERICOID:
		case BOOLOID:
		case TEXTOID:
		case VARCHAROID:
		case BPCHAROID:
		case DATEOID:
		case TIMESTAMPOID:
		case TIMESTAMPTZOID:
			return true;
		default:
			return false;
	}
}

static void
add_column(WeirDirect *x, Form_pg_attribute att, int index)
{
	Column	   *column = &x->columns[x->ncolumns++];

	column->index = index;
	column->declared = att->atttypid;
	column->typmod = att->atttypmod;
	column->not_null = att->attnotnull;
	if (is_known_type(att->atttypid))
		column->type = att->atttypid;
	else
		x->alone = false;
}

static void
add_columns(WeirDirect *x, const WeirStream *stream, TupleDesc desc)
{
	x->columns = palloc0(sizeof(Column) * Max(desc->natts, 1));
	x->absent = palloc(sizeof(int) * Max(desc->natts, 1));
	x->alone = true;
	for (int i = 0; i < desc->natts; i++)
	{
		if (weir_stream_has_column(stream, desc, i))
			add_column(x, TupleDescAttr(desc, i), i);
		else
			x->absent[x->nabsent++] = i;
	}
}

WeirDirect *
weir_direct_create(const WeirStream *stream, TupleDesc desc)
{
	WeirDirect *x;

	if ((stream->format != WEIR_FORMAT_TEXT && stream->format != WEIR_FORMAT_CSV) ||
		stream->encoding != GetDatabaseEncoding())
		return NULL;
	x = palloc0(sizeof(WeirDirect));
	x->context = CurrentMemoryContext;
	x->encoding = stream->encoding;
	add_columns(x, stream, desc);
	initStringInfo(&x->text);
	return weir_field_reader_init(&x->fields, stream) && x->ncolumns > 0 ? x : NULL;
}

bool
weir_direct_is_alone(const WeirDirect *x)
{
	return x->alone;
}

void
weir_direct_reset(WeirDirect *x)
{
	x->at = x->end = NULL;
	weir_field_reader_reset(&x->fields);
	weir_decoder_shrink(&x->text, x->context);
}

/* What an input function keeps may not outlive a transaction. */
void
weir_direct_begin(WeirDirect *x)
{
	for (int i = 0; i < x->ncolumns; i++)
	{
		Column	   *column = &x->columns[i];
		Oid			function;

		getTypeInputInfo(column->declared, &function, &column->ioparam);
		fmgr_info_cxt(function, &column->input, CurTransactionContext);
	}
	x->input = true;
}

void
weir_direct_end(WeirDirect *x)
{
	x->input = false;
}

static void *
allocate(WeirDirect *x, WeirBatch *batch, Size size)
{
	void	   *result;

	size = MAXALIGN(size);
	if (size > BLOCK_BYTES / 8)
		return MemoryContextAllocHuge(batch->context, size);
	if (x->at == NULL || size > (Size) (x->end - x->at))
	{
		x->at = MemoryContextAlloc(batch->context, BLOCK_BYTES);
		x->end = x->at + BLOCK_BYTES;
	}
	result = x->at;
	x->at += size;
	return result;
}

static bool
read_text(WeirDirect *x, WeirBatch *batch, const WeirField *field, Size padded, Datum *value)
{
	struct varlena *result;

	if (field->high &&
		pg_encoding_verifymbstr(x->encoding, field->data, (int) field->len) != (int) field->len)
		return false;
	result = allocate(x, batch, VARHDRSZ + padded);
	SET_VARSIZE(result, VARHDRSZ + padded);
	memcpy(VARDATA(result), field->data, field->len);
	memset(VARDATA(result) + field->len, ' ', padded - field->len);
	*value = PointerGetDatum(result);
	return true;
}

/* Of a length that is declared, a character takes at least a byte. */
static bool
read_characters(WeirDirect *x, WeirBatch *batch, const Column *column, const WeirField *field, Datum *value)
{
	Size		length = column->typmod - VARHDRSZ;

	if (column->typmod < (int32) VARHDRSZ)
		return read_text(x, batch, field, field->len, value);
	if (field->len > length || (field->high && column->type == BPCHAROID))
		return false;
	return read_text(x, batch, field, column->type == BPCHAROID ? length : field->len, value);
}

static bool
read_numeric(WeirDirect *x, WeirBatch *batch, const Column *column, const WeirField *field, Datum *value)
{
	uint16		words[WEIR_NUMERIC_WORDS];
	int			precision = 0;
	int			scale = 0;
	int			n;
	Size		size;
	struct varlena *result;

	if (column->typmod >= (int32) VARHDRSZ)
	{
		precision = ((column->typmod - VARHDRSZ) >> 16) & 0xffff;
		scale = (((column->typmod - VARHDRSZ) & 0x7ff) ^ 1024) - 1024;
	}
	n = weir_parse_numeric(field->data, field->len, precision, scale, words);
	if (n == 0)
		return false;
	size = VARHDRSZ + n * sizeof(uint16);
	result = allocate(x, batch, size);
	SET_VARSIZE(result, size);
	memcpy(VARDATA(result), words, n * sizeof(uint16));
	*value = PointerGetDatum(result);
	return true;
}

static bool
read_date(const WeirField *field, Datum *value)
{
	WeirDateTime time;

	if (!weir_parse_date(field->data, field->len, &time))
		return false;
	*value = DateADTGetDatum(weir_date_days(&time));
	return true;
}

/* Seconds that the session's zone lies west of Greenwich then. */
static int
seconds_west(WeirDirect *x, const WeirDateTime *time, int64 us)
{
	int64		second = us / USECS_PER_SEC;
	struct pg_tm tm = {0};

	if (x->zone.zone == session_timezone && x->zone.second == second && us >= 0)
		return x->zone.west;
	tm.tm_year = time->year;
	tm.tm_mon = time->month;
	tm.tm_mday = time->day;
	tm.tm_hour = time->hour;
	tm.tm_min = time->minute;
	tm.tm_sec = time->second;
	x->zone.west = DetermineTimeZoneOffset(&tm, session_timezone);
	x->zone.zone = us >= 0 ? session_timezone : NULL;
	x->zone.second = second;
	return x->zone.west;
}

static bool
read_timestamp(WeirDirect *x, const Column *column, const WeirField *field, Datum *value)
{
	WeirDateTime time;
	int64		us;
	int			west;

	if (!weir_parse_timestamp(field->data, field->len, &time) ||
		(column->typmod >= 0 && time.digits > column->typmod))
		return false;
	us = weir_timestamp_us(&time);
	if (column->type == TIMESTAMPOID)
	{
		/* what the text says of a zone is passed over, whatever it is */
		*value = TimestampGetDatum(us);
		return true;
	}
	west = time.zone == WEIR_ZONE_OFFSET ? -time.offset : seconds_west(x, &time, us);
	*value = TimestampTzGetDatum(us + west * USECS_PER_SEC);
	return true;
}

static bool
read_integer(Oid type, const WeirField *field, Datum *value)
{
	const char *end = field->data + field->len;
	int64		number = 0;

	if (weir_parse_int64(field->data, end, &number) != end)
		return false;
	if (type == INT8OID)
		*value = Int64GetDatum(number);
	else if (type == INT4OID && number >= PG_INT32_MIN && number <= PG_INT32_MAX)
		*value = Int32GetDatum((int32) number);
	else if (type == INT2OID && number >= PG_INT16_MIN && number <= PG_INT16_MAX)
		*value = Int16GetDatum((int16) number);
	else
		return false;
	return true;
}

static bool
read_float(Oid type, const WeirField *field, Datum *value)
{
	double		number8;
	float		number4;

	if (type == FLOAT8OID && weir_parse_float8(field->data, field->len, &number8))
		*value = Float8GetDatum(number8);
	else if (type == FLOAT4OID && weir_parse_float4(field->data, field->len, &number4))
		*value = Float4GetDatum(number4);
	else
		return false;
	return true;
}

static bool
read_bool(const WeirField *field, Datum *value)
{
	bool		truth;

	if (!weir_parse_bool(field->data, field->len, &truth))
		return false;
	*value = BoolGetDatum(truth);
	return true;
}

/* False: not sure. */
static bool
read_value(WeirDirect *x, WeirBatch *batch, const Column *column, const WeirField *field, Datum *value)
{
	switch (column->type)
	{
		case INT2OID:
		case INT4OID:
		case INT8OID:
			return read_integer(column->type, field, value);
		case FLOAT4OID:
		case FLOAT8OID:
			return read_float(column->type, field, value);
		case NUMERICOID:
			return read_numeric(x, batch, column, field, value);
		case BOOLOID:
			return read_bool(field, value);
		case TEXTOID:
			return read_text(x, batch, field, field->len, value);
		case VARCHAROID:
		case BPCHAROID:
			return read_characters(x, batch, column, field, value);
		case DATEOID:
			return read_date(field, value);
		case TIMESTAMPOID:
		case TIMESTAMPTZOID:
			return read_timestamp(x, column, field, value);
		default:
			return false;
	}
}

static bool
call_input(WeirDirect *x, Column *column, const WeirField *field, Datum *value)
{
	if (!x->input ||
		(field->high &&
		 pg_encoding_verifymbstr(x->encoding, field->data, (int) field->len) != (int) field->len))
		return false;
	resetStringInfo(&x->text);
	appendBinaryStringInfo(&x->text, field->data, (int) field->len);
	*value = InputFunctionCall(&column->input, x->text.data, column->ioparam, column->typmod);
	return true;
}

/* An input function is asked about a null if it is not strict: a domain may refuse it. */
static bool
put_null(WeirDirect *x, WeirBatch *batch, int row, Column *column)
{
	if (column->not_null)
		return false;
	if (column->type == InvalidOid)
	{
		if (!x->input)
			return false;
		if (!column->input.fn_strict)
			(void) InputFunctionCall(&column->input, NULL, column->ioparam, column->typmod);
	}
	weir_batch_set_null(batch, column->index, row);
	return true;
}

/* Nearly always the digits are all there is of it. */
static inline const char *
read_int8(WeirBatch *batch, int row, const Column *column, char delimiter, const char *p,
		  const char *end)
{
	int64		number;

	if (column->type != INT8OID)
		return NULL;
	p = weir_parse_int64(p, end, &number);
	if (p == NULL || (p < end && *p != delimiter))
		return NULL;
	batch->columns[column->index].values[row] = Int64GetDatum(number);
	return p;
}

/* The column's value at p; returns where it ends, NULL: not sure. */
static const char *
read_column(WeirDirect *x, WeirBatch *batch, int row, Column *column, const char *p, const char *end)
{
	Datum	   *value = &batch->columns[column->index].values[row];
	const char *next;
	WeirField		field;

	if (weir_field_is_null(&x->fields, p, end))
		return put_null(x, batch, row, column) ? p + x->fields.null_len : NULL;
	next = read_int8(batch, row, column, x->fields.delimiter, p, end);
	if (next != NULL)
		return next;
	next = weir_field_take(&x->fields, p, end, &field);
	if (next == NULL ||
		(!read_value(x, batch, column, &field, value) && !call_input(x, column, &field, value)))
		return NULL;
	return next;
}

static bool
read_columns(WeirDirect *x, WeirBatch *batch, int row, const char *p, const char *end)
{
	/* it may be the end of a COPY */
	if (x->fields.csv && p < end && *p == '\\')
		return false;
	for (int i = 0; i < x->ncolumns; i++)
	{
		p = read_column(x, batch, row, &x->columns[i], p, end);
		if (p == NULL)
			return false;
		if (i + 1 == x->ncolumns)
			return p == end;
		if (p++ == end)
			return false;
	}
	return false;
}

/* Somebody else fills the row. */
static void
forget_nulls(WeirBatch *batch, int row)
{
	for (int i = 0; i < batch->desc->natts; i++)
	{
		if (batch->columns[i].has_nulls)
			batch->columns[i].nulls[row / BITS_PER_BYTE] &= ~(1 << (row % BITS_PER_BYTE));
	}
}

bool
weir_direct_row(WeirDirect *x, WeirBatch *batch, int row, const char *data, Size len)
{
	if (!read_columns(x, batch, row, data, data + len))
	{
		forget_nulls(batch, row);
		return false;
	}
	for (int i = 0; i < x->nabsent; i++)
		weir_batch_set_null(batch, x->absent[i], row);
	return true;
}
