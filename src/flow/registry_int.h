/*
 * flow/registry_int.h
 *		The registry's layout, for the launcher and the coordinators.
 *
 * All fields are protected by the registry's lock, except latch pointers once
 * set.  A slot belongs to a job from the moment somebody wants it to run until
 * its coordinator has ended it.
 */
#ifndef WEIR_FLOW_REGISTRY_INT_H
#define WEIR_FLOW_REGISTRY_INT_H

#include "postgres.h"

#include "storage/condition_variable.h"
#include "storage/lwlock.h"
#include "storage/proc.h"

#include "decide/crash.h"
#include "flow/registry.h"

#define WEIR_MAX_HOLDS 64

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
	bool		claimed;		/* a transaction that has not ended starts the job */
	bool		wanted;			/* the launcher shall start a coordinator */
	bool		ended;			/* the coordinator ended the job: not to be restarted */
	bool		dropped;		/* with its extension or database: nobody's any more */
	bool		configure;		/* CONFIGURE was sent */
	bool		cancel;			/* CANCEL was sent at a commit */
	bool		asked;			/* requests were put since the coordinator looked */
	PGPROC	   *coordinator;	/* NULL if there is none */
	dsm_handle	attempt;
	int			workers;		/* reserved: coordinator and tasks */
	int			prepared;		/* reserved: prepared transactions */
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
	uint64		next_token;
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

/* Makes the launcher start this job's coordinator; warns if no slot is free. */
extern void weir_registry_start(Oid database, int64 job);

#endif
