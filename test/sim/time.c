/*
 * time.c
 *		Event time: what a source's watermark is, how it comes to the tasks behind it,
 *		and that no row is later than it should be.
 *
 * A record's time is its index, and before it its source's watermark is the same: of its
 * source alone no record is late.
 */
#include <string.h>

#include "sim.h"

static int64_t
to_time(int16_t mark)
{
	return mark == MARK_NONE ? WEIR_WATERMARK_NONE : mark == MARK_END ? WEIR_WATERMARK_END : mark;
}

static int16_t
to_mark(int64_t time)
{
	return time == WEIR_WATERMARK_NONE ? MARK_NONE : time == WEIR_WATERMARK_END ? MARK_END :
		(int16_t) time;
}

static void
send_watermark(World *w, Task *t, int16_t mark, bool idle)
{
	Attempt    *a = attempt_of(w, t);
	Message		m = {0};

	m.kind = M_WATERMARK;
	m.watermark = mark;
	m.value = idle;
	for (int i = 0; i < t->nout; i++)
	{
		for (int k = t->out[i].first; k < t->out[i].first + t->out[i].width; k++)
			ring_put(&a->channels[k], m);
	}
}

/* ---- sources ---- */

/* A source that was restored says where it stands before anything else. */
void
time_begin_source(World *w, Task *t)
{
	if (attempt_of(w, t)->restore != 0)
		send_watermark(w, t, t->next, false);
}

/* Behind a record, or while there is none. */
void
time_of_source(World *w, Task *t, bool idle)
{
	if (t->idle == idle && (idle || below(w, 2) == 0))
		return;
	t->idle = idle;
	TRACE(w, "source %d: watermark %d%s", t->source, t->next, idle ? ", idle" : "");
	send_watermark(w, t, t->next, idle);
}

/* ---- tasks with input ---- */

static int16_t
watermark_of(const Task *t)
{
	return to_mark(weir_watermark_merge_get(t->watermarks));
}

/* What has been reached goes on, unless restored rows are still to come. */
static void
tell(World *w, Task *t)
{
	int16_t		mark = watermark_of(t);
	bool		idle = weir_watermark_merge_is_idle(t->watermarks);

	if (mark < t->told)
		violate(w, "a task's watermark never goes back");
	if (t->next_restored < t->nrestored || (mark == t->told && idle == t->idle))
		return;
	t->told = mark;
	t->idle = idle;
	send_watermark(w, t, mark, idle);
}

void
time_load(World *w, Task *t)
{
	t->watermarks = weir_watermark_merge_create(t->nin);
	t->told = MARK_NONE;
	t->begun = attempt_of(w, t)->restore == 0 || mutant == MUTANT_BEGIN_UNHEARD;
	t->floor = MARK_END;
	for (int i = 0; i < t->nrestored; i++)
	{
		if (t->restored[i].watermark < t->floor)
			t->floor = t->restored[i].watermark;
	}
}

/* All inputs have said theirs: what was reached before the first restored row goes on. */
static void
begin(World *w, Task *t)
{
	int16_t		mark = watermark_of(t);

	t->begun = true;
	t->told = mark < t->floor ? mark : t->floor;
	t->idle = weir_watermark_merge_is_idle(t->watermarks);
	send_watermark(w, t, t->told, t->idle);
	tell(w, t);
}

/* Before all inputs have said theirs nothing else is read; true if something was. */
bool
time_begin(World *w, Task *t)
{
	Message		m;

	for (int i = 0; i < t->nin; i++)
	{
		if (weir_watermark_merge_has_begun(t->watermarks, i) ||
			!ring_get(&attempt_of(w, t)->channels[t->in[i]], &m))
			continue;
		if (m.kind == M_CANCEL)
		{
			weir_align_cancel(t->align, i, m.checkpoint);
			return true;
		}
		if (m.kind != M_WATERMARK)
			violate(w, "a channel begins with a watermark");
		weir_watermark_merge_set(t->watermarks, i, to_time(m.watermark), m.value);
		if (weir_watermark_merge_have_begun(t->watermarks))
			begin(w, t);
		return true;
	}
	return false;
}

void
time_set(World *w, Task *t, int input, const Message *m)
{
	weir_watermark_merge_set(t->watermarks, input, to_time(m->watermark), m->value);
	tell(w, t);
}

void
time_end(World *w, Task *t, int input)
{
	attempt_of(w, t)->some_ended = true;
	weir_watermark_merge_end(t->watermarks, input);
	tell(w, t);
}

/* Behind the row. */
void
time_passed(World *w, Task *t)
{
	tell(w, t);
}

/* That came to this node. */
static void
check_row(World *w, const Task *t, int node, const Message *row)
{
	int			restore = attempt_of(w, (Task *) t)->restore;
	int16_t		reached = restore == 0 ? MARK_NONE : w->reached[restore][node];

	if (w->idles)
		return;
	if (row->watermark > row->index)
		violate(w, "no row is late because of another input");
	if (exactly_once(w) && reached != MARK_END && row->watermark < reached)
		violate(w, "what was late stays late");
}

/* A row gets the watermark of its task. */
void
time_of_row(World *w, Task *t, int input, Message *row)
{
	int64_t		time = to_time(row->watermark);

	weir_watermark_merge_rows(t->watermarks, input, &time, 1);
	row->watermark = to_mark(time);
	if (row->watermark < t->told)
		violate(w, "a task's watermark never goes back");
	check_row(w, t, t->node, row);
}

/* One that was restored is judged by the watermark that it was kept with, and goes on with the lowest of these. */
void
time_of_restored(World *w, Task *t, Message *row)
{
	if (mutant == MUTANT_KEPT_LATE)
		row->watermark = watermark_of(t);
	check_row(w, t, row->node, row);
	row->watermark = t->floor;
}

/* ---- checkpoints ---- */

/* By its own if no other input counts, and no lower than what the task has reached. */
void
time_keep(const Task *t, Message *row)
{
	int16_t		reached = watermark_of(t);

	if (t->nin > 1 || row->watermark < reached)
		row->watermark = reached;
}

/* A drain's end may be taken back; restored rows that are kept again are no later than they were. */
void
time_snapshot(World *w, Task *t, int checkpoint)
{
	int16_t		reached = attempt_of(w, t)->some_ended ? MARK_NONE : watermark_of(t);

	if (t->next_restored < t->nrestored && t->floor < reached)
		reached = t->floor;
	if (reached < w->reached[checkpoint][t->node])
		w->reached[checkpoint][t->node] = reached;
}
