/*
 * api/guest.h
 *		Weir as a guest in its database: the hooks on what others do.
 */
#ifndef WEIR_API_GUEST_H
#define WEIR_API_GUEST_H

#include "postgres.h"

#include "nodes/parsenodes.h"

/* guest.c: commands that need a job's processes and prepared transactions out of the way */
extern void weir_guest_init(void);

/* dependent.c: drops of what a job uses, or of its owner */
extern void weir_dependent_init(void);
/* May what is dropped from here on take others' jobs along?  What was said before. */
typedef enum WeirCascade
{
	WEIR_CASCADE_NONE,
	WEIR_CASCADE_DROP,			/* those of other roles than the object's */
	WEIR_CASCADE_OWNED			/* any: those of the roles are gone already */
} WeirCascade;

extern WeirCascade weir_dependent_cascade(WeirCascade cascade);
/* Of relations: asked before the drop waits for the lock of an open epoch. */
extern void weir_dependent_before_drop(DropStmt *stmt);

#endif
