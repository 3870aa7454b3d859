/*
 * clock.c
 *		A wall clock that a test sets: preloaded into a server, it adds what the
 *		mapped file says, in microseconds, to what time it is.  The monotonic
 *		clocks stay as they are.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#define MILLION INT64_C(1000000)

static volatile const int64_t *offset = NULL;

static void __attribute__((constructor))
map_offset(void)
{
	const char *name = getenv("WEIR_CLOCK_FILE");
	int			fd = name ? open(name, O_RDONLY) : -1;
	void	   *map;

	if (fd < 0)
		return;
	map = mmap(NULL, sizeof(*offset), PROT_READ, MAP_SHARED, fd, 0);
	if (map != MAP_FAILED)
		offset = map;
	close(fd);
}

/* The true time, in microseconds, and what it is said to be. */
static int64_t
wall(void)
{
	static int	(*real) (clockid_t, struct timespec *) = NULL;
	struct timespec now;

	if (real == NULL)
		real = (int (*) (clockid_t, struct timespec *)) dlsym(RTLD_NEXT, "clock_gettime");
	(void) real(CLOCK_REALTIME, &now);
	return now.tv_sec * MILLION + now.tv_nsec / 1000 + (offset ? *offset : 0);
}

int
clock_gettime(clockid_t clock, struct timespec *time)
{
	static int	(*real) (clockid_t, struct timespec *) = NULL;
	int64_t		now;

	if (real == NULL)
		real = (int (*) (clockid_t, struct timespec *)) dlsym(RTLD_NEXT, "clock_gettime");
	if (clock != CLOCK_REALTIME && clock != CLOCK_REALTIME_COARSE)
		return real(clock, time);
	now = wall();
	time->tv_sec = now / MILLION;
	time->tv_nsec = now % MILLION * 1000;
	return 0;
}

int
gettimeofday(struct timeval *restrict time, void *restrict zone)
{
	int64_t		now = wall();

	(void) zone;
	time->tv_sec = now / MILLION;
	time->tv_usec = now % MILLION;
	return 0;
}

time_t
time(time_t *result)
{
	time_t		now = wall() / MILLION;

	if (result)
		*result = now;
	return now;
}
