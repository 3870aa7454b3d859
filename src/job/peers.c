/*
 * job/peers.c
 *		The other servers of a group: what they say of each partition.
 */
#include "postgres.h"

#include "pgstat.h"
#include "storage/latch.h"
#include "utils/builtins.h"
#include "utils/memutils.h"

#include "base/clock.h"
#include "job/peers.h"

#define ANSWER_WITHIN (3 * USECS_PER_SEC)

/* Columns of weir.group_offer. */
enum
{
	OFFER_MEMBER,
	OFFER_PARTITION,
	OFFER_STATE,
	OFFER_EPOCH,
	OFFER_TO,
	OFFER_TAKING,
	OFFER_FROM,
	OFFER_CERTAIN
};

WeirServers *
weir_peers_create(List *conninfos)
{
	WeirServers  *peers = palloc0(sizeof(WeirServers));
	ListCell   *lc;

	peers->context = CurrentMemoryContext;
	peers->asking = AllocSetContextCreate(CurrentMemoryContext, "weir peers", ALLOCSET_DEFAULT_SIZES);
	peers->peers = palloc0(sizeof(WeirServer) * Max(list_length(conninfos), 1));
	foreach(lc, conninfos)
	{
		WeirServer   *peer = &peers->peers[peers->n];
		char	   *why;

		peer->info = weir_conntext_parse(lfirst(lc), &why);
		if (peer->info == NULL)
			ereport(ERROR,
					(errcode(ERRCODE_FDW_INVALID_STRING_FORMAT),
					 errmsg("option \"peers\" cannot be read"),
					 errdetail("libpq says: %s.", why)));
		peers->n++;
	}
	return peers;
}

static void
fail(WeirServer *peer, const char *why)
{
	peer->why = pstrdup(why);
	peer->remote = NULL;
}

/* Its context closes it. */
static void
begin(WeirServer *peer)
{
	peer->known = false;
	peer->why = NULL;
	peer->rows = NIL;
	peer->sent = false;
	peer->remote = weir_remote_begin(peer->info->keywords, peer->info->values);
}

static char *
copy_of(const WeirRemoteRows *rows, int row, int column)
{
	const char *value = weir_remote_value(rows, row, column);

	return value ? pstrdup(value) : NULL;
}

static bool
is_true(const WeirRemoteRows *rows, int row, int column)
{
	const char *value = weir_remote_value(rows, row, column);

	return value && value[0] == 't';
}

/* False: it is of a version that says other things. */
static bool
read_row(WeirServer *peer, const WeirRemoteRows *rows, int row)
{
	const char *partition = weir_remote_value(rows, row, OFFER_PARTITION);
	WeirPartition *p;

	if (partition == NULL)
		return true;
	p = palloc0(sizeof(WeirPartition));
	p->partition = atoi(partition);
	if (!weir_owned_parse(weir_remote_value(rows, row, OFFER_STATE), &p->state))
		return false;
	p->epoch = strtoll(weir_remote_value(rows, row, OFFER_EPOCH), NULL, 10);
	p->to = copy_of(rows, row, OFFER_TO);
	p->taking = is_true(rows, row, OFFER_TAKING);
	p->from = copy_of(rows, row, OFFER_FROM);
	p->certain = is_true(rows, row, OFFER_CERTAIN);
	peer->rows = lappend(peer->rows, p);
	return true;
}

static void
read_answer(WeirServers *peers, WeirServer *peer, const WeirRemoteRows *rows)
{
	const char *member = rows->nrows > 0 ? weir_remote_value(rows, 0, OFFER_MEMBER) : NULL;

	for (int i = 0; i < rows->nrows; i++)
	{
		if (!read_row(peer, rows, i))
		{
			fail(peer, "it has another version of weir");
			return;
		}
	}
	if (member && (peer->member == NULL || strcmp(peer->member, member) != 0))
		peer->member = MemoryContextStrdup(peers->context, member);
	peer->known = true;
	weir_remote_close(peer->remote);
	peer->remote = NULL;
}

