/*
 * source.c
 *		The sender, which honours RESUME and ACK, the journal, and the source
 *		task between them and the keyed tasks.
 */
#include "decide/keygroup.h"
#include "sim.h"

/* One thing the sender does: makes a record, or hears an ACK. */
bool
sender_step(World *w, int source)
{
	Sender	   *s = &w->sender[source];

	if (s->ack > 0 && (w->calm || below(w, 2)))
	{
		if (s->ack > s->forgotten)
			s->forgotten = s->ack;
		TRACE(w, "sender %d forgets up to %d", source, s->forgotten);
		s->ack = 0;
		return true;
	}
	if (s->made == w->nrecords[source])
		return false;
	s->made++;
	return true;
}

static void
connect_sender(World *w, Task *t)
{
	t->connected = true;
	TRACE(w, "source %d: RESUME %d", t->index, t->received);
	if (t->received < w->sender[t->index].forgotten)
		violate(w, "a sender is asked only for what it still holds");
}

static void
tell_sender(World *w, Task *t)
{
	if (t->connected && t->received > w->sender[t->index].ack)
		w->sender[t->index].ack = t->received;
}

/* The server starts: its clock goes on, but for a reboot of the machine. */
void
clock_start(World *w, bool reboot)
{
	if (reboot)
	{
		w->kept = w->wall;
		w->rebooted = true;
	}
	weir_clock_set(&w->arrivals, w->now + w->kept, w->now);
}

static int64_t
arrival_time(World *w)
{
	int64_t		time = weir_clock_read(&w->arrivals, w->now, w->now + w->wall);
	int64_t		distance = time - w->now;

	if (distance - w->kept >= CLOCK_KEEP || w->kept - distance >= CLOCK_KEEP)
		w->kept = distance;
	return time;
}

/* A record arrives: later than the one before it, by what has really passed, give or take a tenth. */
static void
stamp_record(World *w, Task *t)
{
	int64_t		stamp = weir_clock_read(&t->clock, w->now, arrival_time(w));
	int64_t		passed = w->now - t->stamped_at;
	int64_t		slack = passed / 10 + CLOCK_KEEP + 2;

	if (t->received > 0 && stamp < t->stamp)
		violate(w, "arrival stamps never go back");
	if (t->received > 0 && !w->rebooted &&
		(stamp - t->stamp < passed - slack || stamp - t->stamp > passed + slack))
		violate(w, "between two arrival stamps lies what has passed, but for a tenth");
	t->stamp = stamp;
	t->stamped_at = w->now;
}

/* Commits what was received. */
static void
flush_journal(World *w, Task *t)
{
	Journal    *j = &w->db.journal[t->index];

	if (j->end < t->received)
	{
		j->end = t->received;
		j->stamp = t->stamp;
		j->stamped_at = t->stamped_at;
		db_commit_sync(w);
		TRACE(w, "source %d: journal durable up to %d", t->index, j->end);
	}
	tell_sender(w, t);
}

void
source_load(World *w, Task *t)
{
	Attempt    *a = attempt_of(w, t);
	const Journal *j = &w->db.journal[t->index];

	t->next = a->position[t->index];
	t->received = j->end;
	t->stamp = j->stamp;
	t->stamped_at = j->stamped_at;
	weir_clock_set(&t->clock, arrival_time(w), w->now);
	if (j->end > 0 && t->clock.time < j->stamp)
		t->clock.time = j->stamp;
	TRACE(w, "source %d: begins at %d, journal %d to %d%s", t->index, t->next,
		  j->start, j->end, j->ended ? ", ended" : "");
	if (t->next < j->start)
		violate(w, "the journal holds what is replayed");
	if (t->next > j->end)
		violate(w, "the journal reaches the restored position");
}

static Ring *
channel_to(Attempt *a, const Task *t, int consumer)
{
	return &a->tasks[a->nsources + consumer].in[t->index];
}

static int
consumers(const Attempt *a)
{
	return a->nkeyed > 0 ? a->nkeyed : a->nsinks;
}

static void
send_all(Attempt *a, const Task *t, MessageKind kind, int checkpoint)
{
	Message		m = {0};
	int			i;

	m.kind = (uint8_t) kind;
	m.checkpoint = (int16_t) checkpoint;
	for (i = 0; i < consumers(a); i++)
		ring_put(channel_to(a, t, i), m);
}

static bool
has_room(Attempt *a, const Task *t)
{
	int			i;

	for (i = 0; i < consumers(a); i++)
	{
		if (channel_to(a, t, i)->n >= CHANNEL_ROWS)
			return false;
	}
	return true;
}

static void
vote(World *w, Task *t)
{
	Message		m = {0};

	m.kind = M_VOTE;
	m.checkpoint = (int16_t) t->checkpoint;
	m.value = WEIR_VOTE_ACK;
	m.index = t->position;
	m.ended = t->ended;
	task_report(w, t, m);
	TRACE(w, "source %d: acknowledges %d at %d", t->index, t->checkpoint, t->position);
}

