/*
 * client.c
 *		A client of librdkafka as Weir runs it.
 *
 * librdkafka has threads of its own.  They are made with all signals blocked, so
 * that a signal always meets the thread that is PostgreSQL's; they call nothing
 * of PostgreSQL's.  What they have to say, log lines and errors, waits in the
 * client's queue until that thread reads it.
 */
#include "postgres.h"

#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <syslog.h>
#include <unistd.h>

#include "access/reloptions.h"
#include "catalog/pg_user_mapping.h"
#include "commands/defrem.h"
#include "foreign/fdwapi.h"
#include "foreign/foreign.h"
#include "lib/ilist.h"
#include "miscadmin.h"
#include "storage/fd.h"
#include "storage/ipc.h"
#include "utils/syscache.h"

#include "client.h"
#include "enquiry.h"
#include "option.h"
#include "base/text.h"

#define BUFFERED_KBYTES "32768"
#define PROPAGATION_MS	"10000" /* so long a topic may be unknown before it is missing */

#define END_MS			5000

/* A client that ends, and what is readable when it has. */
typedef struct Ending
{
	rd_kafka_t *rk;
	int			done;
} Ending;

typedef struct Client
{
	WeirKafkaClient public;		/* first */
	dlist_node	node;
	MemoryContextCallback with_memory;
} Client;

static dlist_head clients = DLIST_STATIC_INIT(clients);
static sigset_t signals_before;
static bool left = false;		/* a client whose threads did not end */

void
weir_kafka_signals_block(void)
{
	sigset_t	all;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &signals_before);
}

void
weir_kafka_signals_unblock(void)
{
	pthread_sigmask(SIG_SETMASK, &signals_before, NULL);
}

void
weir_kafka_conf_set(rd_kafka_conf_t *conf, const char *name, const char *value)
{
	char		why[256];

	if (rd_kafka_conf_set(conf, name, value, why, sizeof(why)) != RD_KAFKA_CONF_OK)
		ereport(ERROR,
				(errcode(ERRCODE_FDW_INVALID_ATTRIBUTE_VALUE),
				 errmsg("property \"%s\" cannot be \"%s\"", name, value),
				 errdetail("librdkafka %s says: %s.", rd_kafka_version_str(), why)));
}

static List *
mapping_options(Oid user, Oid server)
{
	HeapTuple	tuple = SearchSysCache2(USERMAPPINGUSERSERVER, ObjectIdGetDatum(user),
										ObjectIdGetDatum(server));
	List	   *options = NIL;
	bool		isnull;
	Datum		array;

	if (!HeapTupleIsValid(tuple))
		return NIL;
	array = SysCacheGetAttr(USERMAPPINGUSERSERVER, tuple, Anum_pg_user_mapping_umoptions, &isnull);
	if (!isnull)
		options = untransformRelOptions(array);
	ReleaseSysCache(tuple);
	return options;
}

/* Of the user, or else of everybody. */
static List *
user_mapping(Oid user, Oid server)
{
	List	   *options = mapping_options(user, server);

	return options != NIL ? options : mapping_options(InvalidOid, server);
}

static void
set_all(rd_kafka_conf_t *conf, List *properties)
{
	ListCell   *lc;

	foreach(lc, properties)
	{
		DefElem    *def = lfirst_node(DefElem, lc);

		weir_kafka_conf_set(conf, def->defname, defGetString(def));
	}
}

/*
 * A client stops fetching while enough waits in its queue.  Before librdkafka 2.2 it looks
 * again after a second, whatever was taken meanwhile: then that much must be
 * there that it is no pause.
 */
static void
set_prefetch(rd_kafka_conf_t *conf)
{
	bool		looks = rd_kafka_conf_set(conf, "fetch.queue.backoff.ms", "10", NULL, 0) == RD_KAFKA_CONF_OK;

	weir_kafka_conf_set(conf, "queued.max.messages.kbytes", looks ? "16384" : "65536");
	weir_kafka_conf_set(conf, "queued.min.messages", looks ? "100000" : "1000000");
}

