/*
 * decide/expiry.h
 *		Time to live of keyed state: when a value has expired, when its stamp
 *		is renewed.
 *
 * Times are microseconds.  The clock is the highest arrival stamp (clock.h) the task has
 * seen, saved with its snapshot, so that a replay gives the same answer.
 */
#ifndef WEIR_DECIDE_EXPIRY_H
#define WEIR_DECIDE_EXPIRY_H

#include <stdbool.h>
#include <stdint.h>

typedef enum WeirTtlUpdate
{
	WEIR_TTL_DISABLED,
	WEIR_TTL_ON_CREATE_AND_WRITE,	/* default */
	WEIR_TTL_ON_READ_AND_WRITE
} WeirTtlUpdate;

typedef enum WeirTtlVisibility
{
	WEIR_TTL_NEVER_RETURN_EXPIRED,	/* default */
	WEIR_TTL_RETURN_EXPIRED_IF_NOT_CLEANED_UP
} WeirTtlVisibility;

typedef struct WeirTtl
{
	WeirTtlUpdate update;		/* disabled: never expires */
	WeirTtlVisibility visibility;
	int64_t		ttl;			/* microseconds, > 0 unless disabled */
} WeirTtl;

typedef enum WeirTtlRead
{
	WEIR_TTL_PRESENT,			/* return the value */
	WEIR_TTL_PRESENT_RENEW,		/* return it and set its stamp to now */
	WEIR_TTL_EXPIRED_RETURN,	/* remove it, return the old value this once */
	WEIR_TTL_EXPIRED			/* remove it, return the default */
} WeirTtlRead;

/* stamp + ttl <= now, clamped against overflow. */
extern bool weir_ttl_expired(const WeirTtl *ttl, int64_t stamp, int64_t now);

/* What a read of a value with this stamp does at this moment. */
extern WeirTtlRead weir_ttl_read(const WeirTtl *ttl, int64_t stamp, int64_t now);

/*
 * Does adding to an accumulator with this stamp go on with it, or start anew?
 * Adding reads it, so an expired one is used once more where the visibility lets
 * it be read.
 */
extern bool weir_ttl_add_continues(const WeirTtl *ttl, int64_t stamp, int64_t now);

/* Names as in weir.state_ttl(); parse returns false for an unknown word. */
extern bool weir_ttl_parse_update(const char *word, WeirTtlUpdate *out);
extern bool weir_ttl_parse_visibility(const char *word, WeirTtlVisibility *out);
extern const char *weir_ttl_update_name(WeirTtlUpdate u);
extern const char *weir_ttl_visibility_name(WeirTtlVisibility v);

#endif
