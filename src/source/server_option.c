/*
 * source/server_option.c
 *		The options of a stream's server: the peer, its protocol, the journal.
 */
#include "postgres.h"

#include <ctype.h>
#include <limits.h>

#include "catalog/pg_authid.h"
#include "commands/defrem.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/timestamp.h"

#include "source/stream_option.h"
#include "source/transport.h"

#define MAX_RECORD_DELIMITER 16 /* bytes */
#define MIN_JOURNAL          (1024.0 * 1024)
#define MIN_RETRY_DELAY      INT64CONST(10000) /* us */
#define MIN_TIMEOUT			INT64CONST(100000)	/* us */
#define MAX_KEEPALIVE		(9 * USECS_PER_HOUR)
#define MAX_IDLE_TIMEOUT	(365 * USECS_PER_DAY)
#define MAX_GREETING		8192	/* bytes */
#define MIN_JOURNAL_FLUSH    INT64CONST(1000)
#define MAX_JOURNAL_FLUSH    USECS_PER_MINUTE

/* "name:9999", but for an IPv6 address, or a URL */
static bool
names_more(const char *host)
{
	const char *colon = strchr(host, ':');

	return strstr(host, "://") != NULL || strncmp(host, "[", 1) == 0 ||
		(colon != NULL && strchr(colon + 1, ':') == NULL);
}

/* An IPv6 address may stand in brackets, as it does in a URL. */
static char *
without_brackets(char *host)
{
	Size		len = strlen(host);

	if (len > 2 && host[0] == '[' && host[len - 1] == ']')
		return pnstrdup(host + 1, len - 2);
	return host;
}

static void
set_host(WeirStream *stream, DefElem *def)
{
	stream->host = without_brackets(defGetString(def));
	if (stream->host[0] == '\0')
		weir_stream_option_refuse(def, "Give a host name or an address.");
	if (stream->host[0] == '/' || stream->host[0] == '@')
		weir_stream_option_refuse(def, "A stream comes over TCP: give a host name or an address. "
								  "A program such as socat makes a port of a Unix-domain socket.");
	if (names_more(stream->host))
		weir_stream_option_refuse(def, "Give the host name or address alone; the port is an option of its own: OPTIONS (host 'name', port '9999').");
	for (const char *c = stream->host; *c; c++)
	{
		if (isspace((unsigned char) *c))
			weir_stream_option_refuse(def, "Give one host name or address, without spaces.");
	}
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
	stream->max_retries_given = true;
}

static void
set_retry_delay(WeirStream *stream, DefElem *def)
{
	stream->retry_delay = weir_stream_option_interval(def, MIN_RETRY_DELAY, USECS_PER_DAY,
													  "Give an interval of 10 ms to 1 day.");
}

static void
set_connect_timeout(WeirStream *stream, DefElem *def)
{
	stream->connect_timeout = weir_stream_option_interval(def, MIN_TIMEOUT, USECS_PER_DAY,
														  "Give an interval of 100 ms to 1 day.");
}

static void
set_keepalive_idle(WeirStream *stream, DefElem *def)
{
	stream->keepalive_idle = weir_stream_option_interval(def, 0, MAX_KEEPALIVE,
														 "Give an interval of 1 s to 9 h, or 0 for the system's setting.");
	if (stream->keepalive_idle > 0 && stream->keepalive_idle < USECS_PER_SEC)
		weir_stream_option_refuse(def, "Give an interval of 1 s to 9 h, or 0 for the system's setting.");
}

void
weir_set_idle_timeout(WeirStream *stream, DefElem *def)
{
	stream->idle_timeout = weir_stream_option_interval(def, 0, MAX_IDLE_TIMEOUT,
													   "Give an interval of 100 ms to 365 days, or 0 for no limit.");
	if (stream->idle_timeout > 0 && stream->idle_timeout < MIN_TIMEOUT)
		weir_stream_option_refuse(def, "Give an interval of 100 ms to 365 days, or 0 for no limit.");
}

static int
hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* The byte that the escape behind a backslash stands for; -1: none.  *next: behind it. */
static int
unescape(const char *escape, const char **next)
{
	static const char names[] = "nrt0\\";
	static const char bytes[] = "\n\r\t\0\\";
	const char *name = *escape ? strchr(names, *escape) : NULL;

	*next = escape + 1;
	if (name != NULL)
		return (unsigned char) bytes[name - names];
	if (*escape != 'x' || hex_digit(escape[1]) < 0 || hex_digit(escape[2]) < 0)
		return -1;
	*next = escape + 3;
	return hex_digit(escape[1]) * 16 + hex_digit(escape[2]);
}

static void
set_greeting(WeirStream *stream, DefElem *def)
{
	const char *text = defGetString(def);
	int			byte;

	stream->greeting = palloc(strlen(text) + 1);
	stream->greeting_len = 0;
	while (*text)
	{
		byte = (unsigned char) *text;
		if (*text++ == '\\')
			byte = unescape(text, &text);
		if (byte < 0)
			weir_stream_option_refuse(def, "Behind a backslash give n, r, t, 0, x and two hexadecimal digits, or another backslash.");
		stream->greeting[stream->greeting_len++] = (char) byte;
	}
	if (stream->greeting_len > MAX_GREETING)
		weir_stream_option_refuse(def, "Give at most 8192 bytes.");
}

