/*
 * source/server_option.c
 *		The options of a stream's server: the peer, its protocol, the journal.
 */
#include "postgres.h"

#include <limits.h>

#include "commands/defrem.h"
#include "utils/timestamp.h"

#include "source/stream_option.h"

#define MAX_RECORD_DELIMITER 16 /* bytes */
#define MIN_JOURNAL          (1024.0 * 1024)
#define MIN_RETRY_DELAY      INT64CONST(10000) /* us */
#define MIN_JOURNAL_FLUSH    INT64CONST(1000)
#define MAX_JOURNAL_FLUSH    USECS_PER_MINUTE

static void
set_host(WeirStream *stream, DefElem *def)
{
	stream->host = defGetString(def);
	if (stream->host[0] == '\0')
		weir_stream_option_refuse(def, "Give a host name or an address.");
}

static void
set_port(WeirStream *stream, DefElem *def)
{
	stream->port = weir_stream_option_integer(def, 1, 65535, "Give a TCP port, 1 to 65535.");
}

static void
set_record_delimiter(WeirStream *stream, DefElem *def)
{
	stream->record_delimiter = defGetString(def);
	stream->record_delimiter_len = strlen(stream->record_delimiter);
	if (stream->record_delimiter_len < 1 || stream->record_delimiter_len > MAX_RECORD_DELIMITER)
		weir_stream_option_refuse(def, "Give 1 to 16 bytes.");
	if (strcmp(stream->record_delimiter, "\\0") == 0)
	{
		stream->record_delimiter = pstrdup("");
		stream->record_delimiter_len = 1;
		return;
	}
	if (strchr(stream->record_delimiter, '\\') != NULL)
		weir_stream_option_refuse(def, "A backslash escapes inside records; for a control "
									   "character write an escape string such as E'\\n', and for NUL '\\0'.");
}

static void
set_framing(WeirStream *stream, DefElem *def)
{
	const char *word = defGetString(def);

	if (strcmp(word, "octet_counted") == 0)
		stream->framing = WEIR_STREAM_OCTET_COUNTED;
	else if (strcmp(word, "json_seq") == 0)
		stream->framing = WEIR_STREAM_JSON_SEQ;
	else if (strcmp(word, "delimiter") == 0)
		stream->framing = WEIR_STREAM_DELIMITED;
	else
		weir_stream_option_refuse(def,
								  "Give \"delimiter\", \"octet_counted\" or \"json_seq\".");
}

static void
set_partial(WeirStream *stream, DefElem *def)
{
	stream->join_partial = weir_stream_option_word(def, "join", "discard");
}

static void
set_max_retries(WeirStream *stream, DefElem *def)
{
	stream->max_retries = weir_stream_option_integer(
		def, -1, INT_MAX, "Give the number of reconnects, or -1 for any number.");
}

static void
set_retry_delay(WeirStream *stream, DefElem *def)
{
	stream->retry_delay = weir_stream_option_interval(def, MIN_RETRY_DELAY, USECS_PER_DAY,
													  "Give an interval of 10 ms to 1 day.");
}

static void
set_protocol(WeirStream *stream, DefElem *def)
{
	stream->resume = weir_stream_option_word(def, "resume", "none");
}

static void
set_journal(WeirStream *stream, DefElem *def)
{
	stream->journal = weir_stream_option_boolean(def);
}

static void
set_journal_flush(WeirStream *stream, DefElem *def)
{
	stream->journal_flush = weir_stream_option_interval(def, MIN_JOURNAL_FLUSH, MAX_JOURNAL_FLUSH,
														"Give an interval of 1 ms to 1 min.");
}

static void
set_max_journal(WeirStream *stream, DefElem *def)
{
	stream->max_journal =
		weir_stream_option_bytes(def, MIN_JOURNAL, (double) (PG_INT64_MAX / 2),
								 "Give a size of at least 1MB, such as \"10GB\".");
}

const WeirStreamOption weir_server_options[] = {
	{"host", set_host, NULL},
	{"port", set_port, NULL},
	{"framing", set_framing, "delimiter"},
	{"record_delimiter", set_record_delimiter, NULL},
	{"partial", set_partial, "discard"},
	{"max_retries", set_max_retries, "0"},
	{"retry_delay", set_retry_delay, "1 s"},
	{"protocol", set_protocol, "none"},
	{"journal", set_journal, "on"},
	{"journal_flush", set_journal_flush, "10 ms"},
	{"max_journal", set_max_journal, "10GB"},
	{NULL, NULL, NULL},
};
