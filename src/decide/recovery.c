/*
 * decide/recovery.c
 *		Names of prepared transactions, and what recovery makes of what it
 *		finds.
 *
 * The committed row "checkpoint N of attempt A completed" is the decision:
 * what was prepared under that attempt and checkpoint is committed, anything
 * else of the job is rolled back, however often recovery is begun.  A name is
 * ours only if formatting what was parsed gives the same name again, so that a
 * name that merely looks alike is never touched.
 *
 * Each prepared transaction holds a marker row of its own name.  When nothing
 * is prepared any more, a name that a completed row lists has its marker, and
 * a marker has its completed row; anything else was resolved by hand.
 */
#include "decide/recovery.h"

#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

void
weir_gid_format(char buf[WEIR_GID_SIZE], const WeirGid *gid)
{
	snprintf(buf, WEIR_GID_SIZE,
			 "weir_%" PRIu32 "_%" PRId64 "_%" PRId64 "_%" PRId64 "_%d",
			 gid->database, gid->job, gid->attempt, gid->checkpoint, gid->task);
}

/* Reads "_<digits>" of at most max; leaves *name behind it. */
static bool
parse_part(const char **name, int64_t max, int64_t *out)
{
	const char *p = *name;
	int64_t		value = 0;

	if (*p++ != '_' || *p < '0' || *p > '9')
		return false;
	for (; *p >= '0' && *p <= '9'; p++)
	{
		int			digit = *p - '0';

		if (value > (max - digit) / 10)
			return false;
		value = value * 10 + digit;
	}
	*name = p;
	*out = value;
	return true;
}

bool
weir_gid_parse(const char *name, WeirGid *gid)
{
	const char *p = name;
	char		again[WEIR_GID_SIZE];
	int64_t		database;
	int64_t		task;

	if (strncmp(p, "weir", 4) != 0)
		return false;
	p += 4;
	if (!parse_part(&p, UINT32_MAX, &database) ||
		!parse_part(&p, INT64_MAX, &gid->job) ||
		!parse_part(&p, INT64_MAX, &gid->attempt) ||
		!parse_part(&p, INT64_MAX, &gid->checkpoint) ||
		!parse_part(&p, INT_MAX, &task))
		return false;
	gid->database = (uint32_t) database;
	gid->task = (int) task;
	weir_gid_format(again, gid);
	return strcmp(again, name) == 0;
}

static bool
is_completed(int64_t attempt, int64_t checkpoint,
			 const WeirCompletedRef *completed, int ncompleted)
{
	int			i;

	for (i = 0; i < ncompleted; i++)
	{
		if (completed[i].attempt == attempt && completed[i].checkpoint == checkpoint)
			return true;
	}
	return false;
}

bool
weir_recovery_commits(const WeirGid *gid, const WeirCompletedRef *completed, int ncompleted)
{
	return is_completed(gid->attempt, gid->checkpoint, completed, ncompleted);
}

int64_t
weir_recovery_target(const int64_t *completed_ids, int n, int64_t base)
{
	int64_t		target = n > 0 ? completed_ids[0] : base;
	int			i;

	for (i = 1; i < n; i++)
	{
		if (completed_ids[i] > target)
			target = completed_ids[i];
	}
	return target;
}

static bool
same_gid(const WeirGid *a, const WeirGid *b)
{
	return a->database == b->database && a->job == b->job &&
		a->attempt == b->attempt && a->checkpoint == b->checkpoint &&
		a->task == b->task;
}

static bool
contains_gid(const WeirGid *gids, int n, const WeirGid *wanted)
{
	int			i;

	for (i = 0; i < n; i++)
	{
		if (same_gid(&gids[i], wanted))
			return true;
	}
	return false;
}

WeirByHand
weir_recovery_by_hand(const WeirGid *listed, int nlisted,
					  const WeirGid *markers, int nmarkers,
					  const WeirCompletedRef *completed, int ncompleted,
					  WeirGid *which)
{
	int			i;

	for (i = 0; i < nlisted; i++)
	{
		*which = listed[i];
		if (!contains_gid(markers, nmarkers, which))
			return WEIR_BY_HAND_ROLLED_BACK;
	}
	for (i = 0; i < nmarkers; i++)
	{
		*which = markers[i];
		if (!weir_recovery_commits(which, completed, ncompleted))
			return WEIR_BY_HAND_COMMITTED;
	}
	return WEIR_BY_HAND_NONE;
}
