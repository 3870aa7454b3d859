/*
 * source/stream.c
 *		A stream's options: checked when its server or table is made or
 *		altered, and read for a job.
 *
 * Both ways go through one table of options, so that what was accepted can be
 * read.  What COPY knows is left to COPY to judge, with its own messages.
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
#include "utils/guc.h"
#include "utils/lsyscache.h"
#include "utils/timestamp.h"

#include "source/stream.h"

#define MAX_RECORD_DELIMITER 16	/* bytes */
#define MAX_RECORD_LIMIT	(256.0 * 1024 * 1024)
#define MIN_JOURNAL			(1024.0 * 1024)
#define MIN_RETRY_DELAY		INT64CONST(10000)	/* us */
#define MIN_JOURNAL_FLUSH	INT64CONST(1000)
#define MAX_JOURNAL_FLUSH	USECS_PER_MINUTE

PG_FUNCTION_INFO_V1(weir_socket_validator);

extern Datum weir_socket_handler(PG_FUNCTION_ARGS);

typedef void (*OptionSetter) (WeirStream *stream, DefElem *def);

typedef struct OptionSpec
{
	const char *name;
	Oid			catalog;		/* of the object that takes it */
	OptionSetter set;
} OptionSpec;

static void
refuse_value(DefElem *def, const char *hint)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("invalid value for option \"%s\": \"%s\"",
					def->defname, defGetString(def)),
			 errhint("%s", hint)));
}

static int
parse_integer(DefElem *def, int min, int max, const char *hint)
{
	int			value;

	if (!parse_int(defGetString(def), &value, 0, NULL) ||
		value < min || value > max)
		refuse_value(def, hint);
	return value;
}

static int64
parse_bytes(DefElem *def, double min, double max, const char *hint)
{
	double		value;

	if (!parse_real(defGetString(def), &value, GUC_UNIT_BYTE, NULL) ||
		value < min || value > max)
		refuse_value(def, hint);
	return (int64) value;
}

static void
name_option(void *arg)
{
	errcontext("option \"%s\"", ((DefElem *) arg)->defname);
}

static int64
parse_interval(DefElem *def, int64 min, int64 max, const char *hint)
{
	ErrorContextCallback context = {error_context_stack, name_option, def};
	Interval   *span;
	double		us;

	error_context_stack = &context;
	span = DatumGetIntervalP(DirectFunctionCall3(interval_in,
												 CStringGetDatum(defGetString(def)),
												 ObjectIdGetDatum(InvalidOid),
												 Int32GetDatum(-1)));
	error_context_stack = context.previous;
	us = (double) span->time + (span->day + span->month * (double) DAYS_PER_MONTH) * USECS_PER_DAY;
	if (us < min || us > max)
		refuse_value(def, hint);
	return (int64) us;
}

static void
set_host(WeirStream *stream, DefElem *def)
{
	stream->host = defGetString(def);
	if (stream->host[0] == '\0')
		refuse_value(def, "Give a host name or an address.");
}

static void
set_port(WeirStream *stream, DefElem *def)
{
	stream->port = parse_integer(def, 1, 65535, "Give a TCP port, 1 to 65535.");
}

static void
set_record_delimiter(WeirStream *stream, DefElem *def)
{
	stream->record_delimiter = defGetString(def);
	stream->record_delimiter_len = strlen(stream->record_delimiter);
	if (stream->record_delimiter_len < 1 ||
		stream->record_delimiter_len > MAX_RECORD_DELIMITER)
		refuse_value(def, "Give 1 to 16 bytes.");
	if (strchr(stream->record_delimiter, '\\') != NULL)
		refuse_value(def, "A backslash escapes inside records; for a control character write an escape string such as E'\\n'.");
}

static void
set_max_retries(WeirStream *stream, DefElem *def)
{
	stream->max_retries = parse_integer(def, -1, INT_MAX,
										"Give the number of reconnects, or -1 for any number.");
}

static void
set_retry_delay(WeirStream *stream, DefElem *def)
{
	stream->retry_delay = parse_interval(def, MIN_RETRY_DELAY, USECS_PER_DAY,
										 "Give an interval of 10 ms to 1 day.");
}

static void
set_protocol(WeirStream *stream, DefElem *def)
{
	const char *word = defGetString(def);

	stream->resume = strcmp(word, "resume") == 0;
	if (!stream->resume && strcmp(word, "none") != 0)
		refuse_value(def, "Give \"none\" or \"resume\".");
}

static void
set_journal(WeirStream *stream, DefElem *def)
{
	if (!parse_bool(defGetString(def), &stream->journal))
		refuse_value(def, "Give \"on\" or \"off\".");
}

static void
set_journal_flush(WeirStream *stream, DefElem *def)
{
	stream->journal_flush = parse_interval(def, MIN_JOURNAL_FLUSH, MAX_JOURNAL_FLUSH,
										   "Give an interval of 1 ms to 1 min.");
}

static void
set_max_journal(WeirStream *stream, DefElem *def)
{
	stream->max_journal = parse_bytes(def, MIN_JOURNAL, (double) (PG_INT64_MAX / 2),
									  "Give a size of at least 1MB, such as \"10GB\".");
}

/* Options that are COPY's own: kept for it, judged by it. */
static void
set_copy_option(WeirStream *stream, DefElem *def)
{
	stream->copy_options = lappend(stream->copy_options,
								   makeDefElem(def->defname,
											   (Node *) makeString(defGetString(def)), -1));
}

static void
set_format(WeirStream *stream, DefElem *def)
{
	const char *word = defGetString(def);

	stream->csv = strcmp(word, "csv") == 0;
	if (!stream->csv && strcmp(word, "text") != 0)
		refuse_value(def, "Give \"text\" or \"csv\".");
	set_copy_option(stream, def);
}

