/*
 * base/clock.c
 *		What time it is.
 *
 * The clock of arrivals lies in shared memory and begins with the wall clock.
 * How far it is from the monotonic clock is kept in a file, so that it goes on
 * after a restart of the server as if nothing had been, whatever the wall clock
 * says then.  The monotonic clock begins anew with each boot of the machine, so
 * that the file says of which one it is; of another it is ignored.  The file
 * only has to outlive the server: it is not synced, and no loss of it harms.
 */
#include "postgres.h"

#include <fcntl.h>
#include <limits.h>
#include <time.h>
#include <unistd.h>

#include "miscadmin.h"
#include "storage/fd.h"
#include "storage/ipc.h"
#include "storage/lwlock.h"
#include "storage/shmem.h"
#include "storage/spin.h"
#include "utils/timestamp.h"

#include "base/clock.h"
#include "decide/clock.h"

#define CLOCK_FILE		"weir.clock"
#define BOOT_FILE		"/proc/sys/kernel/random/boot_id"
#define BOOT_SIZE		40
#define KEEP_STEP		USECS_PER_SEC	/* of change before it is kept again */

typedef struct SharedClock
{
	slock_t		mutex;
	WeirClock	clock;
	int64		kept;			/* the distance the file has */
} SharedClock;

static SharedClock *shared = NULL;
static shmem_request_hook_type previous_request_hook = NULL;
static shmem_startup_hook_type previous_startup_hook = NULL;

int64
weir_now(void)
{
	struct timespec now;

#ifdef CLOCK_BOOTTIME
	/* goes on while the machine sleeps, as its sender may */
	if (clock_gettime(CLOCK_BOOTTIME, &now) != 0)
#endif
		(void) clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64) now.tv_sec * USECS_PER_SEC + now.tv_nsec / 1000;
}

TimestampTz
weir_date(void)
{
	return GetCurrentTimestamp();
}

long
weir_ms_until(int64 deadline)
{
	int64		now = weir_now();

	if (deadline <= now)
		return 0;
	if (deadline - now > INT64CONST(1000) * (INT_MAX - 1))
		return INT_MAX;
	return (long) ((deadline - now) / 1000 + 1);
}

/* ---- the file ---- */

/* Which boot of the machine this is; empty where nobody knows. */
static void
read_boot(char *boot)
{
	int			fd = open(BOOT_FILE, O_RDONLY);
	ssize_t		n = fd < 0 ? 0 : read(fd, boot, BOOT_SIZE - 1);

	if (fd >= 0)
		close(fd);
	boot[Max(n, 0)] = '\0';
	boot[strcspn(boot, "\n ")] = '\0';
}

/* The distance of the clock from the monotonic one, if it was kept in this boot. */
static bool
read_distance(int64 *distance)
{
	char		boot[BOOT_SIZE];
	char		kept[BOOT_SIZE];
	FILE	   *file = AllocateFile(CLOCK_FILE, "r");
	bool		found;

	if (file == NULL)
		return false;
	found = fscanf(file, "%39s " INT64_FORMAT, kept, distance) == 2;
	FreeFile(file);
	read_boot(boot);
	return found && boot[0] != '\0' && strcmp(boot, kept) == 0;
}

static void
keep_distance(int64 distance)
{
	char		boot[BOOT_SIZE];
	char		name[MAXPGPATH];
	FILE	   *file;
	bool		written;

	read_boot(boot);
	if (boot[0] == '\0')
		return;
	snprintf(name, sizeof(name), "%s.%d", CLOCK_FILE, MyProcPid);
	file = AllocateFile(name, "w");
	written = file != NULL && fprintf(file, "%s " INT64_FORMAT "\n", boot, distance) > 0;
	if ((file != NULL && FreeFile(file) != 0) || !written || rename(name, CLOCK_FILE) != 0)
		ereport(LOG,
				(errcode_for_file_access(),
				 errmsg("could not write file \"%s\": %m", CLOCK_FILE),
				 errdetail("After a restart of the server, arrival stamps begin with the clock of the machine."),
				 errhidestmt(true)));
}

/* ---- the clock ---- */

TimestampTz
weir_arrival_time(void)
{
	TimestampTz wall = weir_date();
	int64		now = weir_now();
	int64		time;
	int64		distance;
	bool		changed;

	if (shared == NULL)
		return wall;			/* a server without jobs */
	SpinLockAcquire(&shared->mutex);
	time = weir_clock_read(&shared->clock, now, wall);
	distance = time - shared->clock.at;
	changed = distance - shared->kept >= KEEP_STEP || shared->kept - distance >= KEEP_STEP;
	if (changed)
		shared->kept = distance;
	SpinLockRelease(&shared->mutex);
	if (changed)
		keep_distance(distance);
	return time;
}

static void
start_clock(void)
{
	int64		now = weir_now();
	int64		distance;

	if (!read_distance(&distance))
	{
		distance = weir_date() - now;
		keep_distance(distance);
	}
	SpinLockInit(&shared->mutex);
	shared->kept = distance;
	weir_clock_set(&shared->clock, now + distance, now);
}

static void
request_memory(void)
{
	if (previous_request_hook)
		previous_request_hook();
	RequestAddinShmemSpace(sizeof(SharedClock));
}

static void
startup_memory(void)
{
	bool		found;

	if (previous_startup_hook)
		previous_startup_hook();
	LWLockAcquire(AddinShmemInitLock, LW_EXCLUSIVE);
	shared = ShmemInitStruct("weir clock", sizeof(SharedClock), &found);
	if (!found)
		start_clock();
	LWLockRelease(AddinShmemInitLock);
}

void
weir_clock_init(void)
{
	previous_request_hook = shmem_request_hook;
	shmem_request_hook = request_memory;
	previous_startup_hook = shmem_startup_hook;
	shmem_startup_hook = startup_memory;
}
