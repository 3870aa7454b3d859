/*
 * decide/retention.c
 *		Which completed checkpoints retention keeps.
 *
 * The newest "retain" by id, and always the newest of all.  Savepoints are
 * kept by their names until dropped: they neither count nor are lost here.
 * Retention is told as one id: whatever is not below it stays.
 */
#include <assert.h>
#include <string.h>

#include "decide/checkpointer_private.h"
#include "decide/memory.h"

void
weir_retention_add(WeirRetention *r, int64_t checkpoint, bool savepoint)
{
	int			i;

	if (checkpoint > r->last)
		r->last = checkpoint;
	if (savepoint)
		return;
	assert(r->nids == 0 || r->ids[r->nids - 1] <= r->last);
	r->ids = weir_grow(r->ids, r->nids, &r->capacity, sizeof(int64_t));
	for (i = r->nids; i > 0 && r->ids[i - 1] > checkpoint; i--)
		r->ids[i] = r->ids[i - 1];
	r->ids[i] = checkpoint;
	r->nids++;
}

/* The oldest id that is kept, retain >= 1; forgets those before it. */
int64_t
weir_retention_from(WeirRetention *r, int retain)
{
	int			surplus = r->nids - retain;

	if (surplus > 0)
	{
		r->nids -= surplus;
		memmove(r->ids, r->ids + surplus, (size_t) r->nids * sizeof(int64_t));
	}
	return r->nids > 0 ? r->ids[0] : r->last;
}
