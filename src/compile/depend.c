/*
 * compile/depend.c
 *		What a dataflow depends on, and when it must be compiled again.
 *
 * As in plancache.c: relations by OID, functions and types by the hash value
 * of their syscache entry; a change of a namespace, an operator, a server or
 * a wrapper, which are not tracked, invalidates all.
 */
#include "postgres.h"

#include "nodes/makefuncs.h"
#include "parser/parsetree.h"
#include "storage/lmgr.h"
#include "utils/inval.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/syscache.h"

#include "compile/compile.h"
#include "graph/depend.h"

/* Those that listen to invalidations. */
static dlist_head listening = DLIST_STATIC_INIT(listening);

static void
relation_changed(Datum arg, Oid relid)
{
	dlist_iter	iter;

	dlist_foreach(iter, &listening)
	{
		WeirDataflow *dataflow = dlist_container(WeirDataflow, node, iter.cur);

		if (!OidIsValid(relid) || list_member_oid(dataflow->graph->relations, relid))
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

		foreach(lc, dataflow->graph->items)
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
	static const int any[] = {NAMESPACEOID, OPEROID, AMOPOPID, FOREIGNSERVEROID, FOREIGNDATAWRAPPEROID,
	AUTHOID, AUTHMEMROLEMEM};
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

/* Of a join: planned without a query. */
static void
depend_on_condition(WeirGraph *graph, Node *condition)
{
	Query	   *query = makeNode(Query);

	query->commandType = CMD_SELECT;
	query->jointree = makeFromExpr(NIL, condition);
	weir_depend_on_query(graph, query);
}

/* What stands in the nodes, and what their statements were before they were planned. */
void
weir_compile_depend(WeirCompileJob *job)
{
	WeirGraph  *graph = job->out->graph;
	ListCell   *lc;

	foreach(lc, job->inserts)
	{
		WeirCompile *c = lfirst(lc);
		ListCell   *level;
		ListCell   *scan;

		foreach(level, c->levels)
		{
			foreach(scan, ((WeirLevel *) lfirst(level))->scans)
				weir_depend_on_query(graph, ((WeirBranch *) lfirst(scan))->query);
			depend_on_condition(graph, ((WeirLevel *) lfirst(level))->join_condition);
		}
		weir_depend_on_query(graph, c->sink);
	}
	weir_depend_on_nodes(graph);
	weir_depend_on_relations(graph, weir_compile_written_by_all(job));
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
weir_dataflow_lock(WeirDataflow *dataflow, const WeirStageNodes *stage)
{
	for (int i = 0; i < stage->nnodes; i++)
	{
		PlannedStmt *plan = weir_node_statement(dataflow->graph->nodes[stage->nodes[i]]);

		if (plan)
			lock_plan(plan);
	}
	AcceptInvalidationMessages();
	return dataflow->valid;
}
