#!/bin/sh
# librdkafka 2.0.2-1 (Debian 12), Apache Kafka 4.4.0. Needs cc.
#
# A transactional producer is fenced as soon as another one with its transactional.id has called
# rd_kafka_init_transactions, and a commit is how one finds out, one would guess: it must ask the broker. But a
# transaction in which nothing was sent is committed without a word to the broker: begin and commit return no
# error, for as often as they are called, while the other producer is at work. So an empty
# transaction is no proof that a producer still owns its name; the first one that sends something is.
. "$(dirname "$0")/lib/finding"
. "$(dirname "$0")/lib/kafka"

command -v cc > /dev/null || give_up "cc is missing"
debs librdkafka librdkafka1=2.0.2-1 librdkafka-dev=2.0.2-1
broker
cat > "$tmp/fenced.c" <<'C'
#include <stdio.h>
#include <librdkafka/rdkafka.h>

static rd_kafka_t *
producer(const char *brokers)
{
	char error[256];
	rd_kafka_conf_t *conf = rd_kafka_conf_new();

	rd_kafka_conf_set(conf, "bootstrap.servers", brokers, error, sizeof(error));
	rd_kafka_conf_set(conf, "transactional.id", "one", error, sizeof(error));
	rd_kafka_conf_set(conf, "log_level", "0", error, sizeof(error));
	return rd_kafka_new(RD_KAFKA_PRODUCER, conf, error, sizeof(error));
}

static void
say(const char *what, rd_kafka_error_t *error)
{
	printf("%s: %s\n", what, error == NULL ? "ok" : rd_kafka_error_name(error));
}

int
main(int argc, char **argv)
{
	rd_kafka_t *first = producer(argv[1]);

	say("first, init", rd_kafka_init_transactions(first, 60000));
	say("second, init", rd_kafka_init_transactions(producer(argv[1]), 60000));
	for (int i = 0; i < 2; i++)
	{
		say("first, begin", rd_kafka_begin_transaction(first));
		say("first, commit of nothing", rd_kafka_commit_transaction(first, 60000));
	}
	say("first, begin", rd_kafka_begin_transaction(first));
	rd_kafka_producev(first, RD_KAFKA_V_TOPIC("t"), RD_KAFKA_V_VALUE("x", 1), RD_KAFKA_V_END);
	say("first, commit of a message", rd_kafka_commit_transaction(first, 60000));
	return 0;
}
C
library=$(find "$tmp/librdkafka" -name 'librdkafka.so.1')
cc -I"$tmp/librdkafka/usr/include" -o "$tmp/fenced" "$tmp/fenced.c" "$library" -Wl,--unresolved-symbols=ignore-in-shared-libs ||
	give_up "cc failed"
unpacked librdkafka "$tmp/fenced" "$brokers" > "$tmp/seen"

same <<'SAID'
first, init: ok
second, init: ok
first, begin: ok
first, commit of nothing: ok
first, begin: ok
first, commit of nothing: ok
first, begin: ok
first, commit of a message: _FENCED
SAID
