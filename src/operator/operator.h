/*
 * operator/operator.h
 *		What is done with rows on their way: an operator takes a batch, and hands
 *		on batches.
 *
 * A new operator needs a file with its WeirOperatorOps, a line in the table of
 * operator.c, and a kind of node (graph/kindlist.h).
 */
#ifndef WEIR_OPERATOR_OPERATOR_H
#define WEIR_OPERATOR_OPERATOR_H

#include "postgres.h"

#include "base/compat.h"
#include "graph/graph.h"
#include "record/batch.h"
#include "state/store.h"

/* Where rows go.  A batch is valid during the call, and may be changed by it. */
typedef struct WeirOutput
{
	void		(*rows) (struct WeirOutput *self, WeirBatch *batch);
} WeirOutput;

/* A row that an operator cannot work off, found without an error being raised. */
typedef struct WeirRefused
{
	int			row;
	int			sqlstate;
	const char *message;		/* in the language of the server; NULL: there is none */
} WeirRefused;

/*
 * Event time.  A watermark W says that rows of a time before W are late from now on:
 * what ends at E is complete when W >= E.  Times are us since 2000-01-01, as those of
 * timestamptz; PG_INT64_MIN: no watermark yet, PG_INT64_MAX: the end of the input.
 *
 * An operator that goes by it does what is due before it takes a row, so that it makes
 * no difference how rows lie in batches:
 *
 *		for each row
 *			if (weir_operator_is_due(op, in, row))
 *				fire all that is due at in->watermarks[row], in the order of time
 *			take the row; it is late as far as in->watermarks[row] says so
 *
 * and keeps op->due.  Behind the last row, advance tells it how far the watermark has come.
 * Rows that it hands on carry, in batch->watermarks, what op->passed was when they came to
 * be: the watermark that had been passed on before.  Behind what was due op->passed rises
 * to what "passes" makes of the watermark (weir_operator_has_advanced).
 */

/* Why a row has no place among those of its key. */
typedef enum WeirUntimely
{
	WEIR_TOO_LATE,				/* what it belongs to is over */
	WEIR_WITHOUT_TIME,			/* its time is NULL */
	WEIR_WITHOUT_END			/* or infinite */
} WeirUntimely;

/* An operator; its own struct begins with this. */
typedef struct WeirOperator
{
	const struct WeirOperatorOps *ops;
	MemoryContext context;		/* of what open makes */
	const WeirNode *node;
	const char *text;			/* of the job's query, for who watches its statement run */
	WeirStore  *store;			/* NULL: it keeps no state */
	int64	   *line;			/* where to note the record being worked on */
	WeirRefused refused;		/* by the last call of rows */

	int			port;			/* of the rows that come, see WeirEdge; set before each call */
	int64		watermark;		/* that it has seen */
	int64		passed;			/* that whatever is behind it has seen of it */
	struct WeirPartitionTime *times;	/* of a scan, where rows have partitions: of its own time in these */
	int64		due;			/* when it has something to do next; PG_INT64_MAX: nothing */
	bool		waits;			/* nothing is due: rows that a restore brought come first */
	/* A row that has no place: who opened the operator counts it, or puts it aside. */
	void		(*late) (struct WeirOperator *op, const WeirBatch *in, int row, WeirUntimely why);
	void	   *late_arg;
} WeirOperator;

