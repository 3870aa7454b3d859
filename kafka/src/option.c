/*
 * option.c
 *		The options of servers and tables of the wrapper weir_kafka.
 */
#include "postgres.h"

#include <limits.h>

#include "catalog/pg_authid.h"
#include "catalog/pg_foreign_server.h"
#include "catalog/pg_user_mapping.h"
#include "commands/defrem.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/timestamp.h"

#include "option.h"
#include "property.h"
#include "remote/conntext.h"

#define MAX_TASKS			1024
#define MIN_DISCOVERY		INT64CONST(100000)	/* us */
#define MAX_TOPIC			249		/* characters, as brokers have it */
#define MAX_GROUP			255
#define MAX_MEMBER			180		/* with a job's name behind it, within 249 */

static WeirKafka *
own(WeirStream *stream)
{
	return stream->own;
}

/* A server by its name and port. */
static bool
is_broker(const char *text, Size len)
{
	const char *colon = memchr(text, ':', len);

	return len > 0 && colon != text;
}

static void
set_brokers(WeirStream *stream, DefElem *def)
{
	const char *text = defGetString(def);

	own(stream)->brokers = defGetString(def);
	for (;;)
	{
		Size		len = strcspn(text, ",");

		if (!is_broker(text, len))
			weir_stream_option_refuse(def, "Give one or more brokers to begin with, with a comma between them, such as \"kafka1:9092,kafka2:9092\".");
		if (text[len] == '\0')
			break;
		text += len + 1;
	}
}

/* What brokers take as the names of groups and members. */
static char *
read_name(DefElem *def)
{
	const char *name = defGetString(def);
	Size		len = strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-");

	if (len == 0 || len > MAX_MEMBER || name[len] != '\0')
		weir_stream_option_refuse(def, "Give a name of at most 180 letters, digits, dots, underscores and dashes.");
	return defGetString(def);
}

static void
set_group(WeirStream *stream, DefElem *def)
{
	own(stream)->group = read_name(def);
}

static void
set_member(WeirStream *stream, DefElem *def)
{
	own(stream)->member = read_name(def);
}

static void
add_peer(WeirStream *stream, DefElem *def, const char *text, Size len)
{
	Size		blank = strspn(text, " \t\n");
	char	   *peer;
	char	   *why;

	if (blank >= len)
		return;
	peer = pnstrdup(text + blank, len - blank);
	if (weir_conntext_parse(peer, &why) == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_FDW_INVALID_STRING_FORMAT),
				 errmsg("invalid value for option \"%s\"", def->defname),
				 errdetail("libpq says: %s.", why),
				 errhint("Give how to connect to each of the other servers, with a semicolon between them, such as \"host=b dbname=app user=weir; host=c dbname=app user=weir\".")));
	own(stream)->peers = lappend(own(stream)->peers, peer);
}

static void
set_peers(WeirStream *stream, DefElem *def)
{
	const char *text = defGetString(def);

	own(stream)->has_peers = true;
	for (;;)
	{
		Size		len = strcspn(text, ";");

		add_peer(stream, def, text, len);
		if (text[len] == '\0')
			break;
		text += len + 1;
	}
}

