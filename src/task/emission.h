/*
 * task/emission.h
 *		A sink task sends the rows for peers that its epochs have left, and takes
 *		no input until that is done.
 */
#ifndef WEIR_TASK_EMISSION_H
#define WEIR_TASK_EMISSION_H

#include "task/checkpoint.h"

/* Do sinks of the task, or of one like it before, leave such rows? */
extern bool weir_task_may_emit(WeirTask *task);

/* Before the coordinator hears that the epoch is ready, or committed. */
extern void weir_task_tell_output(WeirTaskCheckpoints *c);

/* Of all that is committed.  Outside a transaction. */
extern void weir_task_begin_emission(WeirTaskCheckpoints *c);
extern bool weir_task_is_emitting(const WeirTaskCheckpoints *c);
/* As far as that goes now; true if it went on. */
extern bool weir_task_emit(WeirTaskCheckpoints *c);
/* Until something can be sent, or somebody says something. */
extern void weir_task_wait_for_peer(WeirTaskCheckpoints *c);

#endif
