/*
 * task/tried.c
 *		What weir.try_job keeps from call to call of a transaction.
 */
#include "postgres.h"

#include "access/xact.h"
#include "utils/memutils.h"

#include "task/tried.h"

/* What there was before the first call at a level of subtransactions. */
typedef struct WeirTriedMark
{
	struct WeirTriedMark *below;	/* levels descend */
	int			level;
	bool		existed;
	void	   *noted;
} WeirTriedMark;

static WeirTried *all = NULL;

static void
forget(void *arg)
{
	for (WeirTried **link = &all; *link; link = &(*link)->next)
	{
		if (*link == arg)
		{
			*link = (*link)->next;
			return;
		}
	}
}

static void
note_level(WeirTried *tried, bool existed)
{
	int			level = GetCurrentTransactionNestLevel();
	WeirTriedMark *mark;

	if (level == 1 || (tried->top && tried->top->level >= level))
		return;
	mark = MemoryContextAlloc(tried->context, sizeof(WeirTriedMark));
	mark->below = tried->top;
	mark->level = level;
	mark->existed = existed;
	mark->noted = MemoryContextAlloc(tried->context, tried->size);
	tried->ops->note(tried, mark->noted);
	tried->top = mark;
}

static void
drop_mark(WeirTried *tried)
{
	WeirTriedMark *mark = tried->top;

	tried->top = mark->below;
	pfree(mark->noted);
	pfree(mark);
}

/* The parent's mark is the older one, where it has one; level 1 needs none. */
static void
commit_level(WeirTried *tried, int level)
{
	WeirTriedMark *top = tried->top;

	if (top == NULL || top->level < level)
		return;
	top->level = level - 1;
	if (top->level == 1 || (top->below && top->below->level == top->level))
		drop_mark(tried);
}

static void
abort_level(WeirTried *tried, int level)
{
	WeirTriedMark *top = tried->top;

	if (top == NULL || top->level < level)
		return;
	if (!top->existed)
	{
		MemoryContextDelete(tried->context);
		return;
	}
	tried->ops->bring_back(tried, top->noted);
	drop_mark(tried);
}

static void
subtransaction_event(SubXactEvent event, SubTransactionId subid, SubTransactionId parent, void *arg)
{
	int			level = GetCurrentTransactionNestLevel();
	WeirTried  *next;

	for (WeirTried *tried = all; tried; tried = next)
	{
		next = tried->next;
		if (event == SUBXACT_EVENT_COMMIT_SUB)
			commit_level(tried, level);
		else if (event == SUBXACT_EVENT_ABORT_SUB)
			abort_level(tried, level);
	}
}

static void
listen(void)
{
	static bool listening = false;

	if (!listening)
		RegisterSubXactCallback(subtransaction_event, NULL);
	listening = true;
}

void
weir_tried_add(WeirTried *tried, const WeirTriedOps *ops, MemoryContext context, Size size)
{
	listen();
	tried->ops = ops;
	tried->context = context;
	tried->size = size;
	tried->next = all;
	all = tried;
	tried->on_delete.func = forget;
	tried->on_delete.arg = tried;
	MemoryContextRegisterResetCallback(context, &tried->on_delete);
	note_level(tried, false);
}

void
weir_tried_change(WeirTried *tried)
{
	note_level(tried, true);
}

WeirTried *
weir_tried_next(const WeirTriedOps *ops, const WeirTried *tried)
{
	for (WeirTried *next = tried ? tried->next : all; next; next = next->next)
	{
		if (next->ops == ops)
			return next;
	}
	return NULL;
}
