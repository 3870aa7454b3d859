/*
 * position.c
 *		Where a job stands in a topic, as bytes and back.
 */
#include "position.h"

#include <string.h>

#include "decide/bytes.h"

#define VERSION_1	1
#define ENDED		1
#define HEAD_SIZE	14
#define NUMBER_SIZE	10			/* at most */
#define PART_SIZE	(3 * NUMBER_SIZE + 4)

void
weir_kafka_position_init(WeirKafkaPosition *position)
{
	memset(position, 0, offsetof(WeirKafkaPosition, parts));
	position->clock = INT64_MIN;
}

/* Of the first that is not before it. */
static int
find_place(const WeirKafkaPosition *position, int32_t partition)
{
	int			low = 0;
	int			high = position->n;

	while (low < high)
	{
		int			middle = (low + high) / 2;

		if (position->parts[middle].partition < partition)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

WeirKafkaPart *
weir_kafka_position_find(WeirKafkaPosition *position, int32_t partition)
{
	int			i = find_place(position, partition);

	return i < position->n && position->parts[i].partition == partition ? &position->parts[i] : NULL;
}

bool
weir_kafka_position_set(WeirKafkaPosition *position, const WeirKafkaPart *part)
{
	int			i = find_place(position, part->partition);

	if (i == position->n || position->parts[i].partition != part->partition)
	{
		if (position->n == WEIR_KAFKA_PARTS)
			return false;
		memmove(&position->parts[i + 1], &position->parts[i],
				(position->n - i) * sizeof(WeirKafkaPart));
		position->n++;
	}
	position->parts[i] = *part;
	return true;
}

bool
weir_kafka_position_merge(WeirKafkaPosition *position, const WeirKafkaPosition *other)
{
	for (int i = 0; i < other->n; i++)
	{
		if (!weir_kafka_position_set(position, &other->parts[i]))
			return false;
	}
	position->topic = other->topic;
	position->records += other->records;
	position->ended = position->ended && other->ended;
	if (other->clock > position->clock)
		position->clock = other->clock;
	return true;
}

static uint8_t *
put_print(uint8_t *to, uint32_t print)
{
	for (int shift = 24; shift >= 0; shift -= 8)
		*to++ = (uint8_t) (print >> shift);
	return to;
}

static const uint8_t *
get_print(const uint8_t *from, uint32_t *print)
{
	*print = 0;
	for (int i = 0; i < 4; i++)
		*print = *print << 8 | *from++;
	return from;
}

static uint8_t *
put_number(uint8_t *to, int64_t number)
{
	uint64_t	rest = (uint64_t) number;

	for (; rest > 0x7f; rest >>= 7)
		*to++ = (uint8_t) (rest | 0x80);
	*to++ = (uint8_t) rest;
	return to;
}

/* Behind it; NULL: the bytes end before, or it is too large. */
static const uint8_t *
get_number(const uint8_t *from, const uint8_t *end, int64_t *number)
{
	uint64_t	bits = 0;

	for (int shift = 0; shift < 63 && from != NULL && from < end; shift += 7)
	{
		bits |= (uint64_t) (*from & 0x7f) << shift;
		if ((*from++ & 0x80) == 0)
		{
			*number = (int64_t) bits;
			return from;
		}
	}
	return NULL;
}

static uint8_t *
put_part(uint8_t *to, const WeirKafkaPart *part, int32_t before)
{
	to = put_number(to, part->partition - before - 1);
	to = put_number(to, part->next + 1);
	if (part->known < 0)
		return put_number(to, 0);
	to = put_number(to, part->next - part->known);
	return put_print(to, part->print);
}

bool
weir_kafka_position_encode(const WeirKafkaPosition *position, WeirPosition *out)
{
	uint8_t		part[PART_SIZE];
	uint8_t    *to = out->bytes;
	int32_t		before = -1;

	*to++ = VERSION_1;
	*to++ = position->ended ? ENDED : 0;
	to = put_print(to, position->topic);
	to = weir_put_int64(to, position->clock);
	to = put_number(to, position->records);
	for (int i = 0; i < position->n; i++)
	{
		size_t		size = put_part(part, &position->parts[i], before) - part;

		if (size > WEIR_POSITION_MAX - (size_t) (to - out->bytes))
			return false;
		memcpy(to, part, size);
		to += size;
		before = position->parts[i].partition;
	}
	out->len = (uint32_t) (to - out->bytes);
	return true;
}

/* Behind it; NULL: it is none. */
static const uint8_t *
get_part(const uint8_t *from, const uint8_t *end, int64_t before, WeirKafkaPart *part)
{
	int64_t		step = 0;
	int64_t		back = 0;

	part->next = 0;
	from = get_number(from, end, &step);
	from = get_number(from, end, &part->next);
	from = get_number(from, end, &back);
	part->next--;
	if (from == NULL || step > INT32_MAX - before - 1 || (back > 0 && back > part->next) || (back > 0 && end - from < 4))
		return NULL;
	part->partition = (int32_t) (before + 1 + step);
	part->known = back > 0 ? part->next - back : -1;
	part->print = 0;
	return back > 0 ? get_print(from, &part->print) : from;
}

bool
weir_kafka_position_decode(const WeirPosition *position, WeirKafkaPosition *out)
{
	const uint8_t *from = position->bytes + 2;
	const uint8_t *end = position->bytes + position->len;

	weir_kafka_position_init(out);
	if (position->len == 0)
		return true;
	if (position->len < HEAD_SIZE || position->bytes[0] != VERSION_1 || position->bytes[1] > ENDED)
		return false;
	out->ended = position->bytes[1] == ENDED;
	from = get_print(from, &out->topic);
	from = weir_get_int64(from, &out->clock);
	from = get_number(from, end, &out->records);
	while (from != NULL && from < end && out->n < WEIR_KAFKA_PARTS)
	{
		from = get_part(from, end, out->n > 0 ? out->parts[out->n - 1].partition : -1, &out->parts[out->n]);
		out->n++;
	}
	return from == end;
}
