/*
 * sink/blackhole.c
 *		Rows that are counted and dropped.  What computes them may err, and does
 *		so as it would before a table.
 */
#include "postgres.h"

#include "executor/executor.h"

#include "base/compat.h"
#include "sink/projection.h"
#include "sink/sink.h"

typedef struct Blackhole
{
	WeirSink	sink;
	WeirProjection *projection; /* NULL: nothing is computed, or no row has come yet */
} Blackhole;

static bool
may_refuse(const WeirNode *node)
{
	return !weir_projection_is_plain(node);
}

static void
blackhole_begin(WeirSink *sink)
{
	Blackhole  *hole = (Blackhole *) sink;
	MemoryContext old = MemoryContextSwitchTo(sink->context);

	weir_check_permissions(weir_sink_plan(sink->node)->statement);
	if (hole->projection == NULL && may_refuse(sink->node))
		hole->projection = weir_projection_create(sink->node);
	MemoryContextSwitchTo(old);
}

static void
blackhole_rows(WeirSink *sink, const WeirBatch *batch, int from, int to)
{
	WeirProjection *projection = ((Blackhole *) sink)->projection;

	if (projection == NULL)
		return;
	sink->at_rows = true;
	for (int i = from; i < to; i++)
	{
		*sink->line = batch->lines[i];
		(void) weir_projection_row(projection, batch, i);
	}
	sink->at_rows = false;
}

static void
blackhole_close(WeirSink *sink)
{
	Blackhole  *hole = (Blackhole *) sink;

	if (hole->projection)
		weir_projection_free(hole->projection);
}

const WeirSinkOps weir_blackhole_sink = {
	.name = "blackhole",
	.size = sizeof(Blackhole),
	.transactional = true,
	.may_refuse = may_refuse,
	.begin = blackhole_begin,
	.rows = blackhole_rows,
	.close = blackhole_close,
};
