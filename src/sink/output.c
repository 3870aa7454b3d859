/*
 * sink/output.c
 *		Foreign tables to write to: weir_print, whose rows become lines of the
 *		server log, those of streams, whose rows are sent to a peer (emitter.c), and
 *		weir_blackhole, whose rows are dropped.
 *
 * A line must not be seen before its epoch is committed, nor be lost after:
 * the task puts it into the outbox table within the epoch, the coordinator
 * emits what it finds there and then deletes it.  A crash between the two
 * repeats lines.
 */
#include "postgres.h"

#include "access/reloptions.h"
#include "access/xact.h"
#include "executor/executor.h"
#include "fmgr.h"
#include "foreign/fdwapi.h"
#include "foreign/foreign.h"
#include "miscadmin.h"
#include "optimizer/pathnode.h"
#include "optimizer/planmain.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"

#include "base/compat.h"
#include "base/fault.h"
#include "catalog/outbox.h"
#include "sink/output.h"
#include "sink/print.h"
#include "source/fdw.h"

int64		weir_output_job = 0;
bool		weir_output_waits = false;
bool		weir_output_peers_wait = false;

static List *peer_tables = NIL;	/* that have rows in the open epoch */
static int64 epoch_ended_as = 0;	/* the checkpoint that these were marked with last */

/* As many lines are taken out of the outbox in a transaction. */
#define EMIT_LINES 1000

PG_FUNCTION_INFO_V1(weir_print_handler);
PG_FUNCTION_INFO_V1(weir_blackhole_handler);
PG_FUNCTION_INFO_V1(weir_sink_validator);

static void
refuse_outside_job(Relation rel)
{
	if (weir_output_job == 0)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("cannot write to \"%s\" outside a job",
						RelationGetRelationName(rel)),
				 errhint("Use it as the target of the query of weir.create_job.")));
}

/* Neither of them, nor their servers and tables, has any option. */
Datum
weir_sink_validator(PG_FUNCTION_ARGS)
{
	List	   *options = untransformRelOptions(PG_GETARG_DATUM(0));

	if (options != NIL)
		ereport(ERROR,
				(errcode(ERRCODE_FDW_INVALID_OPTION_NAME),
				 errmsg("invalid option \"%s\"", ((DefElem *) linitial(options))->defname),
				 errhint("There are no options here: leave OPTIONS out.")));
	PG_RETURN_VOID();
}

/* ---- reading: there is nothing to read ---- */

static void
no_rel_size(PlannerInfo *root, RelOptInfo *baserel, Oid relid)
{
	ereport(ERROR,
			(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
			 errmsg("cannot read from \"%s\"", get_rel_name(relid)),
			 errdetail("It is a sink: rows go into it and nothing comes out."),
			 errhint("Rows of weir_print are in the server's log; INSERT into a table to read them by SQL.")));
}

static void
no_paths(PlannerInfo *root, RelOptInfo *baserel, Oid relid)
{
}

static ForeignScan *
no_plan(PlannerInfo *root, RelOptInfo *baserel, Oid relid, ForeignPath *path,
		List *tlist, List *clauses, Plan *outer)
{
	return make_foreignscan(tlist, NIL, baserel->relid, NIL, NIL, NIL, NIL, outer);
}

static void
no_begin(ForeignScanState *node, int eflags)
{
}

static TupleTableSlot *
no_iterate(ForeignScanState *node)
{
	return ExecClearTuple(node->ss.ss_ScanTupleSlot);
}

static void
no_scan_step(ForeignScanState *node)
{
}

static int
insert_only(Relation rel)
{
	return 1 << CMD_INSERT;
}

static FdwRoutine *
sink_routine(void)
{
	FdwRoutine *routine = makeNode(FdwRoutine);

	routine->GetForeignRelSize = no_rel_size;
	routine->GetForeignPaths = no_paths;
	routine->GetForeignPlan = no_plan;
	routine->BeginForeignScan = no_begin;
	routine->IterateForeignScan = no_iterate;
	routine->ReScanForeignScan = no_scan_step;
	routine->EndForeignScan = no_scan_step;
	routine->IsForeignRelUpdatable = insert_only;
	return routine;
}

/* ---- weir_print ---- */

static void
print_begin(ModifyTableState *mtstate, ResultRelInfo *info, List *private,
			int index, int eflags)
{
	if (eflags & EXEC_FLAG_EXPLAIN_ONLY)
		return;
	refuse_outside_job(info->ri_RelationDesc);
	info->ri_FdwState = weir_lines_out_create(RelationGetRelid(info->ri_RelationDesc));
}

