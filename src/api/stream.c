/*
 * api/stream.c
 *		The streams of a job that is made, changed or started.
 */
#include "postgres.h"

#include "api/state/access.h"
#include "graph/kinds/source.h"
#include "source/source.h"

void
weir_job_keep_streams(int64 job, const WeirGraph *graph)
{
	List	   *streams = NIL;
	const WeirNode *source;

	for (int n = 0; (source = weir_graph_source(graph, n)) != NULL; n++)
		streams = lappend_oid(streams, weir_source_plan(source)->stream);
	weir_source_keep(job, streams);
}
