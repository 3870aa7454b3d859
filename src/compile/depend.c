/*
 * compile/depend.c
 *		What a dataflow depends on, and when it must be compiled again.
 *
 * As in plancache.c: relations by OID, functions and types by the hash value
 * of their syscache entry; a change of a namespace, an operator, a server or
 * a wrapper, which are not tracked, invalidates all.
 */
#include "postgres.h"

#include "access/heapam.h"
#include "optimizer/optimizer.h"
#include "parser/parsetree.h"
#include "storage/lmgr.h"
#include "utils/inval.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/syscache.h"
#include "utils/typcache.h"

#include "compile/compile.h"

/* Those that listen to invalidations. */
static dlist_head listening = DLIST_STATIC_INIT(listening);

static void
relation_changed(Datum arg, Oid relid)
{
	dlist_iter	iter;

	dlist_foreach(iter, &listening)
	{
		WeirDataflow *dataflow = dlist_container(WeirDataflow, node, iter.cur);

		if (!OidIsValid(relid) || list_member_oid(dataflow->relations, relid))
			dataflow->valid = false;
	}
}

static void
object_changed(Datum arg, int cache, uint32 hash)
{
	dlist_iter	iter;

	dlist_foreach(iter, &listening)
	{
		WeirDataflow *dataflow = dlist_container(WeirDataflow, node, iter.cur);
		ListCell   *lc;

		foreach(lc, dataflow->items)
		{
			PlanInvalItem *item = lfirst_node(PlanInvalItem, lc);

			if (item->cacheId == cache && (hash == 0 || item->hashValue == hash))
				dataflow->valid = false;
		}
	}
}

static void
anything_changed(Datum arg, int cache, uint32 hash)
{
	dlist_iter	iter;

	dlist_foreach(iter, &listening)
		dlist_container(WeirDataflow, node, iter.cur)->valid = false;
}

static void
register_callbacks(void)
{
	static const int any[] = {NAMESPACEOID, OPEROID, AMOPOPID, FOREIGNSERVEROID, FOREIGNDATAWRAPPEROID};
	static bool registered = false;

	if (registered)
		return;
	CacheRegisterRelcacheCallback(relation_changed, (Datum) 0);
	CacheRegisterSyscacheCallback(PROCOID, object_changed, (Datum) 0);
	CacheRegisterSyscacheCallback(TYPEOID, object_changed, (Datum) 0);
	for (int i = 0; i < lengthof(any); i++)
		CacheRegisterSyscacheCallback(any[i], anything_changed, (Datum) 0);
	registered = true;
}

static void
stop_listening(void *arg)
{
	dlist_delete(&((WeirDataflow *) arg)->node);
}

/* From here on, until its context goes, changes mark the dataflow invalid. */
void
weir_dataflow_listen(WeirDataflow *dataflow)
{
	MemoryContextCallback *callback = MemoryContextAlloc(dataflow->context, sizeof(MemoryContextCallback));

	register_callbacks();
	callback->func = stop_listening;
	callback->arg = dataflow;
	MemoryContextRegisterResetCallback(dataflow->context, callback);
	dlist_push_tail(&listening, &dataflow->node);
}

static void
depend_on_query(WeirDataflow *dataflow, Query *query)
{
	List	   *relations;
	List	   *items;
	bool		row_security;

	extract_query_dependencies((Node *) query, &relations, &items, &row_security);
	dataflow->relations = list_concat_unique_oid(dataflow->relations, relations);
	dataflow->items = list_concat(dataflow->items, items);
}

static void
depend_on_plan(WeirDataflow *dataflow, PlannedStmt *plan)
{
	dataflow->relations = list_concat_unique_oid(dataflow->relations, plan->relationOids);
	dataflow->items = list_concat(dataflow->items, copyObject(plan->invalItems));
}

/* A composite type changes when its relation does. */
static void
depend_on_columns(WeirDataflow *dataflow, TupleDesc desc)
{
	for (int i = 0; desc != NULL && i < desc->natts; i++)
	{
		Form_pg_attribute att = TupleDescAttr(desc, i);
		Oid			relid = att->attisdropped ? InvalidOid :
			get_typ_typrelid(getBaseType(att->atttypid));

		if (OidIsValid(relid))
			dataflow->relations = list_append_unique_oid(dataflow->relations, relid);
	}
}

static void
depend_on_proc(WeirDataflow *dataflow, Oid function)
{
	PlanInvalItem *item = makeNode(PlanInvalItem);

	item->cacheId = PROCOID;
	item->hashValue = GetSysCacheHashValue1(PROCOID, ObjectIdGetDatum(function));
	dataflow->items = lappend(dataflow->items, item);
}

static void
depend_on_aggregates(WeirDataflow *dataflow)
{
	ListCell   *lc;

	foreach(lc, dataflow->window ? dataflow->window->aggregates : NIL)
		depend_on_proc(dataflow, lfirst_node(Aggref, lc)->aggfnoid);
}

static void
depend_on_function(WeirDataflow *dataflow)
{
	Oid			relid;

	if (!OidIsValid(dataflow->function))
		return;
	depend_on_proc(dataflow, dataflow->function);
	relid = get_typ_typrelid(getBaseType(dataflow->call->funcresulttype));
	if (OidIsValid(relid))
		dataflow->relations = list_append_unique_oid(dataflow->relations, relid);
}

void
weir_compile_depend(WeirCompile *c)
{
	WeirDataflow *out = c->out;

	depend_on_query(out, c->scan);
	depend_on_query(out, c->sink);
	depend_on_plan(out, out->scan);
	depend_on_plan(out, out->sink);
	depend_on_columns(out, out->row_desc);
	depend_on_columns(out, out->function_desc);
	depend_on_function(out);
	depend_on_aggregates(out);
	out->relations = list_concat_unique_oid(out->relations, weir_compile_written(c));
}

static void
lock_plan(PlannedStmt *plan)
{
	ListCell   *lc;

	foreach(lc, plan->rtable)
	{
		RangeTblEntry *rte = lfirst_node(RangeTblEntry, lc);

		if (OidIsValid(weir_entry_relation(rte)))
			LockRelationOid(rte->relid, rte->rellockmode);
	}
}

bool
weir_dataflow_lock_scan(WeirDataflow *dataflow)
{
	lock_plan(dataflow->scan);
	AcceptInvalidationMessages();
	return dataflow->valid;
}

bool
weir_dataflow_lock_sink(WeirDataflow *dataflow)
{
	lock_plan(dataflow->sink);
	AcceptInvalidationMessages();
	return dataflow->valid;
}
