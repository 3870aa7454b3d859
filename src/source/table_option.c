/*
 * source/table_option.c
 *		The options of a stream's table: how its records are read.
 *
 * What COPY knows is left to COPY to judge, with its own messages.
 */
#include "postgres.h"

#include <ctype.h>
#include <limits.h>

#include "commands/defrem.h"
#include "mb/pg_wchar.h"
#include "nodes/makefuncs.h"

#include "source/stream_option.h"

#define MAX_RECORD_LIMIT (256.0 * 1024 * 1024)

/* Options that are COPY's own: kept for it, judged by it. */
void
weir_set_copy_option(WeirStream *stream, DefElem *def)
{
	stream->copy_options =
		lappend(stream->copy_options,
				makeDefElem(def->defname, (Node *) makeString(defGetString(def)), -1));
}

/* A backslash and a letter are two bytes where the user means one. */
void
weir_set_delimiter(WeirStream *stream, DefElem *def)
{
	const char *value = defGetString(def);

	if (value[0] == '\\' && value[1] != '\0')
		weir_stream_option_refuse(
			def, "Give one byte; for a control character write an escape string such as E'\\t'.");
	weir_set_copy_option(stream, def);
}

void
weir_set_format(WeirStream *stream, DefElem *def)
{
	static const char *const names[] = {"text", "csv", "jsonl", "line"};
	unsigned                 format = 0;

	while (format < lengthof(names) && strcmp(defGetString(def), names[format]) != 0)
		format++;
	if (format == lengthof(names))
		weir_stream_option_refuse(def, "Give \"text\", \"csv\", \"jsonl\" or \"line\".");
	stream->format = (WeirStreamFormat) format;
	stream->csv = stream->format == WEIR_FORMAT_CSV;
	if (stream->format == WEIR_FORMAT_TEXT || stream->csv)
		weir_set_copy_option(stream, def);
}

static void
set_header(WeirStream *stream, DefElem *def)
{
	stream->header = weir_stream_option_boolean(def);
}

void
weir_set_skip_empty(WeirStream *stream, DefElem *def)
{
	stream->skip_empty = weir_stream_option_boolean(def);
}

/* Of the encodings whose code units have several bytes PostgreSQL knows none. */
static bool
is_wide_encoding(const char *name)
{
	static const char *const wide[] = {"utf16", "utf32", "ucs2", "ucs4"};
	char                     plain[8] = {0};
	int                      n = 0;

	for (; *name != '\0' && n < 5; name++)
	{
		if (isalnum((unsigned char) *name))
			plain[n++] = pg_tolower((unsigned char) *name);
	}
	for (unsigned i = 0; i < lengthof(wide); i++)
	{
		if (strncmp(plain, wide[i], strlen(wide[i])) == 0)
			return true;
	}
	return false;
}

/*
 * The framer looks for delimiters in the bytes as they come, so that no
 * character may contain one: true of encodings a server can have.
 */
void
weir_set_encoding(WeirStream *stream, DefElem *def)
{
	int encoding = pg_char_to_encoding(defGetString(def));

	if (encoding < 0 && is_wide_encoding(defGetString(def)))
		ereport(ERROR, (errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
						errmsg("encoding \"%s\" is not supported for a stream", defGetString(def)),
						errdetail("PostgreSQL reads no encoding of two or four bytes a character."),
						errhint("Have the peer send UTF8.")));
	if (encoding >= 0 && PG_ENCODING_IS_CLIENT_ONLY(encoding))
		ereport(ERROR, (errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
						errmsg("encoding \"%s\" is not supported for a stream", defGetString(def)),
						errdetail("Bytes of its characters can look like delimiters."),
						errhint("Have the peer send UTF8.")));
	weir_set_copy_option(stream, def);
}

void
weir_set_on_error(WeirStream *stream, DefElem *def)
{
	stream->dead_letter = weir_stream_option_word(def, "dead_letter", "stop");
}

void
weir_set_max_record(WeirStream *stream, DefElem *def)
{
	stream->max_record = (int) weir_stream_option_bytes(
		def, 1, MAX_RECORD_LIMIT, "Give a size of 1B to 256MB, such as \"1MB\".");
}

void
weir_set_max_dead_letters(WeirStream *stream, DefElem *def)
{
	stream->max_dead_letters =
		weir_stream_option_integer(def, 0, INT_MAX, "Give a number of records, 0 or more.");
}

void
weir_set_late(WeirStream *stream, DefElem *def)
{
	static const char *const words[] = {"drop", "dead_letter", "stop"};
	unsigned                 late = 0;

	while (late < lengthof(words) && strcmp(defGetString(def), words[late]) != 0)
		late++;
	if (late == lengthof(words))
		weir_stream_option_refuse(def, "Give \"drop\", \"dead_letter\" or \"stop\".");
	stream->late = (WeirLate) late;
}

bool
weir_stream_keeps_raw(const WeirStream *stream)
{
	return stream->dead_letter || stream->late == WEIR_LATE_DEAD_LETTER;
}

const WeirStreamOption weir_table_options[] = {
	{"format", weir_set_format, NULL},
	{"header", set_header, "off"},
	{"skip_empty", weir_set_skip_empty, "off"},
	{"delimiter", weir_set_delimiter, NULL},
	{"quote", weir_set_delimiter, NULL},
	{"escape", weir_set_delimiter, NULL},
	{"null", weir_set_copy_option, NULL},
	{"encoding", weir_set_encoding, NULL},
	{"on_error", weir_set_on_error, "stop"},
	{"max_record", weir_set_max_record, "1MB"},
	{"max_dead_letters", weir_set_max_dead_letters, "1000"},
	{"late", weir_set_late, "drop"},
	{NULL, NULL, NULL},
};
