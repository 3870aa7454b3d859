/*
 * decide/expiry.c
 *		Time to live of keyed state.
 *
 * A value expires when its last access plus the time to live is no later than
 * the task's clock.  What counts as an access is the update type: creation and
 * writes, or reads too.  A read of an expired value removes it; what the read
 * then returns, the default or this once the old value, is the visibility.
 * An expired value is never renewed by the read that finds it.
 */
#include "decide/expiry.h"

#include <string.h>

static const char *const update_names[] = {
	[WEIR_TTL_DISABLED] = "disabled",
	[WEIR_TTL_ON_CREATE_AND_WRITE] = "on_create_and_write",
	[WEIR_TTL_ON_READ_AND_WRITE] = "on_read_and_write"
};

static const char *const visibility_names[] = {
	[WEIR_TTL_NEVER_RETURN_EXPIRED] = "never_return_expired",
	[WEIR_TTL_RETURN_EXPIRED_IF_NOT_CLEANED_UP] = "return_expired_if_not_cleaned_up"
};

bool
weir_ttl_expired(const WeirTtl *ttl, int64_t stamp, int64_t now)
{
	if (ttl->update == WEIR_TTL_DISABLED)
		return false;
	/* a sum beyond the last moment is the last moment */
	if (stamp > INT64_MAX - ttl->ttl)
		return now == INT64_MAX;
	return stamp + ttl->ttl <= now;
}

WeirTtlRead
weir_ttl_read(const WeirTtl *ttl, int64_t stamp, int64_t now)
{
	if (weir_ttl_expired(ttl, stamp, now))
	{
		if (ttl->visibility == WEIR_TTL_RETURN_EXPIRED_IF_NOT_CLEANED_UP)
			return WEIR_TTL_EXPIRED_RETURN;
		return WEIR_TTL_EXPIRED;
	}
	if (ttl->update == WEIR_TTL_ON_READ_AND_WRITE)
		return WEIR_TTL_PRESENT_RENEW;
	return WEIR_TTL_PRESENT;
}

bool
weir_ttl_add_continues(const WeirTtl *ttl, int64_t stamp, int64_t now)
{
	return weir_ttl_read(ttl, stamp, now) != WEIR_TTL_EXPIRED;
}

static int
find_name(const char *word, const char *const *names, int n)
{
	int			i;

	for (i = 0; i < n; i++)
	{
		if (strcmp(word, names[i]) == 0)
			return i;
	}
	return -1;
}

bool
weir_ttl_parse_update(const char *word, WeirTtlUpdate *out)
{
	int			i = find_name(word, update_names, 3);

	if (i >= 0)
		*out = (WeirTtlUpdate) i;
	return i >= 0;
}

bool
weir_ttl_parse_visibility(const char *word, WeirTtlVisibility *out)
{
	int			i = find_name(word, visibility_names, 2);

	if (i >= 0)
		*out = (WeirTtlVisibility) i;
	return i >= 0;
}

const char *
weir_ttl_update_name(WeirTtlUpdate u)
{
	return update_names[u];
}

const char *
weir_ttl_visibility_name(WeirTtlVisibility v)
{
	return visibility_names[v];
}
