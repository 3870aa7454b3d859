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
 * An input that was idle may be behind when it comes again, and what it brings until it has
 * caught up may be late.  Inputs of one port, a UNION, do not wait for it until then: theirs
 * would only come later.  The two ports of a join do, for partners: the task's watermark
 * stands until the one that is behind has caught up.
 *
 * A row is late by the task's watermark as it was when the row came, never by that of
 * another input alone.
 */
#ifndef WEIR_DECIDE_WATERMARK_MERGE_H
#define WEIR_DECIDE_WATERMARK_MERGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define WEIR_WATERMARK_NONE INT64_MIN
#define WEIR_WATERMARK_END INT64_MAX

typedef struct WeirWatermarkMerge WeirWatermarkMerge;	/* size fixed at creation; malloc'd */

#define WEIR_WATERMARK_PORTS 2

extern WeirWatermarkMerge *weir_watermark_merge_create(int ninputs);
extern void weir_watermark_merge_destroy(WeirWatermarkMerge *m);
/* In memory of one's own, so large, that may be copied as it is. */
extern size_t weir_watermark_merge_size(int ninputs);
extern void weir_watermark_merge_init(WeirWatermarkMerge *m, int ninputs);

/* Before anything comes: to which port its rows go; else to 0. */
extern void weir_watermark_merge_set_port(WeirWatermarkMerge *m, int input, int port);

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
/* How far event time had come. */
typedef struct WeirWatermarkReached
{
	int64_t		watermark;
	int64_t		ports[WEIR_WATERMARK_PORTS];
} WeirWatermarkReached;

extern void weir_watermark_reached_nothing(WeirWatermarkReached *r);
/* True if that does not follow of what the inputs have said last: one was idle, and is behind. */
extern bool weir_watermark_merge_reached(const WeirWatermarkMerge *m, WeirWatermarkReached *r);
/* It had come so far before; all inputs have said what they last had. */
extern void weir_watermark_merge_resume(WeirWatermarkMerge *m, const WeirWatermarkReached *r);

/* Nothing comes to the task, of which the next tasks' watermarks should wait. */
extern bool weir_watermark_merge_is_idle(const WeirWatermarkMerge *m);
/* Has the input said something of its watermark, or ended; have all? */
extern bool weir_watermark_merge_has_begun(const WeirWatermarkMerge *m, int input);
extern bool weir_watermark_merge_have_begun(const WeirWatermarkMerge *m);

#endif
