/*
 * source/stream.c
 *		A stream's options: checked when its server or table is made or
 *		altered, and read for a job.
 *
 * Both ways go through the same tables of options (server_option.c,
 * table_option.c), so that what was accepted can be read.
 */
#include "postgres.h"

#include <limits.h>

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/reloptions.h"
#include "access/table.h"
#include "catalog/pg_class.h"
#include "catalog/pg_foreign_server.h"
#include "catalog/pg_foreign_table.h"
#include "catalog/pg_type.h"
#include "commands/copy.h"
#include "commands/defrem.h"
#include "fmgr.h"
#include "foreign/fdwapi.h"
#include "foreign/foreign.h"
#include "mb/pg_wchar.h"
#include "nodes/makefuncs.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"

#include "base/wrapper.h"
#include "source/source.h"
#include "source/stream_option.h"

#define MAX_ASIDE INT64CONST(67108864) /* bytes of one record that a dead letter stands for */

PG_FUNCTION_INFO_V1(weir_socket_validator);

/* Formats that COPY does not know have none of its options but encoding. */
static void
check_format_options(const WeirStream *stream)
{
	ListCell *lc;

	const char *format = stream->format == WEIR_FORMAT_JSONL ? "jsonl" :
		stream->format == WEIR_FORMAT_LINE ? "line" : "raw";

	if (stream->format == WEIR_FORMAT_TEXT || stream->csv)
		return;
	foreach (lc, stream->copy_options)
	{
		const char *name = lfirst_node(DefElem, lc)->defname;

		if (strcmp(name, "encoding") != 0)
			ereport(ERROR,
					(errcode(ERRCODE_FDW_INVALID_OPTION_NAME),
					 errmsg("option \"%s\" is not available in format \"%s\"", name, format),
					 stream->format == WEIR_FORMAT_JSONL
						 ? errdetail("A record is a JSON object, whose keys are columns.")
						 : errdetail("A record is the value of the one column, as it is."),
					 errhint("Leave the option out, or set format to \"text\" or \"csv\".")));
	}
}

/* COPY judges its options as a whole; it leaves quote and escape for framing. */
static void
check_copy_options(WeirStream *stream)
{
	CopyFormatOptions copy;

	check_format_options(stream);
	memset(&copy, 0, sizeof(copy));
	ProcessCopyOptions(NULL, &copy, true, stream->copy_options);
	if (stream->csv)
	{
		stream->quote = copy.quote[0];
		stream->escape = copy.escape[0];
	}
	stream->encoding = copy.file_encoding < 0 ? GetDatabaseEncoding() : copy.file_encoding;
	if (copy.file_encoding < 0)
		stream->copy_options = lappend(
			stream->copy_options,
			makeDefElem("encoding", (Node *) makeString(pstrdup(GetDatabaseEncodingName())), -1));
}

/* A delimiter, where there are any. */
static void
complete_framing(WeirStream *stream)
{
	if (stream->framing == WEIR_STREAM_DELIMITED)
	{
		if (stream->record_delimiter_len > 0)
			return;
		stream->record_delimiter = "\n";
		stream->record_delimiter_len = 1;
	}
	else if (stream->record_delimiter_len > 0)
		ereport(ERROR,
				(errcode(ERRCODE_FDW_INVALID_ATTRIBUTE_VALUE),
				 errmsg("a record delimiter needs framing \"delimiter\""),
				 errdetail("In the framing that was given, what stands before a record says where it ends."),
				 errhint("Leave out one of the options \"framing\" and \"record_delimiter\".")));
}

void
weir_stream_validate(const WeirSourceOps *source, List *options, Oid catalog)
{
	WeirStream stream;

	memset(&stream, 0, sizeof(stream));
	weir_stream_set_source(&stream, source);
	weir_stream_options_apply(&stream, options, catalog);
	if (catalog == ForeignServerRelationId)
	{
		source->complete(&stream);
		complete_framing(&stream);
		source->authorize(&stream);
	}
	else if (catalog == ForeignTableRelationId)
		check_copy_options(&stream);
}

Datum
weir_socket_validator(PG_FUNCTION_ARGS)
{
	weir_stream_validate(&weir_socket_source, untransformRelOptions(PG_GETARG_DATUM(0)),
						 PG_GETARG_OID(1));
	PG_RETURN_VOID();
}

static bool
is_socket_wrapper(Oid wrapper)
{
	char	   *handler = weir_c_symbol(GetForeignDataWrapper(wrapper)->fdwhandler);

	return handler != NULL && weir_source_by_handler(handler) == &weir_socket_source;
}

/* How many columns records have a value for, and the type of the last. */
static int
count_columns(const WeirStream *stream, Oid *type)
{
	Relation  rel = table_open(stream->relid, AccessShareLock);
	TupleDesc desc = RelationGetDescr(rel);
	int       n = 0;

	for (int i = 0; i < desc->natts; i++)
	{
		if (!weir_stream_has_column(stream, desc, i))
			continue;
		*type = TupleDescAttr(desc, i)->atttypid;
		n++;
	}
	table_close(rel, AccessShareLock);
	return n;
}

