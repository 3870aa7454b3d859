/*
 * sink/epoch.h
 *		The epoch transaction of a task with a sink: everything it writes
 *		between two checkpoints.
 */
#ifndef WEIR_SINK_EPOCH_H
#define WEIR_SINK_EPOCH_H

#include "postgres.h"

#include "datatype/timestamp.h"

/*
 * A job runs as its owner, whatever role its code has set: before each step, and
 * when a transaction is prepared, which notes who may resolve it.
 */
extern void weir_epoch_owned_by(Oid owner);
extern void weir_epoch_be_owner(void);

/* What an epoch begins with: SET CONSTRAINTS ALL IMMEDIATE. */
extern void weir_epoch_check_at_once(void);

extern bool weir_epoch_is_open(void);
extern int64 weir_epoch_began(void);

/* Begins a step of the epoch, and the epoch with its first; snapshot is pushed. */
extern void weir_epoch_enter(void);
extern void weir_epoch_leave(void);

/* Between steps only. */
extern void weir_epoch_commit(void);
extern void weir_epoch_prepare(const char *gid);

#endif
