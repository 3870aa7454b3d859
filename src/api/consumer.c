/*
 * api/consumer.c
 *		The one job that a sender of the protocol "resume" serves.
 *
 * What a job acknowledges the sender forgets, so that a second job would take
 * from the first what that has not received.  A job has its sender from its
 * first start until it is finished or dropped: while it is stopped, too.
 */
#include "postgres.h"

#include "catalog/pg_foreign_data_wrapper.h"
#include "catalog/pg_foreign_server.h"
#include "foreign/fdwapi.h"
#include "foreign/foreign.h"
#include "storage/lmgr.h"

#include "api/consumer.h"
#include "catalog/job_depend.h"
#include "graph/kinds/source.h"
#include "source/stream.h"

static void
refuse(const WeirStream *stream, const WeirDependent *other)
{
	ereport(ERROR,
			(errcode(ERRCODE_OBJECT_IN_USE),
			 errmsg("sender of stream %s serves job \"%s\"", stream->name, other->name),
			 errdetail("It listens on \"%s\", port %d. In the protocol \"resume\" it forgets what one job has received, so that another would lose it.",
					   stream->host, stream->port),
			 errhint("Drop that job, or give each job a sender of its own.")));
}

/* Until the end of the transaction nobody else starts a job on such a stream. */
static void
lock_wrapper(Oid server)
{
	LockDatabaseObject(ForeignDataWrapperRelationId, GetForeignServer(server)->fdwid, 0,
					   ShareUpdateExclusiveLock);
}

static void
check_consumer(int64 job, Oid relid)
{
	WeirStream *stream = weir_stream_get(relid);
	ListCell   *server;

	if (!stream->resume)
		return;
	lock_wrapper(GetForeignServerIdByRelId(relid));
	foreach(server, weir_stream_servers(stream))
	{
		ListCell   *lc;

		foreach(lc, weir_job_dependents(ForeignServerRelationId, lfirst_oid(server)))
		{
			WeirDependent *other = lfirst(lc);

			if (other->job != job && other->goes_on)
				refuse(stream, other);
		}
	}
}

void
weir_check_consumers(int64 job, const WeirGraph *graph)
{
	const WeirNode *source;

	for (int n = 0; (source = weir_graph_source(graph, n)) != NULL; n++)
		check_consumer(job, weir_source_plan(source)->stream);
}