/* Position, journal, barrier, vote. */
static void
advance(World *w, Task *t)
{
	Attempt    *a = attempt_of(w, t);

	switch (t->phase)
	{
		case P_WRITE:
			if (mutant != MUTANT_VOTE_BEFORE_JOURNAL)
				flush_journal(w, t);
			t->phase = P_FORWARD;
			break;
		case P_FORWARD:
			if (!t->ended)
			{
				TRACE(w, "source %d: barrier %d", t->index, t->checkpoint);
				send_all(a, t, M_BARRIER, t->checkpoint);
			}
			t->phase = P_VOTE;
			break;
		default:
			vote(w, t);
			if (w->kind[t->checkpoint] == WEIR_FINAL)
				t->paused_for = t->checkpoint;
			t->phase = P_IDLE;
			break;
	}
}

static void
decline(World *w, Task *t, int checkpoint)
{
	Message		m = {0};

	m.kind = M_DECLINE;
	m.checkpoint = (int16_t) checkpoint;
	TRACE(w, "source %d: declines %d", t->index, checkpoint);
	if (!t->ended)
		send_all(attempt_of(w, t), t, M_CANCEL, checkpoint);
	task_report(w, t, m);
}

static void
handle_trigger(World *w, Task *t, int checkpoint)
{
	if (fault(w, 24))
	{
		decline(w, t, checkpoint);
		return;
	}
	t->phase = P_WRITE;
	t->checkpoint = checkpoint;
	t->position = mutant == MUTANT_POSITION_RECEIVED ? t->received : t->next;
	if (mutant == MUTANT_TRIM_JOURNAL_EARLY)
		w->db.journal[t->index].start = t->next;
}

static void
trim_journal(World *w, Task *t, int position)
{
	Journal    *j = &w->db.journal[t->index];

	/* only whole segments go, and a lock on one puts that off */
	if (position <= j->start || w->segments)
		return;
	db_commit_async(w);
	j->start = (uint8_t) position;
}

static void
handle_control(World *w, Task *t, const Message *m)
{
	switch ((MessageKind) m->kind)
	{
		case M_TRIGGER:
			handle_trigger(w, t, m->checkpoint);
			break;
		case M_ABORT:
			if (!t->ended)
				send_all(attempt_of(w, t), t, M_CANCEL, m->checkpoint);
			if (t->paused_for == m->checkpoint)
				t->paused_for = 0;
			break;
		case M_COMPLETE:
			trim_journal(w, t, m->index);
			break;
		default:
			break;
	}
}

static void
end_stream(World *w, Task *t)
{
	Message		m = {0};

	flush_journal(w, t);
	if (!w->db.journal[t->index].ended)
	{
		w->db.journal[t->index].ended = true;
		db_commit_sync(w);
	}
	TRACE(w, "source %d: end of stream", t->index);
	send_all(attempt_of(w, t), t, M_END, 0);
	t->ended = true;
	m.kind = M_ENDED;
	task_report(w, t, m);
}

static void
hand_out(World *w, Task *t)
{
	Attempt    *a = attempt_of(w, t);
	Message		m = {0};
	int			key = w->key[t->index][t->next];
	int			target = 0;

	if (a->nkeyed > 0)
		target = weir_group_task(weir_key_group(w->hash[key], w->groups), a->nkeyed, w->groups);
	m.kind = M_ROW;
	m.source = t->index;
	m.index = t->next++;
	TRACE(w, "source %d: record %d to task %d", t->index, m.index, a->nsources + target);
	ring_put(channel_to(a, t, target), m);
	t->records_in++;
}

static bool
read_stream(World *w, Task *t)
{
	const Journal *j = &w->db.journal[t->index];
	const Sender *s = &w->sender[t->index];

	if (t->ended || t->paused_for != 0 || !has_room(attempt_of(w, t), t))
		return false;
	if (t->next < t->received)
		hand_out(w, t);
	else if (j->ended || (t->connected && w->ends && t->received == w->nrecords[t->index]))
		end_stream(w, t);
	else if (!t->connected)
		connect_sender(w, t);
	else if (t->received < s->made)
	{
		stamp_record(w, t);
		t->received++;
		if (mutant == MUTANT_ACK_SENDER_EARLY)
			tell_sender(w, t);
	}
	else
		return false;
	return true;
}

/* The journal is flushed within journal_flush, checkpoint or not. */
static bool
flush_due(World *w, Task *t)
{
	if (w->db.journal[t->index].end == t->received)
		return false;
	flush_journal(w, t);
	return true;
}

bool
source_step(World *w, Task *t)
{
	Message		m;

	if (t->phase != P_IDLE)
	{
		do
			advance(w, t);
		while (t->phase != P_IDLE && below(w, 4) != 0);
		return true;
	}
	if (t->connected && fault(w, 64))
	{
		t->connected = false;	/* the peer reset the connection */
		TRACE(w, "source %d: disconnected", t->index);
		return true;
	}
	if (ring_get(&t->control, &m))
	{
		handle_control(w, t, &m);
		return true;
	}
	if (!w->calm && below(w, 8) == 0)
		return flush_due(w, t);
	return read_stream(w, t) || flush_due(w, t);
}
