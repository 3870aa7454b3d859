/*
 * source/feed/fdw.c
 *		The foreign data wrapper weir_feed: INSERT and COPY, and how a job's plan
 *		reads the stream, which is as with any other.
 */
#include "postgres.h"

#include "access/reloptions.h"
#include "executor/executor.h"
#include "fmgr.h"
#include "foreign/fdwapi.h"
#include "nodes/pathnodes.h"
#include "parser/parsetree.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"

#include "source/fdw.h"
#include "source/feed/writer.h"
#include "source/source.h"

PG_FUNCTION_INFO_V1(weir_feed_handler);
PG_FUNCTION_INFO_V1(weir_feed_validator);

static List *
plan_modify(PlannerInfo *root, ModifyTable *plan, Index result_relation, int subplan_index)
{
	RangeTblEntry *rte = planner_rt_fetch(result_relation, root);

	if (plan->operation != CMD_INSERT)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("cannot update or delete rows of stream \"%s\"", get_rel_name(rte->relid)),
				 errdetail("A row that was inserted is on its way to the jobs that read the stream."),
				 errhint("Insert a row that says what has changed, for the jobs to act on.")));
	return NIL;
}

static void
begin(ResultRelInfo *target)
{
	target->ri_FdwState = weir_feed_writer_open(target->ri_RelationDesc);
}

static void
end(ResultRelInfo *target)
{
	if (target->ri_FdwState)
		weir_feed_writer_close(target->ri_FdwState);
	target->ri_FdwState = NULL;
}

static void
begin_modify(ModifyTableState *state, ResultRelInfo *target, List *private, int subplan_index, int flags)
{
	if ((flags & EXEC_FLAG_EXPLAIN_ONLY) == 0)
		begin(target);
}

static void
end_modify(EState *estate, ResultRelInfo *target)
{
	end(target);
}

/* COPY, and a partitioned table that rows are routed from. */
static void
begin_insert(ModifyTableState *state, ResultRelInfo *target)
{
	begin(target);
}

static void
end_insert(EState *estate, ResultRelInfo *target)
{
	end(target);
}

/* A row that was routed here is within the partition's, unless a trigger has changed it. */
static bool
must_check_bounds(const ResultRelInfo *target)
{
	return target->ri_RelationDesc->rd_rel->relispartition &&
		(target->ri_RootResultRelInfo == NULL ||
		 (target->ri_TrigDesc && target->ri_TrigDesc->trig_insert_before_row));
}

/* The executor leaves constraints of a foreign table to who keeps its rows. */
static TupleTableSlot *
insert_row(EState *estate, ResultRelInfo *target, TupleTableSlot *row, TupleTableSlot *plan_row)
{
	Relation	rel = target->ri_RelationDesc;

	if (RelationGetDescr(rel)->constr != NULL)
		ExecConstraints(target, row, estate);
	if (must_check_bounds(target))
		(void) ExecPartitionCheck(target, row, estate, true);
	weir_feed_writer_add(target->ri_FdwState, row);
	return row;
}

Datum
weir_feed_handler(PG_FUNCTION_ARGS)
{
	FdwRoutine *routine = makeNode(FdwRoutine);

	weir_stream_set_scan(routine);
	routine->PlanForeignModify = plan_modify;
	routine->BeginForeignModify = begin_modify;
	routine->ExecForeignInsert = insert_row;
	routine->EndForeignModify = end_modify;
	routine->BeginForeignInsert = begin_insert;
	routine->EndForeignInsert = end_insert;
	PG_RETURN_POINTER(routine);
}

Datum
weir_feed_validator(PG_FUNCTION_ARGS)
{
	weir_stream_validate(&weir_feed_source, untransformRelOptions(PG_GETARG_DATUM(0)), PG_GETARG_OID(1));
	PG_RETURN_VOID();
}
