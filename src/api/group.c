/*
 * api/group.c
 *		weir.group_offer, group_take, group_state, group_clear: what the other
 *		servers of a group ask this one for, connected as a member of the job's owner.
 *
 * decide/ownership.h says what a take means.  It waits for a checkpoint whose
 * decision is under way; after it no checkpoint that includes the partition completes.
 */
#include "postgres.h"

#include "access/xact.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/tuplestore.h"

#include "api/option.h"
#include "api/state/access.h"
#include "catalog/group.h"
#include "catalog/job_node.h"
#include "catalog/prepared.h"
#include "catalog/snapshot.h"
#include "job/group.h"

PG_FUNCTION_INFO_V1(weir_group_offer);
PG_FUNCTION_INFO_V1(weir_group_take);
PG_FUNCTION_INFO_V1(weir_group_state);
PG_FUNCTION_INFO_V1(weir_group_clear);

/* The member's name; NULL: the job has not been started in the group. */
static char *
check_group(const WeirJob *job, const char *asked)
{
	char	   *group;
	char	   *member;

	if (!weir_group_get(job->id, &group, &member))
		return NULL;
	if (strcmp(group, asked) != 0)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("job \"%s\" is not of group \"%s\"", job->name, asked),
				 errdetail("It is of group \"%s\".", group),
				 errhint("Give the server of the job's stream the same option group everywhere.")));
	return member;
}

static WeirJob *
job_of(FunctionCallInfo fcinfo, const char *function, char **member)
{
	WeirJob    *job = weir_job_for_owner(text_to_cstring(PG_GETARG_TEXT_PP(0)));

	weir_prevent_read_only(function);
	if (IsolationUsesXactSnapshot())
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_TRANSACTION_STATE),
				 errmsg("%s must run at isolation level read committed", function)));
	*member = check_group(job, text_to_cstring(PG_GETARG_TEXT_PP(1)));
	return job;
}

static Datum
text_or_null(const char *text, bool *isnull)
{
	*isnull = text == NULL;
	return text ? CStringGetTextDatum(text) : (Datum) 0;
}

static void
put_offer(ReturnSetInfo *rsinfo, const char *member, const WeirPartition *row)
{
	Datum		values[8];
	bool		nulls[8] = {false, true, true, true, true, true, true, true};

	values[0] = text_or_null(member, &nulls[0]);
	if (row)
	{
		memset(nulls + 1, 0, sizeof(nulls) - sizeof(bool));
		values[1] = Int32GetDatum(row->partition);
		values[2] = CStringGetTextDatum(weir_owned_name(row->state));
		values[3] = Int64GetDatum(row->epoch);
		values[4] = text_or_null(row->to, &nulls[4]);
		values[5] = BoolGetDatum(row->taking);
		values[6] = text_or_null(row->from, &nulls[6]);
		values[7] = BoolGetDatum(row->certain);
	}
	tuplestore_putvalues(rsinfo->setResult, rsinfo->setDesc, values, nulls);
}

Datum
weir_group_offer(PG_FUNCTION_ARGS)
{
	char	   *member;
	WeirJob    *job = job_of(fcinfo, "weir.group_offer()", &member);
	ListCell   *lc;

	InitMaterializedSRF(fcinfo, 0);
	put_offer((ReturnSetInfo *) fcinfo->resultinfo, member, NULL);
	foreach(lc, weir_partitions(job->id))
		put_offer((ReturnSetInfo *) fcinfo->resultinfo, member, lfirst(lc));
	return (Datum) 0;
}

/* ---- giving ---- */

/* What is prepared is decided, as the row's lock is held, and about to be committed. */
static void
check_visible(const WeirJob *job)
{
	if (weir_prepared_of_job(job->id) != NIL)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_IN_USE),
				 errmsg("output of job \"%s\" is about to be committed", job->name),
				 errhint("Try again; if the job does not run, start it.")));
}

static void
give(const WeirJob *job, WeirPartition *row, const char *member)
{
	check_visible(job);
	weir_group_give(job, row, member);
}

/* By numbers: whoever asks is 0, another is 1. */
static WeirClaim
claim_of(const WeirPartition *row, const char *by)
{
	WeirClaim	claim = {row->state, row->epoch};

	claim.to = row->to != NULL && strcmp(row->to, by) == 0 ? 0 : 1;
	return claim;
}

Datum
weir_group_take(PG_FUNCTION_ARGS)
{
	char	   *member;
	WeirJob    *job = job_of(fcinfo, "weir.group_take()", &member);
	char	   *by = text_to_cstring(PG_GETARG_TEXT_PP(3));
	ReturnSetInfo *rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;
	WeirPartition *row;
	WeirClaim	claim;
	Datum		values[3];
	bool		nulls[3] = {false};

	InitMaterializedSRF(fcinfo, 0);
	if (member == NULL)
		return (Datum) 0;
	row = weir_partition_lock(job->id, PG_GETARG_INT32(2));
	claim = claim_of(row, by);
	if (!weir_ownership_give(&claim, 0))
		return (Datum) 0;
	if (row->state == WEIR_OWNED_OWNED)
		give(job, row, by);
	values[0] = Int64GetDatum(row->epoch);
	values[1] = CStringGetTextDatum(weir_group_nodes(job->id));
	values[2] = weir_given_positions(job->id, row->partition, &nulls[2]);
	tuplestore_putvalues(rsinfo->setResult, rsinfo->setDesc, values, nulls);
	return (Datum) 0;
}

/* ---- its state ---- */

typedef struct Stating
{
	ReturnSetInfo *result;
	int			step;
} Stating;

static void
put_chunk(void *arg, int group, bool is_full, bytea *payload)
{
	Stating    *stating = arg;
	Datum		values[3];
	bool		nulls[3] = {false};

	CHECK_FOR_INTERRUPTS();
	values[0] = Int32GetDatum(stating->step);
	values[1] = BoolGetDatum(is_full);
	values[2] = PointerGetDatum(payload);
	tuplestore_putvalues(stating->result->setResult, stating->result->setDesc, values, nulls);
}

Datum
weir_group_state(PG_FUNCTION_ARGS)
{
	char	   *member;
	WeirJob    *job = job_of(fcinfo, "weir.group_state()", &member);
	int			partition = PG_GETARG_INT32(2);
	WeirPartition *row = member ? weir_partition_lock(job->id, partition) : NULL;
	WeirGiven  *given = weir_given_get(job->id, partition);
	Stating		stating;
	int			nsteps = weir_job_steps(job->id);

	InitMaterializedSRF(fcinfo, 0);
	if (row == NULL || row->state != WEIR_OWNED_GIVEN || given == NULL ||
		strcmp(row->to, text_to_cstring(PG_GETARG_TEXT_PP(3))) != 0)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("partition %d of job \"%s\" is not given to this member", partition, job->name)));
	stating.result = (ReturnSetInfo *) fcinfo->resultinfo;
	for (stating.step = 0; stating.step < nsteps; stating.step++)
		weir_snapshot_read(job->id, given->timeline, stating.step, given->checkpoint,
						   partition, partition + 1, put_chunk, &stating);
	return (Datum) 0;
}

Datum
weir_group_clear(PG_FUNCTION_ARGS)
{
	char	   *member;
	WeirJob    *job = job_of(fcinfo, "weir.group_clear()", &member);
	WeirPartition *row = member ? weir_partition_lock(job->id, PG_GETARG_INT32(2)) : NULL;

	if (row != NULL && row->taking && row->from == NULL)
	{
		row->taking = false;
		weir_partition_put(job->id, row);
	}
	PG_RETURN_VOID();
}
