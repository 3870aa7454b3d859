/*
 * topic.c
 *	  What tests do with topics, beside what kcat can.
 *
 *	topic BROKERS create TOPIC PARTITIONS [NAME=VALUE...]
 *	topic BROKERS add TOPIC PARTITIONS		so many in all
 *	topic BROKERS drop TOPIC
 *	topic BROKERS forget TOPIC PARTITION OFFSET	what lies before
 *	topic BROKERS ends TOPIC				a line a partition: number, first offset, end
 *	topic BROKERS committed GROUP TOPIC		a line a partition: number, offset, metadata
 *	topic BROKERS put TOPIC [commit|abort|hang ID]
 *
 * put reads lines "partition TAB ms TAB key TAB value [TAB header=value...]": partition -1 is
 * by key, ms 0 is now, \N is NULL.  With ID they are one transaction, which is committed, aborted,
 * or left open until this process is killed: it says "open" then.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <librdkafka/rdkafka.h>

#define TIMEOUT 30000			/* ms */
#define MAX_HEADERS 16

static rd_kafka_t *client;
static const char *unsent;		/* why a message could not be sent */

static void
fail(const char *format,...)
{
	va_list		args;

	va_start(args, format);
	fputs("topic: ", stderr);
	vfprintf(stderr, format, args);
	fputc('\n', stderr);
	va_end(args);
	exit(1);
}

static void
delivered(rd_kafka_t *producer, const rd_kafka_message_t *message, void *opaque)
{
	if (message->err)
		unsent = rd_kafka_err2str(message->err);
}

static void
set(rd_kafka_conf_t *conf, const char *name, const char *value)
{
	char		error[256];

	if (rd_kafka_conf_set(conf, name, value, error, sizeof(error)) != RD_KAFKA_CONF_OK)
		fail("%s", error);
}

static void
connect_as(rd_kafka_type_t type, const char *brokers, const char *name, const char *value)
{
	rd_kafka_conf_t *conf = rd_kafka_conf_new();
	char		error[256];

	set(conf, "bootstrap.servers", brokers);
	set(conf, "log_level", "3");
	if (type == RD_KAFKA_PRODUCER)
	{
		set(conf, "linger.ms", "5");
		set(conf, "enable.idempotence", "true");
		set(conf, "partitioner", "murmur2_random");
		rd_kafka_conf_set_dr_msg_cb(conf, delivered);
	}
	if (name != NULL)
		set(conf, name, value);
	client = rd_kafka_new(type, conf, error, sizeof(error));
	if (client == NULL)
		fail("%s", error);
}

/* The number of partitions; 0: there is no such topic. */
static int
partitions_of(const char *topic)
{
	rd_kafka_topic_t *handle = rd_kafka_topic_new(client, topic, NULL);
	const struct rd_kafka_metadata *metadata;
	rd_kafka_resp_err_t err = rd_kafka_metadata(client, 0, handle, &metadata, TIMEOUT);
	int			n;

	if (err)
		fail("%s", rd_kafka_err2str(err));
	n = metadata->topics[0].partition_cnt;
	rd_kafka_metadata_destroy(metadata);
	rd_kafka_topic_destroy(handle);
	return n;
}

/* Does every partition have a leader that answers? */
static int
is_ready(const char *topic, int partitions)
{
	for (int partition = 0; partition < partitions; partition++)
	{
		int64_t		low;
		int64_t		high;

		if (rd_kafka_query_watermark_offsets(client, topic, partition, &low, &high, TIMEOUT))
			return 0;
	}
	return 1;
}

/* Other clients look at once, so it is not done before the broker shows it. */
static void
await_partitions(const char *topic, int n)
{
	int			tries = TIMEOUT / 20;

	while (partitions_of(topic) != n || !is_ready(topic, n))
	{
		if (--tries == 0)
			fail("topic %s has %d partitions, not %d", topic, partitions_of(topic), n);
		usleep(20000);
	}
}

/* ---- administration ---- */

static rd_kafka_event_t *
answer(rd_kafka_queue_t *queue)
{
	rd_kafka_event_t *event = rd_kafka_queue_poll(queue, TIMEOUT);

	if (event == NULL)
		fail("the broker does not answer");
	if (rd_kafka_event_error(event))
		fail("%s", rd_kafka_event_error_string(event));
	return event;
}

