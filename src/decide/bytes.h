/*
 * decide/bytes.h
 *		Numbers as bytes that outlive a version: in network byte order.
 */
#ifndef WEIR_DECIDE_BYTES_H
#define WEIR_DECIDE_BYTES_H

#include <stdint.h>

/* Both return what lies behind the number. */
static inline uint8_t *
weir_put_int64(uint8_t *to, int64_t value)
{
	for (int shift = 56; shift >= 0; shift -= 8)
		*to++ = (uint8_t) ((uint64_t) value >> shift);
	return to;
}

static inline const uint8_t *
weir_get_int64(const uint8_t *from, int64_t *value)
{
	uint64_t	bits = 0;

	for (int i = 0; i < 8; i++)
		bits = bits << 8 | *from++;
	*value = (int64_t) bits;
	return from;
}

#endif
