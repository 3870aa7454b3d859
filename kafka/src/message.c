/*
 * message.c
 *		A row that becomes a message: what waits in the outbox for it.
 *
 * The value is the row without its metadata, in the table's format; all null, it is a
 * tombstone.  Columns with the metadata "key", "partition", "timestamp" and "headers"
 * say the rest, in the form in which they are read.
 *
 *	version 1  parts  [partition]  [timestamp]  [headers]  [key]  [value]
 *
 * Numbers are in network order; what has a length has it before it as int32, -1 is
 * NULL.  Headers are their number, and of each its name and its value.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "libpq/pqformat.h"
#include "mb/pg_wchar.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/jsonb.h"
#include "utils/timestamp.h"

#include "base/compat.h"
#include "message.h"
#include "option.h"
#include "sink/line.h"
#include "unix_time.h"

#define VERSION			1

#define HAS_PARTITION	1
#define HAS_TIMESTAMP	2
#define HAS_HEADERS		4

#define MESSAGE_BYTES	1000000 /* librdkafka's message.max.bytes */

typedef struct Format
{
	const WeirStream *stream;
	WeirLineFormat *value;
	Size		max_bytes;		/* of key and value */
	int			key;			/* columns; -1: there is none */
	Oid			key_type;
	int			partition;
	int			timestamp;
	int			headers;
} Format;

/* By name: what they are when they are read is not of interest. */
static const WeirMetadata key = {"key"};
static const WeirMetadata partition = {"partition"};
static const WeirMetadata timestamp = {"timestamp"};
static const WeirMetadata headers = {"headers"};

const WeirMetadata *const weir_kafka_message_sets[] = {&key, &partition, &timestamp, &headers, NULL};

static int
column_of(const WeirStream *stream, const WeirMetadata *what, Oid *type)
{
	for (int i = 0; i < stream->nmetadata; i++)
	{
		if (strcmp(stream->metadata[i].what->name, what->name) != 0)
			continue;
		*type = stream->metadata[i].type;
		return stream->metadata[i].column;
	}
	return -1;
}

void *
weir_kafka_message_format(const WeirStream *stream)
{
	Format	   *format = palloc0(sizeof(Format));
	const char *max_bytes = weir_kafka_property(stream, "message.max.bytes");
	Oid			other;

	format->stream = stream;
	format->value = weir_line_format_create(stream);
	format->max_bytes = max_bytes ? strtoul(max_bytes, NULL, 10) : MESSAGE_BYTES;
	format->key = column_of(stream, &key, &format->key_type);
	format->partition = column_of(stream, &partition, &other);
	format->timestamp = column_of(stream, &timestamp, &other);
	format->headers = column_of(stream, &headers, &other);
	return format;
}

static void
send_bytes(StringInfo out, const char *bytes, int len)
{
	pq_sendint32(out, bytes ? len : -1);
	if (bytes)
		appendBinaryStringInfo(out, bytes, len);
}

/* NULL if it is null, or if there is no such column. */
static bool
has_value(const TupleTableSlot *row, int column)
{
	return column >= 0 && !row->tts_isnull[column];
}

static bytea *
key_of(const Format *format, const TupleTableSlot *row)
{
	bytea	   *result;
	char	   *bytes;

	if (!has_value(row, format->key))
		return NULL;
	result = DatumGetByteaPP(row->tts_values[format->key]);
	if (format->key_type == BYTEAOID)
		return result;
	bytes = pg_server_to_any(VARDATA_ANY(result), VARSIZE_ANY_EXHDR(result), format->stream->encoding);
	return bytes == VARDATA_ANY(result) ? result : cstring_to_text(bytes);
}

static void
append_partition(StringInfo out, Datum value)
{
	int32		number = DatumGetInt32(value);

	if (number < 0)
		ereport(ERROR,
				(errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
				 errmsg("a topic has no partition %d", number),
				 errhint("Give NULL where the key says which partition it is.")));
	pq_sendint32(out, number);
}

/* To Kafka the beginning of 1970 is no time, and nothing is before it. */
static void
append_timestamp(StringInfo out, Datum value)
{
	TimestampTz time = DatumGetTimestampTz(value);
	int64		ms = TIMESTAMP_NOT_FINITE(time) ? 0 : weir_unix_ms(time);

	if (ms <= 0)
		ereport(ERROR,
				(errcode(ERRCODE_DATETIME_FIELD_OVERFLOW),
				 errmsg("a message cannot have the timestamp \"%s\"", timestamptz_to_str(time)),
				 errdetail("Kafka has times after the beginning of 1970 alone."),
				 errhint("Give NULL for the time of sending.")));
	pq_sendint64(out, ms);
}

pg_noreturn static void
refuse_headers(Jsonb *all)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("these are no headers of a message: %s", JsonbToCString(NULL, &all->root, VARSIZE(all))),
			 errhint("Give an array of objects such as {\"key\": \"name\", \"value\": \"text\"}, or with \"bytes\": \"\\\\x00\" in place of the value.")));
}

/* The text of an object's field; false: it has none, or another value.  NULL is null. */
static bool
header_field(JsonbContainer *header, const char *name, JsonbValue *field)
{
	return getKeyJsonValueFromContainer(header, name, strlen(name), field) != NULL &&
		(field->type == jbvString || field->type == jbvNull);
}

