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
add(WeirCompile *c, Oid class_id, Oid object)
{
	WeirUsed   *used;
	ListCell   *lc;

	if (object < FirstNormalObjectId)
		return;
	foreach(lc, c->uses)
	{
		used = lfirst(lc);
		if (used->class_id == class_id && used->object == object)
			return;
	}
	used = palloc0(sizeof(WeirUsed));
	used->class_id = class_id;
	used->object = object;
	c->uses = lappend(c->uses, used);
}

static void
add_relation(WeirCompile *c, Oid relid)
{
	if (!OidIsValid(relid))
		return;
	add(c, RelationRelationId, relid);
	if (get_rel_relkind(relid) == RELKIND_FOREIGN_TABLE)
		add(c, ForeignServerRelationId, GetForeignTable(relid)->serverid);
}

/* A table's row type and an array go with what they are made of. */
static void
add_type(WeirCompile *c, Oid type)
{
	Oid			element = get_element_type(type);
	Oid			relid;

	if (OidIsValid(element))
		type = element;
	relid = get_typ_typrelid(type);
	if (OidIsValid(relid) && get_rel_relkind(relid) != RELKIND_COMPOSITE_TYPE)
		add_relation(c, relid);
	else
		add(c, TypeRelationId, type);
}

static void
add_operator(WeirCompile *c, Oid operator)
{
	add(c, OperatorRelationId, operator);
	add(c, ProcedureRelationId, get_opcode(operator));
}

static void
add_node(WeirCompile *c, Node *node)
{
	switch (nodeTag(node))
	{
		case T_RangeTblEntry:
			add_relation(c, weir_entry_relation((RangeTblEntry *) node));
			return;
		case T_FuncExpr:
			add(c, ProcedureRelationId, ((FuncExpr *) node)->funcid);
			break;
		case T_Aggref:
			add(c, ProcedureRelationId, ((Aggref *) node)->aggfnoid);
			break;
		case T_WindowFunc:
			add(c, ProcedureRelationId, ((WindowFunc *) node)->winfnoid);
			break;
		case T_OpExpr:
		case T_DistinctExpr:
		case T_NullIfExpr:
			add_operator(c, ((OpExpr *) node)->opno);
			break;
		case T_ScalarArrayOpExpr:
			add_operator(c, ((ScalarArrayOpExpr *) node)->opno);
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
	add_type(c, exprType(node));
}

static bool
uses_walker(Node *node, WeirCompile *c)
{
	if (node == NULL)
		return false;
	add_node(c, node);
	if (IsA(node, Query))
		return query_tree_walker((Query *) node, uses_walker, c, QTW_EXAMINE_RTES_BEFORE);
	if (IsA(node, RangeTblEntry))
		return false;
	return expression_tree_walker(node, uses_walker, c);
}

/* Needs (a) and (c), with their views expanded. */
void
weir_compile_uses(WeirCompile *c)
{
	ListCell   *lc;

	add_relation(c, c->stream);
	add_relation(c, c->sink_plan->target);
	uses_walker((Node *) c->scan, c);
	uses_walker((Node *) c->sink, c);
	if (c->function_plan)
		uses_walker((Node *) c->function_plan->call, c);
	if (c->window_plan)
		uses_walker((Node *) c->window_plan->aggregates, c);
	foreach(lc, c->uses)
	{
		WeirUsed   *used = lfirst(lc);

		used->keyed = c->function_plan && used->class_id == ProcedureRelationId &&
			used->object == c->function_plan->function;
	}
}
