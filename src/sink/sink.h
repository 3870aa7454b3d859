/*
 * sink/sink.h
 *		What a job's rows are written with, with the result of running its INSERT
 *		once for each row, in order.
 *
 * A new sink needs a file with its WeirSinkOps, a WeirWriter, a line in the table
 * of sink.c, one in that of graph/kinds/sink.c, which tells people of it, and one
 * in compile/writer.c, which says when it serves.
 */
#ifndef WEIR_SINK_SINK_H
#define WEIR_SINK_SINK_H

#include "postgres.h"

#include "graph/kinds/sink.h"
#include "record/batch.h"

/* A sink; its own struct begins with this. */
typedef struct WeirSink
{
	const struct WeirSinkOps *ops;
	MemoryContext context;		/* of what open makes */
	const WeirNode *node;
	const char *text;			/* of the job's query, for who watches its statement run */
	int64	   *line;			/* where to note the batch's line of the row at work */
	bool		writing;		/* rows have come since the last flush */
	bool		at_rows;		/* an error now is about *line's row */
} WeirSink;

typedef struct WeirSinkOps
{
	const char *name;
	Size		size;			/* of its own struct */
	bool		transactional;	/* what it writes comes and goes with the transaction */

	/* Can it refuse a row, or must one that is undone be taken back?  NULL: it can. */
	bool		(*may_refuse) (const WeirNode *node);
	/* In a transaction, in the sink's context; NULL: nothing to do. */
	void		(*open) (WeirSink *sink);
	/* In a transaction with a snapshot: before the first row after a flush; NULL: nothing to do. */
	void		(*begin) (WeirSink *sink);
	/*
	 * Adds the rows from .. to - 1, of node->in; may write those before them.  What a
	 * row is made of need not outlive the call.
	 */
	void		(*rows) (WeirSink *sink, const WeirBatch *batch, int from, int to);
	/* Writes what waits; NULL: nothing does.  Leaves nothing open that a transaction holds. */
	void		(*flush) (WeirSink *sink);
	/* Before its context goes; NULL: nothing to do. */
	void		(*close) (WeirSink *sink);
} WeirSinkOps;

extern const WeirSinkOps weir_statement_sink;
extern const WeirSinkOps weir_multi_insert_sink;
extern const WeirSinkOps weir_print_sink;
extern const WeirSinkOps weir_blackhole_sink;

/* Does the node's sink have to be told of rows only once they are there to stay? */
extern bool weir_sink_may_refuse(const WeirNode *node);

/* In a transaction, in CurrentMemoryContext; for one compiled node. */
extern WeirSink *weir_sink_open(const WeirNode *node, const char *text, int64 *line);
extern void weir_sink_close(WeirSink *sink);
/* After the abort of a subtransaction: as new, without the rows that waited. */
extern void weir_sink_reset(WeirSink *sink);

/* The sink alone may write; what runs round it is read only. */
extern void weir_sink_rows(WeirSink *sink, const WeirBatch *batch, int from, int to);
extern void weir_sink_flush(WeirSink *sink);

#endif
