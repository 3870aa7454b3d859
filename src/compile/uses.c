/*
 * compile/uses.c
 *		The objects that a job's query uses, as pg_depend would have them: those
 *		that its query names, and the views that it names, through to tables.
 *		Partitions come and go; what a function does inside is its own.
 */
#include "postgres.h"

#include "access/transam.h"
#include "catalog/pg_class.h"
#include "catalog/pg_foreign_server.h"
#include "catalog/pg_operator.h"
#include "catalog/pg_proc.h"
#include "catalog/pg_type.h"
#include "foreign/foreign.h"
#include "nodes/nodeFuncs.h"
#include "utils/lsyscache.h"

#include "catalog/job_depend.h"
#include "compile/compile.h"

static void
add(WeirCompileJob *job, Oid class_id, Oid object)
{
	WeirUsed   *used;
	ListCell   *lc;

	if (object < FirstNormalObjectId)
		return;
	foreach(lc, job->uses)
	{
		used = lfirst(lc);
		if (used->class_id == class_id && used->object == object)
			return;
	}
	used = palloc0(sizeof(WeirUsed));
	used->class_id = class_id;
	used->object = object;
	job->uses = lappend(job->uses, used);
}

static void
add_relation(WeirCompileJob *job, Oid relid)
{
	if (!OidIsValid(relid))
		return;
	add(job, RelationRelationId, relid);
	if (get_rel_relkind(relid) == RELKIND_FOREIGN_TABLE)
		add(job, ForeignServerRelationId, GetForeignTable(relid)->serverid);
}

/* A table's row type and an array go with what they are made of. */
static void
add_type(WeirCompileJob *job, Oid type)
{
	Oid			element = get_element_type(type);
	Oid			relid;

	if (OidIsValid(element))
		type = element;
	relid = get_typ_typrelid(type);
	if (OidIsValid(relid) && get_rel_relkind(relid) != RELKIND_COMPOSITE_TYPE)
		add_relation(job, relid);
	else
		add(job, TypeRelationId, type);
}

static void
add_operator(WeirCompileJob *job, Oid operator)
{
	add(job, OperatorRelationId, operator);
	add(job, ProcedureRelationId, get_opcode(operator));
}

static void
add_node(WeirCompileJob *job, Node *node)
{
	switch (nodeTag(node))
	{
		case T_RangeTblEntry:
			add_relation(job, weir_entry_relation((RangeTblEntry *) node));
			return;
		case T_FuncExpr:
			add(job, ProcedureRelationId, ((FuncExpr *) node)->funcid);
			break;
		case T_Aggref:
			add(job, ProcedureRelationId, ((Aggref *) node)->aggfnoid);
			break;
		case T_WindowFunc:
			add(job, ProcedureRelationId, ((WindowFunc *) node)->winfnoid);
			break;
		case T_OpExpr:
		case T_DistinctExpr:
		case T_NullIfExpr:
			add_operator(job, ((OpExpr *) node)->opno);
			break;
		case T_ScalarArrayOpExpr:
			add_operator(job, ((ScalarArrayOpExpr *) node)->opno);
			break;
		case T_Var:
		case T_Const:
		case T_RelabelType:
		case T_CoerceViaIO:
		case T_ArrayCoerceExpr:
		case T_ConvertRowtypeExpr:
		case T_CoerceToDomain:
		case T_RowExpr:
		case T_ArrayExpr:
			break;
		default:
			return;
	}
	add_type(job, exprType(node));
}

static bool
uses_walker(Node *node, WeirCompileJob *job)
{
	if (node == NULL)
		return false;
	add_node(job, node);
	if (IsA(node, Query))
		return query_tree_walker((Query *) node, uses_walker, job, QTW_EXAMINE_RTES_BEFORE);
	if (IsA(node, RangeTblEntry))
		return false;
	return expression_tree_walker(node, uses_walker, job);
}

static void
mark_keyed(WeirCompileJob *job, Oid function)
{
	ListCell   *lc;

	foreach(lc, job->uses)
	{
		WeirUsed   *used = lfirst(lc);

		if (used->class_id == ProcedureRelationId && used->object == function)
			used->keyed = true;
	}
}

static void
add_level(WeirCompileJob *job, WeirLevel *level)
{
	ListCell   *lc;

	foreach(lc, level->scans)
		uses_walker((Node *) ((WeirBranch *) lfirst(lc))->query, job);
	uses_walker((Node *) level->cut_aggregates, job);
	uses_walker(level->join_condition, job);
	if (level->function_plan)
	{
		uses_walker((Node *) level->function_plan->call, job);
		foreach(lc, level->function_plan->timers)
			uses_walker((Node *) ((WeirTimerPlan *) lfirst(lc))->handler->call, job);
		mark_keyed(job, level->function_plan->function);
	}
}

/* Needs (a) and (c), with their views expanded. */
void
weir_compile_uses(WeirCompile *c)
{
	ListCell   *lc;

	foreach(lc, c->levels)
		add_level(c->job, lfirst(lc));
	add_relation(c->job, c->sink_plan->target);
	uses_walker((Node *) c->sink, c->job);
}
