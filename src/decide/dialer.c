/*
 * decide/dialer.c
 *		When is a peer dialled, given up, or closed for its silence?
 */
#include "decide/dialer.h"

#define REMARK_AFTER INT64_C(10000000)	/* us of silence from the start */

void
weir_dialer_init(WeirDialer *d, const WeirDialerConfig *config, int64_t now)
{
	d->config = *config;
	d->state = WEIR_DIALER_WAITING;
	d->moment = now;
	d->retries = 0;
	d->in_order = d->heard = d->remarked = false;
}

/* Without overflow, whatever the clock says. */
static int64_t
passed(const WeirDialer *d, int64_t now)
{
	return now > d->moment ? now - d->moment : 0;
}

bool
weir_dialer_due(const WeirDialer *d, int64_t now)
{
	return d->state == WEIR_DIALER_WAITING && now >= d->moment;
}

void
weir_dialer_connecting(WeirDialer *d, int64_t now)
{
	d->state = WEIR_DIALER_CONNECTING;
	d->moment = now;
}

void
weir_dialer_opened(WeirDialer *d, bool heard, int64_t now)
{
	d->state = WEIR_DIALER_OPEN;
	d->moment = now;
	d->heard = heard;
	d->remarked = false;
}

void
weir_dialer_received(WeirDialer *d, int64_t now)
{
	d->moment = now;
	d->heard = true;
}

void
weir_dialer_delivered(WeirDialer *d)
{
	d->retries = 0;
}

WeirDialerLoss
weir_dialer_lost(WeirDialer *d, bool in_order, int64_t now)
{
	int			max = d->config.max_retries;

	if (d->state == WEIR_DIALER_OPEN)
		d->in_order = in_order;
	if (max >= 0 && d->retries >= max)
	{
		d->state = WEIR_DIALER_CLOSED;
		return d->in_order ? WEIR_DIALER_ENDED : WEIR_DIALER_FAILED;
	}
	if (d->retries < INT32_MAX)
		d->retries++;
	d->state = WEIR_DIALER_WAITING;
	d->moment = now + d->config.retry_delay;
	return WEIR_DIALER_RETRY;
}

void
weir_dialer_redial(WeirDialer *d, int64_t now)
{
	d->state = WEIR_DIALER_WAITING;
	d->moment = now;
	d->in_order = false;
}

void
weir_dialer_close(WeirDialer *d)
{
	d->state = WEIR_DIALER_CLOSED;
}

/* After how long in this state; 0: never. */
static int64_t
limit(const WeirDialer *d)
{
	if (d->state == WEIR_DIALER_CONNECTING)
		return d->config.connect_timeout;
	return d->state == WEIR_DIALER_OPEN ? d->config.idle_timeout : 0;
}

bool
weir_dialer_overdue(const WeirDialer *d, int64_t now)
{
	return limit(d) > 0 && passed(d, now) >= limit(d);
}

static bool
may_remark(const WeirDialer *d)
{
	return d->state == WEIR_DIALER_OPEN && !d->heard && !d->remarked;
}

bool
weir_dialer_remarkable(WeirDialer *d, int64_t now)
{
	if (!may_remark(d) || passed(d, now) < REMARK_AFTER)
		return false;
	d->remarked = true;
	return true;
}

int64_t
weir_dialer_wait(const WeirDialer *d, int64_t now)
{
	int64_t		most = limit(d);

	if (d->state == WEIR_DIALER_WAITING)
		return now < d->moment ? d->moment - now : 0;
	if (may_remark(d) && (most == 0 || most > REMARK_AFTER))
		most = REMARK_AFTER;
	if (most == 0)
		return -1;
	return most > passed(d, now) ? most - passed(d, now) : 0;
}
