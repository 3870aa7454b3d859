/*
 * state/follow.h
 *		Declarations stay with a function that gets another name or owner.
 */
#ifndef WEIR_STATE_FOLLOW_H
#define WEIR_STATE_FOLLOW_H

#include "postgres.h"

#include "nodes/pg_list.h"

/* May the command change a function's signature or owner? */
extern bool weir_state_concerns(Node *stmt);

/*
 * Before such a command and after it, which gets what the former has noted; both need
 * an active snapshot.
 */
extern List *weir_state_before_rename(void);
extern void weir_state_after_rename(const List *noted);

#endif
