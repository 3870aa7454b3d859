/*
 * decide/watermark_merge.h
 *		The watermark of a task, from those of its inputs, without I/O.
 *
 * Each input brings rows that carry what its watermark was before them, and
 * watermarks beside rows.  The task's is the lowest of those of the inputs that
 * count, and never goes back:
 *
 *	- an input that has brought none yet holds it at none;
 *	- one that is idle does not count, until it brings something;
 *	- one that has ended does not count;
 *	- where all that have not ended are idle, it is the highest of theirs, and the task
 *	  is idle itself; where all have ended it is the end, INT64_MAX.
 *
 * An input that was idle may be behind when it comes again.  It counts at once: the task's
 * watermark stands until it has caught up, and what it brings until then may be late.
 *
 * A row is late by the task's watermark as it was when the row came, never by that of
 * another input alone.
 */
#ifndef WEIR_DECIDE_WATERMARK_MERGE_H
#define WEIR_DECIDE_WATERMARK_MERGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "decide/watermark.h"

typedef struct WeirWatermarkMerge WeirWatermarkMerge;	/* size fixed at creation; malloc'd */

extern WeirWatermarkMerge *weir_watermark_merge_create(int ninputs);
extern void weir_watermark_merge_destroy(WeirWatermarkMerge *m);
/* In memory of one's own, so large, that may be copied as it is. */
extern size_t weir_watermark_merge_size(int ninputs);
extern void weir_watermark_merge_init(WeirWatermarkMerge *m, int ninputs);

/*
 * Rows of an input, in their order, each with the input's watermark before it; it becomes
 * the task's.
 */
extern void weir_watermark_merge_rows(WeirWatermarkMerge *m, int input, int64_t *watermarks, int n);
/* An input's watermark has come so far, behind its rows up to now; idle: nobody is to wait for it. */
extern void weir_watermark_merge_set(WeirWatermarkMerge *m, int input, int64_t watermark, bool idle);
extern void weir_watermark_merge_end(WeirWatermarkMerge *m, int input);

/* The task's. */
extern int64_t weir_watermark_merge_get(const WeirWatermarkMerge *m);
/* Does that not follow of what the inputs have said last?  One was idle, and is behind. */
extern bool weir_watermark_merge_is_ahead(const WeirWatermarkMerge *m);
/* It had come so far before. */
extern void weir_watermark_merge_resume(WeirWatermarkMerge *m, int64_t watermark);

/* Nothing comes to the task, of which the next tasks' watermarks should wait. */
extern bool weir_watermark_merge_is_idle(const WeirWatermarkMerge *m);
/* Has the input said something of its watermark, or ended; have all? */
extern bool weir_watermark_merge_has_begun(const WeirWatermarkMerge *m, int input);
extern bool weir_watermark_merge_have_begun(const WeirWatermarkMerge *m);

#endif
