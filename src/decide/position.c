/*
 * decide/position.c
 *		The watermarks of a source's position.
 */
#include "decide/position.h"

#include "decide/bytes.h"

#define VERSION_WHOLE		1
#define VERSION_PARTITIONS	2

static WeirMark *
find(WeirPosition *position, int64_t whose, int32_t partition)
{
	for (uint32_t i = 0; i < position->nmarks; i++)
	{
		if (position->marks[i].whose == whose && position->marks[i].partition == partition)
			return &position->marks[i];
	}
	return NULL;
}

bool
weir_position_set_mark(WeirPosition *position, int64_t whose, int32_t partition, int64_t watermark)
{
	WeirMark   *mark = find(position, whose, partition);

	if (watermark == INT64_MIN)
		return true;
	if (mark == NULL)
	{
		if (position->nmarks == WEIR_POSITION_MARKS)
			return false;
		mark = &position->marks[position->nmarks++];
	}
	*mark = (WeirMark) {whose, partition, watermark};
	return true;
}

int64_t
weir_position_mark(const WeirPosition *position, int64_t whose, int32_t partition)
{
	const WeirMark *mark = find((WeirPosition *) position, whose, partition);

	return mark ? mark->watermark : INT64_MIN;
}

/* ---- of several tasks ---- */

static int64_t
whole(const WeirPosition *position, int64_t whose)
{
	return weir_position_mark(position, whose, WEIR_MARK_WHOLE);
}

static bool
is_idle(const WeirPosition *position)
{
	return whole(position, WEIR_MARK_IDLE) != INT64_MIN;
}

static int64_t
merged(const WeirPosition *a, const WeirPosition *b, int64_t whose)
{
	int64_t		at_a = whole(a, whose);
	int64_t		at_b = whole(b, whose);

	if (is_idle(a) != is_idle(b))
		return is_idle(a) ? at_b : at_a;
	return (at_a < at_b) == is_idle(a) ? at_b : at_a;
}

/* Those that say who is idle, or the others. */
static bool
put_marks(WeirPosition *position, const WeirPosition *before, const WeirPosition *other, bool first, bool idle)
{
	const WeirPosition *both[] = {before, other};
	bool		noted = true;

	for (int k = first ? 1 : 0; k < 2; k++)
	{
		for (uint32_t i = 0; i < both[k]->nmarks; i++)
		{
			const WeirMark *mark = &both[k]->marks[i];
			int64_t		watermark = first || mark->partition != WEIR_MARK_WHOLE ? mark->watermark :
				merged(before, other, mark->whose);

			if ((mark->whose == WEIR_MARK_IDLE) == idle)
				noted = weir_position_set_mark(position, mark->whose, mark->partition, watermark) && noted;
		}
	}
	return noted;
}

/* Where there is no room for all, it is not kept of all who is idle. */
bool
weir_position_merge_marks(WeirPosition *position, const WeirPosition *other, bool first)
{
	WeirPosition before = *position;
	bool		noted;

	position->nmarks = 0;
	noted = put_marks(position, &before, other, first, false);
	(void) put_marks(position, &before, other, first, true);
	return noted;
}

/* ---- as bytes ---- */

static uint8_t *
put_number(uint8_t *to, uint64_t number)
{
	for (; number > 127; number >>= 7)
		*to++ = (uint8_t) (number | 128);
	*to++ = (uint8_t) number;
	return to;
}

static uint8_t *
put_difference(uint8_t *to, int64_t value, int64_t before)
{
	uint64_t	difference = (uint64_t) value - (uint64_t) before;

	return put_number(to, difference << 1 ^ (difference >> 63 ? UINT64_MAX : 0));
}

/* NULL: it does not end before "end". */
static const uint8_t *
get_number(const uint8_t *from, const uint8_t *end, uint64_t *number)
{
	*number = 0;
	for (int shift = 0; from != NULL && from < end && shift < 64; shift += 7)
	{
		*number |= (uint64_t) (*from & 127) << shift;
		if (*from++ < 128)
			return from;
	}
	return NULL;
}

static const uint8_t *
get_difference(const uint8_t *from, const uint8_t *end, int64_t before, int64_t *value)
{
	uint64_t	number;

	from = get_number(from, end, &number);
	*value = (int64_t) ((uint64_t) before + (number >> 1 ^ (number & 1 ? UINT64_MAX : 0)));
	return from;
}

