/*
 * decide/changes_position.c
 *		The position of the source weir_changes as bytes, and back.
 */
#include "decide/changes_position.h"

#include <string.h>

#include "decide/bytes.h"

#define VERSION_1		1
#define SIZE_1			(1 + 1 + 8 * 8)

void
weir_changes_position_encode(const WeirChangesPosition *position, WeirPosition *out)
{
	uint8_t    *to = out->bytes;

	*to++ = VERSION_1;
	*to++ = (uint8_t) position->phase;
	to = weir_put_int64(to, position->system);
	to = weir_put_int64(to, position->lsn);
	to = weir_put_int64(to, position->transaction);
	to = weir_put_int64(to, position->halves);
	to = weir_put_int64(to, position->copied);
	to = weir_put_int64(to, position->line);
	to = weir_put_int64(to, position->clock);
	(void) weir_put_int64(to, position->ended);
	out->len = SIZE_1;
}

bool
weir_changes_position_decode(const WeirPosition *position, WeirChangesPosition *out)
{
	const uint8_t *from = position->bytes + 2;

	memset(out, 0, sizeof(*out));
	if (position->len == 0)
		return true;
	if (position->len != SIZE_1 || position->bytes[0] != VERSION_1 || position->bytes[1] > WEIR_CHANGES_FOLLOW)
		return false;
	out->phase = (WeirChangesPhase) position->bytes[1];
	from = weir_get_int64(from, &out->system);
	from = weir_get_int64(from, &out->lsn);
	from = weir_get_int64(from, &out->transaction);
	from = weir_get_int64(from, &out->halves);
	from = weir_get_int64(from, &out->copied);
	from = weir_get_int64(from, &out->line);
	from = weir_get_int64(from, &out->clock);
	(void) weir_get_int64(from, &out->ended);
	return true;
}

bool
weir_changes_position_is_behind(const WeirChangesPosition *a, const WeirChangesPosition *b)
{
	if (a->phase != b->phase)
		return a->phase > b->phase;
	if (a->phase == WEIR_CHANGES_COPY)
		return a->copied > b->copied;
	if (a->lsn != b->lsn)
		return a->lsn > b->lsn;
	return a->halves > b->halves;
}
