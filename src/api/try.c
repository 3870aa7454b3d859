/*
 * api/try.c
 *		weir.try_job: a job's query over lines that are given.
 *
 * The session becomes the job's owner in a security-restricted operation, as
 * for what PostgreSQL itself runs for another user.
 */
#include "postgres.h"

#include "access/tupconvert.h"
#include "catalog/pg_type.h"
#include "executor/executor.h"
#include "executor/tstoreReceiver.h"
#include "fmgr.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"
#include "utils/tuplestore.h"

#include "api/state/access.h"
#include "sink/epoch.h"
#include "task/try.h"

#define WRONG_ROW "the rows that the job writes are of another row type"

PG_FUNCTION_INFO_V1(weir_try_job);
PG_FUNCTION_INFO_V1(weir_try_job_as);

/* Where the rows go. */
typedef struct TryResult
{
	ReturnSetInfo *info;
	TupleDesc	desc;			/* that the caller wants; NULL: as written */
	Oid			relid;			/* whose row type that is */
} TryResult;

static void
get_lines(FunctionCallInfo fcinfo, WeirTryInput *input)
{
	Datum	   *values;
	bool	   *nulls;

	if (PG_ARGISNULL(1))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("lines must not be null")));
	deconstruct_array(PG_GETARG_ARRAYTYPE_P(1), TEXTOID, -1, false, TYPALIGN_INT,
					  &values, &nulls, &input->nlines);
	input->lines = palloc(sizeof(char *) * Max(input->nlines, 1));
	for (int i = 0; i < input->nlines; i++)
	{
		if (nulls[i])
			ereport(ERROR,
					(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
					 errmsg("lines must not contain nulls"),
					 errdetail("Line %d is null.", i + 1),
					 errhint("Give an empty string for an empty record.")));
		input->lines[i] = TextDatumGetCString(values[i]);
	}
}

/* Stream and moment are the arguments from "first" on. */
static void
get_input(FunctionCallInfo fcinfo, int first, WeirTryInput *input)
{
	get_lines(fcinfo, input);
	input->stream = weir_arg_text(fcinfo, first);
	input->has_at = !PG_ARGISNULL(first + 1);
	if (!input->has_at)
		return;
	input->at = PG_GETARG_TIMESTAMPTZ(first + 1);
	if (TIMESTAMP_NOT_FINITE(input->at))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("at must be finite"),
				 errhint("Give the moment at which the lines arrive.")));
}

/* The row type the call asks for. */
static void
get_result(FunctionCallInfo fcinfo, TryResult *result)
{
	ReturnSetInfo *info = (ReturnSetInfo *) fcinfo->resultinfo;
	Oid			type;

	if (info == NULL || !IsA(info, ReturnSetInfo) || !(info->allowedModes & SFRM_Materialize))
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("weir.try_job cannot be called where a set is not accepted"),
				 errhint("Call it in FROM, or in a select list.")));
	result->info = info;
	switch (get_call_result_type(fcinfo, &type, &result->desc))
	{
		case TYPEFUNC_COMPOSITE:
		case TYPEFUNC_COMPOSITE_DOMAIN:
			result->relid = get_typ_typrelid(getBaseType(type));
			break;
		case TYPEFUNC_RECORD:
			result->desc = NULL;
			break;
		default:
			ereport(ERROR,
					(errcode(ERRCODE_DATATYPE_MISMATCH),
					 errmsg("\"row\" must be of a row type"),
					 errhint("Give a null of the target's row type, such as NULL::averages.")));
	}
}

static void
begin_result(TryResult *result, TupleDesc desc)
{
	ReturnSetInfo *info = result->info;
	MemoryContext old = MemoryContextSwitchTo(info->econtext->ecxt_per_query_memory);

	info->returnMode = SFRM_Materialize;
	info->setResult = tuplestore_begin_heap((info->allowedModes & SFRM_Materialize_Random) != 0,
											false, work_mem);
	info->setDesc = BlessTupleDesc(CreateTupleDescCopy(desc));
	MemoryContextSwitchTo(old);
}

/* The rows of several INSERTs are one result only if they have the same columns. */
static void
check_alike(TupleDesc written, TupleDesc before)
{
	bool		alike = written->natts == before->natts;

	for (int i = 0; alike && i < written->natts; i++)
		alike = TupleDescAttr(written, i)->atttypid == TupleDescAttr(before, i)->atttypid;
	if (!alike)
		ereport(ERROR,
				(errcode(ERRCODE_DATATYPE_MISMATCH),
				 errmsg("the INSERTs of the job write rows of different types"),
				 errhint("Give a null of one target's row type as \"row\", such as NULL::averages: the rows for that are returned, those for others only written.")));
}

/* At once, since perhaps no row will come. */
static DestReceiver *
receive(void *arg, TupleDesc written)
{
	TryResult  *result = arg;
	ReturnSetInfo *info = result->info;
	DestReceiver *receiver = CreateTuplestoreDestReceiver();

	if (result->desc)
		(void) convert_tuples_by_position(written, result->desc, WRONG_ROW);
	if (info->setResult == NULL)
		begin_result(result, result->desc ? result->desc : written);
	else if (result->desc == NULL)
		check_alike(written, info->setDesc);
	SetTuplestoreDestReceiverParams(receiver, info->setResult, info->econtext->ecxt_per_query_memory,
									false, info->setDesc, WRONG_ROW);
	return receiver;
}

static void
try_job(FunctionCallInfo fcinfo, int first)
{
	WeirTryInput input = {0};
	TryResult	result = {0};
	WeirSession before;
	WeirJob    *job;

	job = weir_job_for_owner(weir_arg_required(fcinfo, 0, "job"));
	get_input(fcinfo, first, &input);
	get_result(fcinfo, &result);
	input.target = result.relid;
	/* what the caller has put off is still the caller's */
	weir_epoch_check_at_once();
	weir_job_become_owner(job, &before);
	weir_try_run(job, &input, receive, &result);
	weir_job_become_caller(&before);
}

Datum
weir_try_job(PG_FUNCTION_ARGS)
{
	try_job(fcinfo, 2);
	return (Datum) 0;
}

Datum
weir_try_job_as(PG_FUNCTION_ARGS)
{
	try_job(fcinfo, 3);
	return (Datum) 0;
}