static void
check_topics(const rd_kafka_topic_result_t **results, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (rd_kafka_topic_result_error(results[i]))
			fail("%s", rd_kafka_topic_result_error_string(results[i]));
}

static void
create(const char *topic, int partitions, char **options)
{
	char		error[256];
	rd_kafka_queue_t *queue = rd_kafka_queue_new(client);
	rd_kafka_NewTopic_t *new = rd_kafka_NewTopic_new(topic, partitions, -1, error, sizeof(error));
	const rd_kafka_topic_result_t **results;
	size_t		n;

	for (; *options != NULL; options++)
	{
		char	   *value = strchr(*options, '=');

		if (value == NULL)
			fail("no value: %s", *options);
		*value++ = '\0';
		rd_kafka_NewTopic_set_config(new, *options, value);
	}
	rd_kafka_CreateTopics(client, &new, 1, NULL, queue);
	results = rd_kafka_CreateTopics_result_topics(rd_kafka_event_CreateTopics_result(answer(queue)), &n);
	check_topics(results, n);
	await_partitions(topic, partitions);
}

static void
add(const char *topic, int partitions)
{
	char		error[256];
	rd_kafka_queue_t *queue = rd_kafka_queue_new(client);
	rd_kafka_NewPartitions_t *new = rd_kafka_NewPartitions_new(topic, partitions, error, sizeof(error));
	const rd_kafka_topic_result_t **results;
	size_t		n;

	rd_kafka_CreatePartitions(client, &new, 1, NULL, queue);
	results = rd_kafka_CreatePartitions_result_topics(rd_kafka_event_CreatePartitions_result(answer(queue)), &n);
	check_topics(results, n);
	await_partitions(topic, partitions);
}

static void
drop(const char *topic)
{
	rd_kafka_queue_t *queue = rd_kafka_queue_new(client);
	rd_kafka_DeleteTopic_t *old = rd_kafka_DeleteTopic_new(topic);
	const rd_kafka_topic_result_t **results;
	size_t		n;

	rd_kafka_DeleteTopics(client, &old, 1, NULL, queue);
	results = rd_kafka_DeleteTopics_result_topics(rd_kafka_event_DeleteTopics_result(answer(queue)), &n);
	check_topics(results, n);
	await_partitions(topic, 0);
}

static void
forget(const char *topic, int partition, long long offset)
{
	rd_kafka_queue_t *queue = rd_kafka_queue_new(client);
	rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
	const rd_kafka_topic_partition_list_t *result;
	rd_kafka_DeleteRecords_t *before;

	rd_kafka_topic_partition_list_add(list, topic, partition)->offset = offset;
	before = rd_kafka_DeleteRecords_new(list);
	rd_kafka_DeleteRecords(client, &before, 1, NULL, queue);
	result = rd_kafka_DeleteRecords_result_offsets(rd_kafka_event_DeleteRecords_result(answer(queue)));
	if (result->elems[0].err)
		fail("%s", rd_kafka_err2str(result->elems[0].err));
}

/* ---- looking ---- */

static void
ends(const char *topic)
{
	int			n = partitions_of(topic);

	for (int partition = 0; partition < n; partition++)
	{
		int64_t		low;
		int64_t		high;
		rd_kafka_resp_err_t err = rd_kafka_query_watermark_offsets(client, topic, partition, &low, &high,
																   TIMEOUT);

		if (err)
			fail("partition %d: %s", partition, rd_kafka_err2str(err));
		printf("%d\t%lld\t%lld\n", partition, (long long) low, (long long) high);
	}
}

static void
committed(const char *topic)
{
	int			n = partitions_of(topic);
	rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(n);
	rd_kafka_resp_err_t err;

	rd_kafka_topic_partition_list_add_range(list, topic, 0, n - 1);
	err = rd_kafka_committed(client, list, TIMEOUT);
	if (err)
		fail("%s", rd_kafka_err2str(err));
	for (int i = 0; i < list->cnt; i++)
		if (list->elems[i].offset >= 0)
			printf("%d\t%lld\t%.*s\n", list->elems[i].partition, (long long) list->elems[i].offset,
				   (int) list->elems[i].metadata_size, (char *) list->elems[i].metadata);
}

/* ---- producing ---- */

static void
check(rd_kafka_error_t *error)
{
	if (error != NULL)
		fail("%s", rd_kafka_error_string(error));
}

