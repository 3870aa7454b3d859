/*
 * task/begin.c
 *		How the tasks of an attempt that restores a checkpoint take up event time where it
 *		stood.
 */
#include "postgres.h"

#include "task/advance.h"
#include "task/begin.h"

bool
weir_begin_is_of(const WeirGraph *graph)
{
	return weir_graph_has_event_time(graph);
}

void
weir_begin_feed(WeirFeed *feed)
{
	const WeirScanInput *input = feed->rows->input;
	bool		ended;

	if (!feed->task->attempt->begins)
		return;
	ended = feed->source->ops->began_ended(feed->source);
	for (int i = 0; i < feed->rows->nscans; i++)
	{
		WeirFeedScan *scan = &feed->rows->scans[i];

		weir_output_begin(scan->output, weir_operator_advance(scan->op, input->watermark, NULL),
						  input->idle, ended);
	}
}

/* It has said its watermark before anything else, but that a checkpoint is given up. */
static void
hear(WeirTaskCheckpoints *c, int input, const WeirMessage *message)
{
	if (message->kind == WEIR_MESSAGE_CANCEL)
	{
		weir_task_mark(c, input, message);
		return;
	}
	if (message->kind != WEIR_MESSAGE_WATERMARK)
		elog(ERROR, "a task does not begin with its watermark");
	if (message->ended)
		weir_watermark_merge_end(c->inputs->watermarks, input);
	else
		weir_watermark_merge_set(c->inputs->watermarks, input, message->watermark, message->idle);
}

bool
weir_begin_inputs(WeirTaskCheckpoints *c)
{
	WeirInputs *inputs = c->inputs;
	bool		progress = false;

	for (int i = 0; i < inputs->n; i++)
	{
		WeirMessage *message;

		if (weir_watermark_merge_has_begun(inputs->watermarks, i))
			continue;
		message = weir_inputs_next(inputs, i);
		if (message == NULL)
			continue;
		hear(c, i, message);
		progress = true;
	}
	return weir_begin_heard(c) || progress;
}

bool
weir_begin_heard(WeirTaskCheckpoints *c)
{
	WeirInputs *inputs = c->inputs;

	if (inputs->begun || !weir_watermark_merge_have_begun(inputs->watermarks))
		return false;
	weir_watermark_merge_resume(inputs->watermarks, inputs->reached_before);
	weir_advance_begin(c->chain, inputs);
	inputs->begun = true;
	return true;
}

void
weir_begin_restored(WeirTaskCheckpoints *c)
{
	if (--c->inputs->nrestored > 0 || !c->chain->waits)
		return;
	weir_advance_wait(c->chain, false);
	weir_advance_chain(c->chain, c->inputs);
}
