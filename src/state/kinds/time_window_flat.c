/*
 * state/kinds/time_window_flat.c
 *		Windows of event time as bytes.
 *
 *		fired | number of the source of the last record | number of panes | a pane: its start, less that of the pane before |
 *		where it has one, its end, less its start | length and bytes of what its records come to
 *
 * Numbers are varints of 64 bits, times those of weir_put_signed.
 */
#include "postgres.h"

#include "state/chunk/piece.h"
#include "state/kinds/time_window_int.h"

/* Its length stands before it. */
static void
put_state(WeirTimeWindows *windows, char *pane, StringInfo out, StringInfo scratch)
{
	resetStringInfo(scratch);
	if (windows->native)
		weir_native_flatten(windows->native, weir_pane_native(windows, pane), scratch);
	else
		weir_accumulator_flatten(windows->aggregates, weir_pane_accumulator(windows, pane), scratch);
	weir_put_varint64(out, scratch->len);
	appendBinaryStringInfoNT(out, scratch->data, scratch->len);
}

/* Differences may wrap: they are added again in the same way. */
static int64
less(int64 a, int64 b)
{
	return (int64) ((uint64) a - (uint64) b);
}

void
weir_time_window_flatten(WeirState *state, WeirLive *live, StringInfo out)
{
	WeirTimeWindows *windows = weir_time_windows_of(state);
	WeirTimeWindow *window = (WeirTimeWindow *) live;
	StringInfoData scratch;
	int64		before = 0;

	initStringInfo(&scratch);
	weir_put_signed(out, window->fired);
	weir_put_varint64(out, weir_kept_source_number(&windows->decl.sources, window->source));
	weir_put_varint64(out, window->n);
	for (int i = 0; i < window->n; i++)
	{
		char	   *pane = weir_pane_at(windows, window, i);
		int64		start = weir_pane_start(pane);

		weir_put_signed(out, less(start, before));
		if (!windows->in_panes)
			weir_put_signed(out, less(weir_pane_end(windows, pane), start));
		put_state(windows, pane, out, &scratch);
		before = start;
	}
	pfree(scratch.data);
}

/* ---- reading ---- */

static void
get_state(WeirTimeWindows *windows, char *pane, WeirBytes *in)
{
	uint64		size = weir_get_varint64(in);

	if (in->wrong == NULL && size > (uint64) (in->end - in->at))
		in->wrong = "a window goes beyond its end";
	if (in->wrong)
		return;
	if (windows->native)
		in->wrong = weir_native_unflatten(windows->native, weir_pane_native(windows, pane), in->at, size);
	else
		in->wrong = weir_accumulator_unflatten(windows->aggregates, weir_pane_accumulator(windows, pane),
											   in->at, size);
	in->at += size;
}

/* Of panes in their order: ends that ascend, of equal ends the begins. */
static const char *
check_span(const WeirTimeWindows *windows, WeirSpan span, const WeirSpan *before)
{
	if (windows->in_panes)
	{
		if (weir_window_pane(&windows->decl.shape, span.start) != span.start)
			return "a pane of a window begins where none does";
		return before && span.start <= before->start ? "panes of a window are out of order" : NULL;
	}
	if (windows->decl.form != WEIR_WINDOWS_CALENDAR && span.end <= span.start)
		return "a window ends before it begins";
	if (before && (span.end < before->end || (span.end == before->end && span.start <= before->start)))
		return "windows are out of order";
	return NULL;
}

static void
get_pane(WeirTimeWindows *windows, WeirTimeWindow *window, WeirBytes *in, WeirSpan *before)
{
	char	   *pane = weir_pane_at(windows, window, window->n);
	WeirSpan	span = {0};

	span.start = (int64) ((uint64) (window->n > 0 ? before->start : 0) + (uint64) weir_get_signed(in));
	if (!windows->in_panes)
		span.end = (int64) ((uint64) span.start + (uint64) weir_get_signed(in));
	if (in->wrong == NULL)
		in->wrong = check_span(windows, span, window->n > 0 ? before : NULL);
	weir_pane_set_span(windows, pane, span);
	*before = span;
	get_state(windows, pane, in);
	if (in->wrong)
		return;
	window->n++;
	window->live.bytes += weir_pane_bytes(windows, pane);
}

WeirLive *
weir_time_window_unflatten(WeirState *state, const char *bytes, Size size, const char **wrong)
{
	WeirTimeWindows *windows = weir_time_windows_of(state);
	WeirBytes	in = {bytes, bytes + size, NULL};
	int64		fired = weir_get_signed(&in);
	uint64		source = weir_get_varint64(&in);
	uint64		n = weir_get_varint64(&in);
	WeirSpan	before;
	WeirTimeWindow *window;

	/* a pane takes two bytes at least */
	if (in.wrong == NULL && (n == 0 || n > (uint64) (in.end - in.at) / 2))
		in.wrong = "a window has another number of panes than it says";
	if (in.wrong == NULL && source > PG_INT16_MAX)
		in.wrong = "a window is of no node's records";
	*wrong = in.wrong;
	if (in.wrong)
		return NULL;
	window = weir_time_window_allocate(state, (int) n);
	window->fired = fired;
	window->source = weir_kept_source_of(&weir_time_windows_of(state)->decl.sources, (int) source);
	while ((uint64) window->n < n && in.wrong == NULL)
		get_pane(windows, window, &in, &before);
	if (in.wrong == NULL && in.at != in.end)
		in.wrong = "a window is longer than its panes";
	*wrong = in.wrong;
	if (*wrong == NULL)
		return &window->live;
	weir_time_window_free(state, &window->live);
	return NULL;
}
