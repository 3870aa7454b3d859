/*
 * base/fault.c
 *		Fault points of a test build; see fault.h.
 *
 * What is armed lives in shared memory alone: a crash of the server disarms
 * everything, so that it comes back whole.
 */
#include "postgres.h"

#include "base/fault.h"

#ifdef WEIR_FAULTS

#include <signal.h>

#include "miscadmin.h"
#include "pgstat.h"
#include "storage/ipc.h"
#include "storage/latch.h"
#include "storage/lwlock.h"
#include "storage/shmem.h"
#include "storage/spin.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/varlena.h"

#define MAX_ARMED 32
#define HOLD_LOOK_MS 10

typedef enum FaultKind
{
	FAULT_ERROR,
	FAULT_KILL,
	FAULT_CRASH,
	FAULT_HOLD
} FaultKind;

typedef struct Fault
{
	WeirFaultPoint point;
	FaultKind	kind;
	int			occurrence;
} Fault;

typedef struct FaultList
{
	int			n;
	Fault		faults[MAX_ARMED];
} FaultList;

typedef struct FaultState
{
	slock_t		mutex;
	int			generation;		/* of the list */
	int			next;			/* the one that is armed */
	int			passed;			/* how often its point was, so far */
	bool		held;
	FaultList	list;
} FaultState;

#define FAULT_NAME(name) #name,

static const char *const point_names[] = {WEIR_FAULT_POINTS(FAULT_NAME)};
static const char *const kind_names[] = {"error", "kill", "crash", "hold"};

static FaultState *state = NULL;
static char *setting = NULL;
static shmem_request_hook_type previous_request_hook = NULL;
static shmem_startup_hook_type previous_startup_hook = NULL;

static int
find_name(const char *const *names, int n, const char *name)
{
	for (int i = 0; i < n; i++)
	{
		if (strcmp(names[i], name) == 0)
			return i;
	}
	return -1;
}

/* "POINT:KIND:OCCURRENCE"; changes the text. */
static bool
parse_one(char *text, Fault *fault)
{
	char	   *kind = strchr(text, ':');
	char	   *occurrence = kind ? strchr(kind + 1, ':') : NULL;
	int			point_number;
	int			kind_number;

	if (occurrence == NULL)
		return false;
	*kind++ = '\0';
	*occurrence++ = '\0';
	point_number = find_name(point_names, lengthof(point_names), text);
	kind_number = find_name(kind_names, lengthof(kind_names), kind);
	fault->point = (WeirFaultPoint) point_number;
	fault->kind = (FaultKind) kind_number;
	fault->occurrence = atoi(occurrence);
	return point_number >= 0 && kind_number >= 0 && fault->occurrence > 0;
}

static bool
parse(const char *text, FaultList *list)
{
	char	   *copy = pstrdup(text);
	List	   *items;
	ListCell   *lc;

	list->n = 0;
	if (!SplitGUCList(copy, ',', &items) || list_length(items) > MAX_ARMED)
		return false;
	foreach(lc, items)
	{
		if (!parse_one(pstrdup(lfirst(lc)), &list->faults[list->n++]))
			return false;
	}
	return true;
}

static bool
check_setting(char **value, void **extra, GucSource source)
{
	FaultList	list;

	if (parse(*value, &list))
		return true;
	GUC_check_errdetail("A list of at most %d POINT:KIND:OCCURRENCE is expected.", MAX_ARMED);
	return false;
}

static void
assign_setting(const char *value, void *extra)
{
	FaultList	list;

	if (state == NULL || !parse(value, &list))
		return;
	SpinLockAcquire(&state->mutex);
	state->list = list;
	state->generation++;
	state->next = state->passed = 0;
	state->held = false;
	SpinLockRelease(&state->mutex);
}

static const char *
show_setting(void)
{
	static char text[128];
	FaultState	now;

	text[0] = '\0';
	if (state == NULL)
		return text;
	SpinLockAcquire(&state->mutex);
	now = *state;
	SpinLockRelease(&state->mutex);
	if (now.next < now.list.n)
		snprintf(text, sizeof(text), "%s:%s:%d", point_names[now.list.faults[now.next].point],
				 kind_names[now.list.faults[now.next].kind], now.list.faults[now.next].occurrence);
	if (now.held)
		strlcpy(text, "held", sizeof(text));
	return text;
}

static void
request_memory(void)
{
	if (previous_request_hook)
		previous_request_hook();
	RequestAddinShmemSpace(sizeof(FaultState));
}

static void
startup_memory(void)
{
	bool		found;

	if (previous_startup_hook)
		previous_startup_hook();
	LWLockAcquire(AddinShmemInitLock, LW_EXCLUSIVE);
	state = ShmemInitStruct("weir faults", sizeof(FaultState), &found);
	if (!found)
	{
		memset(state, 0, sizeof(FaultState));
		SpinLockInit(&state->mutex);
	}
	LWLockRelease(AddinShmemInitLock);
}

void
weir_fault_init(void)
{
	DefineCustomStringVariable("weir.fault", "Makes the server fail at a fault point.", NULL,
							   &setting, "", PGC_SUSET, GUC_NOT_IN_SAMPLE | GUC_LIST_INPUT,
							   check_setting, assign_setting, show_setting);
	if (!process_shared_preload_libraries_in_progress)
		return;
	previous_request_hook = shmem_request_hook;
	shmem_request_hook = request_memory;
	previous_startup_hook = shmem_startup_hook;
	shmem_startup_hook = startup_memory;
}

/* Is it this process's turn to fail here?  Then the next of the list is armed. */
static bool
fires(WeirFaultPoint point, Fault *fault, int *generation)
{
	bool		hit = false;

	if (state == NULL || state->next >= state->list.n)
		return false;
	SpinLockAcquire(&state->mutex);
	if (state->next < state->list.n && state->list.faults[state->next].point == point &&
		++state->passed >= state->list.faults[state->next].occurrence)
	{
		hit = true;
		*fault = state->list.faults[state->next++];
		state->passed = 0;
		*generation = state->generation;
		state->held = fault->kind == FAULT_HOLD;
	}
	SpinLockRelease(&state->mutex);
	return hit;
}

static void
hold(int generation)
{
	int			next = state->next;

	while (state->generation == generation && state->next == next)
	{
		(void) WaitLatch(MyLatch, WL_TIMEOUT | WL_EXIT_ON_PM_DEATH, HOLD_LOOK_MS,
						 PG_WAIT_EXTENSION);
		CHECK_FOR_INTERRUPTS();
	}
}

void
weir_fault(WeirFaultPoint point)
{
	Fault		fault;
	int			generation;

	if (!fires(point, &fault, &generation))
		return;
	ereport(LOG,
			(errmsg("fault point %s: %s", point_names[point], kind_names[fault.kind]),
			 errhidestmt(true), errhidecontext(true)));
	switch (fault.kind)
	{
		case FAULT_ERROR:
			ereport(ERROR,
					(errcode(ERRCODE_INTERNAL_ERROR),
					 errmsg("fault at %s", point_names[point])));
			break;
		case FAULT_CRASH:
			kill(PostmasterPid, SIGKILL);
			kill(MyProcPid, SIGKILL);
			break;
		case FAULT_KILL:
			kill(MyProcPid, SIGKILL);
			break;
		case FAULT_HOLD:
			hold(generation);
			break;
	}
}

#endif
