/*
 * catalog/job_node.h
 *		weir_internal.job_node: the sources and keyed steps of a job, by the
 *		numbers that their positions, journals and snapshots go by.
 *
 * A number is never given to another one: what was kept under it stays what it is.
 */
#ifndef WEIR_CATALOG_JOB_NODE_H
#define WEIR_CATALOG_JOB_NODE_H

#include "postgres.h"

#include "nodes/pg_list.h"

typedef struct WeirStoredNode
{
	bool		keyed;			/* a keyed step; else a source: each has numbers from 0 */
	int			number;
	const char *kind;			/* "source", "function" .. */
	const char *identity;		/* what it is */
	Oid			object;			/* stream or function; InvalidOid: it is none, or a
								 * function that is gone, or of another database */
	bool		current;		/* the last attempt had it */
} WeirStoredNode;

/* List of WeirStoredNode, sources first, by number; in CurrentMemoryContext. */
extern List *weir_job_nodes(int64 job);
/* The stream of the source of that number; InvalidOid: there is none. */
extern Oid	weir_stored_stream(List *nodes, int number);
/* Those of an attempt; the others are current no more. */
extern void weir_job_nodes_set(int64 job, List *nodes);
/* How many numbers of keyed steps were given, at least 1. */
extern int	weir_job_steps(int64 job);

#endif
