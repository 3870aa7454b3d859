/*
 * decide/feed_position.c
 *		The position of the source weir_feed as bytes, and back.
 */
#include "decide/feed_position.h"

#include <string.h>

#include "decide/bytes.h"

#define VERSION_1		1
#define SIZE_1			(1 + 4 * 8 + 1)

void
weir_feed_position_encode(const WeirFeedPosition *position, WeirPosition *out)
{
	uint8_t    *to = out->bytes;

	*to++ = VERSION_1;
	to = weir_put_int64(to, position->place);
	to = weir_put_int64(to, position->rows);
	to = weir_put_int64(to, position->line);
	to = weir_put_int64(to, position->clock);
	*to = position->ended ? 1 : 0;
	out->len = SIZE_1;
}

bool
weir_feed_position_decode(const WeirPosition *position, WeirFeedPosition *out)
{
	const uint8_t *from = position->bytes + 1;

	memset(out, 0, sizeof(*out));
	if (position->len == 0)
		return true;
	if (position->len != SIZE_1 || position->bytes[0] != VERSION_1)
		return false;
	from = weir_get_int64(from, &out->place);
	from = weir_get_int64(from, &out->rows);
	from = weir_get_int64(from, &out->line);
	from = weir_get_int64(from, &out->clock);
	out->ended = *from == 1;
	return *from <= 1;
}

/* Places may have moved on over rows that there are none of. */
bool
weir_feed_position_is_behind(const WeirFeedPosition *a, const WeirFeedPosition *b)
{
	return a->place != b->place ? a->place > b->place : a->rows > b->rows;
}