typedef struct WeirOperatorOps
{
	Size		size;			/* of its own struct */

	/* In a transaction, in its context. */
	void		(*open) (WeirOperator *op);

	/* Can a row err, other than by being refused, and leave state behind? */
	bool		(*may_fail) (const WeirOperator *op);

	/*
	 * Works off the rows from .. to - 1, in order, in a transaction with a
	 * snapshot.  *op->line is set to the row's before code of the user's runs.
	 * Rows that come of it have been handed on when this returns.
	 *
	 * A row may be refused: then work stops before it, as if it had not come, and
	 * op->refused says why.
	 */
	void		(*rows) (WeirOperator *op, WeirBatch *in, int from, int to, WeirOutput *out);

	/*
	 * Does it hold rows until it is told?  They go on before a barrier does, before
	 * the end of its input, and where output does not wait for checkpoints when
	 * sink_flush is due.  Which rows these are its state says, so that it need not be
	 * the same operator.  NULL: it never holds any.
	 */
	bool		(*holds) (const WeirOperator *op);

	/*
	 * In a transaction with a snapshot.  held: some that it holds, the first ones, as
	 * records of theirs, in a batch in CurrentMemoryContext that is good until the
	 * state changes; NULL: there are no more.  emit: hands on the rows of from .. to - 1
	 * of them, as rows does.  forget: all of the batch have gone their way.
	 */
	WeirBatch  *(*held) (WeirOperator *op);
	void		(*emit) (WeirOperator *op, const WeirBatch *held, int from, int to, WeirOutput *out);
	void		(*forget) (WeirOperator *op, const WeirBatch *held);

	/*
	 * The watermark has come so far, behind all rows up to now: what is due is done, in a
	 * transaction with a snapshot.  NULL: it does not go by event time; then rows keep
	 * the watermarks they came with.
	 */
	void		(*advance) (WeirOperator *op, int64 watermark, WeirOutput *out);

	/*
	 * The watermark that holds of the rows it hands on, of this one that it has seen; as low as
	 * the lowest time that a row may have which it still keeps.  NULL: the same.
	 */
	int64		(*passes) (const WeirOperator *op, int64 watermark);

	/*
	 * Before its context goes.  committed: else what the transaction held is gone already.
	 * NULL: nothing but that context is its own.
	 */
	void		(*close) (WeirOperator *op, bool committed);
} WeirOperatorOps;

extern const WeirOperatorOps weir_scan_operator;
extern const WeirOperatorOps weir_function_operator;
extern const WeirOperatorOps weir_timed_function_operator;
extern const WeirOperatorOps weir_count_window_operator;
extern const WeirOperatorOps weir_time_window_operator;
extern const WeirOperatorOps weir_aggregate_operator;
extern const WeirOperatorOps weir_join_operator;
extern const WeirOperatorOps weir_rank_operator;
extern const WeirOperatorOps weir_window_rank_operator;
extern const WeirOperatorOps weir_ordered_rank_operator;
extern const WeirOperatorOps weir_over_operator;

/* Is something to be done before this row is taken? */
static inline bool
weir_operator_is_due(const WeirOperator *op, const WeirBatch *in, int row)
{
	return in->watermarks && in->watermarks[row] >= op->due && !op->waits;
}

/* One of the sources whose records come to it. */
extern int	weir_operator_any_source(const WeirOperator *op);

/*
 * The arrival of what is fired when the watermark has come to "at": where that is the
 * arrival of records this very moment, or it would be late behind; else the last record's.
 */
extern int64 weir_operator_stamp(const WeirOperator *op, int64 at);

/* All that was due at this watermark has been handed on. */
extern void weir_operator_has_advanced(WeirOperator *op, int64 watermark);

/*
 * What "rows" has handed over is worked off; the watermark has come so far: the operator
 * does what is due, in a transaction with a snapshot if something is (weir_operator_must_advance).
 * Returns how far it has come for what is behind it.
 */
extern int64 weir_operator_advance(WeirOperator *op, int64 watermark, WeirOutput *out);
extern bool weir_operator_must_advance(const WeirOperator *op, int64 watermark);

/* Does one of the graph's operators go by event time? */
extern bool weir_graph_has_event_time(const WeirGraph *graph);

/* Does a node have an operator?  Sources and sinks have none. */
extern bool weir_node_is_operator(const WeirNode *node);

/* In a transaction, in CurrentMemoryContext; for one compiled node. */
extern WeirOperator *weir_operator_open(const WeirNode *node, const char *text, WeirStore *store,
										int64 *line);
extern void weir_operator_close(WeirOperator *op);
/* An error of the row that was refused. */
pg_noreturn extern void weir_operator_raise(const WeirOperator *op);
/* All that it holds goes on. */
extern void weir_operator_emit(WeirOperator *op, WeirOutput *out);
/* After the abort of a subtransaction: as new. */
extern void weir_operator_reset(WeirOperator *op);

#endif
