/*
 * decide/listener.h
 *		Several senders at one port: who is let in, who is read next, who is
 *		closed.
 *
 * Senders are numbered by the places they take, 0 to max_connections - 1.  Those
 * that have something to say are read in turn, a piece each, so that one who
 * sends without end holds up nobody.  One is closed that has not completed its
 * handshake in time, that was silent for too long, or whose record does not end.
 *
 * Of what there is to say of senders only so much is said in a while, with how
 * often it was not.
 *
 * Times are microseconds of the caller's clock.
 */
#ifndef WEIR_DECIDE_LISTENER_H
#define WEIR_DECIDE_LISTENER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define WEIR_MAX_SENDERS	200

/* us that a handshake may take */
#define WEIR_HANDSHAKE_TIMEOUT	INT64_C(30000000)

typedef struct WeirListenerConfig
{
	int			max_connections;	/* at most WEIR_MAX_SENDERS */
	int64_t		idle_timeout;	/* 0: none */
	size_t		max_record;
} WeirListenerConfig;

typedef enum WeirAdmission
{
	WEIR_ADMIT,
	WEIR_REFUSE_ADDRESS,		/* it is not among those that may */
	WEIR_REFUSE_NUMBER			/* there are max_connections already */
} WeirAdmission;

typedef enum WeirSenderState
{
	WEIR_SENDER_NONE,			/* the place is free */
	WEIR_SENDER_SHAKING,		/* hands, since "moment" */
	WEIR_SENDER_OPEN			/* was heard last at "moment" */
} WeirSenderState;

typedef struct WeirListenerPlace
{
	WeirSenderState state;
	int64_t		moment;
	bool		ready;			/* there may be something to do */
} WeirListenerPlace;

typedef struct WeirListening
{
	WeirListenerConfig config;
	WeirListenerPlace places[WEIR_MAX_SENDERS];
	int			n;				/* places taken */
	int			last;			/* place served last */
	int			nsaid;			/* words since "said" */
	int			unsaid;			/* since the last of them */
	int64_t		said;
} WeirListening;

extern void weir_listening_init(WeirListening *l, const WeirListenerConfig *config);

/* allowed: its address is one of those that may. */
extern WeirAdmission weir_listening_judge(const WeirListening *l, bool allowed);
/* The place of a sender that was let in; it has to shake hands first, or is open. */
extern int	weir_listening_enter(WeirListening *l, bool shaking, int64_t now);
extern void weir_listening_opened(WeirListening *l, int place, int64_t now);
extern void weir_listening_leave(WeirListening *l, int place);

/* It may have something. */
extern void weir_listening_ready(WeirListening *l, int place);
/* It had something, and may have more. */
extern void weir_listening_heard(WeirListening *l, int place, int64_t now);
/* It has nothing more now. */
extern void weir_listening_dry(WeirListening *l, int place);
/* Whose turn it is of those that are ready; -1: nobody is. */
extern int	weir_listening_next(WeirListening *l);

/* One that is not ready and has taken too long, or been silent for too long; -1: there is none. */
extern int	weir_listening_overdue(const WeirListening *l, int64_t now);
/* Microseconds until one may be; -1: never. */
extern int64_t weir_listening_wait(const WeirListening *l, int64_t now);
/* So many bytes of a record that is not whole are no record any more. */
extern bool weir_listening_too_long(const WeirListening *l, size_t unfinished);

/* Something is to be said: may it be?  *unsaid: how often it might not, since the last time. */
extern bool weir_listening_say(WeirListening *l, int64_t now, int *unsaid);

#endif
