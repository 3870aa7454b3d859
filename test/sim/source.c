/*
 * source.c
 *		The sender, which honours RESUME and ACK, the journal, and the source
 *		task between them and its readers.
 */
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
	TRACE(w, "source %d: RESUME %d", t->source, t->received);
	if (t->received < w->sender[t->source].forgotten)
		violate(w, "a sender is asked only for what it still holds");
}

static void
tell_sender(World *w, Task *t)
{
	if (t->connected && t->received > w->sender[t->source].ack)
		w->sender[t->source].ack = t->received;
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
	Journal    *j = &w->db.journal[t->source];

	if (j->end < t->received)
	{
		j->end = t->received;
		j->stamp = t->stamp;
		j->stamped_at = t->stamped_at;
		db_commit_sync(w);
		TRACE(w, "source %d: journal durable up to %d", t->source, j->end);
	}
	tell_sender(w, t);
}

/* A start of a finished job takes back the end: durable, as the end is. */
static void
pass_the_end(World *w, Task *t)
{
	Journal    *j = &w->db.journal[t->source];

	if (!j->ended && !(t->drained && !(j->passed && j->passed_at >= t->next)))
		return;
	j->ended = false;
	j->passed = true;
	j->passed_at = j->end;
	db_commit_sync(w);
	TRACE(w, "source %d: passes the end", t->source);
}

void
source_load(World *w, Task *t)
{
	Attempt    *a = attempt_of(w, t);
	const Journal *j = &w->db.journal[t->source];

	t->next = a->position[t->source];
	t->received = j->end;
	t->stamp = j->stamp;
	t->stamped_at = j->stamped_at;
	weir_clock_set(&t->clock, arrival_time(w), w->now);
	if (j->end > 0 && t->clock.time < j->stamp)
		t->clock.time = j->stamp;
	t->drained = a->ended[t->source];
	if (a->pass_end)
		pass_the_end(w, t);
	t->drained = t->drained && !(j->passed && j->passed_at >= t->next);
	time_begin_source(w, t);
	TRACE(w, "source %d: begins at %d%s, journal %d to %d%s", t->source, t->next,
		  t->drained ? ", an end" : "", j->start, j->end, j->ended ? ", ended" : "");
	if (t->next < j->start)
		violate(w, "the journal holds what is replayed");
	if (t->next > j->end)
		violate(w, "the journal reaches the restored position");
	if (j->ended && !(w->ends && j->end == w->nrecords[t->source]))
		violate(w, "an end in the journal is the stream's");
}

/*
 * Is its end part of the position?  That of a drain is in the position of a final
 * checkpoint alone: after any other one the drain may fail, and the stream go on.
 * Whoever starts from such a position stands at an end before it says so.
 */
static bool
end_counts(const World *w, const Task *t)
{
	return t->drained || (t->ended && (w->db.journal[t->source].ended || w->final[t->checkpoint] ||
									   mutant == MUTANT_DRAIN_KEPT));
}

static void
vote(World *w, Task *t)
{
	t->ended_at_vote = end_counts(w, t);
	task_report(w, t, M_VOTE, t->checkpoint,
				weir_participant_vote(&attempt_of(w, t)->topology, t->index, w->config.mode, true));
	TRACE(w, "source %d: acknowledges %d at %d%s", t->source, t->checkpoint, t->position,
		  t->ended_at_vote ? ", its end" : "");
}

/* Position, journal, barrier, vote. */
static void
advance(World *w, Task *t)
{
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
				TRACE(w, "source %d: barrier %d", t->source, t->checkpoint);
				send_all(w, t, M_BARRIER, t->checkpoint);
			}
			t->phase = P_VOTE;
			break;
		default:
			vote(w, t);
			if (w->final[t->checkpoint])
				t->paused_for = t->checkpoint;
			t->phase = P_IDLE;
			break;
	}
}

static void
decline(World *w, Task *t, int checkpoint)
{
	TRACE(w, "source %d: declines %d", t->source, checkpoint);
	if (!t->ended)
		send_all(w, t, M_CANCEL, checkpoint);
	task_report(w, t, M_DECLINE, checkpoint, WEIR_VOTE_ACK);
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
		w->db.journal[t->source].start = t->next;
}

static void
trim_journal(World *w, Task *t, int position)
{
	Journal    *j = &w->db.journal[t->source];

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
				send_all(w, t, M_CANCEL, m->checkpoint);
			if (t->paused_for == m->checkpoint)
				t->paused_for = 0;
			break;
		case M_COMPLETE:
			trim_journal(w, t, m->index);
			break;
		case M_DRAIN:
			t->draining = true;
			TRACE(w, "source %d: is to drain", t->source);
			break;
		default:
			break;
	}
}

/* The end of a drain is in no journal. */
static void
end_stream(World *w, Task *t, bool journaled)
{
	flush_journal(w, t);
	if ((journaled || mutant == MUTANT_DRAIN_JOURNALED) && !w->db.journal[t->source].ended)
	{
		w->db.journal[t->source].ended = true;
		db_commit_sync(w);
	}
	TRACE(w, "source %d: end of stream%s", t->source, journaled ? "" : ", not of its peer's making");
	send_all(w, t, M_END, 0);
	t->ended = true;
	task_report(w, t, M_ENDED, 0, WEIR_VOTE_ACK);
}

static void
hand_out(World *w, Task *t)
{
	Message		m = {0};

	m.kind = M_ROW;
	m.lane = (uint8_t) (t->source - w->graph.nodes[t->node].first_source);
	m.watermark = t->next;
	m.index = t->next++;
	TRACE(w, "source %d: record %d", t->source, m.index);
	send_row(w, t, m);
	time_of_source(w, t, false);
	t->records_in++;
}

static void
receive(World *w, Task *t)
{
	stamp_record(w, t);
	t->received++;
	if (mutant == MUTANT_ACK_SENDER_EARLY)
		tell_sender(w, t);
}

static bool
read_stream(World *w, Task *t)
{
	const Journal *j = &w->db.journal[t->source];

	if (t->ended || t->paused_for != 0 || !has_room(w, t))
		return false;
	if (t->next < t->received)
		hand_out(w, t);
	else if (j->ended || (t->connected && w->ends && t->received == w->nrecords[t->source]))
		end_stream(w, t, true);
	else if (t->drained || t->draining)
		end_stream(w, t, false);
	else if (!t->connected)
		connect_sender(w, t);
	else if (t->received < w->sender[t->source].made)
		receive(w, t);
	else if (w->idles && !t->idle && below(w, 16) == 0)
		time_of_source(w, t, true);
	else
		return false;
	return true;
}

/* The journal is flushed within journal_flush, checkpoint or not. */
static bool
flush_due(World *w, Task *t)
{
	if (w->db.journal[t->source].end == t->received)
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
		TRACE(w, "source %d: disconnected", t->source);
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
