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

#include "access/reloptions.h"
#include "catalog/pg_class.h"
#include "catalog/pg_foreign_server.h"
#include "catalog/pg_foreign_table.h"
#include "commands/copy.h"
#include "commands/defrem.h"
#include "fmgr.h"
#include "foreign/fdwapi.h"
#include "foreign/foreign.h"
#include "mb/pg_wchar.h"
#include "nodes/makefuncs.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"

#include "source/stream_option.h"
#include "source/stream.h"

PG_FUNCTION_INFO_V1(weir_socket_validator);

extern Datum weir_socket_handler(PG_FUNCTION_ARGS);

/* COPY judges its options as a whole; it leaves quote and escape for framing. */
static void
check_copy_options(WeirStream *stream)
{
	CopyFormatOptions copy;

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

static void
check_required(WeirStream *stream)
{
	const char *missing = stream->host == NULL ? "host" : stream->port == 0 ? "port" : NULL;

	if (missing != NULL)
		ereport(ERROR,
				(errcode(ERRCODE_FDW_OPTION_NAME_NOT_FOUND),
				 errmsg("option \"%s\" is required", missing),
				 errhint("Say where the peer listens: OPTIONS (host '127.0.0.1', port '9999').")));
}

Datum
weir_socket_validator(PG_FUNCTION_ARGS)
{
	List      *options = untransformRelOptions(PG_GETARG_DATUM(0));
	Oid        catalog = PG_GETARG_OID(1);
	WeirStream stream;

	memset(&stream, 0, sizeof(stream));
	weir_stream_options_default(&stream);
	weir_stream_options_apply(&stream, options, catalog);
	if (catalog == ForeignServerRelationId)
		check_required(&stream);
	else if (catalog == ForeignTableRelationId)
		check_copy_options(&stream);
	PG_RETURN_VOID();
}

bool
weir_is_stream(Oid relid)
{
	ForeignDataWrapper *wrapper;
	FmgrInfo            handler;

	if (get_rel_relkind(relid) != RELKIND_FOREIGN_TABLE)
		return false;
	wrapper = GetForeignDataWrapper(GetForeignServer(GetForeignServerIdByRelId(relid))->fdwid);
	if (!OidIsValid(wrapper->fdwhandler))
		return false;
	fmgr_info(wrapper->fdwhandler, &handler);
	return handler.fn_addr == weir_socket_handler;
}

WeirStream *
weir_stream_get(Oid relid)
{
	WeirStream *stream;

	if (!weir_is_stream(relid))
		ereport(ERROR,
				(errcode(ERRCODE_WRONG_OBJECT_TYPE),
				 errmsg("relation with OID %u is not a stream", relid),
				 errhint("A stream is a foreign table on a server of the wrapper weir_socket.")));

	stream = palloc0(sizeof(WeirStream));
	stream->relid = relid;
	stream->name = quote_qualified_identifier(get_namespace_name(get_rel_namespace(relid)),
											  get_rel_name(relid));
	weir_stream_options_default(stream);
	weir_stream_options_apply(stream, GetForeignServer(GetForeignServerIdByRelId(relid))->options,
							  ForeignServerRelationId);
	weir_stream_options_apply(stream, GetForeignTable(relid)->options, ForeignTableRelationId);
	check_required(stream);
	check_copy_options(stream);
	return stream;
}

WeirFramer *
weir_stream_framer(const WeirStream *stream, int64 offset, int64 line, bool cut_long)
{
	WeirFramingOptions options;

	memset(&options, 0, sizeof(options));
	options.delimiter = stream->record_delimiter;
	options.delimiter_len = stream->record_delimiter_len;
	options.csv = stream->csv;
	options.quote = stream->quote;
	options.escape = stream->escape;
	options.max_record = stream->max_record;
	options.cut_long = cut_long;
	return weir_framer_create(&options, offset, line);
}
