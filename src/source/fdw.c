/*
 * source/fdw.c
 *		The foreign data wrapper weir_socket: how a plan reads a stream.
 *
 * A stream has no rows of its own.  Inside a source task the scan returns the
 * rows of weir_current_scan, each with its index as ctid; anywhere else it is
 * an error.
 */
#include "postgres.h"

#include "access/table.h"
#include "executor/tuptable.h"
#include "fmgr.h"
#include "foreign/fdwapi.h"
#include "nodes/pathnodes.h"
#include "optimizer/optimizer.h"
#include "optimizer/pathnode.h"
#include "optimizer/planmain.h"
#include "optimizer/restrictinfo.h"
#include "parser/parsetree.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"

#include "base/compat.h"
#include "record/scan.h"
#include "source/fdw.h"
#include "source/stream.h"

/* What the planner is told: about a batch. */
#define STREAM_ROWS 5000

PG_FUNCTION_INFO_V1(weir_socket_handler);

void		(*weir_stream_set_insert) (FdwRoutine *routine);

static void
stream_rel_size(PlannerInfo *root, RelOptInfo *baserel, Oid relid)
{
	baserel->rows = STREAM_ROWS;
}

static void
stream_paths(PlannerInfo *root, RelOptInfo *baserel, Oid relid)
{
	Cost		total = baserel->rows * cpu_tuple_cost;

	add_path(baserel, (Path *)
			 weir_foreignscan_path(root, baserel, baserel->rows, total));
}

static ForeignScan *
stream_plan(PlannerInfo *root, RelOptInfo *baserel, Oid relid,
			ForeignPath *path, List *tlist, List *clauses, Plan *outer_plan)
{
	return make_foreignscan(tlist, extract_actual_clauses(clauses, false),
							baserel->relid, NIL, NIL, NIL, NIL, outer_plan);
}

/* How many records were passed is all the state there is. */
static void
stream_begin(ForeignScanState *node, int eflags)
{
	node->fdw_state = palloc0(sizeof(int));
}

static void
refuse_outside_job(Relation rel)
{
	ereport(ERROR,
			(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
			 errmsg("cannot read stream \"%s\" outside a job",
					RelationGetRelationName(rel)),
			 errdetail("A stream holds no rows; its records pass through a job once."),
			 errhint("Use it in a query given to weir.create_job.")));
}

static TupleTableSlot *
stream_next(ForeignScanState *node)
{
	TupleTableSlot *slot = node->ss.ss_ScanTupleSlot;
	Relation	rel = node->ss.ss_currentRelation;
	WeirScan   *scan = weir_current_scan;
	int		   *passed = node->fdw_state;
	int			next;

	if (scan == NULL || scan->relid != RelationGetRelid(rel))
		refuse_outside_job(rel);

	ExecClearTuple(slot);
	next = scan->first + *passed;
	if (next >= scan->end)
		return slot;
	(*passed)++;

	Assert(slot->tts_tupleDescriptor->natts == scan->batch->desc->natts);
	weir_batch_get_row(scan->batch, next, slot->tts_values, slot->tts_isnull);
	ExecStoreVirtualTuple(slot);
	weir_scan_tid(next, &slot->tts_tid);
	*scan->line = scan->batch->lines[next];
	return slot;
}

static void
stream_rescan(ForeignScanState *node)
{
	*(int *) node->fdw_state = 0;
}

static void
stream_end(ForeignScanState *node)
{
}

void
weir_stream_set_scan(FdwRoutine *routine)
{
	routine->GetForeignRelSize = stream_rel_size;
	routine->GetForeignPaths = stream_paths;
	routine->GetForeignPlan = stream_plan;
	routine->BeginForeignScan = stream_begin;
	routine->IterateForeignScan = stream_next;
	routine->ReScanForeignScan = stream_rescan;
	routine->EndForeignScan = stream_end;
}

Datum
weir_socket_handler(PG_FUNCTION_ARGS)
{
	FdwRoutine *routine = makeNode(FdwRoutine);

	weir_stream_set_scan(routine);
	weir_stream_set_insert(routine);
	PG_RETURN_POINTER(routine);
}
