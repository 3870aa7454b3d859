/*
 * sink/sink.c
 *		The sinks there are, and how one begins and ends.
 */
#include "postgres.h"

#include "access/xact.h"
#include "utils/memutils.h"

#include "base/executor_hooks.h"
#include "base/fault.h"
#include "sink/sink.h"

static const WeirSinkOps *const sinks[] = {
	[WEIR_WRITER_EXECUTOR] = &weir_statement_sink,
	[WEIR_WRITER_MULTI_INSERT] = &weir_multi_insert_sink,
	[WEIR_WRITER_PRINT] = &weir_print_sink,
	[WEIR_WRITER_PEER] = &weir_print_sink,
	[WEIR_WRITER_BLACKHOLE] = &weir_blackhole_sink
};

static void
open_in_context(WeirSink *sink)
{
	MemoryContext old = MemoryContextSwitchTo(sink->context);

	sink->writing = false;
	sink->at_rows = false;
	if (sink->ops->open)
		sink->ops->open(sink);
	MemoryContextSwitchTo(old);
}

/* What need not be written by the executor is, where another extension counts on it. */
static const WeirSinkOps *
ops_of(const WeirNode *node)
{
	return sinks[weir_executor_is_watched() ? WEIR_WRITER_EXECUTOR : weir_sink_plan(node)->writer];
}

bool
weir_sink_may_refuse(const WeirNode *node)
{
	const WeirSinkOps *ops = ops_of(node);

	return ops->may_refuse == NULL || ops->may_refuse(node);
}

WeirSink *
weir_sink_open(const WeirNode *node, const char *text, int64 *line)
{
	const WeirSinkOps *ops = ops_of(node);
	WeirSink   *sink = palloc0(ops->size);

	sink->ops = ops;
	sink->context = AllocSetContextCreate(CurrentMemoryContext, "weir sink",
										  ALLOCSET_DEFAULT_SIZES);
	sink->node = node;
	sink->text = text;
	sink->line = line;
	open_in_context(sink);
	return sink;
}

void
weir_sink_close(WeirSink *sink)
{
	if (sink->ops->close)
		sink->ops->close(sink);
	MemoryContextDelete(sink->context);
	pfree(sink);
}

void
weir_sink_reset(WeirSink *sink)
{
	if (sink->ops->close)
		sink->ops->close(sink);
	MemoryContextReset(sink->context);
	memset((char *) sink + sizeof(WeirSink), 0, sink->ops->size - sizeof(WeirSink));
	open_in_context(sink);
}

void
weir_sink_rows(WeirSink *sink, const WeirBatch *batch, int from, int to)
{
	bool		read_only = XactReadOnly;

	if (from == to)
		return;
	XactReadOnly = false;
	if (!sink->writing && sink->ops->begin)
		sink->ops->begin(sink);
	sink->writing = true;
	sink->ops->rows(sink, batch, from, to);
	XactReadOnly = read_only;
}

void
weir_sink_flush(WeirSink *sink)
{
	bool		read_only = XactReadOnly;

	if (!sink->writing)
		return;
	WEIR_FAULT(before_output);
	XactReadOnly = false;
	if (sink->ops->flush)
		sink->ops->flush(sink);
	XactReadOnly = read_only;
	sink->writing = false;
	WEIR_FAULT(after_output);
}
