/*
 * decide/recovery.h
 *		Names of prepared transactions, and what recovery makes of what it
 *		finds: commit, roll back, or "somebody resolved this by hand".
 */
#ifndef WEIR_DECIDE_RECOVERY_H
#define WEIR_DECIDE_RECOVERY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define WEIR_GID_SIZE 128

typedef struct WeirGid
{
	uint32_t	database;		/* OID */
	int64_t		job;
	int64_t		attempt;
	int64_t		checkpoint;
	int			task;
} WeirGid;

/* "weir_<database>_<job>_<attempt>_<checkpoint>_<task>" */
extern void weir_gid_format(char buf[WEIR_GID_SIZE], const WeirGid *gid);
extern bool weir_gid_parse(const char *name, WeirGid *gid); /* exact; false if not ours */

/* A prepared transaction: committed iff its attempt's checkpoint has a completed row. */
typedef struct WeirCompletedRef
{
	int64_t		attempt;
	int64_t		checkpoint;
} WeirCompletedRef;

extern bool weir_recovery_commits(const WeirGid *gid, const WeirCompletedRef *completed, int ncompleted);

/* The checkpoint to restore: highest completed id of the timeline, else its base (0: none). */
extern int64_t weir_recovery_target(const int64_t *completed_ids, int n, int64_t base);

/*
 * Run when nothing of the job is prepared any more.  listed: names in the
 * completed rows; markers: the names whose marker rows are there.  A listed
 * name without marker was rolled back by hand, a marker without completed row
 * was committed by hand; which is the first such name.
 */
typedef enum WeirByHand
{
	WEIR_BY_HAND_NONE,
	WEIR_BY_HAND_ROLLED_BACK,
	WEIR_BY_HAND_COMMITTED
} WeirByHand;

extern WeirByHand weir_recovery_by_hand(const WeirGid *listed, int nlisted,
										const WeirGid *markers, int nmarkers,
										const WeirCompletedRef *completed, int ncompleted,
										WeirGid *which);

#endif
