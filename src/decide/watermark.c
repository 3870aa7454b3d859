/*
 * decide/watermark.c
 *		How far event time has come at one source, and whether it is idle.
 */
#include "decide/watermark.h"

int64_t
weir_watermark_behind(int64_t watermark, int64_t time, int64_t bound)
{
	if (time == WEIR_WATERMARK_NONE || time == WEIR_WATERMARK_END || time < WEIR_WATERMARK_NONE + bound)
		return watermark;
	return time - bound > watermark ? time - bound : watermark;
}

void
weir_idleness_end(WeirIdleness *idleness)
{
	idleness->waits = false;
}

static bool
is_over(const WeirIdleness *idleness, int64_t now)
{
	return now - idleness->since >= idleness->timeout;
}

bool
weir_idleness_look(WeirIdleness *idleness, int64_t now)
{
	if (!idleness->waits)
		idleness->since = now;
	idleness->waits = true;
	return idleness->timeout > 0 && is_over(idleness, now);
}

int64_t
weir_idleness_due(const WeirIdleness *idleness, int64_t now)
{
	if (idleness->timeout == 0 || !idleness->waits || is_over(idleness, now))
		return INT64_MAX;
	return idleness->since + idleness->timeout;
}
