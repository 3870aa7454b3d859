/*
 * decide/position.c
 *		The watermarks of a source's position.
 */
#include "decide/position.h"

#include "decide/bytes.h"

#define VERSION		1

static WeirMark *
find(WeirPosition *position, int64_t whose)
{
	for (uint32_t i = 0; i < position->nmarks; i++)
	{
		if (position->marks[i].whose == whose)
			return &position->marks[i];
	}
	return NULL;
}

bool
weir_position_set_mark(WeirPosition *position, int64_t whose, int64_t watermark)
{
	WeirMark   *mark = find(position, whose);

	if (watermark == INT64_MIN)
		return true;
	if (mark == NULL)
	{
		if (position->nmarks == WEIR_POSITION_MARKS)
			return false;
		mark = &position->marks[position->nmarks++];
	}
	mark->whose = whose;
	mark->watermark = watermark;
	return true;
}

int64_t
weir_position_mark(const WeirPosition *position, int64_t whose)
{
	const WeirMark *mark = find((WeirPosition *) position, whose);

	return mark ? mark->watermark : INT64_MIN;
}

static bool
is_idle(const WeirPosition *position)
{
	return weir_position_mark(position, WEIR_MARK_IDLE) != INT64_MIN;
}

static int64_t
merged(const WeirPosition *a, const WeirPosition *b, int64_t whose)
{
	int64_t		at_a = weir_position_mark(a, whose);
	int64_t		at_b = weir_position_mark(b, whose);

	if (is_idle(a) != is_idle(b))
		return is_idle(a) ? at_b : at_a;
	return (at_a < at_b) == is_idle(a) ? at_b : at_a;
}

void
weir_position_merge_marks(WeirPosition *position, const WeirPosition *other, bool first)
{
	WeirPosition before = *position;
	const WeirPosition *both[] = {&before, other};

	position->nmarks = 0;
	for (int k = first ? 1 : 0; k < 2; k++)
	{
		for (uint32_t i = 0; i < both[k]->nmarks; i++)
		{
			const WeirMark *mark = &both[k]->marks[i];

			(void) weir_position_set_mark(position, mark->whose,
										  first ? mark->watermark : merged(&before, other, mark->whose));
		}
	}
}

size_t
weir_marks_encode(const WeirPosition *position, uint8_t *bytes)
{
	uint8_t    *to = bytes;

	if (position->nmarks == 0)
		return 0;
	*to++ = VERSION;
	for (uint32_t i = 0; i < position->nmarks; i++)
	{
		to = weir_put_int64(to, position->marks[i].whose);
		to = weir_put_int64(to, position->marks[i].watermark);
	}
	return (size_t) (to - bytes);
}

bool
weir_marks_decode(WeirPosition *position, const uint8_t *bytes, size_t len)
{
	const uint8_t *from = bytes + 1;

	position->nmarks = 0;
	if (len == 0)
		return true;
	if (bytes[0] != VERSION || (len - 1) % 16 != 0 || len > WEIR_MARKS_MAX)
		return false;
	while (from < bytes + len)
	{
		WeirMark   *mark = &position->marks[position->nmarks++];

		from = weir_get_int64(from, &mark->whose);
		from = weir_get_int64(from, &mark->watermark);
	}
	return true;
}
