/*
 * compile/expressions.c
 *		The functions that the sink statement may call: those of the statement
 *		itself, its defaults and row security among them, and those of what is
 *		evaluated for each row that is written: CHECK constraints, generated
 *		columns, expressions of indexes, and the constraints of domains.
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/table.h"
#include "catalog/pg_type.h"
#include "nodes/execnodes.h"
#include "nodes/nodeFuncs.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/relcache.h"
#include "utils/typcache.h"

#include "compile/compile.h"

typedef struct Search
{
	WeirFunctionTest test;
	Oid			found;
	List	   *domains;		/* being looked at */
} Search;

static bool search_walker(Node *node, Search *search);

static bool
test_function(Oid function, void *arg)
{
	Search	   *search = arg;

	if (!search->test(function))
		return false;
	search->found = function;
	return true;
}

static bool
search_domain(Oid type, Search *search)
{
	DomainConstraintRef *ref = palloc0(sizeof(DomainConstraintRef)); /* its context lets go of it */
	ListCell   *lc;
	bool		found = false;

	if (get_typtype(type) != TYPTYPE_DOMAIN || list_member_oid(search->domains, type))
		return false;
	search->domains = lappend_oid(search->domains, type);
	InitDomainConstraintRef(type, ref, CurrentMemoryContext, false);
	foreach(lc, ref->constraints)
	{
		DomainConstraintState *constraint = lfirst_node(DomainConstraintState, lc);

		found = found || search_walker((Node *) constraint->check_expr, search);
	}
	return found;
}

static bool
search_walker(Node *node, Search *search)
{
	if (node == NULL)
		return false;
	if (check_functions_in_node(node, test_function, search))
		return true;
	if ((IsA(node, CoerceToDomain) || IsA(node, CoerceViaIO)) &&
		search_domain(exprType(node), search))
		return true;
	if (IsA(node, Query))
		return query_tree_walker((Query *) node, search_walker, search, 0);
	return expression_tree_walker(node, search_walker, search);
}

static bool
search_index(Oid relid, Search *search)
{
	Relation	index = index_open(relid, AccessShareLock);
	bool		found = search_walker((Node *) RelationGetIndexExpressions(index), search) ||
		search_walker((Node *) RelationGetIndexPredicate(index), search);

	index_close(index, NoLock);
	return found;
}

static bool
search_constraints(TupleDesc desc, Search *search)
{
	TupleConstr *constraints = desc->constr;
	bool		found = false;

	for (int i = 0; constraints != NULL && i < constraints->num_check && !found; i++)
		found = search_walker(stringToNode(constraints->check[i].ccbin), search);
	for (int i = 0; constraints != NULL && i < constraints->num_defval && !found; i++)
	{
		AttrDefault *value = &constraints->defval[i];

		if (TupleDescAttr(desc, value->adnum - 1)->attgenerated)
			found = search_walker(stringToNode(value->adbin), search);
	}
	return found;
}

static bool
search_relation(Oid relid, Search *search)
{
	Relation	rel = table_open(relid, AccessShareLock);
	bool		found = search_constraints(RelationGetDescr(rel), search);
	ListCell   *lc;

	foreach(lc, RelationGetIndexList(rel))
		found = found || search_index(lfirst_oid(lc), search);
	table_close(rel, NoLock);
	return found;
}

Oid
weir_compile_find_function(WeirCompile *c, WeirFunctionTest test)
{
	Search		search = {test, InvalidOid, NIL};
	ListCell   *lc;

	if (search_walker((Node *) c->sink, &search))
		return search.found;
	foreach(lc, weir_compile_written(c))
	{
		if (search_relation(lfirst_oid(lc), &search))
			break;
	}
	return search.found;
}
