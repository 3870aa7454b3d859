/*
 * decide/participant.c
 *		What part a task takes in a checkpoint.  The rules are in the header.
 */
#include "decide/participant.h"

static const WeirStage *
stage_of(const WeirTopology *t, int task)
{
	return &t->stages[weir_task_stage(t, task)];
}

bool
weir_participant_has_position(const WeirTopology *t, int task)
{
	return stage_of(t, task)->source;
}

bool
weir_participant_is_told(const WeirTopology *t, int task, bool ended)
{
	return ended || stage_of(t, task)->source;
}

bool
weir_participant_catches_up(const WeirTopology *t, int task)
{
	return !stage_of(t, task)->source;
}

bool
weir_participant_prepares(const WeirTopology *t, int task, WeirMode mode)
{
	return mode == WEIR_EXACTLY_ONCE && stage_of(t, task)->sink;
}

WeirVote
weir_participant_vote(const WeirTopology *t, int task, WeirMode mode, bool written)
{
	if (!weir_participant_prepares(t, task, mode))
		return WEIR_VOTE_ACK;
	return written ? WEIR_VOTE_READY : WEIR_VOTE_READY_EMPTY;
}
