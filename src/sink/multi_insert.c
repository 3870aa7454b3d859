/*
 * sink/multi_insert.c
 *		A plain append: rows go straight into the table, many at once.
 *
 * compile/writer.c has seen to it that nothing stands between a row and the table
 * but constraints, generated columns and indexes.  An error must be that of the
 * statement, which finishes with a row before it looks at the next: a row waits
 * for others only where nothing can err once it has been formed.  So it does not
 * where an index may refuse it, nor where it is so long that it may not fit.
 */
#include "postgres.h"

#include "access/heaptoast.h"
#include "access/table.h"
#include "access/tableam.h"
#include "access/xact.h"
#include "catalog/pg_am.h"
#include "executor/executor.h"
#include "executor/nodeModifyTable.h"
#include "miscadmin.h"
#include "utils/memutils.h"
#include "utils/rel.h"

#include "base/compat.h"
#include "sink/projection.h"
#include "sink/sink.h"

/* As COPY has it. */
#define MOST_ROWS 1000
#define MOST_BYTES 65535

typedef struct MultiInsert
{
	WeirSink	sink;
	WeirProjection *projection; /* NULL: no row has come yet; likewise slots */
	TupleTableSlot **slots;		/* rows that wait; MOST_ROWS of them */
	int64	   *lines;
	int			nrows;
	Size		bytes;
	MemoryContext rows_context; /* of the rows that wait */

	/* from a row on to the next flush */
	MemoryContext statement;
	EState	   *estate;
	ResultRelInfo *target;
	bool		alone;			/* each row is written by itself */
} MultiInsert;

static void
multi_insert_open(WeirSink *sink)
{
	MultiInsert *m = (MultiInsert *) sink;

	m->lines = palloc(sizeof(int64) * MOST_ROWS);
	m->rows_context = AllocSetContextCreate(sink->context, "weir rows to insert",
											ALLOCSET_DEFAULT_SIZES);
	m->statement = AllocSetContextCreate(sink->context, "weir multi-insert",
										 ALLOCSET_DEFAULT_SIZES);
}

/* For a target that is locked. */
static void
create_projection(MultiInsert *m)
{
	MemoryContext old = MemoryContextSwitchTo(m->sink.context);
	TupleDesc	desc;

	m->projection = weir_projection_create(m->sink.node);
	desc = weir_projection_desc(m->projection);
	m->slots = palloc(sizeof(TupleTableSlot *) * MOST_ROWS);
	for (int i = 0; i < MOST_ROWS; i++)
		m->slots[i] = MakeSingleTupleTableSlot(desc, &TTSOpsHeapTuple);
	MemoryContextSwitchTo(old);
}

/* Can nothing err when a row's entry is added? */
static bool
never_refuses(Relation index, const IndexInfo *info)
{
	if (info->ii_Unique || info->ii_ExclusionOps != NULL || info->ii_Expressions != NIL ||
		info->ii_Predicate != NIL || index->rd_rel->relam != BTREE_AM_OID)
		return false;
	for (int i = 0; i < RelationGetDescr(index)->natts; i++)
	{
		if (TupleDescAttr(RelationGetDescr(index), i)->attlen < 0)
			return false;
	}
	return true;
}

static bool
may_refuse(const ResultRelInfo *target)
{
	for (int i = 0; i < target->ri_NumIndices; i++)
	{
		if (!never_refuses(target->ri_IndexRelationDescs[i], target->ri_IndexRelationInfo[i]))
			return true;
	}
	return false;
}

static void
multi_insert_begin(WeirSink *sink)
{
	MultiInsert *m = (MultiInsert *) sink;
	PlannedStmt *planned = weir_sink_plan(sink->node)->statement;
	Index		index = linitial_int(castNode(ModifyTable, planned->planTree)->resultRelations);
	MemoryContext old = MemoryContextSwitchTo(m->statement);

	CommandCounterIncrement();
	weir_check_permissions(planned);
	if (m->projection == NULL)
		create_projection(m);
	m->estate = CreateExecutorState();
	weir_init_range_table(m->estate, planned);
	m->target = makeNode(ResultRelInfo);
	InitResultRelInfo(m->target, table_open(weir_sink_plan(sink->node)->target, NoLock),
					  index, NULL, 0);
	ExecOpenIndices(m->target, false);
	m->alone = may_refuse(m->target);
	MemoryContextSwitchTo(old);
}