/* The next field of a line; NULL for \N. */
static char *
field(char **rest)
{
	char	   *value = strsep(rest, "\t");

	if (value == NULL)
		fail("a line has too few fields");
	return strcmp(value, "\\N") == 0 ? NULL : value;
}

static size_t
length(const char *value)
{
	return value == NULL ? 0 : strlen(value);
}

static rd_kafka_headers_t *
headers_of(char *rest)
{
	rd_kafka_headers_t *headers = rd_kafka_headers_new(MAX_HEADERS);

	while (rest != NULL)
	{
		char	   *name = strsep(&rest, "\t");
		char	   *value = strchr(name, '=');

		if (value == NULL)
			fail("no value: %s", name);
		*value++ = '\0';
		if (strcmp(value, "\\N") == 0)
			value = NULL;
		rd_kafka_header_add(headers, name, -1, value, -1);
	}
	return headers;
}

static void
put_line(const char *topic, char *line)
{
	int			partition = atoi(field(&line));
	long long	timestamp = atoll(field(&line));
	char	   *key = field(&line);
	char	   *value = field(&line);
	rd_kafka_headers_t *headers = headers_of(line);
	rd_kafka_resp_err_t err;

	while ((err = rd_kafka_producev(client, RD_KAFKA_V_TOPIC(topic), RD_KAFKA_V_PARTITION(partition),
									RD_KAFKA_V_TIMESTAMP(timestamp), RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY),
									RD_KAFKA_V_KEY(key, length(key)),
									RD_KAFKA_V_VALUE(value, length(value)),
									RD_KAFKA_V_HEADERS(headers),
									RD_KAFKA_V_END)) == RD_KAFKA_RESP_ERR__QUEUE_FULL)
		rd_kafka_poll(client, 100);
	if (err)
		fail("%s", rd_kafka_err2str(err));
	rd_kafka_poll(client, 0);
}

static void
put_lines(const char *topic)
{
	char	   *line = NULL;
	size_t		room = 0;
	ssize_t		n;

	while ((n = getline(&line, &room, stdin)) > 0)
	{
		if (line[n - 1] == '\n')
			line[n - 1] = '\0';
		put_line(topic, line);
	}
	if (rd_kafka_flush(client, TIMEOUT))
		fail("not all could be sent");
	if (unsent != NULL)
		fail("%s", unsent);
}

static void
put_transaction(const char *topic, const char *end)
{
	check(rd_kafka_init_transactions(client, TIMEOUT));
	check(rd_kafka_begin_transaction(client));
	put_lines(topic);
	if (strcmp(end, "commit") == 0)
		check(rd_kafka_commit_transaction(client, TIMEOUT));
	else if (strcmp(end, "abort") == 0)
		check(rd_kafka_abort_transaction(client, TIMEOUT));
	else
	{
		puts("open");
		fflush(stdout);
		while (1)
			pause();
	}
}

static int
usage(void)
{
	fail("see the head of its source");
	return 2;
}

int
main(int argc, char **argv)
{
	const char *brokers = argc > 3 ? argv[1] : NULL;
	const char *command = argc > 3 ? argv[2] : "";
	char	  **rest = argv + 3;

	if (strcmp(command, "put") == 0)
	{
		connect_as(RD_KAFKA_PRODUCER, brokers, argc > 5 ? "transactional.id" : NULL, argc > 5 ? rest[2] : NULL);
		if (argc > 5)
			put_transaction(rest[0], rest[1]);
		else
			put_lines(rest[0]);
	}
	else if (strcmp(command, "committed") == 0 && argc == 5)
	{
		connect_as(RD_KAFKA_CONSUMER, brokers, "group.id", rest[0]);
		committed(rest[1]);
	}
	else
	{
		connect_as(RD_KAFKA_PRODUCER, brokers, NULL, NULL);
		if (strcmp(command, "create") == 0 && argc >= 5)
			create(rest[0], atoi(rest[1]), rest + 2);
		else if (strcmp(command, "add") == 0 && argc == 5)
			add(rest[0], atoi(rest[1]));
		else if (strcmp(command, "drop") == 0 && argc == 4)
			drop(rest[0]);
		else if (strcmp(command, "forget") == 0 && argc == 6)
			forget(rest[0], atoi(rest[1]), atoll(rest[2]));
		else if (strcmp(command, "ends") == 0 && argc == 4)
			ends(rest[0]);
		else
			return usage();
	}
	return 0;
}
