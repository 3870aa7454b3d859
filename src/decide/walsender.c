/*
 * decide/walsender.c
 *		Messages of a server that streams its changes, and the answer.
 */
#include "decide/walsender.h"

#include "decide/bytes.h"

#define DATA_HEADER		25
#define KEEPALIVE		18

bool
weir_wal_parse(WeirWalMessage *message, const void *bytes, size_t len)
{
	const uint8_t *from = bytes;
	bool		is_data = len >= DATA_HEADER && from[0] == WEIR_WAL_DATA;

	if (!is_data && (len != KEEPALIVE || from[0] != WEIR_WAL_KEEPALIVE))
		return false;
	message->kind = (WeirWalKind) *from++;
	message->start = 0;
	if (is_data)
		from = weir_get_int64(from, &message->start);
	from = weir_get_int64(from, &message->end);
	from = weir_get_int64(from, &message->sent_at);
	message->reply = !is_data && *from != 0;
	message->data = is_data ? from : NULL;
	message->len = is_data ? len - DATA_HEADER : 0;
	return true;
}

void
weir_wal_status(uint8_t bytes[WEIR_WAL_STATUS], int64_t written, int64_t flushed, int64_t now, bool reply)
{
	uint8_t    *to = bytes;

	*to++ = 'r';
	to = weir_put_int64(to, written);
	to = weir_put_int64(to, flushed);
	to = weir_put_int64(to, flushed);	/* applied */
	to = weir_put_int64(to, now);
	*to = reply ? 1 : 0;
}
