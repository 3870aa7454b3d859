/*
 * operator/join_pair.c
 *		Pairs of rows of two streams: whether they fit, and the rows that come of them.
 *
 * Values are not copied: those of kept rows stay readable until they are handed on,
 * removed or not.
 */
#include "postgres.h"

#include "utils/memutils.h"

#include "operator/join_int.h"

#define RESULT_ROWS 1024

/* ---- the condition ---- */

static void
open_side(StreamJoin *j, int side, TupleDesc desc)
{
	j->slots[side] = MakeSingleTupleTableSlot(desc, &TTSOpsVirtual);
	j->values[side] = palloc(sizeof(Datum) * Max(desc->natts, 1));
	j->nulls[side] = palloc(sizeof(bool) * Max(desc->natts, 1));
}

static void
open_condition(StreamJoin *j)
{
	if (j->plan->condition == NULL)
		return;
	open_side(j, 0, j->op.node->in);
	open_side(j, 1, j->op.node->right);
	j->econtext = CreateStandaloneExprContext();
	j->econtext->ecxt_outertuple = j->slots[0];
	j->econtext->ecxt_innertuple = j->slots[1];
	j->condition = ExecInitExpr(j->plan->condition, NULL);
}

static void
show(TupleTableSlot *slot, const Datum *values, const bool *nulls)
{
	ExecClearTuple(slot);
	slot->tts_values = (Datum *) values;
	slot->tts_isnull = (bool *) nulls;
	ExecStoreVirtualTuple(slot);
}

static bool
holds(StreamJoin *j)
{
	bool		isnull;
	Datum		result;

	ResetExprContext(j->econtext);
	result = ExecEvalExprSwitchContext(j->condition, j->econtext, &isnull);
	return !isnull && DatumGetBool(result);
}

void
weir_join_begin_row(StreamJoin *j, const WeirBatch *in, int row)
{
	int			side = j->op.port;

	if (j->condition == NULL)
		return;
	weir_batch_get_row(in, row, j->values[side], j->nulls[side]);
	show(j->slots[side], j->values[side], j->nulls[side]);
}

bool
weir_join_fits(StreamJoin *j, const WeirKept *partner)
{
	if (j->condition == NULL)
		return true;
	show(j->slots[1 - j->op.port], partner->values, weir_kept_nulls(partner));
	return holds(j);
}

bool
weir_join_kept_fit(StreamJoin *j, const WeirKept *left, const WeirKept *right)
{
	if (j->condition == NULL)
		return true;
	show(j->slots[0], left->values, weir_kept_nulls(left));
	show(j->slots[1], right->values, weir_kept_nulls(right));
	return holds(j);
}

/* ---- what is handed on ---- */

static void
open_result(StreamJoin *j)
{
	const WeirNode *node = j->op.node;

	j->result = weir_batch_create(node->out, RESULT_ROWS);
	weir_batch_keep_watermarks(j->result);
	j->columns = palloc(sizeof(JoinColumn) * Max(node->out->natts, 1));
	for (int i = 0; i < node->out->natts; i++)
	{
		j->columns[i].side = j->plan->output[i] > 0 ? 0 : 1;
		j->columns[i].column = abs(j->plan->output[i]) - 1;
	}
}

void
weir_join_open_pairs(StreamJoin *j)
{
	open_condition(j);
	open_result(j);
}

void
weir_join_hand_on(StreamJoin *j)
{
	if (j->result->nrows > 0)
	{
		j->out->rows(j->out, j->result);
		weir_batch_reset(j->result);
	}
	weir_rows_release(j->rows[0]);
	weir_rows_release(j->rows[1]);
}

/* The number of a new row; a batch is of records of one source. */
static int
new_row(StreamJoin *j, int source)
{
	WeirBatch  *result = j->result;

	if (result->nrows == result->capacity || (result->nrows > 0 && result->source != source))
		weir_join_hand_on(j);
	result->hashes[result->nrows] = 0;
	return result->nrows++;
}

static inline void
put(WeirBatch *result, int column, int row, Datum value, bool isnull)
{
	if (isnull)
		weir_batch_set_null(result, column, row);
	else
		weir_batch_set_value(result, column, row, value);
}

static inline void
put_kept(WeirBatch *result, int column, int row, const WeirKept *kept, int from)
{
	if (kept)
		put(result, column, row, kept->values[from], weir_kept_nulls(kept)[from]);
	else
		weir_batch_set_null(result, column, row);
}

void
weir_join_emit(StreamJoin *j, const WeirBatch *in, int row, const WeirKept *partner)
{
	WeirBatch  *result = j->result;
	int			to = new_row(j, in->source);

	for (int i = 0; i < result->desc->natts; i++)
	{
		int			from = j->columns[i].column;

		if (j->columns[i].side == j->op.port)
			put(result, i, to, in->columns[from].values[row], weir_vector_is_null(&in->columns[from], row));
		else
			put_kept(result, i, to, partner, from);
	}
	weir_batch_set_record(result, to, in, row);
	result->watermarks[to] = j->op.passed;
}

/* It comes of the record that arrived last. */
void
weir_join_emit_kept(StreamJoin *j, const WeirKept *left, const WeirKept *right)
{
	const WeirKept *sides[2] = {left, right};
	const WeirKept *last = left == NULL || (right != NULL && right->stamp > left->stamp) ? right : left;
	WeirBatch  *result = j->result;
	int			to = new_row(j, last->source);

	for (int i = 0; i < result->desc->natts; i++)
		put_kept(result, i, to, sides[j->columns[i].side], j->columns[i].column);
	weir_rows_set_record(result, to, last);
	result->watermarks[to] = j->op.passed;
}
