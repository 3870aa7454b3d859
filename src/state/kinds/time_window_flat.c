/*
 * state/kinds/time_window_flat.c
 *		Windows of event time as bytes.
 *
 *		fired | number of the source of the last record | number of panes | a pane: its start, less that of the pane before |
 *		where it has one, its end, less its start | length and bytes of what its records come to
 *
 * Numbers are varints of 64 bits; of times the sign is moved into the lowest bit.
 */
#include "postgres.h"

#include "state/kinds/time_window_int.h"

static void
put_number(StringInfo out, uint64 value)
{
	while (value >= 0x80)
	{
		appendStringInfoChar(out, (char) (0x80 | (value & 0x7f)));
		value >>= 7;
	}
	appendStringInfoChar(out, (char) value);
}

static void
put_time(StringInfo out, int64 value)
{
	put_number(out, (uint64) value << 1 ^ (value < 0 ? PG_UINT64_MAX : 0));
}

/* Its length stands before it. */
static void
put_state(WeirTimeWindows *windows, char *pane, StringInfo out, StringInfo scratch)
{
	resetStringInfo(scratch);
	if (windows->native)
		weir_native_flatten(windows->native, weir_pane_native(windows, pane), scratch);
	else
		weir_accumulator_flatten(windows->aggregates, weir_pane_accumulator(windows, pane), scratch);
	put_number(out, scratch->len);
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
	put_time(out, window->fired);
	put_number(out, weir_kept_source_number(&windows->decl.sources, window->source));
	put_number(out, window->n);
	for (int i = 0; i < window->n; i++)
	{
		char	   *pane = weir_pane_at(windows, window, i);
		int64		start = weir_pane_start(pane);

		put_time(out, less(start, before));
		if (!windows->in_panes)
			put_time(out, less(weir_pane_end(windows, pane), start));
		put_state(windows, pane, out, &scratch);
		before = start;
	}
	pfree(scratch.data);
}

/* ---- reading ---- */

typedef struct Reader
{
	const char *at;
	const char *end;
	const char *wrong;			/* the first thing that was */
} Reader;

static uint64
get_number(Reader *reader)
{
	uint64		value = 0;

	for (int shift = 0; reader->at < reader->end && shift < 64; shift += 7)
	{
		uint8		byte = (uint8) *reader->at++;

		value |= (uint64) (byte & 0x7f) << shift;
		if (!(byte & 0x80))
			return value;
	}
	reader->wrong = "a number of a window goes beyond its end";
	return 0;
}

static int64
get_time(Reader *reader)
{
	uint64		value = get_number(reader);

	return (int64) (value >> 1 ^ (value & 1 ? PG_UINT64_MAX : 0));
}

static void
get_state(WeirTimeWindows *windows, char *pane, Reader *reader)
{
	uint64		size = get_number(reader);

	if (reader->wrong == NULL && size > (uint64) (reader->end - reader->at))
		reader->wrong = "a window goes beyond its end";
	if (reader->wrong)
		return;
	if (windows->native)
		reader->wrong = weir_native_unflatten(windows->native, weir_pane_native(windows, pane), reader->at, size);
	else
		reader->wrong = weir_accumulator_unflatten(windows->aggregates, weir_pane_accumulator(windows, pane),
												   reader->at, size);
	reader->at += size;
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
get_pane(WeirTimeWindows *windows, WeirTimeWindow *window, Reader *reader, WeirSpan *before)
{
	char	   *pane = weir_pane_at(windows, window, window->n);
	WeirSpan	span = {0};

	span.start = (int64) ((uint64) (window->n > 0 ? before->start : 0) + (uint64) get_time(reader));
	if (!windows->in_panes)
		span.end = (int64) ((uint64) span.start + (uint64) get_time(reader));
	if (reader->wrong == NULL)
		reader->wrong = check_span(windows, span, window->n > 0 ? before : NULL);
	weir_pane_set_span(windows, pane, span);
	*before = span;
	get_state(windows, pane, reader);
	if (reader->wrong)
		return;
	window->n++;
	window->live.bytes += weir_pane_bytes(windows, pane);
}

WeirLive *
weir_time_window_unflatten(WeirState *state, const char *bytes, Size size, const char **wrong)
{
	WeirTimeWindows *windows = weir_time_windows_of(state);
	Reader		reader = {bytes, bytes + size, NULL};
	int64		fired = get_time(&reader);
	uint64		source = get_number(&reader);
	uint64		n = get_number(&reader);
	WeirSpan	before;
	WeirTimeWindow *window;

	/* a pane takes two bytes at least */
	if (reader.wrong == NULL && (n == 0 || n > (uint64) (reader.end - reader.at) / 2))
		reader.wrong = "a window has another number of panes than it says";
	if (reader.wrong == NULL && source > PG_INT16_MAX)
		reader.wrong = "a window is of no node's records";
	*wrong = reader.wrong;
	if (reader.wrong)
		return NULL;
	window = weir_time_window_allocate(state, (int) n);
	window->fired = fired;
	window->source = weir_kept_source_of(&weir_time_windows_of(state)->decl.sources, (int) source);
	while ((uint64) window->n < n && reader.wrong == NULL)
		get_pane(windows, window, &reader, &before);
	if (reader.wrong == NULL && reader.at != reader.end)
		reader.wrong = "a window is longer than its panes";
	*wrong = reader.wrong;
	if (*wrong == NULL)
		return &window->live;
	weir_time_window_free(state, &window->live);
	return NULL;
}