static void
add_index_entries(MultiInsert *m)
{
	for (int i = 0; i < m->nrows; i++)
	{
		*m->sink.line = m->lines[i];
		weir_insert_index_tuples(m->target, m->slots[i], m->estate);
	}
}

/* Writes the rows that wait. */
static void
write_rows(MultiInsert *m)
{
	MemoryContext old;

	if (m->nrows == 0)
		return;
	old = MemoryContextSwitchTo(GetPerTupleMemoryContext(m->estate));
	table_multi_insert(m->target->ri_RelationDesc, m->slots, m->nrows,
					   GetCurrentCommandId(true), 0, NULL);
	if (m->target->ri_NumIndices > 0)
		add_index_entries(m);
	MemoryContextSwitchTo(old);
	for (int i = 0; i < m->nrows; i++)
		ExecClearTuple(m->slots[i]);
	m->nrows = 0;
	m->bytes = 0;
}

/* What the executor does with a row before it is in the table. */
static void
check_row(MultiInsert *m, TupleTableSlot *row)
{
	Relation	rel = m->target->ri_RelationDesc;
	TupleConstr *constraints = RelationGetDescr(rel)->constr;

	row->tts_tableOid = RelationGetRelid(rel);
	if (constraints && constraints->has_generated_stored)
		ExecComputeStoredGenerated(m->target, m->estate, row, CMD_INSERT);
	if (constraints)
		ExecConstraints(m->target, row, m->estate);
	if (rel->rd_rel->relispartition)
		(void) ExecPartitionCheck(m->target, row, m->estate, true);
}

/* The row is added to those that wait. */
static void
add_row(MultiInsert *m, TupleTableSlot *row)
{
	MemoryContext old = MemoryContextSwitchTo(m->rows_context);
	HeapTuple	tuple = heap_form_tuple(row->tts_tupleDescriptor, row->tts_values, row->tts_isnull);
	bool		alone = m->alone || tuple->t_len > TOAST_TUPLE_THRESHOLD;
	int64		line = *m->sink.line;

	MemoryContextSwitchTo(old);
	tuple->t_tableOid = row->tts_tableOid;
	if (alone)
		write_rows(m);
	*m->sink.line = m->lines[m->nrows] = line;
	m->bytes += tuple->t_len;
	ExecStoreHeapTuple(tuple, m->slots[m->nrows++], true);
	if (alone || m->nrows == MOST_ROWS || m->bytes > MOST_BYTES)
		write_rows(m);
}

static void
multi_insert_rows(WeirSink *sink, const WeirBatch *batch, int from, int to)
{
	MultiInsert *m = (MultiInsert *) sink;

	sink->at_rows = true;
	for (int i = from; i < to; i++)
	{
		TupleTableSlot *row;

		CHECK_FOR_INTERRUPTS();
		ResetPerTupleExprContext(m->estate);
		*sink->line = batch->lines[i];
		row = weir_projection_row(m->projection, batch, i);
		if (row == NULL)
			continue;
		check_row(m, row);
		add_row(m, row);
	}
	sink->at_rows = false;
}

static void
multi_insert_flush(WeirSink *sink)
{
	MultiInsert *m = (MultiInsert *) sink;

	sink->at_rows = true;
	write_rows(m);
	sink->at_rows = false;
	ExecCloseIndices(m->target);
	table_close(m->target->ri_RelationDesc, NoLock);
	FreeExecutorState(m->estate);
	MemoryContextReset(m->statement);
}

static void
multi_insert_close(WeirSink *sink)
{
	MultiInsert *m = (MultiInsert *) sink;

	if (m->projection == NULL)
		return;
	for (int i = 0; i < MOST_ROWS; i++)
		ExecDropSingleTupleTableSlot(m->slots[i]);
	weir_projection_free(m->projection);
}

const WeirSinkOps weir_multi_insert_sink = {
	.name = "multi_insert",
	.size = sizeof(MultiInsert),
	.transactional = true,
	.open = multi_insert_open,
	.begin = multi_insert_begin,
	.rows = multi_insert_rows,
	.flush = multi_insert_flush,
	.close = multi_insert_close,
};