static void
set_sslmode(WeirStream *stream, DefElem *def)
{
	static const char *const words[] = {
		[WEIR_SSL_DISABLE] = "disable",
		[WEIR_SSL_REQUIRE] = "require",
		[WEIR_SSL_VERIFY_CA] = "verify-ca",
		[WEIR_SSL_VERIFY_FULL] = "verify-full"
	};
	int			mode = 0;

	while (mode < lengthof(words) && strcmp(words[mode], defGetString(def)) != 0)
		mode++;
	if (mode == lengthof(words))
		weir_stream_option_refuse(def, "Give \"disable\", \"require\", \"verify-ca\" or \"verify-full\".");
	stream->sslmode = mode;
	stream->sslmode_given = true;
}

static char *
file_name(DefElem *def)
{
	char	   *name = defGetString(def);

	if (name[0] == '\0')
		weir_stream_option_refuse(def, "Give the name of a file in PEM format.");
	return name;
}

static void
set_sslrootcert(WeirStream *stream, DefElem *def)
{
	stream->sslrootcert = file_name(def);
}

static void
set_sslcert(WeirStream *stream, DefElem *def)
{
	stream->sslcert = file_name(def);
}

static void
set_sslkey(WeirStream *stream, DefElem *def)
{
	stream->sslkey = file_name(def);
}

static void
set_protocol(WeirStream *stream, DefElem *def)
{
	const char *word = defGetString(def);

	stream->resume = strcmp(word, "resume") == 0;
	stream->epoch = strcmp(word, "epoch") == 0;
	if (!stream->resume && !stream->epoch && strcmp(word, "none") != 0)
		weir_stream_option_refuse(def, "Give \"none\" or \"resume\", or \"epoch\" for a server that is written to.");
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

void
weir_set_max_journal(WeirStream *stream, DefElem *def)
{
	stream->max_journal =
		weir_stream_option_bytes(def, MIN_JOURNAL, (double) (PG_INT64_MAX / 2),
								 "Give a size of at least 1MB, such as \"10GB\".");
}

const WeirStreamOption weir_server_options[] = {
	{"listen", weir_set_listen, "off"},
	{"host", set_host, NULL},
	{"port", set_port, NULL},
	{"max_connections", weir_set_max_connections, "64"},
	{"allow", weir_set_allow, "127.0.0.0/8, ::1/128"},
	{"framing", set_framing, "delimiter"},
	{"record_delimiter", set_record_delimiter, NULL},
	{"partial", set_partial, "discard"},
	{"max_retries", set_max_retries, NULL},	/* 0; of a sink any number */
	{"retry_delay", set_retry_delay, "1 s"},
	{"connect_timeout", set_connect_timeout, "30 s"},
	{"keepalive_idle", set_keepalive_idle, "1 min"},
	{"idle_timeout", weir_set_idle_timeout, "0"},
	{"greeting", set_greeting, NULL},
	{"sslmode", set_sslmode, NULL},
	{"sslrootcert", set_sslrootcert, NULL},
	{"sslcert", set_sslcert, NULL},
	{"sslkey", set_sslkey, NULL},
	{"protocol", set_protocol, "none"},
	{"journal", set_journal, "on"},
	{"journal_flush", set_journal_flush, "10 ms"},
	{"max_journal", weir_set_max_journal, "10GB"},
	{NULL, NULL, NULL},
};

static void
require(const char *name, bool given, const char *hint)
{
	if (!given)
		ereport(ERROR,
				(errcode(ERRCODE_FDW_OPTION_NAME_NOT_FOUND),
				 errmsg("option \"%s\" is required", name),
				 errhint("%s", hint)));
}

/* Any of the files asks for TLS. */
static void
complete_tls(WeirStream *stream)
{
	bool		files = stream->sslrootcert || stream->sslcert || stream->sslkey;

	if (files && !stream->sslmode_given)
		stream->sslmode = WEIR_SSL_VERIFY_FULL;
	require("sslkey", !stream->sslcert || stream->sslkey, "A certificate needs its private key.");
	require("sslcert", !stream->sslkey || stream->sslcert, "A private key needs its certificate.");
	if (stream->sslmode != WEIR_SSL_DISABLE && !weir_tls_supported())
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("TLS is not supported by this build of the server"),
				 errhint("Use a server that was built with OpenSSL.")));
}

void
weir_server_options_complete(WeirStream *stream)
{
	const char *peer = stream->listen ? "Say at which port to listen: OPTIONS (listen 'on', port '9999')." :
		"Say where the peer listens: OPTIONS (host '127.0.0.1', port '9999').";

	require("host", stream->host != NULL || stream->listen, peer);
	require("port", stream->port != 0, peer);
	if (stream->greeting_len > 0 && stream->resume)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("options \"greeting\" and protocol \"resume\" exclude each other"),
				 errhint("In the protocol \"resume\" the first line to the sender is RESUME.")));
	complete_tls(stream);
	weir_listen_options_complete(stream);
}

/* The operating system's user of the server reads them, whoever made the server. */
void
weir_server_options_authorize(const WeirStream *stream)
{
	bool		system = stream->sslrootcert && strcmp(stream->sslrootcert, "system") == 0;

	if (((stream->sslrootcert && !system) || stream->sslcert || stream->sslkey) &&
		!has_privs_of_role(GetUserId(), ROLE_PG_READ_SERVER_FILES))
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("permission denied to make or alter a server that names files"),
				 errdetail("Options \"sslrootcert\", \"sslcert\" and \"sslkey\" name files of the database server."),
				 errhint("Only superusers and members of pg_read_server_files may; others can use sslmode without them, which trusts the system's certificates.")));
}
