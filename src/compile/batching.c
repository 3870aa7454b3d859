/*
 * compile/batching.c
 *		How many rows the sink statement may take at once.
 *
 * The result must be that of one statement a row.  That is so for a plain
 * append and for ON CONFLICT DO NOTHING; for ON CONFLICT DO UPDATE, where a
 * statement must not meet a row twice, as long as the batch has no two rows
 * equal on the arbiter's columns.  It cannot be relied upon where user code
 * runs that could look at the table: triggers, functions.
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/stratnum.h"
#include "access/table.h"
#include "access/transam.h"
#include "catalog/pg_language.h"
#include "catalog/pg_proc.h"
#include "catalog/pg_trigger.h"
#include "commands/trigger.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/optimizer.h"
#include "parser/parsetree.h"
#include "rewrite/rewriteManip.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/relcache.h"
#include "utils/syscache.h"

#include "compile/compile.h"

/* A user's trigger that an INSERT (and an UPDATE of its ON CONFLICT) fires; NULL if there is none. */
const char *
weir_compile_trigger(Oid relid, bool updates)
{
	Relation	rel = table_open(relid, AccessShareLock);
	TriggerDesc *desc = rel->trigdesc;
	const char *found = NULL;

	for (int i = 0; desc != NULL && i < desc->numtriggers && found == NULL; i++)
	{
		Trigger    *trigger = &desc->triggers[i];

		if (trigger->tgisinternal || trigger->tgenabled == TRIGGER_DISABLED ||
			trigger->tgenabled == TRIGGER_FIRES_ON_REPLICA)
			continue;
		if (TRIGGER_FOR_INSERT(trigger->tgtype) || (updates && TRIGGER_FOR_UPDATE(trigger->tgtype)))
			found = pstrdup(trigger->tgname);
	}
	table_close(rel, NoLock);
	return found;
}

/* A function in a language that reads tables, and is not declared immutable. */
static bool
may_read(Oid function)
{
	HeapTuple	tuple;
	Form_pg_proc proc;
	bool		reads;

	if (function < FirstNormalObjectId)
		return false;
	tuple = SearchSysCache1(PROCOID, ObjectIdGetDatum(function));
	if (!HeapTupleIsValid(tuple))
		elog(ERROR, "cache lookup failed for function %u", function);
	proc = (Form_pg_proc) GETSTRUCT(tuple);
	reads = proc->provolatile != PROVOLATILE_IMMUTABLE &&
		proc->prolang != INTERNALlanguageId && proc->prolang != ClanguageId;
	ReleaseSysCache(tuple);
	return reads;
}

static ModifyTable *
modify_table(WeirCompile *c)
{
	Plan	   *plan = c->sink_plan->statement->planTree;

	return IsA(plan, ModifyTable) ? (ModifyTable *) plan : NULL;
}

/* May ON CONFLICT DO UPDATE give this column another value than the row's or the INSERT's? */
bool
weir_compile_changes_column(WeirCompile *c, AttrNumber attno)
{
	OnConflictExpr *conflict = c->sink->onConflict;
	ListCell   *lc;

	if (conflict == NULL)
		return false;
	foreach(lc, conflict->onConflictSet)
	{
		TargetEntry *entry = lfirst_node(TargetEntry, lc);
		Var		   *var = (Var *) entry->expr;

		if (entry->resjunk || entry->resno != attno)
			continue;
		return !(IsA(var, Var) && var->varattno == attno && var->varlevelsup == 0 &&
				 (var->varno == conflict->exclRelIndex || var->varno == c->sink->resultRelation));
	}
	return false;
}

