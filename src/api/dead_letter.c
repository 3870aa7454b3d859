/*
 * api/dead_letter.c
 *		Who may delete dead letters.
 *
 * Who may read a stream sees its letters in weir.dead_letters; a DELETE there
 * reaches the table under the reader's name, and only the owner of the job, and
 * members, may take them away.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "commands/trigger.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/rel.h"

#include "catalog/job.h"

PG_FUNCTION_INFO_V1(weir_guard_dead_letter);

Datum
weir_guard_dead_letter(PG_FUNCTION_ARGS)
{
	TriggerData *trigger = (TriggerData *) fcinfo->context;
	bool		isnull;
	WeirJob    *job;

	if (!CALLED_AS_TRIGGER(fcinfo) || !TRIGGER_FIRED_FOR_ROW(trigger->tg_event) ||
		!TRIGGER_FIRED_BEFORE(trigger->tg_event) || !TRIGGER_FIRED_BY_DELETE(trigger->tg_event))
		ereport(ERROR,
				(errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
				 errmsg("guard_dead_letter() is a trigger function for each row BEFORE DELETE")));
	job = weir_job_by_id(DatumGetInt64(heap_getattr(trigger->tg_trigtuple, 1,
													RelationGetDescr(trigger->tg_relation),
													&isnull)));
	if (job != NULL && !has_privs_of_role(GetUserId(), job->owner))
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("must be owner of job \"%s\"", job->name),
				 errdetail("Dead letters are deleted by the owner of their job.")));
	return PointerGetDatum(trigger->tg_trigtuple);
}