static void
append_header(StringInfo out, Jsonb *all, const JsonbValue *header)
{
	JsonbValue	name;
	JsonbValue	value;
	bytea	   *bytes;

	if (header->type != jbvBinary || !JsonContainerIsObject(header->val.binary.data) ||
		!header_field(header->val.binary.data, "key", &name) || name.type != jbvString)
		refuse_headers(all);
	send_bytes(out, name.val.string.val, name.val.string.len);
	if (header_field(header->val.binary.data, "value", &value))
	{
		send_bytes(out, value.type == jbvNull ? NULL : value.val.string.val, value.val.string.len);
		return;
	}
	if (!header_field(header->val.binary.data, "bytes", &value) || value.type != jbvString)
		refuse_headers(all);
	bytes = DatumGetByteaPP(DirectFunctionCall1(byteain,
												CStringGetDatum(pnstrdup(value.val.string.val, value.val.string.len))));
	send_bytes(out, VARDATA_ANY(bytes), VARSIZE_ANY_EXHDR(bytes));
}

static void
append_headers(StringInfo out, Datum value)
{
	Jsonb	   *all = DatumGetJsonbP(value);
	int			n = JB_ROOT_COUNT(all);

	if (!JB_ROOT_IS_ARRAY(all) || JB_ROOT_IS_SCALAR(all))
		refuse_headers(all);
	pq_sendint32(out, n);
	for (int i = 0; i < n; i++)
		append_header(out, all, getIthJsonbValueFromContainer(&all->root, i));
}

/* More the client would refuse, once the row is committed. */
static void
check_size(const Format *format, Size size)
{
	if (size > format->max_bytes)
		ereport(ERROR,
				(errcode(ERRCODE_STRING_DATA_RIGHT_TRUNCATION),
				 errmsg("message for topic \"%s\" is too large", weir_kafka_of(format->stream)->topic),
				 errdetail("Its key and its value have %zu bytes, of at most %zu.", size, format->max_bytes),
				 errhint("Raise the server's option \"message.max.bytes\", and max.message.bytes of the topic.")));
}

bytea *
weir_kafka_message_encode(void *arg, TupleTableSlot *row)
{
	const Format *format = arg;
	bytea	   *value = weir_record_of(format->value, row);
	bytea	   *name = key_of(format, row);
	StringInfoData out;
	int			parts = 0;

	check_size(format, (value ? VARSIZE_ANY_EXHDR(value) : 0) + (name ? VARSIZE_ANY_EXHDR(name) : 0));
	parts |= has_value(row, format->partition) ? HAS_PARTITION : 0;
	parts |= has_value(row, format->timestamp) ? HAS_TIMESTAMP : 0;
	parts |= has_value(row, format->headers) ? HAS_HEADERS : 0;
	pq_begintypsend(&out);
	pq_sendint8(&out, VERSION);
	pq_sendint8(&out, parts);
	if (parts & HAS_PARTITION)
		append_partition(&out, row->tts_values[format->partition]);
	if (parts & HAS_TIMESTAMP)
		append_timestamp(&out, row->tts_values[format->timestamp]);
	if (parts & HAS_HEADERS)
		append_headers(&out, row->tts_values[format->headers]);
	send_bytes(&out, name ? VARDATA_ANY(name) : NULL, name ? VARSIZE_ANY_EXHDR(name) : 0);
	send_bytes(&out, value ? VARDATA_ANY(value) : NULL, value ? VARSIZE_ANY_EXHDR(value) : 0);
	return pq_endtypsend(&out);
}

/* NULL is NULL, and empty bytes are none. */
static const void *
get_bytes(StringInfo in, Size *len)
{
	int			n = (int) pq_getmsgint(in, 4);

	*len = n < 0 ? 0 : n;
	return n < 0 ? NULL : pq_getmsgbytes(in, n);
}

static rd_kafka_headers_t *
get_headers(StringInfo in)
{
	int			n = (int) pq_getmsgint(in, 4);
	rd_kafka_headers_t *all = rd_kafka_headers_new(n);

	for (int i = 0; i < n; i++)
	{
		Size		name_len;
		Size		len;
		const void *name = get_bytes(in, &name_len);
		const void *value = get_bytes(in, &len);

		(void) rd_kafka_header_add(all, name, (ssize_t) name_len, value, (ssize_t) len);
	}
	return all;
}

void
weir_kafka_message_decode(bytea *bytes, WeirKafkaMessage *message)
{
	StringInfoData in = {.data = VARDATA_ANY(bytes), .len = (int) VARSIZE_ANY_EXHDR(bytes)};
	int			version = pq_getmsgbyte(&in);
	int			parts = pq_getmsgbyte(&in);

	if (version != VERSION)
		ereport(ERROR,
				(errcode(ERRCODE_DATA_CORRUPTED),
				 errmsg("a message of the outbox cannot be read"),
				 errdetail("It has version %d.", version),
				 errhint("Was it written by a later version of weir_kafka?")));
	memset(message, 0, sizeof(*message));
	message->partition = parts & HAS_PARTITION ? (int32) pq_getmsgint(&in, 4) : RD_KAFKA_PARTITION_UA;
	message->timestamp = parts & HAS_TIMESTAMP ? pq_getmsgint64(&in) : 0;
	message->headers = parts & HAS_HEADERS ? get_headers(&in) : NULL;
	message->key = get_bytes(&in, &message->key_len);
	message->value = get_bytes(&in, &message->value_len);
}
