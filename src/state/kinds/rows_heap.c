/*
 * state/kinds/rows_heap.c
 *		Which of a key's rows is due next: a binary heap, whose rows know where they
 *		stand in it, so that any of them can leave.
 */
#include "postgres.h"

#include "state/kinds/rows_int.h"

/* In the order of "until", of equal ones in that of the rows. */
static bool
is_before(const WeirKept *a, const WeirKept *b)
{
	if (a->until != b->until)
		return a->until < b->until;
	if (a->time != b->time)
		return a->time < b->time;
	return a->seq < b->seq;
}

static inline void
put(WeirRows *rows, uint32 at, WeirKept *kept)
{
	rows->heap[at] = kept;
	kept->heap = at;
}

static void
sift_up(WeirRows *rows, WeirKept *kept)
{
	uint32		at = kept->heap;

	while (at > 0 && is_before(kept, rows->heap[(at - 1) / 2]))
	{
		put(rows, at, rows->heap[(at - 1) / 2]);
		at = (at - 1) / 2;
	}
	put(rows, at, kept);
}

static void
sift_down(WeirRows *rows, WeirKept *kept, uint32 n)
{
	uint32		at = kept->heap;

	for (;;)
	{
		uint32		child = at * 2 + 1;

		if (child + 1 < n && is_before(rows->heap[child + 1], rows->heap[child]))
			child++;
		if (child >= n || !is_before(rows->heap[child], kept))
			break;
		put(rows, at, rows->heap[child]);
		at = child;
	}
	put(rows, at, kept);
}

/* Its place has changed by more or less. */
void
weir_rows_heap_moved(WeirRows *rows, WeirKept *kept, uint32 n)
{
	sift_up(rows, kept);
	sift_down(rows, kept, n);
}

/* Of all the rows. */
void
weir_rows_heap_fill(WeirRows *rows)
{
	for (uint32 i = 0; i < rows->n; i++)
		put(rows, i, rows->rows[rows->first + i]);
	for (uint32 i = rows->n / 2; i > 0; i--)
		sift_down(rows, rows->heap[i - 1], rows->n);
}

/* The heap held n until now. */
void
weir_rows_heap_add(WeirRows *rows, WeirKept *kept, uint32 n)
{
	put(rows, n, kept);
	sift_up(rows, kept);
}

void
weir_rows_heap_remove(WeirRows *rows, WeirKept *kept, uint32 n)
{
	WeirKept   *last = rows->heap[n - 1];

	if (last == kept)
		return;
	put(rows, kept->heap, last);
	weir_rows_heap_moved(rows, last, n - 1);
}
