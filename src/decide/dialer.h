/*
 * decide/dialer.h
 *		When is a peer dialled, given up, or closed for its silence?
 *
 * Every connection that was refused or lost takes one of max_retries; one that
 * brought data gives them all back.  When none is left the stream has ended if
 * the peer closed the last connection in order, even if it has refused new ones
 * since; else it has failed.  A silent peer that is closed takes none.
 *
 * Times are microseconds of the caller's clock.
 */
#ifndef WEIR_DECIDE_DIALER_H
#define WEIR_DECIDE_DIALER_H

#include <stdbool.h>
#include <stdint.h>

typedef struct WeirDialerConfig
{
	int			max_retries;	/* -1: any number */
	int64_t		retry_delay;
	int64_t		connect_timeout;
	int64_t		idle_timeout;	/* 0: none */
} WeirDialerConfig;

typedef enum WeirDialerState
{
	WEIR_DIALER_WAITING,		/* dials at "moment" */
	WEIR_DIALER_CONNECTING,		/* since "moment" */
	WEIR_DIALER_OPEN,			/* was heard last at "moment" */
	WEIR_DIALER_CLOSED			/* for good */
} WeirDialerState;

typedef enum WeirDialerLoss
{
	WEIR_DIALER_RETRY,
	WEIR_DIALER_ENDED,
	WEIR_DIALER_FAILED
} WeirDialerLoss;

typedef struct WeirDialer
{
	WeirDialerConfig config;
	WeirDialerState state;
	int64_t		moment;
	int			retries;		/* used up since a connection brought data */
	bool		in_order;		/* so the peer closed the last connection */
	bool		heard;			/* bytes came over this connection */
	bool		remarked;		/* that none came */
} WeirDialer;

extern void weir_dialer_init(WeirDialer *d, const WeirDialerConfig *config, int64_t now);
extern bool weir_dialer_due(const WeirDialer *d, int64_t now);
extern void weir_dialer_connecting(WeirDialer *d, int64_t now);
/* heard: another has read from this connection before. */
extern void weir_dialer_opened(WeirDialer *d, bool heard, int64_t now);
/* Bytes came, of whatever kind. */
extern void weir_dialer_received(WeirDialer *d, int64_t now);
/* Among them was data: a good connection. */
extern void weir_dialer_delivered(WeirDialer *d);
extern WeirDialerLoss weir_dialer_lost(WeirDialer *d, bool in_order, int64_t now);
/* Dials again at once; it counts as no retry. */
extern void weir_dialer_redial(WeirDialer *d, int64_t now);
extern void weir_dialer_close(WeirDialer *d);

/* There was nothing to read: has the peer taken too long to connect, or been silent for too long? */
extern bool weir_dialer_overdue(const WeirDialer *d, int64_t now);
/* True once for a connection over which nothing has ever come: worth a remark. */
extern bool weir_dialer_remarkable(WeirDialer *d, int64_t now);
/* Microseconds until one of these is to be asked again; -1: never. */
extern int64_t weir_dialer_wait(const WeirDialer *d, int64_t now);

#endif
