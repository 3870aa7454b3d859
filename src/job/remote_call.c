/*
 * job/remote_call.c
 *		What this server asks another one of its group to do.
 */
#include "postgres.h"

#include "miscadmin.h"
#include "pgstat.h"
#include "storage/latch.h"
#include "utils/builtins.h"

#include "base/clock.h"
#include "job/remote_call.h"

#define CONNECT_WITHIN	(5 * USECS_PER_SEC)
#define ANSWER_WITHIN	(30 * USECS_PER_SEC)

/* Until it can go on; false: it is too late. */
static bool
wait_for(WeirRemote *remote, int64 deadline)
{
	int			events;
	pgsocket	socket = weir_remote_wait(remote, &events);
	long		left;
	int			happened = 0;

	while ((happened & events) == 0)
	{
		left = weir_ms_until(deadline);
		if (left == 0 || socket == PGINVALID_SOCKET)
			return false;
		happened = WaitLatchOrSocket(MyLatch, WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH | events,
									 socket, left, PG_WAIT_EXTENSION);
		ResetLatch(MyLatch);
		CHECK_FOR_INTERRUPTS();
	}
	return true;
}

static char *
describe(const WeirRemote *remote)
{
	const WeirRemoteError *error = weir_remote_error(remote);

	if (error == NULL)
		return pstrdup("it does not answer");
	return error->detail ? psprintf("%s: %s", error->message, error->detail) : pstrdup(error->message);
}

WeirRemote *
weir_call_connect(const WeirServer *peer, char **why)
{
	WeirRemote *remote = weir_remote_begin(peer->info->keywords, peer->info->values);
	int64		deadline = weir_now() + CONNECT_WITHIN;
	WeirRemoteState state = WEIR_REMOTE_WAIT;

	while (weir_remote_error(remote) == NULL && state == WEIR_REMOTE_WAIT && wait_for(remote, deadline))
		state = weir_remote_establish(remote);
	if (state == WEIR_REMOTE_DONE)
		return remote;
	*why = describe(remote);
	weir_remote_close(remote);
	return NULL;
}

WeirRemoteRows *
weir_call(WeirRemote *remote, const char *sql, char **why)
{
	WeirRemoteRows *rows = NULL;
	int64		deadline = weir_now() + ANSWER_WITHIN;
	WeirRemoteState state;

	weir_remote_send(remote, sql, 0, NULL);
	while ((state = weir_remote_result(remote, &rows)) == WEIR_REMOTE_WAIT)
	{
		if (!wait_for(remote, deadline))
			break;
	}
	if (state == WEIR_REMOTE_DONE)
		return rows;
	*why = describe(remote);
	return NULL;
}

bool
weir_call_clear(const WeirServer *peer, const char *job, const char *group, int partition, char **why)
{
	WeirRemote *remote = weir_call_connect(peer, why);
	bool		done;

	if (remote == NULL)
		return false;
	done = weir_call(remote, psprintf("SET default_transaction_isolation = 'read committed'; "
									  "SELECT weir.group_clear(%s, %s, %d)", quote_literal_cstr(job),
									  quote_literal_cstr(group), partition), why) != NULL;
	weir_remote_close(remote);
	return done;
}
