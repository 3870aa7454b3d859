/*
 * decide/watermark.h
 *		How far event time has come at one source, and whether it is idle.
 *
 * A watermark W says that rows of a time before W are late from now on.  It is the
 * highest time seen less a bound, and moves with the record that moves it: what holds
 * before a record depends on nothing but the records before that.  Times are us of
 * one epoch, as those of timestamptz.
 *
 * A source is idle when nothing has come for a time on the clock; others do not wait
 * for it then.  Its next record ends that.
 */
#ifndef WEIR_DECIDE_WATERMARK_H
#define WEIR_DECIDE_WATERMARK_H

#include <stdbool.h>
#include <stdint.h>

#define WEIR_WATERMARK_NONE	INT64_MIN	/* also the time -infinity */
#define WEIR_WATERMARK_END	INT64_MAX	/* of the input; also the time infinity */

/*
 * The watermark behind a record of this time.  One without end or begin says nothing of
 * how far time has come, nor does one from which the bound cannot be taken.
 */
extern int64_t weir_watermark_behind(int64_t watermark, int64_t time, int64_t bound);

typedef struct WeirIdleness
{
	int64_t		timeout;		/* us, 0: never */
	bool		waits;
	int64_t		since;			/* it has waited, if it does */
} WeirIdleness;

/* Something has come, or is there and was not asked for. */
extern void weir_idleness_end(WeirIdleness *idleness);
/* It was asked at this time, and nothing had come: is it idle? */
extern bool weir_idleness_look(WeirIdleness *idleness, int64_t now);
/* When it will be, if nothing comes; INT64_MAX: never, or it is. */
extern int64_t weir_idleness_due(const WeirIdleness *idleness, int64_t now);

#endif
