/*
 * operator/join_int.h
 *		Inside a join of two streams: for join*.c only.
 */
#ifndef WEIR_OPERATOR_JOIN_INT_H
#define WEIR_OPERATOR_JOIN_INT_H

#include "postgres.h"

#include "executor/executor.h"

#include "graph/kinds/join.h"
#include "operator/event_time.h"
#include "operator/key.h"
#include "operator/operator.h"
#include "state/due.h"
#include "state/kinds/rows.h"

#define JOIN_MATCHED 1			/* flag of a kept row: it has had a partner */

/* Where a value of a row that is handed on is from. */
typedef struct JoinColumn
{
	int			side;
	int			column;			/* from 0 */
} JoinColumn;

typedef struct StreamJoin
{
	WeirOperator op;
	const WeirJoinPlan *plan;
	WeirState  *rows[2];		/* kept, a side */
	WeirKey    *keys[2];
	bool		ordered;		/* what is due makes rows: it is done before the next row is taken */
	JoinColumn *columns;
	WeirBatch  *result;
	WeirOutput *out;			/* during a call */
	MemoryContext scratch;		/* of a call */

	/* join_pair.c: the condition */
	ExprState  *condition;		/* NULL: none */
	ExprContext *econtext;
	TupleTableSlot *slots[2];
	Datum	   *values[2];		/* of a row that comes */
	bool	   *nulls[2];
} StreamJoin;

/* join_pair.c */
extern void weir_join_open_pairs(StreamJoin *j);
/* The row that comes is the one whose pairs are asked for until the next. */
extern void weir_join_begin_row(StreamJoin *j, const WeirBatch *in, int row);
/* Is the condition true of it, it being of op->port, and a kept one; of two kept ones? */
extern bool weir_join_fits(StreamJoin *j, const WeirKept *partner);
extern bool weir_join_kept_fit(StreamJoin *j, const WeirKept *left, const WeirKept *right);
/* A row to be handed on, with its partner or (NULL) padded. */
extern void weir_join_emit(StreamJoin *j, const WeirBatch *in, int row, const WeirKept *partner);
/* The same of kept rows; one of them may be NULL. */
extern void weir_join_emit_kept(StreamJoin *j, const WeirKept *left, const WeirKept *right);
extern void weir_join_hand_on(StreamJoin *j);

/* join.c */
extern void weir_join_keep(StreamJoin *j, const WeirBatch *in, int row, int64 time, int64 until, uint32 flags);

/* What the kinds do: with a row, its key being current or (NULL in it) none; with what is due of the current key. */
typedef struct JoinOps
{
	/* False: its time is NULL, it has no partner. */
	bool		(*time_of) (const StreamJoin *j, const WeirBatch *in, int row, int64 *time);
	void		(*take) (StreamJoin *j, const WeirBatch *in, int row, int64 time, int64 watermark);
	void		(*fire) (StreamJoin *j, const WeirDue *due, int64 upto);
} JoinOps;

extern const JoinOps weir_interval_join;
extern const JoinOps weir_window_join;
extern const JoinOps weir_as_of_join;

#endif
