/*
 * weir.c
 *		Module start: magic block, settings, hooks, the launcher.
 */
#include "postgres.h"

#include "fmgr.h"

PG_MODULE_MAGIC;

void		_PG_init(void);

void
_PG_init(void)
{
}
