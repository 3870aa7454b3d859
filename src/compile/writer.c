/*
 * compile/writer.c
 *		What writes the sink's rows: the executor, which runs the INSERT, or, for
 *		a plain append that nothing else can tell from it, Weir itself.
 *
 * The values are computed by the plan's own expressions either way: what stands
 * between the sink's input and the target's rows must be target lists and
 * filters alone.
 */
#include "postgres.h"

#include "access/table.h"
#include "catalog/pg_am.h"
#include "catalog/pg_class.h"
#include "nodes/nodeFuncs.h"
#include "nodes/plannodes.h"
#include "parser/parsetree.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"

#include "base/wrapper.h"
#include "compile/compile.h"
#include "source/peer.h"
#include "source/source.h"

/* Wrappers whose tables have a writer of their own, beside those of sources. */
static const struct
{
	const char *handler;
	WeirWriter	writer;
}			wrappers[] = {
	{"weir_print_handler", WEIR_WRITER_PRINT},
	{"weir_blackhole_handler", WEIR_WRITER_BLACKHOLE},
};

static bool
fires_triggers(const TriggerDesc *triggers)
{
	return triggers != NULL &&
		(triggers->trig_insert_before_row || triggers->trig_insert_after_row ||
		 triggers->trig_insert_instead_row || triggers->trig_insert_before_statement ||
		 triggers->trig_insert_after_statement || triggers->trig_insert_new_table);
}

static bool
has_generated(TupleDesc desc)
{
	return desc->constr != NULL && desc->constr->has_generated_stored;
}

WeirWriter
weir_foreign_writer(Oid relid)
{
	const WeirSourceOps *source = weir_source_of(relid);
	char	   *handler = weir_wrapper_handler(relid);

	if (source != NULL)
		return source->peer != NULL ? WEIR_WRITER_PEER : WEIR_WRITER_EXECUTOR;
	for (int i = 0; handler != NULL && i < lengthof(wrappers); i++)
	{
		if (strcmp(handler, wrappers[i].handler) == 0)
			return wrappers[i].writer;
	}
	return WEIR_WRITER_EXECUTOR;
}

/* Why only the executor can write the table; else *writer is set. */
static const char *
check_table(Relation rel, WeirWriter *writer)
{
	if (fires_triggers(rel->trigdesc))
		return "the table has triggers or foreign keys";
	if (rel->rd_rel->relkind == RELKIND_FOREIGN_TABLE)
	{
		if (has_generated(RelationGetDescr(rel)))
			return "the foreign table has a generated column";
		*writer = weir_foreign_writer(RelationGetRelid(rel));
		return *writer == WEIR_WRITER_EXECUTOR ? "the target is another foreign table" : NULL;
	}
	if (rel->rd_rel->relkind != RELKIND_RELATION)
		return "the target is partitioned";
	if (rel->rd_rel->relam != HEAP_TABLE_AM_OID)
		return "the table's access method is not heap";
	*writer = WEIR_WRITER_MULTI_INSERT;
	return NULL;
}

/* What cannot be evaluated without the plan round it. */
static bool
needs_plan_walker(Node *node, void *arg)
{
	if (node == NULL)
		return false;
	if (IsA(node, SubPlan) || IsA(node, AlternativeSubPlan) || IsA(node, Param) ||
		IsA(node, CurrentOfExpr))
		return true;
	return expression_tree_walker(node, needs_plan_walker, arg);
}

static bool
has_junk(List *targets)
{
	ListCell   *lc;

	foreach(lc, targets)
	{
		if (lfirst_node(TargetEntry, lc)->resjunk)
			return true;
	}
	return false;
}

/* The node below this one, *found: it is one whose rows are target list and filter of those. */
static Plan *
below(Plan *plan, bool *found)
{
	*found = true;
	if (IsA(plan, NamedTuplestoreScan))
		return NULL;
	if (IsA(plan, SubqueryScan))
		return ((SubqueryScan *) plan)->subplan;
	*found = IsA(plan, Result) && outerPlan(plan) != NULL &&
		((Result *) plan)->resconstantqual == NULL;
	return outerPlan(plan);
}

/* Collects what computes the target's rows, the input's scan first; false: that is not enough. */
static bool
collect_projections(WeirSinkPlan *out, Plan *plan)
{
	bool		found = true;

	while (plan != NULL)
	{
		Plan	   *next = below(plan, &found);

		if (!found || plan->initPlan != NIL || has_junk(plan->targetlist) ||
			needs_plan_walker((Node *) plan->targetlist, NULL) ||
			needs_plan_walker((Node *) plan->qual, NULL))
			return false;
		out->projections = lcons(plan, out->projections);
		plan = next;
	}
	return true;
}

/* Why only the executor can run the plan. */
static const char *
check_plan(WeirSinkPlan *out)
{
	PlannedStmt *planned = out->statement;
	ModifyTable *modify = (ModifyTable *) planned->planTree;

	if (!IsA(modify, ModifyTable) || list_length(modify->resultRelations) != 1)
		return "its plan is not that of an insert";
	if (modify->returningLists != NIL)
		return "rows are returned";
	if (modify->withCheckOptionLists != NIL)
		return "row security checks rows";
	if (planned->subplans != NIL || planned->rowMarks != NIL ||
		!collect_projections(out, outerPlan(modify)))
		return "it does more than compute columns";
	return NULL;
}

static const char *
find_writer(WeirCompile *c, WeirWriter *writer)
{
	RangeTblEntry *target = rt_fetch(c->sink->resultRelation, c->sink->rtable);
	const char *reason;
	Relation	rel;

	if (target->relid != c->sink_plan->target)
		return "the target is a view";
	rel = table_open(target->relid, AccessShareLock);
	reason = check_table(rel, writer);
	table_close(rel, NoLock);
	return reason ? reason : check_plan(c->sink_plan);
}

/* Needs the plan, and how many rows the statement may take at once. */
void
weir_compile_writer(WeirCompile *c)
{
	WeirWriter	writer = WEIR_WRITER_EXECUTOR;
	const char *reason;

	if (c->sink_plan->batching != WEIR_SINK_BATCH || c->sink->onConflict != NULL)
		reason = c->sink_plan->batching_reason;
	else
		reason = find_writer(c, &writer);
	c->sink_plan->writer = reason ? WEIR_WRITER_EXECUTOR : writer;
	c->sink_plan->writer_reason = reason;
	if (c->sink_plan->writer == WEIR_WRITER_PEER)
		c->sink_plan->written = weir_source_of(c->sink_plan->target)->peer->written;
	if (reason)
		c->sink_plan->projections = NIL;
}