/*
 * The framer looks for delimiters in the bytes as they come, so that no
 * character may contain one: true of encodings a server can have.
 */
static void
set_encoding(WeirStream *stream, DefElem *def)
{
	int			encoding = pg_char_to_encoding(defGetString(def));

	if (encoding >= 0 && PG_ENCODING_IS_CLIENT_ONLY(encoding))
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("encoding \"%s\" is not supported for a stream",
						defGetString(def)),
				 errdetail("Bytes of its characters can look like delimiters."),
				 errhint("Have the peer send UTF8.")));
	set_copy_option(stream, def);
}

static void
set_on_error(WeirStream *stream, DefElem *def)
{
	const char *word = defGetString(def);

	stream->dead_letter = strcmp(word, "dead_letter") == 0;
	if (!stream->dead_letter && strcmp(word, "stop") != 0)
		refuse_value(def, "Give \"stop\" or \"dead_letter\".");
}

static void
set_max_record(WeirStream *stream, DefElem *def)
{
	stream->max_record = (int) parse_bytes(def, 1, MAX_RECORD_LIMIT,
										   "Give a size of 1B to 256MB, such as \"1MB\".");
}

static void
set_max_dead_letters(WeirStream *stream, DefElem *def)
{
	stream->max_dead_letters = parse_integer(def, 0, INT_MAX,
											 "Give a number of records, 0 or more.");
}

static const OptionSpec option_specs[] = {
	{"host", ForeignServerRelationId, set_host},
	{"port", ForeignServerRelationId, set_port},
	{"record_delimiter", ForeignServerRelationId, set_record_delimiter},
	{"max_retries", ForeignServerRelationId, set_max_retries},
	{"retry_delay", ForeignServerRelationId, set_retry_delay},
	{"protocol", ForeignServerRelationId, set_protocol},
	{"journal", ForeignServerRelationId, set_journal},
	{"journal_flush", ForeignServerRelationId, set_journal_flush},
	{"max_journal", ForeignServerRelationId, set_max_journal},
	{"format", ForeignTableRelationId, set_format},
	{"delimiter", ForeignTableRelationId, set_copy_option},
	{"quote", ForeignTableRelationId, set_copy_option},
	{"escape", ForeignTableRelationId, set_copy_option},
	{"null", ForeignTableRelationId, set_copy_option},
	{"encoding", ForeignTableRelationId, set_encoding},
	{"on_error", ForeignTableRelationId, set_on_error},
	{"max_record", ForeignTableRelationId, set_max_record},
	{"max_dead_letters", ForeignTableRelationId, set_max_dead_letters},
};

static void
refuse_option(DefElem *def, Oid catalog)
{
	StringInfoData valid;

	initStringInfo(&valid);
	for (int i = 0; i < lengthof(option_specs); i++)
	{
		if (option_specs[i].catalog == catalog)
			appendStringInfo(&valid, "%s%s", valid.len > 0 ? ", " : "",
							 option_specs[i].name);
	}
	ereport(ERROR,
			(errcode(ERRCODE_FDW_INVALID_OPTION_NAME),
			 errmsg("invalid option \"%s\"", def->defname),
			 valid.len > 0 ?
			 errhint("Valid options in this context are: %s.", valid.data) :
			 errhint("There are no valid options in this context.")));
}

static void
apply_options(WeirStream *stream, List *options, Oid catalog)
{
	ListCell   *lc;

	foreach(lc, options)
	{
		DefElem    *def = lfirst_node(DefElem, lc);
		int			i = 0;

		while (i < lengthof(option_specs) &&
			   (option_specs[i].catalog != catalog ||
				strcmp(option_specs[i].name, def->defname) != 0))
			i++;
		if (i == lengthof(option_specs))
			refuse_option(def, catalog);
		option_specs[i].set(stream, def);
	}
}

static void
set_defaults(WeirStream *stream)
{
	stream->record_delimiter = "\n";
	stream->record_delimiter_len = 1;
	stream->max_retries = 0;
	stream->retry_delay = USECS_PER_SEC;
	stream->journal = true;
	stream->journal_flush = INT64CONST(10000);
	stream->max_journal = INT64CONST(10) * 1024 * 1024 * 1024;
	stream->max_record = 1024 * 1024;
	stream->max_dead_letters = 1000;
}

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
		stream->copy_options = lappend(stream->copy_options,
									   makeDefElem("encoding",
												   (Node *) makeString(pstrdup(GetDatabaseEncodingName())), -1));
}

static void
check_required(WeirStream *stream)
{
	const char *missing = stream->host == NULL ? "host" :
		stream->port == 0 ? "port" : NULL;

	if (missing != NULL)
		ereport(ERROR,
				(errcode(ERRCODE_FDW_OPTION_NAME_NOT_FOUND),
				 errmsg("option \"%s\" is required", missing),
				 errhint("Say where the peer listens: OPTIONS (host '127.0.0.1', port '9999').")));
}

Datum
weir_socket_validator(PG_FUNCTION_ARGS)
{
	List	   *options = untransformRelOptions(PG_GETARG_DATUM(0));
	Oid			catalog = PG_GETARG_OID(1);
	WeirStream	stream;

	memset(&stream, 0, sizeof(stream));
	set_defaults(&stream);
	apply_options(&stream, options, catalog);
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
	FmgrInfo	handler;

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
	set_defaults(stream);
	apply_options(stream, GetForeignServer(GetForeignServerIdByRelId(relid))->options,
				  ForeignServerRelationId);
	apply_options(stream, GetForeignTable(relid)->options, ForeignTableRelationId);
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
