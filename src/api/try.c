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
#include "graph/kinds/sink.h"
#include "sink/epoch.h"
#include "task/try.h"

#define WRONG_ROW "the rows that the job writes are of another row type"

PG_FUNCTION_INFO_V1(weir_try_job);
PG_FUNCTION_INFO_V1(weir_try_job_as);
PG_FUNCTION_INFO_V1(weir_try_job_streams);
PG_FUNCTION_INFO_V1(weir_try_job_streams_as);

/* Where the rows go. */
typedef struct TryResult
{
	ReturnSetInfo *info;
	TupleDesc	desc;			/* that the caller wants; NULL: as written */
	TupleDesc	written;		/* by the first of several INSERTs */
} TryResult;

/* Elements of an array of text; a NULL is NULL. */
static char **
get_texts(FunctionCallInfo fcinfo, int arg, int *n)
{
	Datum	   *values;
	bool	   *nulls;
	char	  **texts;

	deconstruct_array(PG_GETARG_ARRAYTYPE_P(arg), TEXTOID, -1, false, TYPALIGN_INT,
					  &values, &nulls, n);
	texts = palloc(sizeof(char *) * Max(*n, 1));
	for (int i = 0; i < *n; i++)
		texts[i] = nulls[i] ? NULL : TextDatumGetCString(values[i]);
	return texts;
}

static void
get_lines(FunctionCallInfo fcinfo, WeirTryInput *input)
{
	if (PG_ARGISNULL(1))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("lines must not be null")));
	input->lines = get_texts(fcinfo, 1, &input->nlines);
}

/* The streams of the lines, one for each. */
static void
get_streams(FunctionCallInfo fcinfo, int arg, WeirTryInput *input)
{
	int			n;

	if (PG_ARGISNULL(arg))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("an array of streams must not be null"),
				 errhint("Leave the argument stream out: then the lines are those of the job's only stream.")));
	input->streams = get_texts(fcinfo, arg, &n);
	if (n != input->nlines)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("an array of streams must have as many elements as lines"),
				 errdetail("There are %d streams and %d lines.", n, input->nlines),
				 errhint("Name the stream of each line, or a single one for all of them.")));
	for (int i = 0; i < n; i++)
	{
		if (input->streams[i] == NULL)
			ereport(ERROR,
					(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
					 errmsg("an array of streams must not contain nulls"),
					 errdetail("The stream of line %d is null.", i + 1),
					 errhint("Name the stream of each line.")));
	}
}

static void
get_moment(FunctionCallInfo fcinfo, int arg, WeirTryInput *input)
{
	input->has_at = !PG_ARGISNULL(arg);
	if (!input->has_at)
		return;
	input->at = PG_GETARG_TIMESTAMPTZ(arg);
	if (TIMESTAMP_NOT_FINITE(input->at))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("at must be finite"),
				 errhint("Give the moment at which the lines arrive.")));
}

/* Stream or streams, moment and end are the arguments from "first" on. */
static void
get_input(FunctionCallInfo fcinfo, int first, bool by_line, WeirTryInput *input)
{
	get_lines(fcinfo, input);
	if (by_line)
		get_streams(fcinfo, first, input);
	else
		input->stream = weir_arg_text(fcinfo, first);
	get_moment(fcinfo, first + 1, input);
	input->finish = weir_arg_bool(fcinfo, first + 2);
}

