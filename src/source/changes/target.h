/*
 * source/changes/target.h
 *		Where the changes of a stream come from, and what Weir has there.
 */
#ifndef WEIR_SOURCE_CHANGES_TARGET_H
#define WEIR_SOURCE_CHANGES_TARGET_H

#include "postgres.h"

#include "remote/conninfo.h"
#include "remote/connection.h"
#include "source/stream.h"

/* Of a foreign server, for a user.  In a transaction, in CurrentMemoryContext. */
typedef struct WeirChangesServer
{
	Oid			server;
	Oid			user;
	WeirConninfo *info;
	bool		needs_password; /* the server is not to be had by who Weir runs as */
} WeirChangesServer;

extern WeirChangesServer *weir_changes_server(Oid server, Oid user);
/* An error if it is not to be connected to; once it is connected, if it should not have been. */
extern void weir_changes_server_check(const WeirChangesServer *server);
extern void weir_changes_server_check_connected(const WeirChangesServer *server, WeirRemote *remote);

/* The name of its slot, and of the publication, unless an option says another. */
extern char *weir_changes_slot_name(int64 job, Oid stream);

#endif
