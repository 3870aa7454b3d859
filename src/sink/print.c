/*
 * sink/print.c
 *		Rows as lines, which wait in the outbox for the server log, or for a
 *		peer, or as what else the peer wants of them.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "executor/executor.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"

#include "base/compat.h"
#include "catalog/outbox.h"
#include "sink/line.h"
#include "sink/output.h"
#include "sink/print.h"
#include "sink/projection.h"
#include "sink/sink.h"
#include "source/peer.h"
#include "source/source.h"

/* As many bytes of lines are waited for. */
#define FULL_BYTES (1024 * 1024)

struct WeirLinesOut
{
	Oid			table;
	char	   *name;
	WeirStream *stream;			/* NULL: for the log */
	const WeirPeerOps *peer;	/* NULL, or without encode: rows are lines */
	void	   *format;			/* WeirLineFormat, or the peer's */
	MemoryContext context;
	ArrayBuildState *lines;		/* NULL: none */
	Size		bytes;
};

static bool
are_records(const WeirLinesOut *lines)
{
	return lines->peer != NULL && lines->peer->encode != NULL;
}

WeirLinesOut *
weir_lines_out_create(Oid table)
{
	WeirLinesOut *lines = palloc0(sizeof(WeirLinesOut));

	lines->context = CurrentMemoryContext;
	lines->table = table;
	lines->name = quote_qualified_identifier(get_namespace_name(get_rel_namespace(table)),
											 get_rel_name(table));
	if (weir_source_of(table) != NULL)
	{
		lines->stream = weir_stream_get(table);
		lines->peer = lines->stream->source->peer;
	}
	if (are_records(lines))
		lines->format = lines->peer->format(lines->stream);
	else
		lines->format = weir_line_format_create(lines->stream);
	return lines;
}

void
weir_lines_out_add(WeirLinesOut *lines, TupleTableSlot *row)
{
	bool		records = are_records(lines);
	struct varlena *line = records ? lines->peer->encode(lines->format, row) :
		weir_line_of(lines->format, row);

	lines->bytes += VARSIZE(line);
	lines->lines = accumArrayResult(lines->lines, PointerGetDatum(line), false,
									records ? BYTEAOID : TEXTOID, lines->context);
	if (lines->bytes >= FULL_BYTES)
		weir_lines_out_flush(lines);
}

void
weir_lines_out_flush(WeirLinesOut *lines)
{
	Datum		array;

	if (lines->lines == NULL)
		return;
	array = makeArrayResult(lines->lines, lines->context);
	lines->lines = NULL;
	lines->bytes = 0;
	if (are_records(lines))
		weir_outbox_insert_records(weir_output_job, lines->table, lines->name, array);
	else
		weir_outbox_insert(weir_output_job, lines->stream ? lines->table : InvalidOid, lines->name, array);
	pfree(DatumGetPointer(array));
	if (lines->stream)
		weir_output_note_peer(lines->table);
	else
		weir_output_waits = true;
}

/* ---- the sink ---- */

typedef struct Print
{
	WeirSink	sink;
	WeirProjection *projection; /* NULL: no row has come yet */
	MemoryContext row_context;
	WeirLinesOut *lines;
} Print;

static void
print_open(WeirSink *sink)
{
	Print	   *print = (Print *) sink;

	print->row_context = AllocSetContextCreate(sink->context, "weir line", ALLOCSET_DEFAULT_SIZES);
	print->lines = weir_lines_out_create(weir_sink_plan(sink->node)->target);
}

static void
print_begin(WeirSink *sink)
{
	Print	   *print = (Print *) sink;
	MemoryContext old = MemoryContextSwitchTo(sink->context);

	weir_check_permissions(weir_sink_plan(sink->node)->statement);
	if (print->projection == NULL)
		print->projection = weir_projection_create(sink->node);
	MemoryContextSwitchTo(old);
}

static void
print_rows(WeirSink *sink, const WeirBatch *batch, int from, int to)
{
	Print	   *print = (Print *) sink;
	MemoryContext old = MemoryContextSwitchTo(print->row_context);

	sink->at_rows = true;
	for (int i = from; i < to; i++)
	{
		TupleTableSlot *row;

		*sink->line = batch->lines[i];
		row = weir_projection_row(print->projection, batch, i);
		if (row)
			weir_lines_out_add(print->lines, row);
		MemoryContextReset(print->row_context);
	}
	sink->at_rows = false;
	MemoryContextSwitchTo(old);
}

static void
print_flush(WeirSink *sink)
{
	weir_lines_out_flush(((Print *) sink)->lines);
}

static void
print_close(WeirSink *sink)
{
	Print	   *print = (Print *) sink;

	if (print->projection)
		weir_projection_free(print->projection);
}

const WeirSinkOps weir_print_sink = {
	.name = "print",
	.size = sizeof(Print),
	.transactional = true,
	.open = print_open,
	.begin = print_begin,
	.rows = print_rows,
	.flush = print_flush,
	.close = print_close,
};