/* The row type the call asks for. */
static void
get_result(FunctionCallInfo fcinfo, TryResult *result)
{
	ReturnSetInfo *info = (ReturnSetInfo *) fcinfo->resultinfo;

	if (info == NULL || !IsA(info, ReturnSetInfo) || !(info->allowedModes & SFRM_Materialize))
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("weir.try_job cannot be called where a set is not accepted"),
				 errhint("Call it in FROM, or in a select list.")));
	result->info = info;
	switch (get_call_result_type(fcinfo, NULL, &result->desc))
	{
		case TYPEFUNC_COMPOSITE:
		case TYPEFUNC_COMPOSITE_DOMAIN:
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

static bool
is_asked_for(const TryResult *result, const WeirNode *sink)
{
	return result->desc && get_rel_type_id(weir_sink_plan(sink)->target) == result->desc->tdtypeid;
}

/* The rows of several sinks are one result only if they have the same columns. */
static void
check_alike(const TryResult *result, const WeirNode *sink, TupleDesc written)
{
	TupleDesc	before = result->written;
	bool		alike = written->natts == before->natts;

	for (int i = 0; alike && i < written->natts; i++)
		alike = TupleDescAttr(written, i)->atttypid == TupleDescAttr(before, i)->atttypid;
	if (!alike)
		ereport(ERROR,
				(errcode(ERRCODE_DATATYPE_MISMATCH),
				 errmsg("the job writes rows of several tables, of different types"),
				 errhint("Give a null of the row type of one of its targets, such as NULL::%s.",
						 quote_identifier(get_rel_name(weir_sink_plan(sink)->target)))));
}

/* Of several sinks, those that write the table whose row type the call asks for; else all. */
static bool
wants(const TryResult *result, const WeirGraph *graph, const WeirNode *sink)
{
	const WeirNode *other;

	for (int n = 0; (other = weir_graph_sink(graph, n)) != NULL; n++)
	{
		if (is_asked_for(result, other))
			return is_asked_for(result, sink);
	}
	return true;
}

static void
begin_result(ReturnSetInfo *info, TupleDesc desc)
{
	MemoryContext old = MemoryContextSwitchTo(info->econtext->ecxt_per_query_memory);

	info->returnMode = SFRM_Materialize;
	info->setResult = tuplestore_begin_heap((info->allowedModes & SFRM_Materialize_Random) != 0,
											false, work_mem);
	info->setDesc = BlessTupleDesc(CreateTupleDescCopy(desc));
	MemoryContextSwitchTo(old);
}

static DestReceiver *
receive(void *arg, const WeirGraph *graph, const WeirNode *sink, TupleDesc written)
{
	TryResult  *result = arg;
	ReturnSetInfo *info = result->info;
	DestReceiver *receiver;

	if (!wants(result, graph, sink))
		return None_Receiver;
	if (result->written == NULL)
		result->written = written;
	else
		check_alike(result, sink, written);
	/* at once, since perhaps no row will come */
	if (result->desc)
		(void) convert_tuples_by_position(written, result->desc, WRONG_ROW);
	if (info->setResult == NULL)
		begin_result(info, result->desc ? result->desc : written);
	receiver = CreateTuplestoreDestReceiver();
	SetTuplestoreDestReceiverParams(receiver, info->setResult, info->econtext->ecxt_per_query_memory,
									false, info->setDesc, WRONG_ROW);
	return receiver;
}

static void
try_job(FunctionCallInfo fcinfo, int first, bool by_line)
{
	WeirTryInput input = {0};
	TryResult	result = {0};
	WeirSession before;
	WeirJob    *job;

	job = weir_job_for_owner(weir_arg_required(fcinfo, 0, "job"));
	get_input(fcinfo, first, by_line, &input);
	get_result(fcinfo, &result);
	/* what the caller has put off is still the caller's */
	weir_epoch_check_at_once();
	weir_job_become_owner(job, &before);
	weir_try_run(job, &input, receive, &result);
	weir_job_become_caller(&before);
}

Datum
weir_try_job(PG_FUNCTION_ARGS)
{
	try_job(fcinfo, 2, false);
	return (Datum) 0;
}

Datum
weir_try_job_as(PG_FUNCTION_ARGS)
{
	try_job(fcinfo, 3, false);
	return (Datum) 0;
}

Datum
weir_try_job_streams(PG_FUNCTION_ARGS)
{
	try_job(fcinfo, 2, true);
	return (Datum) 0;
}

Datum
weir_try_job_streams_as(PG_FUNCTION_ARGS)
{
	try_job(fcinfo, 3, true);
	return (Datum) 0;
}
