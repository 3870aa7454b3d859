/*
 * server/registry_int.h
 *		The registry's layout, for the launcher and the coordinators.
 *
 * All fields are protected by the registry's lock, except latch pointers once
 * set.  A slot belongs to a job from the moment somebody wants it to run until
 * its coordinator has ended it.
 */
#ifndef WEIR_SERVER_REGISTRY_INT_H
#define WEIR_SERVER_REGISTRY_INT_H

#include "postgres.h"

#include "storage/condition_variable.h"
#include "storage/lwlock.h"
#include "storage/proc.h"

#include "catalog/job.h"
#include "decide/crash.h"
#include "decide/histogram.h"
#include "server/registry.h"

#define WEIR_MAX_HOLDS 64
#define WEIR_REASON_SIZE 256

typedef enum WeirRequestState
{
	WEIR_SLOT_FREE,
	WEIR_SLOT_ASKED,			/* a backend waits */
	WEIR_SLOT_TAKEN,			/* the coordinator works on it */
	WEIR_SLOT_DONE				/* result is set; the backend frees it */
} WeirRequestState;

typedef struct WeirJobSlot WeirJobSlot;

/*
 * As many as there are backends, and each waits for one at a time: so what
 * waits for one job never keeps a request for another, or one that goes first,
 * from its coordinator.  How many may wait is the decision code's to say.
 */
typedef struct WeirRequestSlot
{
	WeirRequestState state;
	WeirJobSlot *job;			/* whose coordinator is asked */
	bool		abandoned;		/* the backend went away: the coordinator frees it */
	uint64		token;			/* unique in the server's life, never 0 */
	WeirRequestKind kind;
	char		name[NAMEDATALEN];
	WeirRequestResult result;
} WeirRequestSlot;

struct WeirJobSlot
{
	bool		used;
	Oid			database;
	int64		job;
	char		name[NAMEDATALEN];	/* "": not known yet */
	bool		claimed;		/* a transaction that has not ended starts the job, or .. */
	bool		withdrawn;		/* .. lets it wait no more */
	bool		wanted;			/* the launcher shall start a coordinator */
	bool		ended;			/* the coordinator ended the job: not to be restarted */
	bool		dropped;		/* with its extension or database: nobody's any more */
	bool		configure;		/* CONFIGURE was sent */
	bool		cancel;			/* CANCEL was sent at a commit */
	bool		asked;			/* requests were put since the coordinator looked */
	bool		admitted;		/* workers and prepared are its own; else it waits for them */
	bool		live;			/* the coordinator has looked at the job's row */
	bool		leaving;		/* the job is to stop, and waits for a process to leave */
	bool		said;			/* the log has the reason */
	uint64		since;			/* its turn among those that wait, 0: it does not */
	char		reason[WEIR_REASON_SIZE];	/* why it does not go on, "": it does */
	PGPROC	   *coordinator;	/* NULL if there is none */
	dsm_handle	attempt;
	int			workers;		/* coordinator and tasks */
	int			prepared;		/* prepared transactions */
	/* measured since the job was started, by the coordinator; torn reads do no harm */
	int64		checkpoints_completed;
	int64		checkpoints_failed;
	WeirHistogram restores;		/* us from an attempt's begin until all its tasks ran, state loaded */
};

/* What must not run for now, see hold.c; it belongs to a backend's transaction. */
typedef struct WeirHold
{
	Oid			database;		/* InvalidOid: the entry is free */
	int64		job;			/* 0: all jobs of the database */
	bool		settled;		/* nothing of it runs or is prepared any more */
	bool		drop;			/* for DROP EXTENSION or its like */
} WeirHold;

typedef struct WeirRegistry
{
	LWLock	   *lock;
	ConditionVariable changed;	/* anything about any job */
	PGPROC	   *launcher;
	bool		end_known;		/* how the server ended before is known */
	WeirServerEnd ended;
	uint64		next_token;		/* of requests, and turns of jobs that wait */
	bool		scanned;		/* the launcher has seen every database */
	bool		scan_asked;		/* it is to look again, also if it looks just now */
	bool		left_alone;		/* jobs were not looked for, as weir.autostart was off */
	int			overflow;		/* jobs that found no slot */
	bool		freed;			/* a slot was, and the launcher has not looked for them yet */
	int			nrequests;
	WeirRequestSlot *requests;	/* behind the slots */
	WeirHold	holds[WEIR_MAX_HOLDS];
	int			nslots;
	WeirJobSlot slots[FLEXIBLE_ARRAY_MEMBER];
} WeirRegistry;

extern WeirRegistry *weir_registry;

/* Must the slot's job not be started for now?  The caller holds the lock. */
extern bool weir_slot_is_held(const WeirJobSlot *slot);

/* Wakes everyone who waits for a change of some job. */
extern void weir_registry_changed(void);

/* The launcher shall look after the slots; the caller holds the lock. */
extern void weir_registry_wake_launcher(void);

/* The caller holds the lock; NULL if there is none. */
extern WeirJobSlot *weir_slot_find(Oid database, int64 job);
extern WeirJobSlot *weir_slot_claim(Oid database, int64 job);
/* Its coordinator is done with the job or there was none, and no other is wanted. */
extern bool weir_slot_has_ended(const WeirJobSlot *slot);

/* The launcher shall start its coordinator, in its turn; the caller holds the lock. */
extern void weir_slot_want(WeirJobSlot *slot);
/* Makes the launcher start this job's coordinator, once there is room. */
extern void weir_registry_start(Oid database, int64 job);
/* The same for a job of this database that should be running, with what it needs. */
extern void weir_registry_enter(const WeirJob *job);
/* They are not started with the server. */
extern void weir_registry_leave_alone(void);
/* Has the job what it needs, so that its coordinator runs or will at once? */
extern bool weir_registry_is_admitted(int64 job);

/* notice.c, when the current (sub)transaction ends: a claim, or the withdrawal of a job that waits */
extern void weir_registry_release_at_end(int64 job);
extern void weir_registry_withdraw_at_commit(int64 job);
/* claim.c */
/* Takes what the slot's job needs if it is free; the caller holds the lock. */
extern bool weir_slot_admit(WeirJobSlot *slot);
/* What an attempt needs; false if it is more than the job has, and not free. */
extern bool weir_registry_reserve(WeirJobSlot *slot, int workers, int prepared);

/* waiting.c: why the job does not go on, and that it does; the caller holds the lock. */
extern void weir_slot_waits(WeirJobSlot *slot, const char *fmt,...) pg_attribute_printf(2, 3);
extern void weir_slot_goes_on(WeirJobSlot *slot);
/* Its coordinator: from here on the job's row says what it does. */
extern void weir_slot_show_row(WeirJobSlot *slot, const char *name);
/* Logs the reason, once; the caller does not hold the lock. */
extern void weir_slot_say(WeirJobSlot *slot);

#endif