static bool
has_partitions(const WeirPosition *position)
{
	for (uint32_t i = 0; i < position->nmarks; i++)
	{
		if (position->marks[i].partition != WEIR_MARK_WHOLE)
			return true;
	}
	return false;
}

static bool
is_first_of(const WeirPosition *position, uint32_t mark)
{
	for (uint32_t i = 0; i < mark; i++)
	{
		if (position->marks[i].whose == position->marks[mark].whose)
			return false;
	}
	return true;
}

static uint8_t *
put_marks_of(uint8_t *to, const WeirPosition *position, int64_t whose)
{
	WeirMark	before = {whose, 0, 0};
	uint64_t	n = 0;

	for (uint32_t i = 0; i < position->nmarks; i++)
		n += position->marks[i].whose == whose;
	to = weir_put_int64(to, whose);
	to = put_number(to, n);
	for (uint32_t i = 0; i < position->nmarks; i++)
	{
		if (position->marks[i].whose != whose)
			continue;
		to = put_difference(to, position->marks[i].partition, before.partition);
		to = put_difference(to, position->marks[i].watermark, before.watermark);
		before = position->marks[i];
	}
	return to;
}

static uint8_t *
put_whole_marks(uint8_t *to, const WeirPosition *position)
{
	for (uint32_t i = 0; i < position->nmarks; i++)
	{
		to = weir_put_int64(to, position->marks[i].whose);
		to = weir_put_int64(to, position->marks[i].watermark);
	}
	return to;
}

size_t
weir_marks_encode(const WeirPosition *position, uint8_t *bytes)
{
	uint8_t    *to = bytes;

	if (position->nmarks == 0)
		return 0;
	if (!has_partitions(position))
	{
		*to++ = VERSION_WHOLE;
		return (size_t) (put_whole_marks(to, position) - bytes);
	}
	*to++ = VERSION_PARTITIONS;
	for (uint32_t i = 0; i < position->nmarks; i++)
	{
		if (is_first_of(position, i))
			to = put_marks_of(to, position, position->marks[i].whose);
	}
	return (size_t) (to - bytes);
}

static bool
get_whole_marks(WeirPosition *position, const uint8_t *from, const uint8_t *end)
{
	if ((end - from) % 16 != 0 || end - from > WEIR_POSITION_MARKS * 16)
		return false;
	while (from < end)
	{
		WeirMark   *mark = &position->marks[position->nmarks++];

		from = weir_get_int64(from, &mark->whose);
		mark->partition = WEIR_MARK_WHOLE;
		from = weir_get_int64(from, &mark->watermark);
	}
	return true;
}

static const uint8_t *
get_mark(const uint8_t *from, const uint8_t *end, WeirMark *mark)
{
	int64_t		partition;

	from = get_difference(from, end, mark->partition, &partition);
	from = get_difference(from, end, mark->watermark, &mark->watermark);
	mark->partition = (int32_t) partition;
	return partition == mark->partition ? from : NULL;
}

static const uint8_t *
get_marks_of(WeirPosition *position, const uint8_t *from, const uint8_t *end)
{
	WeirMark	mark = {0};
	uint64_t	n;

	if (end - from < 8)
		return NULL;
	from = weir_get_int64(from, &mark.whose);
	from = get_number(from, end, &n);
	if (from == NULL || n > WEIR_POSITION_MARKS - position->nmarks)
		return NULL;
	for (uint64_t i = 0; i < n && from != NULL; i++)
	{
		from = get_mark(from, end, &mark);
		position->marks[position->nmarks++] = mark;
	}
	return from;
}

static bool
get_marks(WeirPosition *position, const uint8_t *from, const uint8_t *end)
{
	while (from != NULL && from < end)
		from = get_marks_of(position, from, end);
	return from != NULL;
}

bool
weir_marks_decode(WeirPosition *position, const uint8_t *bytes, size_t len)
{
	position->nmarks = 0;
	if (len == 0)
		return true;
	if (bytes[0] == VERSION_WHOLE)
		return get_whole_marks(position, bytes + 1, bytes + len);
	return bytes[0] == VERSION_PARTITIONS && get_marks(position, bytes + 1, bytes + len);
}
