/*
 * source/peer.c
 *		What every peer does with the outbox.
 */
#include "postgres.h"

#include "access/xact.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"

#include "base/fault.h"
#include "catalog/outbox.h"
#include "source/peer.h"

void
weir_peer_begin(WeirPeer *peer)
{
	SetCurrentStatementStartTimestamp();
	StartTransactionCommand();
	PushActiveSnapshot(GetTransactionSnapshot());
	MemoryContextSwitchTo(peer->scratch);
}

void
weir_peer_end(WeirPeer *peer)
{
	PopActiveSnapshot();
	CommitTransactionCommand();
	MemoryContextSwitchTo(peer->context);
	MemoryContextReset(peer->scratch);
}

void
weir_peer_has(WeirPeer *peer, int64 through)
{
	WEIR_FAULT(before_emit_commit);
	weir_peer_begin(peer);
	weir_outbox_delete(peer->job, peer->table, through);
	weir_peer_end(peer);
	WEIR_FAULT(after_emit);
}