/* While it connects, libpq is not to be called before. */
static bool
is_ready(const WeirServer *peer)
{
	int			events;
	pgsocket	socket = weir_remote_wait(peer->remote, &events);

	return socket == PGINVALID_SOCKET ||
		(WaitLatchOrSocket(NULL, events | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH, socket, 0,
						   PG_WAIT_EXTENSION) & events) != 0;
}

static WeirRemoteState
go_on(WeirServer *peer, const char *question, WeirRemoteRows **rows)
{
	WeirRemoteState state;

	if (!peer->sent)
	{
		if (weir_remote_error(peer->remote) == NULL && !is_ready(peer))
			return WEIR_REMOTE_WAIT;
		state = weir_remote_establish(peer->remote);
		if (state != WEIR_REMOTE_DONE)
			return state;
		weir_remote_send(peer->remote, question, 0, NULL);
		peer->sent = true;
	}
	return weir_remote_result(peer->remote, rows);
}

static void
advance(WeirServers *peers, WeirServer *peer, const char *question)
{
	WeirRemoteRows *rows = NULL;
	WeirRemoteState state = go_on(peer, question, &rows);

	if (state == WEIR_REMOTE_FAILED)
	{
		char	   *why = pstrdup(weir_remote_error(peer->remote)->message);

		if (weir_remote_error(peer->remote)->detail)
			why = psprintf("%s: %s", why, weir_remote_error(peer->remote)->detail);
		weir_remote_close(peer->remote);
		fail(peer, why);
	}
	else if (state == WEIR_REMOTE_DONE)
		read_answer(peers, peer, rows);
	else if (weir_now() >= peers->deadline)
	{
		weir_remote_close(peer->remote);
		fail(peer, "it does not answer");
	}
}

void
weir_peers_stop(WeirServers *peers)
{
	for (int i = 0; i < peers->n; i++)
	{
		peers->peers[i].remote = NULL;
		peers->peers[i].known = false;
		peers->peers[i].rows = NIL;
		peers->peers[i].why = NULL;
	}
	MemoryContextReset(peers->asking);
	peers->busy = false;
}

void
weir_peers_ask(WeirServers *peers, const char *job, const char *group)
{
	MemoryContext old;

	weir_peers_stop(peers);
	old = MemoryContextSwitchTo(peers->asking);
	for (int i = 0; i < peers->n; i++)
		begin(&peers->peers[i]);
	peers->question = psprintf("SET search_path = ''; SELECT member, partition, state, epoch, given_to, taking, taking_from, certain FROM weir.group_offer(%s, %s)",
							   quote_literal_cstr(job), quote_literal_cstr(group));
	peers->deadline = weir_now() + ANSWER_WITHIN;
	peers->busy = true;
	MemoryContextSwitchTo(old);
}

bool
weir_peers_advance(WeirServers *peers)
{
	MemoryContext old = MemoryContextSwitchTo(peers->asking);
	bool		done = true;

	for (int i = 0; i < peers->n; i++)
	{
		if (peers->peers[i].remote)
			advance(peers, &peers->peers[i], peers->question);
		done = done && peers->peers[i].remote == NULL;
	}
	MemoryContextSwitchTo(old);
	peers->busy = !done;
	return done;
}

pgsocket
weir_peers_wait(const WeirServers *peers, int *events, long *timeout)
{
	*timeout = weir_ms_until(peers->deadline);
	for (int i = 0; i < peers->n; i++)
	{
		if (peers->peers[i].remote)
			return weir_remote_wait(peers->peers[i].remote, events);
	}
	*timeout = 0;
	return PGINVALID_SOCKET;
}

int
weir_peer_by_member(const WeirServers *peers, const char *member)
{
	for (int i = 0; i < peers->n; i++)
	{
		if (peers->peers[i].member && strcmp(peers->peers[i].member, member) == 0)
			return i;
	}
	return -1;
}

const WeirPartition *
weir_peer_partition(const WeirServer *peer, int partition)
{
	ListCell   *lc;

	foreach(lc, peer->rows)
	{
		const WeirPartition *row = lfirst(lc);

		if (row->partition == partition)
			return row;
	}
	return NULL;
}
