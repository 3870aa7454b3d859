/*
 * source/table_option.c
 *		The options of a stream's table: how its records are read.
 *
 * What COPY knows is left to COPY to judge, with its own messages.
 */
#include "postgres.h"

#include <limits.h>

#include "commands/defrem.h"
#include "mb/pg_wchar.h"
#include "nodes/makefuncs.h"

#include "source/stream_option.h"

#define MAX_RECORD_LIMIT (256.0 * 1024 * 1024)

/* Options that are COPY's own: kept for it, judged by it. */
static void
set_copy_option(WeirStream *stream, DefElem *def)
{
	stream->copy_options =
		lappend(stream->copy_options,
				makeDefElem(def->defname, (Node *) makeString(defGetString(def)), -1));
}

static void
set_format(WeirStream *stream, DefElem *def)
{
	stream->csv = weir_stream_option_word(def, "csv", "text");
	set_copy_option(stream, def);
}

/*
 * The framer looks for delimiters in the bytes as they come, so that no
 * character may contain one: true of encodings a server can have.
 */
static void
set_encoding(WeirStream *stream, DefElem *def)
{
	int encoding = pg_char_to_encoding(defGetString(def));

	if (encoding >= 0 && PG_ENCODING_IS_CLIENT_ONLY(encoding))
		ereport(ERROR, (errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
						errmsg("encoding \"%s\" is not supported for a stream", defGetString(def)),
						errdetail("Bytes of its characters can look like delimiters."),
						errhint("Have the peer send UTF8.")));
	set_copy_option(stream, def);
}

static void
set_on_error(WeirStream *stream, DefElem *def)
{
	stream->dead_letter = weir_stream_option_word(def, "dead_letter", "stop");
}

static void
set_max_record(WeirStream *stream, DefElem *def)
{
	stream->max_record = (int) weir_stream_option_bytes(
		def, 1, MAX_RECORD_LIMIT, "Give a size of 1B to 256MB, such as \"1MB\".");
}

static void
set_max_dead_letters(WeirStream *stream, DefElem *def)
{
	stream->max_dead_letters =
		weir_stream_option_integer(def, 0, INT_MAX, "Give a number of records, 0 or more.");
}

const WeirStreamOption weir_table_options[] = {
	{"format", set_format, NULL},
	{"delimiter", set_copy_option, NULL},
	{"quote", set_copy_option, NULL},
	{"escape", set_copy_option, NULL},
	{"null", set_copy_option, NULL},
	{"encoding", set_encoding, NULL},
	{"on_error", set_on_error, "stop"},
	{"max_record", set_max_record, "1MB"},
	{"max_dead_letters", set_max_dead_letters, "1000"},
	{NULL, NULL, NULL},
};
