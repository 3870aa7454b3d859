/*
 * task/reach.c
 *		Tells the coordinator when what a source had before it is handed out.
 *
 * A checkpoint that somebody asks for covers what he had committed before.  The
 * coordinator triggers it when the sources have got that far, so that meanwhile
 * nothing stands still, neither other streams nor periodic checkpoints.
 */
#include "postgres.h"

#include "utils/memutils.h"

#include "task/reach.h"

/* Behind what this is of the stream was committed when it was asked. */
typedef struct Mark
{
	int64		token;
	int64		mark;
} Mark;

void
weir_reach_begin(WeirFeed *feed, int64 token)
{
	MemoryContext caller = MemoryContextSwitchTo(feed->task->context);
	Mark	   *mark = palloc(sizeof(Mark));

	mark->token = token;
	mark->mark = feed->source->ops->committed(feed->source);
	feed->marks = lappend(feed->marks, mark);
	MemoryContextSwitchTo(caller);
}

void
weir_reach_tell(WeirFeed *feed)
{
	ListCell   *lc;

	foreach(lc, feed->marks)
	{
		Mark	   *mark = lfirst(lc);

		if (!feed->ended && !feed->source->ops->has_reached(feed->source, mark->mark))
			continue;
		weir_task_send(feed->task, WEIR_CONTROL_REACHED, mark->token);
		feed->marks = foreach_delete_current(feed->marks, lc);
		pfree(mark);
	}
}
