/*
 * catalog/job_node.c
 *		weir_internal.job_node: sources and keyed steps, numbered.
 */
#include "postgres.h"

#include "utils/memutils.h"

#include "catalog/internal.h"
#include "catalog/job_node.h"
#include "catalog/row.h"

static WeirStoredNode *
read_node(MemoryContext context, int row)
{
	WeirStoredNode *node = MemoryContextAllocZero(context, sizeof(WeirStoredNode));

	node->keyed = weir_row_bool(row, "keyed");
	node->number = weir_row_int32(row, "number");
	node->kind = weir_row_text(context, row, "kind");
	node->identity = weir_row_text(context, row, "identity");
	node->object = weir_row_oid(row, "here");
	node->current = weir_row_bool(row, "current");
	return node;
}

/* Streams keep their OIDs where functions do not, as with pg_upgrade. */
List *
weir_job_nodes(int64 job)
{
	WeirInternal saved;
	WeirArguments args = {0};
	MemoryContext context = CurrentMemoryContext;
	List	   *nodes = NIL;
	int			n;

	weir_bind_int64(&args, job);
	weir_internal_enter(&saved);
	n = (int) weir_internal_run("SELECT n.*, CASE WHEN NOT n.keyed THEN n.object"
								" WHEN weir_internal.is_here(r.system_identifier, r.database)"
								" THEN (SELECT p.oid FROM pg_catalog.pg_proc p WHERE p.oid = n.object) END AS here"
								" FROM weir_internal.job_node n JOIN weir_internal.run r ON r.job = n.job"
								" WHERE n.job = $1 ORDER BY n.keyed, n.number", &args);
	for (int i = 0; i < n; i++)
	{
		WeirStoredNode *node = read_node(context, i);
		MemoryContext old = MemoryContextSwitchTo(context);

		nodes = lappend(nodes, node);
		MemoryContextSwitchTo(old);
	}
	weir_internal_leave(&saved);
	return nodes;
}

Oid
weir_stored_stream(List *nodes, int number)
{
	ListCell   *lc;

	foreach(lc, nodes)
	{
		const WeirStoredNode *node = lfirst(lc);

		if (!node->keyed && node->number == number)
			return node->object;
	}
	return InvalidOid;
}

static void
set_current(int64 job, const WeirStoredNode *node)
{
	WeirArguments args = {0};

	weir_bind_int64(&args, job);
	weir_bind_bool(&args, node->keyed);
	weir_bind_int32(&args, node->number);
	weir_bind_text(&args, node->kind);
	weir_bind_text(&args, node->identity);
	weir_bind_oid(&args, node->object);
	weir_internal_execute("INSERT INTO weir_internal.job_node AS n VALUES ($1, $2, $3, $4, $5, $6, true)"
						  " ON CONFLICT (job, keyed, number) DO UPDATE SET kind = $4, identity = $5,"
						  " object = $6, current = true"
						  " WHERE (n.kind, n.identity, n.object, n.current) IS DISTINCT FROM ($4, $5, $6, true)",
						  &args);
}

void
weir_job_nodes_set(int64 job, List *nodes)
{
	WeirArguments args = {0};
	int64	   *sources = palloc(sizeof(int64) * Max(list_length(nodes), 1));
	int64	   *steps = palloc(sizeof(int64) * Max(list_length(nodes), 1));
	int			nsources = 0;
	int			nsteps = 0;
	ListCell   *lc;

	foreach(lc, nodes)
	{
		const WeirStoredNode *node = lfirst(lc);

		if (node->keyed)
			steps[nsteps++] = node->number;
		else
			sources[nsources++] = node->number;
		set_current(job, node);
	}
	weir_bind_int64(&args, job);
	weir_bind_int64_array(&args, sources, nsources);
	weir_bind_int64_array(&args, steps, nsteps);
	weir_internal_execute("UPDATE weir_internal.job_node SET current = false WHERE job = $1 AND current"
						  " AND number <> ALL (CASE WHEN keyed THEN $3 ELSE $2 END)", &args);
}

int
weir_job_steps(int64 job)
{
	WeirInternal saved;
	WeirArguments args = {0};
	int			n;

	weir_bind_int64(&args, job);
	weir_internal_enter(&saved);
	weir_internal_run("SELECT coalesce(max(number), 0) + 1 AS steps FROM weir_internal.job_node"
					  " WHERE job = $1 AND keyed", &args);
	n = weir_row_int32(0, "steps");
	weir_internal_leave(&saved);
	return n;
}
