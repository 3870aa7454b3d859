/*
 * decide/listener.c
 *		Several senders at one port: who is let in, who is read next, who is
 *		closed.
 */
#include "decide/listener.h"

#define SAY_MOST	10			/* words in so long */
#define SAY_EVERY	INT64_C(10000000)	/* us */

/* Of a record, what its framing adds: a count or a separator, and a delimiter. */
#define FRAME_BYTES	32

void
weir_listening_init(WeirListening *l, const WeirListenerConfig *config)
{
	l->config = *config;
	for (int i = 0; i < WEIR_MAX_SENDERS; i++)
	{
		l->places[i].state = WEIR_SENDER_NONE;
		l->places[i].ready = false;
	}
	l->n = 0;
	l->last = WEIR_MAX_SENDERS - 1;
	l->nsaid = 0;
	l->unsaid = 0;
	l->said = 0;
}

WeirAdmission
weir_listening_judge(const WeirListening *l, bool allowed)
{
	if (!allowed)
		return WEIR_REFUSE_ADDRESS;
	return l->n < l->config.max_connections ? WEIR_ADMIT : WEIR_REFUSE_NUMBER;
}

int
weir_listening_enter(WeirListening *l, bool shaking, int64_t now)
{
	int			place = 0;

	while (l->places[place].state != WEIR_SENDER_NONE)
		place++;
	l->places[place].state = shaking ? WEIR_SENDER_SHAKING : WEIR_SENDER_OPEN;
	l->places[place].moment = now;
	l->places[place].ready = true;
	l->n++;
	return place;
}

void
weir_listening_opened(WeirListening *l, int place, int64_t now)
{
	l->places[place].state = WEIR_SENDER_OPEN;
	l->places[place].moment = now;
}

void
weir_listening_leave(WeirListening *l, int place)
{
	l->places[place].state = WEIR_SENDER_NONE;
	l->places[place].ready = false;
	l->n--;
}

void
weir_listening_ready(WeirListening *l, int place)
{
	l->places[place].ready = l->places[place].state != WEIR_SENDER_NONE;
}

void
weir_listening_heard(WeirListening *l, int place, int64_t now)
{
	l->places[place].moment = now;
}

void
weir_listening_dry(WeirListening *l, int place)
{
	l->places[place].ready = false;
}

int
weir_listening_next(WeirListening *l)
{
	for (int i = 1; i <= WEIR_MAX_SENDERS; i++)
	{
		int			place = (l->last + i) % WEIR_MAX_SENDERS;

		if (!l->places[place].ready)
			continue;
		l->last = place;
		return place;
	}
	return -1;
}

/* us until it has taken too long; -1: it may take as long as it likes. */
static int64_t
left(const WeirListening *l, const WeirListenerPlace *place, int64_t now)
{
	int64_t		limit = 0;
	int64_t		passed = now > place->moment ? now - place->moment : 0;

	if (place->state == WEIR_SENDER_SHAKING)
		limit = WEIR_HANDSHAKE_TIMEOUT;
	else if (place->state == WEIR_SENDER_OPEN)
		limit = l->config.idle_timeout;
	if (limit == 0)
		return -1;
	return limit > passed ? limit - passed : 0;
}

int
weir_listening_overdue(const WeirListening *l, int64_t now)
{
	for (int i = 0; i < WEIR_MAX_SENDERS; i++)
	{
		if (!l->places[i].ready && left(l, &l->places[i], now) == 0)
			return i;
	}
	return -1;
}

int64_t
weir_listening_wait(const WeirListening *l, int64_t now)
{
	int64_t		least = -1;

	for (int i = 0; i < WEIR_MAX_SENDERS; i++)
	{
		int64_t		us = l->places[i].ready ? 0 : left(l, &l->places[i], now);

		if (us >= 0 && (least < 0 || us < least))
			least = us;
	}
	return least;
}

bool
weir_listening_too_long(const WeirListening *l, size_t unfinished)
{
	return unfinished > l->config.max_record + FRAME_BYTES;
}

bool
weir_listening_say(WeirListening *l, int64_t now, int *unsaid)
{
	*unsaid = l->unsaid;
	if (l->nsaid == 0 || now >= l->said + SAY_EVERY)
	{
		l->nsaid = 0;
		l->said = now;
	}
	if (l->nsaid == SAY_MOST)
	{
		l->unsaid++;
		return false;
	}
	l->nsaid++;
	l->unsaid = 0;
	return true;
}