static void
set_defaults(rd_kafka_conf_t *conf, rd_kafka_type_t type)
{
	weir_kafka_conf_set(conf, "client.id", "weir");
	weir_kafka_conf_set(conf, "log.queue", "true");
	if (type == RD_KAFKA_PRODUCER)
	{
		weir_kafka_conf_set(conf, "queue.buffering.max.kbytes", BUFFERED_KBYTES);
		weir_kafka_conf_set(conf, "topic.metadata.propagation.max.ms", PROPAGATION_MS);
		return;
	}
	set_prefetch(conf);
	weir_kafka_conf_set(conf, "enable.auto.commit", "false");
	weir_kafka_conf_set(conf, "enable.auto.offset.store", "false");
	weir_kafka_conf_set(conf, "auto.offset.reset", "error");
	weir_kafka_conf_set(conf, "check.crcs", "true");
}

static void
set_properties(rd_kafka_conf_t *conf, rd_kafka_type_t type, const WeirStream *stream, Oid user)
{
	const WeirKafka *kafka = weir_kafka_of(stream);

	set_defaults(conf, type);
	weir_kafka_conf_set(conf, "bootstrap.servers", kafka->brokers);
	set_all(conf, kafka->properties);
	set_all(conf, user_mapping(user, GetForeignServerIdByRelId(stream->relid)));
}

rd_kafka_conf_t *
weir_kafka_conf(const WeirStream *stream, rd_kafka_type_t type, Oid user)
{
	rd_kafka_conf_t *conf = rd_kafka_conf_new();

	PG_TRY();
	{
		set_properties(conf, type, stream, user);
	}
	PG_CATCH();
	{
		rd_kafka_conf_destroy(conf);
		PG_RE_THROW();
	}
	PG_END_TRY();
	return conf;
}

/* Served by the process's thread, as all callbacks are.  Connections that fail are told as errors, too. */
static void
note_log(const rd_kafka_t *rk, int level, const char *facility, const char *text)
{
	if (level > LOG_WARNING || strcmp(facility, "CONFWARN") == 0 || strcmp(facility, "FAIL") == 0)
		ereport(DEBUG1, (errmsg_internal("librdkafka: %s: %s", facility, text)));
	else
		ereport(LOG, (errmsg("librdkafka says: %s", text),
					  errdetail("Client \"%s\", message %s.", rd_kafka_name(rk), facility)));
}

/*
 * Brokers that are away come again; what is fatal is not mended by itself.  That all are down says less
 * than what was told of the last one.
 */
static void
note_error(rd_kafka_t *rk, int code, const char *reason, void *opaque)
{
	WeirKafkaClient *client = opaque;

	client->errors++;
	client->denied = client->denied || code == RD_KAFKA_RESP_ERR__AUTHENTICATION;
	client->down = client->down || code == RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN;
	if (code != RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN || client->last_error[0] == '\0')
		weir_text_copy(client->last_error, reason, sizeof(client->last_error));
	if (code == RD_KAFKA_RESP_ERR__FATAL)
		client->fatal = rd_kafka_fatal_error(rk, client->fatal_text, sizeof(client->fatal_text));
}

/* A thread of its own, since librdkafka ends when its threads have ended, however long one waits for a broker. */
static void *
end_client(void *arg)
{
	static const uint64 one = 1;
	Ending	   *ending = arg;
	ssize_t		written;

	rd_kafka_destroy_flags(ending->rk, RD_KAFKA_DESTROY_F_NO_CONSUMER_CLOSE);
	written = write(ending->done, &one, sizeof(one));
	return written < 0 ? arg : NULL;
}

/* False: it takes longer than anybody should wait; its thread is left alone. */
static bool
end_in_time(rd_kafka_t *rk)
{
	Ending	   *ending = malloc(sizeof(Ending));
	struct pollfd done = {eventfd(0, EFD_CLOEXEC), POLLIN, 0};
	pthread_t	thread;
	int			code;

	if (ending == NULL || done.fd < 0)
		return false;
	ending->rk = rk;
	ending->done = done.fd;
	weir_kafka_signals_block();
	code = pthread_create(&thread, NULL, end_client, ending);
	if (code == 0)
		code = poll(&done, 1, END_MS) == 1 ? pthread_join(thread, NULL) : ETIMEDOUT;
	weir_kafka_signals_unblock();
	if (code != 0)
		return false;
	close(done.fd);
	free(ending);
	return true;
}

