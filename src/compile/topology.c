/*
 * compile/topology.c
 *		The shape of a job's tasks.
 *
 *	source --(by key)--> keyed step, with the sink
 *	source --(by key)--> keyed step --(to one)--> sink
 *	source --(to one)--> sink
 */
#include "postgres.h"

#include "compile/dataflow.h"

static int
add_stage(WeirTopology *t, int parallelism)
{
	t->stages[t->nstages].parallelism = parallelism;
	return t->nstages++;
}

static void
add_exchange(WeirTopology *t, int from, int to, WeirExchangeKind kind)
{
	WeirExchange *x = &t->exchanges[t->nexchanges++];

	x->from = from;
	x->to = to;
	x->kind = kind;
}

void
weir_dataflow_topology(const WeirDataflow *dataflow, int parallelism, WeirTopology *topology)
{
	bool		keyed = weir_dataflow_is_keyed(dataflow);
	int			last;

	memset(topology, 0, sizeof(WeirTopology));
	last = add_stage(topology, 1);
	topology->stages[last].source = true;
	if (keyed)
	{
		add_stage(topology, parallelism);
		add_exchange(topology, last, last + 1, WEIR_BY_KEY);
		topology->stages[++last].keyed = true;
	}
	if (!keyed || dataflow->place == WEIR_SINK_TASK)
	{
		add_stage(topology, 1);
		add_exchange(topology, last, last + 1, WEIR_TO_ONE);
		last++;
	}
	topology->stages[last].sink = true;
	if (!weir_topology_finish(topology))
		elog(ERROR, "no topology of the job's dataflow");
}
