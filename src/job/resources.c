/*
 * job/resources.c
 *		What an attempt of a job takes of the server.
 */
#include "postgres.h"

#include "job/resources.h"

/*
 * Background workers: the coordinator and its tasks.  Prepared transactions: the
 * tasks that write output do so in an epoch's transaction, which is prepared in
 * exactly_once only.
 */
void
weir_count_resources(WeirJob *job, const WeirTopology *topology)
{
	job->workers = 1 + topology->ntasks;
	job->prepared = 0;
	if (job->checkpointing && job->checkpoint.mode == WEIR_EXACTLY_ONCE)
		job->prepared = weir_topology_writers(topology);
}