static void
set_topic(WeirStream *stream, DefElem *def)
{
	const char *topic = defGetString(def);
	Size		len = strspn(topic, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-");

	if (len == 0 || len > MAX_TOPIC || topic[len] != '\0' || strcmp(topic, ".") == 0 || strcmp(topic, "..") == 0)
		weir_stream_option_refuse(def, "Give the name of one topic, of at most 249 letters, digits, dots, underscores and dashes.");
	own(stream)->topic = defGetString(def);
}

static void
set_partitions(WeirStream *stream, DefElem *def)
{
	own(stream)->all_partitions = strcmp(defGetString(def), "all") == 0;
	if (!own(stream)->all_partitions &&
		!weir_selection_parse(defGetString(def), &own(stream)->partitions))
		weir_stream_option_refuse(def, "Give \"all\", or numbers and ranges of them, with a comma between them, such as \"0,3-5\".");
}

static void
name_start(void *arg)
{
	errcontext("option \"%s\"", ((DefElem *) arg)->defname);
	errhint("Give \"earliest\", \"latest\" or a time, such as \"2026-01-31 12:00+00\".");
}

static TimestampTz
read_time(DefElem *def)
{
	ErrorContextCallback context = {error_context_stack, name_start, def};
	TimestampTz time;

	error_context_stack = &context;
	time = DatumGetTimestampTz(DirectFunctionCall3(timestamptz_in, CStringGetDatum(defGetString(def)),
												   ObjectIdGetDatum(InvalidOid), Int32GetDatum(-1)));
	error_context_stack = context.previous;
	if (TIMESTAMP_NOT_FINITE(time))
		weir_stream_option_refuse(def, "Give \"earliest\", \"latest\" or a time, such as \"2026-01-31 12:00+00\".");
	return time;
}

static void
set_start(WeirStream *stream, DefElem *def)
{
	WeirKafka  *kafka = own(stream);

	if (strcmp(defGetString(def), "earliest") == 0)
		kafka->start = WEIR_KAFKA_EARLIEST;
	else if (strcmp(defGetString(def), "latest") == 0)
		kafka->start = WEIR_KAFKA_LATEST;
	else
	{
		kafka->start = WEIR_KAFKA_TIME;
		kafka->start_time = read_time(def);
	}
}

static void
set_source_parallelism(WeirStream *stream, DefElem *def)
{
	own(stream)->source_parallelism = weir_stream_option_integer(
		def, 1, MAX_TASKS, "Give a number of tasks, 1 to 1024; more than there are partitions have nothing to read.");
}

static void
set_discovery_interval(WeirStream *stream, DefElem *def)
{
	own(stream)->discovery_interval = weir_stream_option_interval(
		def, MIN_DISCOVERY, USECS_PER_DAY, "Give an interval of 100 ms to 1 day.");
}

static void
set_commit_offsets(WeirStream *stream, DefElem *def)
{
	own(stream)->commit_offsets = weir_stream_option_boolean(def);
}

static void
set_group_id(WeirStream *stream, DefElem *def)
{
	Size		len = strlen(defGetString(def));

	if (len == 0 || len > MAX_GROUP)
		weir_stream_option_refuse(def, "Give the name of a consumer group that nobody else commits to, of 1 to 255 bytes.");
	own(stream)->group_id = defGetString(def);
}

static void
set_format(WeirStream *stream, DefElem *def)
{
	static const char *const names[] = {"text", "csv", "jsonl", "line"};

	if (strcmp(defGetString(def), "raw") == 0)
	{
		stream->format = WEIR_FORMAT_RAW;
		return;
	}
	for (int i = 0; i < lengthof(names); i++)
	{
		if (strcmp(defGetString(def), names[i]) == 0)
		{
			weir_set_format(stream, def);
			return;
		}
	}
	weir_stream_option_refuse(def, "Give \"text\", \"csv\", \"jsonl\", \"line\" or \"raw\".");
}

static void
refuse_header(WeirStream *stream, DefElem *def)
{
	ereport(ERROR,
			(errcode(ERRCODE_FDW_INVALID_OPTION_NAME),
			 errmsg("option \"header\" is not available for a topic"),
			 errdetail("A topic has no first message that names columns."),
			 errhint("Leave the option out; records that are none can become dead letters: OPTIONS (on_error 'dead_letter').")));
}

const WeirStreamOption weir_kafka_server_options[] = {
	{"brokers", set_brokers, NULL},
	{"idle_timeout", weir_set_idle_timeout, "0"},
	{"group", set_group, NULL},
	{"member", set_member, NULL},
	{"peers", set_peers, NULL},
	{NULL, NULL, NULL},
};

const WeirStreamOption weir_kafka_table_options[] = {
	{"topic", set_topic, NULL},
	{"partitions", set_partitions, "all"},
	{"start", set_start, "earliest"},
	{"source_parallelism", set_source_parallelism, "1"},
	{"discovery_interval", set_discovery_interval, "30 s"},
	{"commit_offsets", set_commit_offsets, "on"},
	{"group_id", set_group_id, NULL},
	{"format", set_format, NULL},
	{"header", refuse_header, NULL},
	{"skip_empty", weir_set_skip_empty, "off"},
	{"delimiter", weir_set_delimiter, NULL},
	{"quote", weir_set_delimiter, NULL},
	{"escape", weir_set_delimiter, NULL},
	{"null", weir_set_copy_option, NULL},
	{"encoding", weir_set_encoding, NULL},
	{"on_error", weir_set_on_error, "stop"},
	{"max_record", weir_set_max_record, "256MB"},
	{"max_dead_letters", weir_set_max_dead_letters, "1000"},
	{"late", weir_set_late, "drop"},
	{"idle_timeout", weir_set_idle_timeout, NULL},	/* instead of the server's */
	{NULL, NULL, NULL},
};

/* Properties have dots in their names, but for this one. */
static bool
is_property(const char *name)
{
	return strchr(name, '.') != NULL || strcmp(name, "debug") == 0;
}

bool
weir_kafka_other_option(WeirStream *stream, DefElem *def, Oid catalog)
{
	if (!is_property(def->defname) ||
		(catalog != ForeignServerRelationId && catalog != UserMappingRelationId))
		return false;
	weir_kafka_property_check(def, catalog);
	own(stream)->properties = lappend(own(stream)->properties, def);
	return true;
}

const char *
weir_kafka_property(const WeirStream *stream, const char *name)
{
	ListCell   *lc;

	foreach(lc, weir_kafka_of(stream)->properties)
	{
		DefElem    *def = lfirst_node(DefElem, lc);

		if (strcmp(def->defname, name) == 0)
			return defGetString(def);
	}
	return NULL;
}

static void
require(const char *name, const char *value, const char *hint)
{
	if (value == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_FDW_OPTION_NAME_NOT_FOUND),
				 errmsg("option \"%s\" is required", name),
				 errhint("%s", hint)));
}

