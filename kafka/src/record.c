/*
 * record.c
 *		A message as a record: what columns may tell of it beside its value.
 *
 * Of a record that comes again, once it was a dead letter, only its line is known.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "mb/pg_wchar.h"
#include "port/pg_crc32c.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/json.h"
#include "utils/timestamp.h"

#include "base/compat.h"
#include "record.h"
#include "unix_time.h"


static int32
partition_of(int64 line)
{
	return (int32) ((line - 1) / WEIR_KAFKA_LINES);
}

static int64
offset_of(int64 line)
{
	return (line - 1) % WEIR_KAFKA_LINES;
}

char *
weir_kafka_place(int64 line)
{
	return psprintf("partition %d, offset " INT64_FORMAT, partition_of(line), offset_of(line));
}

static Datum
bytes(const void *data, Size len)
{
	bytea	   *result = palloc(VARHDRSZ + len);

	SET_VARSIZE(result, VARHDRSZ + len);
	if (len > 0)
		memcpy(VARDATA(result), data, len);
	return PointerGetDatum(result);
}

static bool
key(const WeirRecordAbout *record, Oid type, Datum *value)
{
	const rd_kafka_message_t *message = record->about;
	char	   *text;

	if (message == NULL || message->key == NULL)
		return false;
	if (type == BYTEAOID)
	{
		*value = bytes(message->key, message->key_len);
		return true;
	}
	text = pg_any_to_server(message->key, (int) message->key_len, record->stream->encoding);
	*value = text == message->key ?
		PointerGetDatum(cstring_to_text_with_len(text, (int) message->key_len)) : CStringGetTextDatum(text);
	return true;
}

static bool
partition(const WeirRecordAbout *record, Oid type, Datum *value)
{
	*value = Int32GetDatum(partition_of(record->line));
	return true;
}

static bool
offset(const WeirRecordAbout *record, Oid type, Datum *value)
{
	*value = Int64GetDatum(offset_of(record->line));
	return true;
}

static bool
timestamp(const WeirRecordAbout *record, Oid type, Datum *value)
{
	const rd_kafka_message_t *message = record->about;
	rd_kafka_timestamp_type_t kind;
	int64		ms;

	if (message == NULL)
		return false;
	ms = rd_kafka_message_timestamp(message, &kind);
	if (kind == RD_KAFKA_TIMESTAMP_NOT_AVAILABLE || ms < 0 ||
		ms >= weir_unix_ms(END_TIMESTAMP))
		return false;
	*value = TimestampTzGetDatum(weir_unix_time(ms));
	return true;
}

/* Can jsonb have it as a string? */
static bool
is_text(const char *data, Size len)
{
	if (memchr(data, '\0', len) != NULL)
		return false;
	if (GetDatabaseEncoding() == PG_UTF8)
		return pg_verify_mbstr(PG_UTF8, data, (int) len, true);
	for (Size i = 0; i < len; i++)
	{
		if (IS_HIGHBIT_SET(data[i]))
			return false;
	}
	return true;
}

static void
append_value(StringInfo json, const char *data, Size len)
{
	static const char digits[] = "0123456789abcdef";

	if (data == NULL)
	{
		appendStringInfoString(json, "\"value\": null");
		return;
	}
	if (is_text(data, len))
	{
		appendStringInfoString(json, "\"value\": ");
		escape_json(json, pnstrdup(data, len));
		return;
	}
	appendStringInfoString(json, "\"bytes\": \"\\\\x");
	for (Size i = 0; i < len; i++)
	{
		appendStringInfoChar(json, digits[(unsigned char) data[i] >> 4]);
		appendStringInfoChar(json, digits[(unsigned char) data[i] & 15]);
	}
	appendStringInfoChar(json, '"');
}

/* In their order; a key may come more than once. */
static bool
headers(const WeirRecordAbout *record, Oid type, Datum *value)
{
	const rd_kafka_message_t *message = record->about;
	rd_kafka_headers_t *all;
	StringInfoData json;
	const char *name;
	const void *data;
	size_t		len;

	if (message == NULL || rd_kafka_message_headers(message, &all) != RD_KAFKA_RESP_ERR_NO_ERROR)
		return false;
	initStringInfo(&json);
	for (size_t i = 0; rd_kafka_header_get_all(all, i, &name, &data, &len) == RD_KAFKA_RESP_ERR_NO_ERROR; i++)
	{
		appendStringInfoString(&json, i == 0 ? "[{\"key\": " : ", {\"key\": ");
		escape_json(&json, is_text(name, strlen(name)) ? name : "?");
		appendStringInfoString(&json, ", ");
		append_value(&json, data, len);
		appendStringInfoChar(&json, '}');
	}
	appendStringInfoString(&json, json.len == 0 ? "[]" : "]");
	*value = DirectFunctionCall1(jsonb_in, CStringGetDatum(json.data));
	pfree(json.data);
	return true;
}

static const WeirMetadata metadata_key = {
	"key", {BYTEAOID, TEXTOID}, WEIR_METADATA_OF_RECORD, true, key, true
};
static const WeirMetadata metadata_partition = {
	"partition", {INT4OID}, WEIR_METADATA_OF_RECORD, false, partition
};
static const WeirMetadata metadata_offset = {
	"offset", {INT8OID}, WEIR_METADATA_OF_RECORD, false, offset
};
static const WeirMetadata metadata_timestamp = {
	"timestamp", {TIMESTAMPTZOID}, WEIR_METADATA_OF_RECORD, true, timestamp
};
static const WeirMetadata metadata_headers = {
	"headers", {JSONBOID}, WEIR_METADATA_OF_RECORD, true, headers, true
};

const WeirMetadata *const weir_kafka_metadata[] = {
	&weir_metadata_line_number,
	&weir_metadata_arrival,
	&weir_metadata_stream,
	&metadata_key,
	&metadata_partition,
	&metadata_offset,
	&metadata_timestamp,
	&metadata_headers,
	NULL
};

uint32
weir_kafka_print(const rd_kafka_message_t *message)
{
	rd_kafka_timestamp_type_t kind;
	int64		ms = rd_kafka_message_timestamp(message, &kind);
	pg_crc32c	crc;

	INIT_CRC32C(crc);
	COMP_CRC32C(crc, &ms, sizeof(ms));
	COMP_CRC32C(crc, &message->key_len, sizeof(message->key_len));
	COMP_CRC32C(crc, message->key, message->key_len);
	COMP_CRC32C(crc, message->payload, message->len);
	FIN_CRC32C(crc);
	return crc;
}

uint32
weir_kafka_topic_print(const char *topic)
{
	pg_crc32c	crc;

	INIT_CRC32C(crc);
	COMP_CRC32C(crc, topic, strlen(topic));
	FIN_CRC32C(crc);
	return crc;
}