/* Adds what one column of the arbiter compares; NULL, or why it cannot be told beforehand. */
static const char *
add_arbiter(WeirCompile *c, Relation index, int column)
{
	WeirSinkPlan *plan = c->sink_plan;
	AttrNumber	attno = index->rd_index->indkey.values[column];
	Oid			type = index->rd_opcintype[column];
	Oid			eq = get_opfamily_member(index->rd_opfamily[column], type, type, BTEqualStrategyNumber);
	RegProcedure hash;
	RegProcedure other;
	Node	   *value;

	if (attno == 0)
		return "the arbiter has an expression";
	if (weir_compile_changes_column(c, attno))
		return "ON CONFLICT DO UPDATE changes a column of the arbiter";
	value = weir_compile_sink_value(c, attno);
	if (value == NULL || checkExprHasSubLink(value) || expression_returns_set(value) ||
		contain_volatile_functions(value))
		return "a column of the arbiter cannot be computed beforehand";
	if (!OidIsValid(eq) || !get_op_hash_functions(eq, &hash, &other))
		return "a column of the arbiter cannot be hashed";
	plan->arbiters[plan->narbiters] = expression_planner((Expr *) value);
	plan->arbiter_eq[plan->narbiters] = eq;
	plan->arbiter_hash[plan->narbiters] = hash;
	plan->arbiter_collation[plan->narbiters] = index->rd_indcollation[column];
	plan->narbiters++;
	return NULL;
}

static const char *
add_arbiters(WeirCompile *c, Oid relid)
{
	Relation	index = index_open(relid, AccessShareLock);
	int			columns = IndexRelationGetNumberOfKeyAttributes(index);
	const char *reason = NULL;

	c->sink_plan->arbiters = palloc(sizeof(Expr *) * columns);
	c->sink_plan->arbiter_eq = palloc(sizeof(Oid) * columns);
	c->sink_plan->arbiter_hash = palloc(sizeof(Oid) * columns);
	c->sink_plan->arbiter_collation = palloc(sizeof(Oid) * columns);
	if (index->rd_index->indisexclusion || !index->rd_index->indimmediate)
		reason = "the arbiter is an exclusion or deferrable constraint";
	for (int i = 0; i < columns && reason == NULL; i++)
		reason = add_arbiter(c, index, i);
	index_close(index, NoLock);
	return reason;
}

static bool
has_exclusion(List *relations)
{
	ListCell   *lc;
	bool		found = false;

	foreach(lc, relations)
	{
		Relation	rel = table_open(lfirst_oid(lc), AccessShareLock);
		ListCell   *index;

		foreach(index, RelationGetIndexList(rel))
		{
			Relation	opened = index_open(lfirst_oid(index), AccessShareLock);

			found = found || opened->rd_index->indisexclusion;
			index_close(opened, NoLock);
		}
		table_close(rel, NoLock);
	}
	return found;
}

static void
choose(WeirCompile *c, WeirSinkBatching batching, const char *reason)
{
	c->sink_plan->batching = batching;
	c->sink_plan->batching_reason = reason;
}

static void
choose_for_conflict(WeirCompile *c, OnConflictExpr *conflict, List *written)
{
	ModifyTable *modify = modify_table(c);
	const char *reason;

	if (conflict->action == ONCONFLICT_NOTHING && has_exclusion(written))
		choose(c, WEIR_SINK_BY_RECORD, "the table has an exclusion constraint");
	else if (conflict->action == ONCONFLICT_NOTHING)
		choose(c, WEIR_SINK_BATCH, "ON CONFLICT DO NOTHING");
	else if (modify == NULL || list_length(modify->arbiterIndexes) != 1)
		choose(c, WEIR_SINK_BY_RECORD, "the arbiter is not one index");
	else if ((reason = add_arbiters(c, linitial_oid(modify->arbiterIndexes))) != NULL)
		choose(c, WEIR_SINK_BY_RECORD, reason);
	else
		choose(c, WEIR_SINK_BATCH_DISTINCT, "ON CONFLICT DO UPDATE on columns");
}

/* Needs the plan, which knows the arbiter. */
void
weir_compile_batching(WeirCompile *c)
{
	List	   *written = weir_compile_written(c);
	OnConflictExpr *conflict = c->sink->onConflict;
	Oid			function = weir_compile_find_function(c, may_read);
	ListCell   *lc;

	foreach(lc, written)
	{
		const char *trigger = weir_compile_trigger(lfirst_oid(lc),
												   conflict && conflict->action == ONCONFLICT_UPDATE);

		if (trigger == NULL)
			continue;
		choose(c, WEIR_SINK_BY_RECORD, psprintf("trigger \"%s\"", trigger));
		return;
	}
	if (OidIsValid(function))
		choose(c, WEIR_SINK_BY_RECORD, psprintf("function \"%s\" is not immutable", get_func_name(function)));
	else if (conflict == NULL)
		choose(c, WEIR_SINK_BATCH, "plain append");
	else
		choose_for_conflict(c, conflict, written);
}
