/*
 * decide/participant.h
 *		What part a task takes in a checkpoint, by its place in the topology.
 *
 *	source				told by the coordinator; notes its position, acknowledges
 *	stage without sink	reached by barriers; commits its snapshot, forwards the
 *						barrier, acknowledges
 *	stage with a sink	in exactly_once its snapshot and output are one
 *						transaction, which it prepares: it votes ready, or ready
 *						and empty.  Otherwise it commits at the barrier
 *
 * No barrier reaches a task all of whose inputs have ended: the coordinator
 * tells it, of what is pending when it says so and of what comes later.
 */
#ifndef WEIR_DECIDE_PARTICIPANT_H
#define WEIR_DECIDE_PARTICIPANT_H

#include <stdbool.h>

#include "decide/checkpointer.h"
#include "decide/topology.h"

/* Does the coordinator tell this task of a checkpoint that it triggers?  ended: all its inputs have, as it said. */
extern bool weir_participant_is_told(const WeirTopology *t, int task, bool ended);

/* It says that all its inputs have ended: is it to be told of what is pending?  A source has been. */
extern bool weir_participant_catches_up(const WeirTopology *t, int task);

/* Does it note the position of a source? */
extern bool weir_participant_has_position(const WeirTopology *t, int task);

/* Does it prepare a transaction? */
extern bool weir_participant_prepares(const WeirTopology *t, int task, WeirMode mode);

/* written: it has output, or state that changed. */
extern WeirVote weir_participant_vote(const WeirTopology *t, int task, WeirMode mode, bool written);

#endif
