/*
 * main.c
 *		Plays schedules, on all cores, until one breaks a promise.
 *
 *	sim [-n SCHEDULES] [-t SECONDS] [-f FIRST] [-s SEED] [-k STEPS] [-j JOBS] [-g SHAPE] [-m MUTANT]
 *
 * -s plays one schedule and shows what happened.  -m makes a mistake on
 * purpose: then to find it is success.  -l lists the mistakes.
 */
#define _DEFAULT_SOURCE

#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "sim.h"

#define SHOWN_STEPS 50
#define MAX_JOBS 1024

typedef struct Options
{
	long		schedules;
	double		seconds;		/* 0: no limit */
	uint64_t	first;
	bool		single;
	int			steps;
	int			jobs;
	Shape		shape;
} Options;

/* Of all processes. */
typedef struct Shared
{
	atomic_long played;
	atomic_long events[E_COUNT];
	atomic_bool stop;
	atomic_ullong bad;			/* least seed that broke a promise; 0: none */
	atomic_ullong playing[MAX_JOBS];	/* the seed of each process */
} Shared;

static World world;
static const char *crash;		/* what ended a process that played; NULL: none */

static double
seconds_now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double) ts.tv_sec + (double) ts.tv_nsec / 1e9;
}

/* Of the processes that are gone. */
static double
cpu_seconds(void)
{
	struct rusage u;

	getrusage(RUSAGE_CHILDREN, &u);
	return (double) (u.ru_utime.tv_sec + u.ru_stime.tv_sec) +
		(double) (u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1e6;
}

static void
report_bad(Shared *shared, uint64_t seed)
{
	unsigned long long bad = atomic_load(&shared->bad);

	while ((bad == 0 || seed < bad) && !atomic_compare_exchange_weak(&shared->bad, &bad, seed))
		;
	atomic_store(&shared->stop, true);
}

/* An assertion of the decision code, in a schedule that is shown. */
static void
show_abort(int signal_number)
{
	(void) signal_number;
	trace_print(SHOWN_STEPS);
	_exit(1);
}

/* Every jobs-th seed. */
static void
play_share(const Options *o, Shared *shared, int job, double until)
{
	long		i;
	int			e;

	for (i = job; i < o->schedules; i += o->jobs)
	{
		uint64_t	seed = o->first + (uint64_t) i;

		if (atomic_load_explicit(&shared->stop, memory_order_relaxed) ||
			((i / o->jobs) % 256 == 255 && o->seconds > 0 && seconds_now() > until))
			break;
		atomic_store(&shared->playing[job], seed);
		world_play(&world, seed, o->steps, o->shape, false);
		atomic_fetch_add_explicit(&shared->played, 1, memory_order_relaxed);
		if (world.violation != NULL)
			report_bad(shared, seed);
	}
	for (e = 0; e < E_COUNT; e++)
		atomic_fetch_add(&shared->events[e], world.events[e]);
}

/*
 * A process that ends otherwise than by _exit(0) has found a crash in what it
 * played, an assertion mostly; one that was killed has found nothing.
 */
static bool
judge_end(Shared *shared, int job, int status)
{
	if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
		return true;
	if (WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL)
	{
		printf("# a process was killed while it played the seed %llu\n",
			   atomic_load(&shared->playing[job]));
		atomic_store(&shared->stop, true);
		return false;
	}
	crash = WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT ?
		"an assertion of the decision code" : "a crash of the decision code";
	report_bad(shared, atomic_load(&shared->playing[job]));
	return true;
}

static int
job_of(const pid_t *pids, int njobs, pid_t pid)
{
	int			job = 0;

	while (job < njobs - 1 && pids[job] != pid)
		job++;
	return job;
}

static bool
play_all(const Options *o, Shared *shared)
{
	double		until = seconds_now() + o->seconds;
	pid_t		pids[MAX_JOBS];
	bool		whole = true;
	int			status;
	int			job;
	pid_t		pid;

	fflush(stdout);
	for (job = 0; job < o->jobs; job++)
	{
		pids[job] = pid = fork();
		if (pid == 0)
		{
			play_share(o, shared, job, until);
			_exit(0);
		}
		if (pid < 0)
		{
			perror("sim: fork");
			whole = false;
		}
	}
	while ((pid = wait(&status)) > 0)
		whole = judge_end(shared, job_of(pids, o->jobs, pid), status) && whole;
	return whole;
}

/* Plays it once more, telling what happens. */
static bool
show(const Options *o, uint64_t seed, int lines)
{
	trace_clear();
	signal(SIGABRT, show_abort);
	world_play(&world, seed, o->steps, o->shape, true);
	if (world.violation != NULL)
		printf("# broken: %s\n# again: make sim SEED=%llu STEPS=%d\n", world.violation,
			   (unsigned long long) seed, o->steps);
	trace_print(lines);
	return world.violation == NULL;
}

/* How many schedules it took to find the mistake, and what it broke. */
static int
hunt_mutant(const Options *o, Shared *shared)
{
	bool		found = atomic_load(&shared->bad) != 0;

	if (crash != NULL)
		world.violation = crash;
	else if (found)
		world_play(&world, atomic_load(&shared->bad), o->steps, o->shape, false);
	printf("%sok - %-26s %7ld schedules: %s\n", found ? "" : "not ", mutant_name(mutant),
		   atomic_load(&shared->played), found ? world.violation : "not found");
	return found ? 0 : 1;
}

static void
print_summary(const Options *o, Shared *shared, double took)
{
	static const char *const names[E_COUNT] = {"attempts", "checkpoints told complete", "aborted",
	"crashes of a task", "ends of a coordinator", "of the server", "power cuts", "steps of the clock",
	"starts from a savepoint", "fresh starts", "stops", "drains", "snapshots that overtook", "rows kept", "schedules too long for the model"};
	int			e;

	printf("# %.1f s, %.0f schedules a minute, %.0f in one of CPU time, %d processes, "
		   "seeds from %llu\n#", took, (double) atomic_load(&shared->played) / took * 60,
		   (double) atomic_load(&shared->played) / cpu_seconds() * 60, o->jobs,
		   (unsigned long long) o->first);
	for (e = 0; e < E_COUNT; e++)
		printf("%s %ld %s", e > 0 ? "," : "", atomic_load(&shared->events[e]), names[e]);
	printf("\n");
}

static int
run(const Options *o)
{
	Shared	   *shared = mmap(NULL, sizeof(Shared), PROT_READ | PROT_WRITE,
							  MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	double		began = seconds_now();
	bool		whole;
	uint64_t	bad;

	whole = play_all(o, shared);
	bad = atomic_load(&shared->bad);
	if (mutant != MUTANT_NONE)
		return hunt_mutant(o, shared);
	printf("%sok 1 - simulator: %ld schedules, %s\n", bad == 0 && whole ? "" : "not ",
		   atomic_load(&shared->played), bad == 0 ? "no promise broken" : "a promise broken");
	print_summary(o, shared, seconds_now() - began);
	if (bad != 0)
		(void) show(o, bad, SHOWN_STEPS);
	printf("1..1\n");
	return bad == 0 && whole ? 0 : 1;
}

static int
list_mutants(void)
{
	int			m;

	for (m = MUTANT_NONE + 1; m < MUTANT_COUNT; m++)
		printf("%s\t%s\n", mutant_name((Mutant) m), mutant_text((Mutant) m));
	return 0;
}

static const char *const shapes[] = {"both", "today", "graph"};

static void usage(void);

static Shape
find_shape(const char *name)
{
	int			i;

	for (i = 0; i < COUNT(shapes); i++)
	{
		if (strcmp(shapes[i], name) == 0)
			return (Shape) i;
	}
	usage();
	return SHAPE_BOTH;
}

static void
usage(void)
{
	fprintf(stderr, "usage: sim [-n SCHEDULES] [-t SECONDS] [-f FIRST] [-s SEED] "
			"[-k STEPS] [-j JOBS] [-g both|today|graph] [-m MUTANT] [-l]\n");
	exit(2);
}

static void
choose_mutant(const char *name)
{
	mutant = mutant_find(name);
	if (mutant == MUTANT_COUNT)
	{
		fprintf(stderr, "sim: there is no mutant \"%s\"\n", name);
		exit(2);
	}
}

int
main(int argc, char **argv)
{
	Options		o = {1000000, 0, 1, false, 200, (int) sysconf(_SC_NPROCESSORS_ONLN), SHAPE_BOTH};
	int			c;

	while ((c = getopt(argc, argv, "n:t:f:s:k:j:m:g:l")) != -1)
	{
		switch (c)
		{
			case 'n':
				o.schedules = atol(optarg);
				break;
			case 't':
				o.seconds = atof(optarg);
				break;
			case 's':
				o.single = true;
				/* FALLTHROUGH */
			case 'f':
				o.first = strtoull(optarg, NULL, 10);
				break;
			case 'k':
				o.steps = atoi(optarg);
				break;
			case 'j':
				o.jobs = atoi(optarg);
				if (o.jobs < 1 || o.jobs > MAX_JOBS)
					usage();
				break;
			case 'm':
				choose_mutant(optarg);
				break;
			case 'g':
				o.shape = find_shape(optarg);
				break;
			case 'l':
				return list_mutants();
			default:
				usage();
		}
	}
	if (o.single)
		return show(&o, o.first, 0) ? 0 : 1;
	return run(&o);
}
