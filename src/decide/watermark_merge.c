/*
 * decide/watermark_merge.c
 *		The watermark of a task, from those of its inputs.
 */
#include <stdlib.h>

#include "decide/memory.h"
#include "decide/watermark_merge.h"

typedef struct Input
{
	int64_t		watermark;
	bool		begun;			/* it has said something of it */
	bool		idle;
	bool		ended;
} Input;

struct WeirWatermarkMerge
{
	int			n;
	int64_t		watermark;
	Input		inputs[];
};

size_t
weir_watermark_merge_size(int ninputs)
{
	return sizeof(WeirWatermarkMerge) + sizeof(Input) * (size_t) ninputs;
}

void
weir_watermark_merge_init(WeirWatermarkMerge *m, int ninputs)
{
	m->n = ninputs;
	m->watermark = WEIR_WATERMARK_NONE;
	for (int i = 0; i < ninputs; i++)
		m->inputs[i] = (Input) {.watermark = WEIR_WATERMARK_NONE};
}

WeirWatermarkMerge *
weir_watermark_merge_create(int ninputs)
{
	WeirWatermarkMerge *m = weir_alloc(1, weir_watermark_merge_size(ninputs));

	weir_watermark_merge_init(m, ninputs);
	return m;
}

void
weir_watermark_merge_destroy(WeirWatermarkMerge *m)
{
	free(m);
}

static inline int64_t
lower(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

static inline int64_t
higher(int64_t a, int64_t b)
{
	return a > b ? a : b;
}

/* The lowest of those that count, but for one; the end, if none does. */
static int64_t
lowest_but(const WeirWatermarkMerge *m, int input)
{
	int64_t		lowest = WEIR_WATERMARK_END;

	for (int i = 0; i < m->n; i++)
	{
		const Input *in = &m->inputs[i];

		if (i != input && !in->idle && !in->ended)
			lowest = lower(lowest, in->watermark);
	}
	return lowest;
}

static int64_t
highest_idle(const WeirWatermarkMerge *m)
{
	int64_t		highest = WEIR_WATERMARK_NONE;

	for (int i = 0; i < m->n; i++)
	{
		if (m->inputs[i].idle && !m->inputs[i].ended)
			highest = higher(highest, m->inputs[i].watermark);
	}
	return highest;
}

bool
weir_watermark_merge_is_idle(const WeirWatermarkMerge *m)
{
	bool		idle = false;

	for (int i = 0; i < m->n; i++)
	{
		const Input *in = &m->inputs[i];

		if (!in->idle && !in->ended)
			return false;
		idle = idle || !in->ended;
	}
	return idle;
}

/* What follows of what the inputs have said last. */
static int64_t
said(const WeirWatermarkMerge *m)
{
	return weir_watermark_merge_is_idle(m) ? highest_idle(m) : lowest_but(m, -1);
}

static void
merge(WeirWatermarkMerge *m)
{
	m->watermark = higher(m->watermark, said(m));
}

/* The end of a watermark comes before that of the input. */
static void
take_watermark(Input *in, int64_t watermark, bool idle)
{
	in->watermark = higher(in->watermark, watermark);
	in->begun = true;
	in->idle = idle;
	in->ended = in->ended || watermark == WEIR_WATERMARK_END;
}

void
weir_watermark_merge_rows(WeirWatermarkMerge *m, int input, int64_t *watermarks, int n)
{
	Input	   *in = &m->inputs[input];
	int64_t		others = lowest_but(m, input);

	for (int i = 0; i < n; i++)
	{
		take_watermark(in, watermarks[i], false);
		if (in->ended)
			merge(m);
		else
			m->watermark = higher(m->watermark, lower(in->watermark, others));
		watermarks[i] = m->watermark;
	}
}

void
weir_watermark_merge_set(WeirWatermarkMerge *m, int input, int64_t watermark, bool idle)
{
	take_watermark(&m->inputs[input], watermark, idle);
	merge(m);
}

void
weir_watermark_merge_end(WeirWatermarkMerge *m, int input)
{
	m->inputs[input].ended = true;
	merge(m);
}

bool
weir_watermark_merge_is_ahead(const WeirWatermarkMerge *m)
{
	return m->watermark > said(m);
}

void
weir_watermark_merge_resume(WeirWatermarkMerge *m, int64_t watermark)
{
	m->watermark = higher(m->watermark, watermark);
}

int64_t
weir_watermark_merge_get(const WeirWatermarkMerge *m)
{
	return m->watermark;
}

bool
weir_watermark_merge_has_begun(const WeirWatermarkMerge *m, int input)
{
	return m->inputs[input].begun || m->inputs[input].ended;
}

bool
weir_watermark_merge_have_begun(const WeirWatermarkMerge *m)
{
	for (int i = 0; i < m->n; i++)
	{
		if (!weir_watermark_merge_has_begun(m, i))
			return false;
	}
	return true;
}
