/*
 * job/attempts.c
 *		A look at the running attempts of this database.
 */
#include "postgres.h"

#include "catalog/pg_authid.h"
#include "miscadmin.h"
#include "utils/acl.h"

#include "job/attempts.h"
#include "task/source_stats.h"

/* The jobs of this database that have a coordinator. */
static WeirRunningJob *
running_jobs(int *n)
{
	WeirRunningJob *jobs = palloc(sizeof(WeirRunningJob) * (weir_registry ? weir_registry->nslots : 1));

	*n = 0;
	if (weir_registry == NULL)
		return jobs;
	LWLockAcquire(weir_registry->lock, LW_SHARED);
	for (int i = 0; i < weir_registry->nslots; i++)
	{
		WeirJobSlot *slot = &weir_registry->slots[i];

		if (!slot->used || slot->database != MyDatabaseId || slot->coordinator == NULL)
			continue;
		jobs[*n].job = slot->job;
		jobs[*n].pid = slot->coordinator->pid;
		jobs[(*n)++].attempt = slot->attempt;
	}
	LWLockRelease(weir_registry->lock);
	return jobs;
}

/* The views ask, too; but whoever may use the schema can call their functions. */
static bool
may_see(const WeirAttempt *attempt)
{
	return has_privs_of_role(GetUserId(), attempt->owner) ||
		has_privs_of_role(GetUserId(), ROLE_PG_READ_ALL_STATS);
}

/* Maps it; one that ends meanwhile is passed over. */
static void
visit_attempt(ReturnSetInfo *rsinfo, dsm_handle handle, void (*visit) (ReturnSetInfo *, const WeirAttempt *))
{
	dsm_segment *segment;
	bool		mine = dsm_find_mapping(handle) == NULL;
	WeirAttempt *attempt = weir_attempt_attach(handle, &segment);

	if (attempt == NULL)
		return;
	if (may_see(attempt))
		visit(rsinfo, attempt);
	if (mine)
		dsm_detach(segment);
}

void
weir_for_each_attempt(ReturnSetInfo *rsinfo,
					  void (*coordinator) (ReturnSetInfo *, const WeirRunningJob *),
					  void (*attempt) (ReturnSetInfo *, const WeirAttempt *))
{
	int			n;
	WeirRunningJob *jobs = running_jobs(&n);

	for (int i = 0; i < n; i++)
	{
		if (coordinator)
			coordinator(rsinfo, &jobs[i]);
		if (jobs[i].attempt != DSM_HANDLE_INVALID)
			visit_attempt(rsinfo, jobs[i].attempt, attempt);
	}
}

static bool
ended_in(const WeirAttempt *attempt, const char *stream)
{
	WeirSourceStats stats;

	for (int i = 0; i < attempt->topology.nstages; i++)
	{
		if (weir_source_stats(attempt, i, &stats) && strcmp(weir_attempt_stream(attempt, i), stream) == 0)
			return stats.status == WEIR_SOURCE_CLOSED;
	}
	return false;
}

bool
weir_stream_has_ended(int64 job, const char *stream)
{
	int			n;
	WeirRunningJob *jobs = running_jobs(&n);
	bool		ended = false;

	for (int i = 0; i < n; i++)
	{
		dsm_segment *segment;
		WeirAttempt *attempt;
		bool		mine;

		if (jobs[i].job != job || jobs[i].attempt == DSM_HANDLE_INVALID)
			continue;
		mine = dsm_find_mapping(jobs[i].attempt) == NULL;
		attempt = weir_attempt_attach(jobs[i].attempt, &segment);
		if (attempt == NULL)
			continue;
		ended = ended_in(attempt, stream);
		if (mine)
			dsm_detach(segment);
	}
	return ended;
}