/* COPY, or the rows that a partitioned table routes here. */
static void
print_begin_insert(ModifyTableState *mtstate, ResultRelInfo *info)
{
	print_begin(mtstate, info, NIL, 0, 0);
}

static TupleTableSlot *
print_insert(EState *estate, ResultRelInfo *info, TupleTableSlot *slot,
			 TupleTableSlot *plan_slot)
{
	MemoryContext old = MemoryContextSwitchTo(GetPerTupleMemoryContext(estate));

	weir_lines_out_add(info->ri_FdwState, slot);
	MemoryContextSwitchTo(old);
	return slot;
}

static void
print_end(EState *estate, ResultRelInfo *info)
{
	if (info->ri_FdwState != NULL)
		weir_lines_out_flush(info->ri_FdwState);
}

static void
set_print(FdwRoutine *routine)
{
	routine->IsForeignRelUpdatable = insert_only;
	routine->BeginForeignModify = print_begin;
	routine->ExecForeignInsert = print_insert;
	routine->EndForeignModify = print_end;
	routine->BeginForeignInsert = print_begin_insert;
	routine->EndForeignInsert = print_end;
}

Datum
weir_print_handler(PG_FUNCTION_ARGS)
{
	FdwRoutine *routine = sink_routine();

	set_print(routine);
	PG_RETURN_POINTER(routine);
}

/* ---- peers ---- */

void
weir_output_init(void)
{
	weir_stream_set_insert = set_print;
}

void
weir_output_note_peer(Oid table)
{
	MemoryContext old = MemoryContextSwitchTo(TopMemoryContext);

	weir_output_peers_wait = true;
	peer_tables = list_append_unique_oid(peer_tables, table);
	MemoryContextSwitchTo(old);
}

void
weir_output_end_epoch(int64 checkpoint)
{
	ListCell   *lc;

	foreach(lc, peer_tables)
		weir_outbox_end_epoch(weir_output_job, lfirst_oid(lc), checkpoint, epoch_ended_as);
	if (peer_tables != NIL)
		epoch_ended_as = checkpoint;
}

void
weir_output_peers_sent(void)
{
	weir_output_peers_wait = false;
	list_free(peer_tables);
	peer_tables = NIL;
	epoch_ended_as = 0;
}

static void
emit_line(const char *line)
{
	ereport(LOG, (errmsg_internal("%s", line), errhidestmt(true),
				  errhidecontext(true)));
}

static bool
emit_some(int64 job)
{
	MemoryContext caller = CurrentMemoryContext;
	bool		some;

	SetCurrentStatementStartTimestamp();
	StartTransactionCommand();
	PushActiveSnapshot(GetTransactionSnapshot());
	some = weir_outbox_take(job, EMIT_LINES, emit_line) > 0;
	PopActiveSnapshot();
	if (some)
		WEIR_FAULT(before_emit_commit);
	CommitTransactionCommand();
	MemoryContextSwitchTo(caller);
	if (some)
		WEIR_FAULT(after_emit);
	return some;
}

void
weir_outbox_emit(int64 job)
{
	WEIR_FAULT(before_emit);
	while (emit_some(job))
		CHECK_FOR_INTERRUPTS();
}

/* ---- weir_blackhole ---- */

static void
blackhole_begin(ModifyTableState *mtstate, ResultRelInfo *info, List *private,
				int index, int eflags)
{
	if (!(eflags & EXEC_FLAG_EXPLAIN_ONLY))
		refuse_outside_job(info->ri_RelationDesc);
}

static void
blackhole_begin_insert(ModifyTableState *mtstate, ResultRelInfo *info)
{
	refuse_outside_job(info->ri_RelationDesc);
}

static TupleTableSlot *
blackhole_insert(EState *estate, ResultRelInfo *info, TupleTableSlot *slot,
				 TupleTableSlot *plan_slot)
{
	return slot;
}

static void
blackhole_end(EState *estate, ResultRelInfo *info)
{
}

Datum
weir_blackhole_handler(PG_FUNCTION_ARGS)
{
	FdwRoutine *routine = sink_routine();

	routine->BeginForeignModify = blackhole_begin;
	routine->ExecForeignInsert = blackhole_insert;
	routine->EndForeignModify = blackhole_end;
	routine->BeginForeignInsert = blackhole_begin_insert;
	routine->EndForeignInsert = blackhole_end;
	PG_RETURN_POINTER(routine);
}
