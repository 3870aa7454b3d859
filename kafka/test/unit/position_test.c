/*
 * position_test.c
 *		Positions in a topic as bytes, and as the sum of its tasks'.
 */
#include <string.h>

#include "position.h"
#include "tap.h"
#include "tests.h"

static bool
same_part(const WeirKafkaPart *a, const WeirKafkaPart *b)
{
	return a->partition == b->partition && a->next == b->next && a->known == b->known &&
		(a->known < 0 || a->print == b->print);
}

static bool
same(const WeirKafkaPosition *a, const WeirKafkaPosition *b)
{
	for (int i = 0; i < a->n && i < b->n; i++)
	{
		if (!same_part(&a->parts[i], &b->parts[i]))
			return false;
	}
	return a->topic == b->topic && a->clock == b->clock && a->ended == b->ended &&
		a->records == b->records && a->n == b->n;
}

static WeirKafkaPart
part(int32_t partition, int64_t next, int64_t known, uint32_t print)
{
	WeirKafkaPart result;

	result.partition = partition;
	result.next = next;
	result.known = known;
	result.print = print;
	return result;
}

static void
set(WeirKafkaPosition *position, int32_t partition, int64_t next, int64_t known, uint32_t print)
{
	WeirKafkaPart p = part(partition, next, known, print);

	(void) weir_kafka_position_set(position, &p);
}

static void
test_bytes(void)
{
	static const uint8_t version_1[] = {1, 1, 0, 1, 2, 3, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xfe,
	0xac, 0x02, 0, 0, 0, 1, 0xc9, 0x01, 1, 9, 8, 7, 6, 0, 1, 0};
	static WeirKafkaPosition position;
	static WeirKafkaPosition read;
	WeirPosition bytes;
	bool		all = true;

	weir_kafka_position_init(&position);
	position.topic = 0x00010203;
	position.clock = -2;
	position.ended = true;
	position.records = 300;
	set(&position, 3, 0, -1, 0);
	set(&position, 0, WEIR_KAFKA_FIRST, -1, 0);
	set(&position, 2, 200, 199, 0x09080706);
	ok(position.n == 3 && position.parts[1].partition == 2, "kafka position: partitions in their order");
	ok(weir_kafka_position_encode(&position, &bytes) && bytes.len == sizeof(version_1) &&
	   memcmp(bytes.bytes, version_1, sizeof(version_1)) == 0, "kafka position: its bytes are those of version 1");
	ok(weir_kafka_position_decode(&bytes, &read) && same(&read, &position), "kafka position: read back");
	for (bytes.len = 1; bytes.len < sizeof(version_1); bytes.len++)
		all = all && (!weir_kafka_position_decode(&bytes, &read) || read.n < 3);
	ok(all, "kafka position: cut short it is none, or has fewer partitions");
	bytes.len = sizeof(version_1);
	bytes.bytes[1] = 2;
	ok(!weir_kafka_position_decode(&bytes, &read), "kafka position: an unknown flag");
	bytes.bytes[1] = 0;
	bytes.bytes[0] = 2;
	ok(!weir_kafka_position_decode(&bytes, &read), "kafka position: a version to come");
	bytes.len = 0;
	ok(weir_kafka_position_decode(&bytes, &read) && read.n == 0 && read.clock == INT64_MIN,
	   "kafka position: no bytes are nothing read");
}

static void
test_random(void)
{
	Random		random = {42};
	static WeirKafkaPosition position;
	static WeirKafkaPosition read;
	WeirPosition bytes;
	bool		all = true;

	for (int round = 0; round < 2000 && all; round++)
	{
		weir_kafka_position_init(&position);
		position.topic = (uint32_t) random_bits(&random);
		position.clock = (int64_t) random_bits(&random);
		position.records = (int64_t) (random_bits(&random) >> (1 + random_below(&random, 62)));
		for (int i = random_below(&random, 12); i > 0; i--)
		{
			int64_t		next = (int64_t) (random_bits(&random) >> (2 + random_below(&random, 62)));
			int64_t		known = random_below(&random, 3) > 0 && next > 0 ? next - 1 - random_below(&random, 2) * (next - 1) : -1;

			set(&position, random_below(&random, 1000), next, known, (uint32_t) random_bits(&random));
		}
		all = weir_kafka_position_encode(&position, &bytes) && weir_kafka_position_decode(&bytes, &read) &&
			same(&position, &read);
		if (all)
			bytes.bytes[random_below(&random, (int) bytes.len)] ^= (uint8_t) (1 + random_below(&random, 255));
		(void) weir_kafka_position_decode(&bytes, &read);
	}
	ok(all, "kafka position: any one is read back, and damaged ones are read without harm");
}

static void
test_room(void)
{
	static WeirKafkaPosition position;
	WeirPosition bytes;
	int			n = 0;

	weir_kafka_position_init(&position);
	do
	{
		set(&position, n, INT64_C(100000000), INT64_C(99999999), 1);
		n++;
	} while (n < WEIR_KAFKA_PARTS && weir_kafka_position_encode(&position, &bytes));
	ok(n > WEIR_POSITION_MAX / 14 && !weir_kafka_position_encode(&position, &bytes),
	   "kafka position: there is room for so many partitions, and no more");
}

static void
test_merge(void)
{
	static WeirKafkaPosition a;
	static WeirKafkaPosition b;
	WeirKafkaPart *found;

	weir_kafka_position_init(&a);
	weir_kafka_position_init(&b);
	a.topic = b.topic = 7;
	a.clock = 5;
	b.clock = 9;
	a.records = 10;
	b.records = 20;
	a.ended = true;
	set(&a, 0, 10, 9, 1);
	set(&a, 2, 11, 10, 2);
	set(&b, 1, 20, 19, 3);
	ok(weir_kafka_position_merge(&a, &b) && a.n == 3 && a.clock == 9 && a.records == 30,
	   "kafka position: of two tasks: all partitions, the later clock, all records");
	ok(!a.ended, "kafka position: it has not ended before both have");
	found = weir_kafka_position_find(&a, 1);
	ok(found != NULL && found->next == 20 && weir_kafka_position_find(&a, 3) == NULL,
	   "kafka position: a partition is found");
	set(&b, 2, 50, 49, 4);
	ok(weir_kafka_position_merge(&a, &b) && weir_kafka_position_find(&a, 2)->next == 50,
	   "kafka position: what the other knows counts");
}

void
test_kafka_position(void)
{
	test_bytes();
	test_random();
	test_room();
	test_merge();
}