static void
destroy(Client *client)
{
	if (client->public.ready < 0)
		return;
	dlist_delete(&client->node);
	if (client->public.rk != NULL)
	{
		weir_kafka_enquiries_end(client->public.rk);
		if (client->public.release)
			client->public.release(&client->public);
		rd_kafka_queue_io_event_enable(client->public.queue, -1, NULL, 0);
		rd_kafka_queue_destroy(client->public.queue);
		if (client->public.busy || !end_in_time(client->public.rk))
			left = true;
	}
	if (!left)
		close(client->public.ready);
	ReleaseExternalFD();
	client->public.rk = NULL;
	client->public.ready = -1;
}

static void
destroy_with_memory(void *arg)
{
	destroy(arg);
}

/* No thread is to run while the process takes itself apart: with one that does not end it ends at once. */
static void
destroy_all(int code, Datum arg)
{
	while (!dlist_is_empty(&clients))
		destroy(dlist_head_element(Client, node, &clients));
	if (left)
		_exit(code);
}

static int
open_ready(void)
{
	int			fd;

	if (!AcquireExternalFD())
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_RESOURCES),
				 errmsg("too many open files for a client of Kafka"),
				 errhint("Raise max_files_per_process.")));
	fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	if (fd < 0)
	{
		ReleaseExternalFD();
		ereport(ERROR,
				(errcode_for_file_access(),
				 errmsg("could not make a client of Kafka: %m")));
	}
	return fd;
}

/* Everything comes by one queue. */
static void
join_queues(WeirKafkaClient *client, rd_kafka_type_t type)
{
	static const uint64 one = 1;

	if (type == RD_KAFKA_CONSUMER)
	{
		rd_kafka_poll_set_consumer(client->rk);
		client->queue = rd_kafka_queue_get_consumer(client->rk);
	}
	else
		client->queue = rd_kafka_queue_get_main(client->rk);
	rd_kafka_set_log_queue(client->rk, client->queue);
	rd_kafka_queue_io_event_enable(client->queue, client->ready, &one, sizeof(one));
}

WeirKafkaClient *
weir_kafka_client_create(rd_kafka_conf_t *conf, rd_kafka_type_t type)
{
	static bool registered = false;
	Client	   *client = palloc0(sizeof(Client));
	char		why[256];

	if (!registered)
		on_proc_exit(destroy_all, (Datum) 0);
	registered = true;
	client->public.ready = open_ready();
	dlist_push_tail(&clients, &client->node);
	client->with_memory.func = destroy_with_memory;
	client->with_memory.arg = client;
	MemoryContextRegisterResetCallback(CurrentMemoryContext, &client->with_memory);
	rd_kafka_conf_set_opaque(conf, client);
	rd_kafka_conf_set_log_cb(conf, note_log);
	rd_kafka_conf_set_error_cb(conf, note_error);
	weir_kafka_signals_block();
	client->public.rk = rd_kafka_new(type, conf, why, sizeof(why));
	weir_kafka_signals_unblock();
	if (client->public.rk == NULL)
	{
		rd_kafka_conf_destroy(conf);
		destroy(client);
		ereport(ERROR,
				(errcode(ERRCODE_FDW_UNABLE_TO_CREATE_EXECUTION),
				 errmsg("could not make a client of Kafka"),
				 errdetail("librdkafka %s says: %s.", rd_kafka_version_str(), why),
				 errhint("Look at the options of the server and of the job owner's user mapping.")));
	}
	join_queues(&client->public, type);
	return &client->public;
}

void
weir_kafka_client_destroy(WeirKafkaClient *client)
{
	destroy((Client *) client);
}

void
weir_kafka_client_hear(WeirKafkaClient *client, rd_kafka_event_t *event)
{
	const char *facility;
	const char *text;
	int			level;

	if (rd_kafka_event_type(event) == RD_KAFKA_EVENT_LOG)
	{
		if (rd_kafka_event_log(event, &facility, &text, &level) == 0)
			note_log(client->rk, level, facility, text);
	}
	else if (rd_kafka_event_type(event) == RD_KAFKA_EVENT_ERROR)
		note_error(client->rk, rd_kafka_event_error_is_fatal(event) ? RD_KAFKA_RESP_ERR__FATAL :
				   rd_kafka_event_error(event), rd_kafka_event_error_string(event), client);
}

void
weir_kafka_client_clear_ready(WeirKafkaClient *client)
{
	uint64		count;

	while (read(client->ready, &count, sizeof(count)) < 0 && errno == EINTR)
		;
}
