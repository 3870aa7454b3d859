/*
 * task/input.c
 *		What comes to a task from others.
 */
#include "postgres.h"

#include "task/input.h"

#define ROWS_TARGET INT64CONST(100000)	/* us that the rows before a task may take */
#define ROWS_MOST (INT64CONST(1) << 24)	/* the size of its channels bounds them sooner */

WeirInputs *
weir_inputs_open(WeirTask *task)
{
	WeirAttempt *attempt = task->attempt;
	int		   *channels;
	WeirInputs *inputs;

	if (task->stage->source)
		return NULL;
	channels = palloc(sizeof(int) * attempt->topology.nchannels);
	inputs = palloc0(sizeof(WeirInputs));
	inputs->n = weir_task_inputs(&attempt->topology, task->index, channels);
	inputs->context = CurrentMemoryContext;
	inputs->exchanges = palloc(sizeof(int) * inputs->n);
	inputs->barriers = palloc0(sizeof(int64) * inputs->n);
	inputs->receivers = palloc(sizeof(WeirReceiver *) * inputs->n);
	for (int i = 0; i < inputs->n; i++)
	{
		inputs->exchanges[i] = weir_channel_ends(&attempt->topology, channels[i]).exchange;
		inputs->receivers[i] = weir_receiver_create(weir_attempt_channel(attempt, channels[i]),
													weir_attempt_gauge(attempt, channels[i]),
													task->segment, attempt->attempt);
	}
	pfree(channels);
	inputs->brought = palloc0(sizeof(int64) * inputs->n);
	inputs->active_since = weir_now();
	weir_credit_init(&inputs->credit, ROWS_TARGET, ROWS_MOST);
	inputs->align = weir_align_create(inputs->n, weir_task_exactly_once(task) ?
									  WEIR_ALIGN_EXACTLY_ONCE : WEIR_ALIGN_AT_LEAST_ONCE);
	inputs->watermarks = weir_watermark_merge_create(inputs->n);
	inputs->floor = PG_INT64_MAX;
	inputs->reached_before = PG_INT64_MIN;
	return inputs;
}

WeirMessage *
weir_inputs_next(WeirInputs *inputs, int i)
{
	return weir_align_may_read(inputs->align, i) ? weir_receiver_next(inputs->receivers[i]) : NULL;
}

/* What they bring is remembered for some times what may be under way. */
static void
note_brought(WeirInputs *inputs, int input, int64 rows)
{
	inputs->brought[input] += rows;
	inputs->all += rows;
	if (inputs->all < 8 * inputs->credit.limit)
		return;
	inputs->all = 0;
	for (int i = 0; i < inputs->n; i++)
		inputs->all += inputs->brought[i] /= 2;
}

void
weir_inputs_worked(WeirInputs *inputs, int input, int64 rows)
{
	int64		now = weir_now();

	weir_credit_took(&inputs->credit, rows, Max(now - inputs->active_since, 0));
	inputs->active_since = now;
	note_brought(inputs, input, rows);
	for (int i = 0; i < inputs->n; i++)
		weir_receiver_done(inputs->receivers[i], i == input ? rows : 0,
						   weir_credit_share(&inputs->credit, inputs->n, inputs->brought[i],
											 inputs->all));
}

void
weir_inputs_idle(WeirInputs *inputs)
{
	inputs->active_since = weir_now();
}