static void
refuse_group(const char *message, const char *detail, const char *hint)
{
	ereport(ERROR,
			(errcode(ERRCODE_FDW_INVALID_OPTION_NAME),
			 errmsg("%s", message),
			 errdetail("%s", detail),
			 errhint("%s", hint)));
}

/* Who does not ask the others would begin what they have anew. */
static void
check_group(const WeirKafka *kafka)
{
	if (kafka->group == NULL && (kafka->member || kafka->has_peers))
		refuse_group("options \"member\" and \"peers\" belong to a group", "Option \"group\" is not given.",
					 "Name the group of servers that share the topics: OPTIONS (ADD group 'name').");
	if (kafka->group && !kafka->has_peers)
		refuse_group("option \"peers\" is required in a group",
					 "Before a partition is read, the other servers are asked whether they have its state.",
					 "Say how to connect to each of them, such as \"host=b dbname=app user=weir; host=c dbname=app user=weir\", or '' if there is none.");
	if (kafka->group && !kafka->all_partitions)
		refuse_group("option \"partitions\" cannot be given in a group",
					 "The group says which server reads which partitions.", "Leave the option out.");
}

/* Records are given one by one: nothing that a text can hold ends one. */
void
weir_kafka_complete(WeirStream *stream)
{
	require("brokers", own(stream)->brokers, "Say where the brokers listen: OPTIONS (brokers 'kafka1:9092').");
	if (OidIsValid(stream->relid))
		require("topic", own(stream)->topic, "Say which topic it is: ALTER FOREIGN TABLE name OPTIONS (ADD topic 'name').");
	check_group(own(stream));
	stream->record_delimiter = pstrdup("");
	stream->record_delimiter_len = 1;
	stream->journal = true;
	stream->max_retries = -1;
	stream->max_journal = PG_INT64_MAX;
}

static void
refuse_role(const char *name, const char *what, const char *role)
{
	ereport(ERROR,
			(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
			 errmsg("permission denied to set property \"%s\"", name),
			 errdetail("Its value is %s of the database server.", what),
			 errhint("Only superusers and members of %s may.", role)));
}

/* The operating system's user of the server reads and runs them, whoever names them. */
static void
authorize(List *properties)
{
	ListCell   *lc;

	foreach(lc, properties)
	{
		const char *name = lfirst_node(DefElem, lc)->defname;

		if (weir_kafka_property_is_file(name) &&
			!has_privs_of_role(GetUserId(), ROLE_PG_READ_SERVER_FILES))
			refuse_role(name, "the name of a file", "pg_read_server_files");
		if (weir_kafka_property_is_program(name) &&
			!has_privs_of_role(GetUserId(), ROLE_PG_EXECUTE_SERVER_PROGRAM))
			refuse_role(name, "a program or a library, or an argument of one,", "pg_execute_server_program");
	}
}

void
weir_kafka_authorize(const WeirStream *stream)
{
	authorize(weir_kafka_of(stream)->properties);
	if (weir_kafka_of(stream)->peers != NIL && !superuser())
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("permission denied to set option \"peers\""),
				 errdetail("The connections are made by the operating system's user of the database server."),
				 errhint("Only superusers may.")));
}

void
weir_kafka_authorize_mapping(List *options)
{
	authorize(options);
}
