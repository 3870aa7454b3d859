/*
 * property.c
 *		Which properties of librdkafka users may set, and where.
 *
 * librdkafka is the judge of names and values; here stand those that Weir sets
 * itself, since exactly once hangs on them, and those whose values are secrets.
 */
#include "postgres.h"

#include <librdkafka/rdkafka.h>

#include "catalog/pg_foreign_server.h"
#include "catalog/pg_user_mapping.h"
#include "commands/defrem.h"

#include "property.h"

typedef struct Refusal
{
	const char *name;
	const char *why;
	const char *instead;
} Refusal;

#define BY_WEIR "Leave the option out."

static const Refusal refusals[] = {
	{"bootstrap.servers", "It has a name of its own here.", "Use the option \"brokers\"."},
	{"metadata.broker.list", "It has a name of its own here.", "Use the option \"brokers\"."},
	{"group.id", "It names where the broker is told how far a job has read.", "Use the foreign table's option \"group_id\"."},
	{"group.instance.id", "Partitions are divided by Weir.", "Use the option \"member\", of servers that share a topic."},
	{"group.protocol", "Partitions are divided by Weir.", BY_WEIR},
	{"group.remote.assignor", "Partitions are divided by Weir.", BY_WEIR},
	{"partition.assignment.strategy", "Partitions are divided by Weir.", BY_WEIR},
	{"enable.auto.commit", "Positions are part of checkpoints.", "Use the foreign table's option \"commit_offsets\"."},
	{"auto.commit.enable", "Positions are part of checkpoints.", "Use the foreign table's option \"commit_offsets\"."},
	{"auto.commit.interval.ms", "Positions are part of checkpoints.", BY_WEIR},
	{"enable.auto.offset.store", "Positions are part of checkpoints.", BY_WEIR},
	{"offset.store.method", "Positions are part of checkpoints.", BY_WEIR},
	{"offset.store.path", "Positions are part of checkpoints.", BY_WEIR},
	{"offset.store.sync.interval.ms", "Positions are part of checkpoints.", BY_WEIR},
	{"auto.offset.reset", "A position that the broker does not have is an error of the job.", "Use the foreign table's option \"start\", and weir.start_job(allow_gap => true)."},
	{"enable.partition.eof", "A stream of a topic has no end.", BY_WEIR},
	{"transactional.id", "It is made of the job and its sink, so that no other job writes for it.", BY_WEIR},
	{"enable.idempotence", "What is sent must neither be doubled nor change its order.", BY_WEIR},
	{"enable.gapless.guarantee", "What is sent must neither be doubled nor change its order.", BY_WEIR},
	{"check.crcs", "A broken record must not be handed out.", BY_WEIR},
	{"delivery.report.only.error", "What was sent must be known.", BY_WEIR},
	{"allow.auto.create.topics", "A topic that is missing is an error of the job.", BY_WEIR},
	{"log.queue", "The server's log is written by one thread.", BY_WEIR},
	{"internal.termination.signal", "Signals are the server's.", BY_WEIR},
	{"enabled_events", "They are taken by Weir.", BY_WEIR},
	{"plugin.library.paths", "It would load libraries into the server.", BY_WEIR},
};

static const char *const secrets[] = {
	"sasl.password", "ssl.key.password", "ssl.key.pem", "ssl.keystore.password",
	"sasl.oauthbearer.client.secret", "sasl.oauthbearer.config",
	"sasl.oauthbearer.client.credentials.client.secret", "sasl.oauthbearer.assertion.private.key.pem",
	"sasl.oauthbearer.assertion.private.key.passphrase"
};

static const char *const files[] = {
	"ssl.ca.location", "ssl.certificate.location", "ssl.key.location", "ssl.keystore.location",
	"ssl.crl.location", "https.ca.location",
	"sasl.oauthbearer.assertion.file", "sasl.oauthbearer.assertion.private.key.file",
	"sasl.oauthbearer.assertion.jwt.template.file"
};

/* librdkafka puts the first four into a shell's command line as they are. */
static const char *const programs[] = {
	"sasl.kerberos.kinit.cmd", "sasl.kerberos.principal", "sasl.kerberos.keytab", "sasl.kerberos.service.name",
	"ssl.engine.location", "ssl.providers", "sasl.oauthbearer.metadata.authentication.type"
};

static bool
is_among(const char *name, const char *const *names, int n)
{
	for (int i = 0; i < n; i++)
	{
		if (strcmp(names[i], name) == 0)
			return true;
	}
	return false;
}

bool
weir_kafka_property_is_file(const char *name)
{
	return is_among(name, files, lengthof(files));
}

bool
weir_kafka_property_is_program(const char *name)
{
	return is_among(name, programs, lengthof(programs));
}

static void
check_not_weirs(const char *name)
{
	for (int i = 0; i < lengthof(refusals); i++)
	{
		if (strcmp(refusals[i].name, name) == 0)
			ereport(ERROR,
					(errcode(ERRCODE_FDW_INVALID_OPTION_NAME),
					 errmsg("property \"%s\" of librdkafka is set by weir", name),
					 errdetail("%s", refusals[i].why),
					 errhint("%s", refusals[i].instead)));
	}
}

/* What only the user of a mapping may see, and what only a mapping may say. */
static void
check_place(const char *name, Oid catalog)
{
	bool		secret = is_among(name, secrets, lengthof(secrets));

	if (secret && catalog == ForeignServerRelationId)
		ereport(ERROR,
				(errcode(ERRCODE_FDW_INVALID_OPTION_NAME),
				 errmsg("property \"%s\" cannot be an option of a server", name),
				 errdetail("Everybody may read the options of servers."),
				 errhint("Give it to the jobs' owner: CREATE USER MAPPING FOR name SERVER name OPTIONS (\"%s\" '...').", name)));
	if (catalog == UserMappingRelationId && strncmp(name, "sasl.", 5) != 0 && strncmp(name, "ssl.", 4) != 0)
		ereport(ERROR,
				(errcode(ERRCODE_FDW_INVALID_OPTION_NAME),
				 errmsg("property \"%s\" cannot be an option of a user mapping", name),
				 errdetail("A user mapping says who somebody is to the brokers."),
				 errhint("Give it to the server.")));
}

/* By librdkafka; what a file holds is read when it is used. */
static void
check_value(DefElem *def)
{
	rd_kafka_conf_t *conf = rd_kafka_conf_new();
	char		why[256] = "";
	rd_kafka_conf_res_t result;

	result = rd_kafka_conf_set(conf, def->defname, defGetString(def), why, sizeof(why));
	rd_kafka_conf_destroy(conf);
	if (result == RD_KAFKA_CONF_UNKNOWN)
		ereport(ERROR,
				(errcode(ERRCODE_FDW_INVALID_OPTION_NAME),
				 errmsg("invalid option \"%s\"", def->defname),
				 errdetail("librdkafka says: %s.", why),
				 errhint("Give a property of librdkafka by the name that its documentation has.")));
	if (result != RD_KAFKA_CONF_OK)
		ereport(ERROR,
				(errcode(ERRCODE_FDW_INVALID_ATTRIBUTE_VALUE),
				 errmsg("invalid value for property \"%s\" of librdkafka", def->defname),
				 errdetail("librdkafka says: %s.", why),
				 errhint("Give a value as its documentation has it.")));
}

void
weir_kafka_property_check(DefElem *def, Oid catalog)
{
	check_not_weirs(def->defname);
	check_value(def);
	check_place(def->defname, catalog);
}