static void
check_raw_type(const WeirStream *stream, Oid type)
{
	if (type == BYTEAOID || type == TEXTOID)
		return;
	ereport(ERROR,
			(errcode(ERRCODE_DATATYPE_MISMATCH),
			 errmsg("column of stream %s of format \"raw\" cannot have type %s", stream->name, format_type_be(type)),
			 errhint("Declare it as bytea, or as text, and take it apart in the job's query.")));
}

/* Where a record is one value, there must be one column to take it. */
static void
check_columns(const WeirStream *stream)
{
	Oid type;
	bool raw = stream->format == WEIR_FORMAT_RAW;
	int n = raw || stream->format == WEIR_FORMAT_LINE ? count_columns(stream, &type) : 1;

	if (n == 1 && raw)
		check_raw_type(stream, type);
	if (n != 1)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_TABLE_DEFINITION),
				 errmsg("stream %s of format \"%s\" must have one column", stream->name, raw ? "raw" : "line"),
				 stream->nmetadata == 0 ?
				 errdetail("It has %d that are not generated.", n) :
				 errdetail("It has %d that are neither generated nor metadata.", n),
				 errhint("Take the line apart in the job's query, or set format to \"text\", "
						 "\"csv\" or \"jsonl\".")));
}

bool
weir_stream_escapes_json(const WeirStream *stream)
{
	Oid type;

	if (stream->source->typed || stream->format != WEIR_FORMAT_TEXT || count_columns(stream, &type) != 1)
		return false;
	type = getBaseType(type);
	return type == JSONOID || type == JSONBOID;
}

/* Does a server lead to the stream's peer, in the same protocol? */
static bool
leads_to_peer(ForeignServer *server, const WeirStream *stream)
{
	WeirStream	other;

	if (!is_socket_wrapper(server->fdwid))
		return false;
	memset(&other, 0, sizeof(other));
	weir_stream_set_source(&other, &weir_socket_source);
	weir_stream_options_apply(&other, server->options, ForeignServerRelationId);
	return other.host != NULL && pg_strcasecmp(other.host, stream->host) == 0 &&
		other.port == stream->port && other.resume == stream->resume;
}

List *
weir_stream_servers(const WeirStream *stream)
{
	Relation	rel = table_open(ForeignServerRelationId, AccessShareLock);
	SysScanDesc scan = systable_beginscan(rel, InvalidOid, false, NULL, 0, NULL);
	List	   *result = NIL;
	HeapTuple	tuple;

	while (HeapTupleIsValid(tuple = systable_getnext(scan)))
	{
		Oid			server = ((Form_pg_foreign_server) GETSTRUCT(tuple))->oid;

		if (leads_to_peer(GetForeignServer(server), stream))
			result = lappend_oid(result, server);
	}
	systable_endscan(scan);
	table_close(rel, AccessShareLock);
	return result;
}

WeirStream *
weir_stream_get(Oid relid)
{
	const WeirSourceOps *source = weir_source_of(relid);
	WeirStream *stream;

	if (source == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_WRONG_OBJECT_TYPE),
				 errmsg("relation with OID %u is not a stream", relid),
				 errhint("A stream is a foreign table on the server weir_feed, or on a server of the wrapper weir_socket.")));

	stream = palloc0(sizeof(WeirStream));
	weir_stream_set_source(stream, source);
	stream->relid = relid;
	stream->name = quote_qualified_identifier(get_namespace_name(get_rel_namespace(relid)),
											  get_rel_name(relid));
	weir_stream_options_apply(stream, GetForeignServer(GetForeignServerIdByRelId(relid))->options,
							  ForeignServerRelationId);
	weir_stream_options_apply(stream, GetForeignTable(relid)->options, ForeignTableRelationId);
	source->complete(stream);
	complete_framing(stream);
	check_copy_options(stream);
	weir_column_options_read(stream);
	check_columns(stream);
	return stream;
}

static WeirFramingKind
framing_kind(const WeirStream *stream)
{
	switch (stream->framing)
	{
		case WEIR_STREAM_OCTET_COUNTED:
			return WEIR_FRAMING_OCTET_COUNTED;
		case WEIR_STREAM_JSON_SEQ:
			return WEIR_FRAMING_JSON_SEQ;
		case WEIR_STREAM_DELIMITED:
			break;
	}
	if (stream->csv)
		return WEIR_FRAMING_CSV;
	return stream->format == WEIR_FORMAT_TEXT ? WEIR_FRAMING_TEXT : WEIR_FRAMING_PLAIN;
}

WeirFramer *
weir_stream_framer(const WeirStream *stream, int64 offset, int64 line, bool put_aside)
{
	WeirFramingOptions options;

	memset(&options, 0, sizeof(options));
	options.kind = framing_kind(stream);
	options.delimiter = stream->record_delimiter;
	options.delimiter_len = stream->record_delimiter_len;
	options.quote = stream->quote;
	options.escape = stream->escape;
	options.max_record = stream->max_record;
	options.put_aside = put_aside;
	/* so that a checkpoint can always free part of the journal */
	options.max_aside = (size_t) Min(stream->max_journal / 4, MAX_ASIDE);
	return weir_framer_create(&options, offset, line);
}

int
weir_stream_parallelism(const WeirStream *stream)
{
	return stream->source->parallelism ? stream->source->parallelism(stream) : 1;
}
