/*
 * source/constraint.c
 *		What a stream's foreign table demands of a row, by the executor's own
 *		functions, as COPY calls them.
 */
#include "postgres.h"

#include "access/tupdesc.h"
#include "executor/executor.h"
#include "executor/nodeModifyTable.h"
#include "utils/datum.h"
#include "utils/memutils.h"
#include "utils/rel.h"

#include "source/constraint.h"

struct WeirConstraints
{
	Relation	rel;
	EState	   *estate;
	ResultRelInfo *info;
	TupleTableSlot *slot;
};

bool
weir_constraints_exist(TupleDesc desc)
{
	TupleConstr *constr = desc->constr;

	return constr != NULL && (constr->num_check > 0 || constr->has_generated_stored);
}

WeirConstraints *
weir_constraints_begin(Relation rel)
{
	TupleConstr *constr = RelationGetDescr(rel)->constr;
	MemoryContext caller;
	WeirConstraints *c;

	if (constr == NULL ||
		(!constr->has_not_null && constr->num_check == 0 && !constr->has_generated_stored))
		return NULL;
	caller = MemoryContextSwitchTo(CurTransactionContext);
	c = palloc(sizeof(WeirConstraints));
	c->rel = rel;
	c->estate = CreateExecutorState();
	MemoryContextSwitchTo(c->estate->es_query_cxt);
	c->info = makeNode(ResultRelInfo);
	InitResultRelInfo(c->info, rel, 0, NULL, 0);
	c->slot = MakeSingleTupleTableSlot(RelationGetDescr(rel), &TTSOpsVirtual);
	MemoryContextSwitchTo(caller);
	return c;
}

/* Generated values lie where the next row's will. */
static void
take_generated(WeirConstraints *c, Datum *values, bool *nulls)
{
	TupleDesc	desc = RelationGetDescr(c->rel);

	for (int i = 0; i < desc->natts; i++)
	{
		Form_pg_attribute att = TupleDescAttr(desc, i);

		if (att->attgenerated != ATTRIBUTE_GENERATED_STORED)
			continue;
		nulls[i] = c->slot->tts_isnull[i];
		values[i] = nulls[i] ? (Datum) 0 :
			datumCopy(c->slot->tts_values[i], att->attbyval, att->attlen);
	}
}

void
weir_constraints_apply(WeirConstraints *c, Datum *values, bool *nulls)
{
	TupleDesc	desc = RelationGetDescr(c->rel);
	bool		generated = desc->constr->has_generated_stored;
	MemoryContext caller;

	ResetPerTupleExprContext(c->estate);
	ExecClearTuple(c->slot);
	memcpy(c->slot->tts_values, values, desc->natts * sizeof(Datum));
	memcpy(c->slot->tts_isnull, nulls, desc->natts * sizeof(bool));
	ExecStoreVirtualTuple(c->slot);
	caller = MemoryContextSwitchTo(c->estate->es_query_cxt);
	if (generated)
		ExecComputeStoredGenerated(c->info, c->estate, c->slot, CMD_INSERT);
	ExecConstraints(c->info, c->slot, c->estate);
	MemoryContextSwitchTo(caller);
	if (generated)
		take_generated(c, values, nulls);
}

void
weir_constraints_end(WeirConstraints *c)
{
	ExecDropSingleTupleTableSlot(c->slot);
	FreeExecutorState(c->estate);
	pfree(c);
}
