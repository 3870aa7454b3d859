/*
 * decide/watermark_merge.c
 *		The watermark of a task, from those of its inputs.
 */
#include <assert.h>
#include <stdlib.h>

#include "decide/memory.h"
#include "decide/watermark_merge.h"

typedef struct Input
{
	int			port;
	int64_t		watermark;
	bool		begun;			/* it has said something of it */
	bool		idle;
	bool		behind;			/* it was idle, and has not caught up with its port */
	bool		ended;
} Input;

struct WeirWatermarkMerge
{
	int			n;
	int64_t		watermark;
	int64_t		ports[WEIR_WATERMARK_PORTS];
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
	for (int port = 0; port < WEIR_WATERMARK_PORTS; port++)
		m->ports[port] = WEIR_WATERMARK_NONE;
	for (int i = 0; i < ninputs; i++)
		m->inputs[i] = (Input) {.watermark = WEIR_WATERMARK_NONE};
}

void
weir_watermark_merge_set_port(WeirWatermarkMerge *m, int input, int port)
{
	assert(port >= 0 && port < WEIR_WATERMARK_PORTS);
	m->inputs[input].port = port;
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

/* The lowest of those of a port that count, but for one; the end, if none does. */
static int64_t
lowest_input_but(const WeirWatermarkMerge *m, int port, int input)
{
	int64_t		lowest = WEIR_WATERMARK_END;

	for (int i = 0; i < m->n; i++)
	{
		const Input *in = &m->inputs[i];

		if (i != input && in->port == port && !in->idle && !in->ended && !in->behind)
			lowest = lower(lowest, in->watermark);
	}
	return lowest;
}

static int64_t
highest_idle_input(const WeirWatermarkMerge *m, int port)
{
	int64_t		highest = WEIR_WATERMARK_NONE;

	for (int i = 0; i < m->n; i++)
	{
		const Input *in = &m->inputs[i];

		if (in->port == port && in->idle && !in->ended)
			highest = higher(highest, in->watermark);
	}
	return highest;
}

typedef enum PortStatus
{
	COUNTS,						/* an input of it has something to say */
	IDLE,						/* all that have not ended are idle */
	ENDED						/* all have, or there are none */
} PortStatus;

static PortStatus
port_status(const WeirWatermarkMerge *m, int port)
{
	PortStatus	status = ENDED;

	for (int i = 0; i < m->n; i++)
	{
		const Input *in = &m->inputs[i];

		if (in->port != port || in->ended)
			continue;
		if (!in->idle)
			return COUNTS;
		status = IDLE;
	}
	return status;
}

bool
weir_watermark_merge_is_idle(const WeirWatermarkMerge *m)
{
	bool		idle = false;

	for (int port = 0; port < WEIR_WATERMARK_PORTS; port++)
	{
		PortStatus	status = port_status(m, port);

		if (status == COUNTS)
			return false;
		idle = idle || status == IDLE;
	}
	return idle;
}

/* Do all that have something to say of this port still have to catch up with it? */
static bool
all_behind(const WeirWatermarkMerge *m, int port)
{
	for (int i = 0; i < m->n; i++)
	{
		const Input *in = &m->inputs[i];

		if (in->port == port && !in->idle && !in->ended && !in->behind)
			return false;
	}
	return true;
}

static void
merge_port(WeirWatermarkMerge *m, int port)
{
	int64_t		merged;

	switch (port_status(m, port))
	{
		case COUNTS:
			if (all_behind(m, port))
				return;
			merged = lowest_input_but(m, port, -1);
			break;
		case IDLE:
			merged = highest_idle_input(m, port);
			break;
		default:
			merged = WEIR_WATERMARK_END;
			break;
	}
	m->ports[port] = higher(m->ports[port], merged);
}

/* The lowest of the ports that count, but for one; the end, if none does. */
static int64_t
lowest_port_but(const WeirWatermarkMerge *m, int but)
{
	int64_t		lowest = WEIR_WATERMARK_END;

	for (int port = 0; port < WEIR_WATERMARK_PORTS; port++)
	{
		if (port != but && port_status(m, port) == COUNTS)
			lowest = lower(lowest, m->ports[port]);
	}
	return lowest;
}

static int64_t
highest_idle_port(const WeirWatermarkMerge *m)
{
	int64_t		highest = WEIR_WATERMARK_NONE;

	for (int port = 0; port < WEIR_WATERMARK_PORTS; port++)
	{
		if (port_status(m, port) == IDLE)
			highest = higher(highest, m->ports[port]);
	}
	return highest;
}

static void
merge(WeirWatermarkMerge *m, int port)
{
	int64_t		merged;

	merge_port(m, port);
	merged = weir_watermark_merge_is_idle(m) ? highest_idle_port(m) : lowest_port_but(m, -1);
	m->watermark = higher(m->watermark, merged);
}

/* It brings something: whether it counts depends on how far its port has come meanwhile. */
static void
begin(WeirWatermarkMerge *m, Input *in)
{
	if (in->idle)
		in->behind = in->watermark < m->ports[in->port];
	in->begun = true;
	in->idle = false;
}

static void
take_watermark(const WeirWatermarkMerge *m, Input *in, int64_t watermark)
{
	in->watermark = higher(in->watermark, watermark);
	in->behind = in->behind && in->watermark < m->ports[in->port];
}

void
weir_watermark_merge_rows(WeirWatermarkMerge *m, int input, int64_t *watermarks, int n)
{
	Input	   *in = &m->inputs[input];
	int64_t	   *port = &m->ports[in->port];
	int64_t		inputs = lowest_input_but(m, in->port, input);
	int64_t		ports = lowest_port_but(m, in->port);

	begin(m, in);
	for (int i = 0; i < n; i++)
	{
		take_watermark(m, in, watermarks[i]);
		if (!in->behind)
			*port = higher(*port, lower(in->watermark, inputs));
		m->watermark = higher(m->watermark, lower(*port, ports));
		watermarks[i] = m->watermark;
	}
}

void
weir_watermark_merge_set(WeirWatermarkMerge *m, int input, int64_t watermark, bool idle)
{
	Input	   *in = &m->inputs[input];

	begin(m, in);
	take_watermark(m, in, watermark);
	in->idle = idle;
	merge(m, in->port);
}

void
weir_watermark_merge_end(WeirWatermarkMerge *m, int input)
{
	m->inputs[input].ended = true;
	merge(m, m->inputs[input].port);
}

void
weir_watermark_reached_nothing(WeirWatermarkReached *r)
{
	r->watermark = WEIR_WATERMARK_NONE;
	for (int port = 0; port < WEIR_WATERMARK_PORTS; port++)
		r->ports[port] = WEIR_WATERMARK_NONE;
}

/* What an input says alone, of those that have not ended: the port's, if none is behind. */
static int64_t
said_of_port(const WeirWatermarkMerge *m, int port)
{
	int64_t		lowest = WEIR_WATERMARK_END;

	if (port_status(m, port) == IDLE)
		return highest_idle_input(m, port);
	for (int i = 0; i < m->n; i++)
	{
		const Input *in = &m->inputs[i];

		if (in->port == port && !in->idle && !in->ended)
			lowest = lower(lowest, in->watermark);
	}
	return lowest;
}

bool
weir_watermark_merge_reached(const WeirWatermarkMerge *m, WeirWatermarkReached *r)
{
	bool		idle = weir_watermark_merge_is_idle(m);
	int64_t		merged = idle ? WEIR_WATERMARK_NONE : WEIR_WATERMARK_END;
	bool		follows = true;

	r->watermark = m->watermark;
	for (int port = 0; port < WEIR_WATERMARK_PORTS; port++)
	{
		PortStatus	status = port_status(m, port);
		int64_t		said = said_of_port(m, port);

		r->ports[port] = m->ports[port];
		follows = follows && (status == ENDED || said == m->ports[port]);
		if (status == COUNTS)
			merged = lower(merged, said);
		if (idle && status == IDLE)
			merged = higher(merged, said);
	}
	return !follows || merged != m->watermark;
}

void
weir_watermark_merge_resume(WeirWatermarkMerge *m, const WeirWatermarkReached *r)
{
	m->watermark = higher(m->watermark, r->watermark);
	for (int port = 0; port < WEIR_WATERMARK_PORTS; port++)
		m->ports[port] = higher(m->ports[port], r->ports[port]);
	for (int i = 0; i < m->n; i++)
	{
		Input	   *in = &m->inputs[i];

		in->behind = !in->idle && !in->ended && in->watermark < m->ports[in->port];
	}
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
