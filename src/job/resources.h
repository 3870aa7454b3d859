/*
 * job/resources.h
 *		What an attempt of a job takes of the server.
 */
#ifndef WEIR_JOB_RESOURCES_H
#define WEIR_JOB_RESOURCES_H

#include "postgres.h"

#include "catalog/job.h"
#include "decide/topology.h"

/* Sets the job's workers and prepared. */
extern void weir_count_resources(WeirJob *job, const WeirTopology *topology);

#endif
