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
	WeirProjection *projection; /* NULL: no row has come yet */
} Blackhole;

static void
blackhole_begin(WeirSink *sink)
{
	Blackhole  *hole = (Blackhole *) sink;
	MemoryContext old = MemoryContextSwitchTo(sink->context);

	weir_check_permissions(weir_sink_plan(sink->node)->statement);
	if (hole->projection == NULL)
		hole->projection = weir_projection_create(sink->node);
	MemoryContextSwitchTo(old);
}

static void
blackhole_row(WeirSink *sink, const Datum *values, const bool *nulls)
{
	WeirProjection *projection = ((Blackhole *) sink)->projection;

	if (weir_projection_is_plain(projection))
		return;
	sink->at_rows = true;
	(void) weir_projection_row(projection, values, nulls);
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
	.begin = blackhole_begin,
	.row = blackhole_row,
	.close = blackhole_close,
};
