/*
 * catalog/job_depend.h
 *		weir_internal.job_depend: the objects that a job's query uses.
 */
#ifndef WEIR_CATALOG_JOB_DEPEND_H
#define WEIR_CATALOG_JOB_DEPEND_H

#include "postgres.h"

#include "nodes/pg_list.h"

/* An object by OID, as pg_depend has it. */
typedef struct WeirUsed
{
	Oid			class_id;
	Oid			object;
	bool		keyed;			/* the keyed function: may be dropped while the job does not run */
} WeirUsed;

/* A job that uses the object asked for. */
typedef struct WeirDependent
{
	int64		job;
	char	   *name;
	Oid			owner;
	bool		keyed;
	bool		active;			/* by its status */
	bool		goes_on;		/* active, or would go on from where it has read to */
} WeirDependent;

/* Replaces what is noted of the job by this List of WeirUsed. */
extern void weir_job_depend_set(int64 job, List *used);
extern void weir_job_depend_delete(int64 job);
/* What the job uses goes: it is failed, for this reason, and guards nothing until it is started again. */
extern void weir_job_depend_broken(int64 job, const char *reason);

/* List of WeirDependent, by name, in CurrentMemoryContext; sees what was just committed. */
extern List *weir_job_dependents(Oid class_id, Oid object);

/* All jobs of the extension, and those that a role owns: WeirDependents, by name. */
extern List *weir_jobs_of_extension(void);
extern List *weir_jobs_owned(Oid role);
/*
 * To be called when the role has gained or lost jobs: what keeps it from being
 * dropped, from other databases too, is an entry in pg_shdepend.
 */
extern void weir_job_owner_changed(Oid role);
/* REASSIGN OWNED: jobs and declared states of one role go to another. */
extern void weir_jobs_reassign(Oid role, Oid new_owner);

#endif
