/*
 * task/input.c
 *		What comes to a task from others.
 */
#include "postgres.h"

#include "task/input.h"

WeirInputs *
weir_inputs_open(WeirTask *task)
{
	WeirAttempt *attempt = task->attempt;
	int		   *channels = palloc(sizeof(int) * attempt->topology.nchannels);
	WeirInputs *inputs = palloc0(sizeof(WeirInputs));

	inputs->n = weir_task_inputs(&attempt->topology, task->index, channels);
	inputs->receivers = palloc(sizeof(WeirReceiver *) * Max(inputs->n, 1));
	for (int i = 0; i < inputs->n; i++)
		inputs->receivers[i] = weir_receiver_create(weir_attempt_channel(attempt, channels[i]),
													task->segment, attempt->attempt);
	pfree(channels);
	if (inputs->n == 0)
		return NULL;
	inputs->align = weir_align_create(inputs->n, weir_task_exactly_once(task) ?
									  WEIR_ALIGN_EXACTLY_ONCE : WEIR_ALIGN_AT_LEAST_ONCE);
	return inputs;
}

WeirMessage *
weir_inputs_next(WeirInputs *inputs, int i)
{
	return weir_align_may_read(inputs->align, i) ? weir_receiver_next(inputs->receivers[i]) : NULL;
}
