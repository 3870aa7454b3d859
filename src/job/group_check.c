/*
 * job/group_check.c
 *		Which jobs several servers can share: those whose state is all by
 *		partition, so that it can go with one.
 */
#include "postgres.h"

#include "graph/depend.h"
#include "graph/kinds/source.h"
#include "job/group.h"
#include "source/source.h"
#include "task/begin.h"

static void
refuse(const WeirJob *job, const char *detail, const char *hint)
{
	ereport(ERROR,
			(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
			 errmsg("job \"%s\" cannot be shared by the servers of a group", job->name),
			 errdetail("%s", detail),
			 errhint("%s", hint)));
}

static bool
is_in_group(const WeirNode *source, WeirGroupOptions *options)
{
	Oid			relid = weir_source_plan(source)->stream;
	const WeirSourceOps *ops = weir_source_of(relid);

	memset(options, 0, sizeof(WeirGroupOptions));
	if (ops->membership == NULL)
		return false;
	ops->membership->options(weir_stream_get(relid), options);
	return options->group != NULL;
}

/* Rows that went by another key before have left their partition. */
static bool
follows_keyed(const WeirGraph *graph, const WeirNode *node)
{
	const WeirNode *other;

	for (int n = 0; (other = weir_graph_keyed(graph, n)) != NULL; n++)
	{
		if (other != node && weir_graph_reaches(graph, other, node))
			return true;
	}
	return false;
}

static void
check_steps(const WeirJob *job, const WeirGraph *graph)
{
	const WeirNode *node;

	for (int n = 0; (node = weir_graph_keyed(graph, n)) != NULL; n++)
	{
		if (node->nkeys == 0)
			refuse(job, "It has a step that keeps state over all rows, whatever their key.",
				   "Group by the key that the topic is partitioned by, and add up over all servers where their tables are read together.");
		if (follows_keyed(graph, node))
			refuse(job, "It has a keyed step whose rows come from another keyed step.",
				   "Write what the first step gives to another topic, with its key, and let another job go on from there.");
	}
}

static void
check_settings(const WeirJob *job)
{
	if (!job->checkpointing || job->checkpoint.mode == WEIR_AT_MOST_ONCE)
		refuse(job, job->checkpointing ? "Its mode is at_most_once." : "It runs without checkpointing.",
			   "Partitions go from one server to another with a checkpoint: call weir.enable_checkpointing with mode exactly_once or at_least_once.");
	if (job->unaligned_after >= 0 && job->unaligned_after <= job->checkpoint.timeout)
		refuse(job, "Its barriers may overtake rows, which then are of no partition.",
			   "Call weir.enable_checkpointing with an unaligned_after that is longer than timeout.");
	if (job->fresh || job->start_from > 0)
		refuse(job, job->fresh ? "It is to begin with empty state." : "It is to begin from a savepoint.",
			   "What other servers have taken would not go back with it. Start it without fresh and from_savepoint.");
}

const WeirNode *
weir_group_source(const WeirJob *job, const WeirGraph *graph, WeirGroupOptions *options)
{
	const WeirNode *source;
	const WeirNode *found = NULL;

	for (int n = 0; found == NULL && (source = weir_graph_source(graph, n)) != NULL; n++)
	{
		if (is_in_group(source, options))
			found = source;
	}
	if (found == NULL)
		return NULL;
	if (weir_graph_nsources(graph) > 1)
		refuse(job, "It reads more than one stream.",
			   "Give each stream a job of its own, or leave option group out.");
	if (weir_begin_is_of(graph))
		refuse(job, "It goes by event time, which a partition would meet again at another server, where it is later.",
			   "Use count windows or running aggregates, or leave option group out.");
	check_steps(job, graph);
	check_settings(job);
	return found;
}
