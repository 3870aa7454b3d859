/*
 * remote/connection.h
 *		A connection to another PostgreSQL server, or to this one, by libpq.
 *
 * It lies in the memory context that is current when it is begun, and is closed
 * with it, at an abort at the latest.  What does not say that it waits never does,
 * but for the look-up of a host's name; waits are the latch's, and heed interrupts.
 */
#ifndef WEIR_REMOTE_CONNECTION_H
#define WEIR_REMOTE_CONNECTION_H

#include "postgres.h"

#include "base/compat.h"

typedef struct WeirRemote WeirRemote;

typedef enum WeirRemoteState
{
	WEIR_REMOTE_WAIT,			/* nothing now: wait as weir_remote_wait says */
	WEIR_REMOTE_DONE,
	WEIR_REMOTE_FAILED			/* weir_remote_error says why */
} WeirRemoteState;

/* What the server said, or libpq of it. */
typedef struct WeirRemoteError
{
	int			sqlstate;
	const char *message;
	const char *detail;			/* NULL: none */
	const char *hint;			/* NULL: none */
	const char *sql;			/* the command; NULL: it was not one's */
	bool		lost;			/* the connection is of no more use */
} WeirRemoteError;

/* Rows as text, one behind the other; NULL: null. */
typedef struct WeirRemoteRows
{
	int			nrows;
	int			ncolumns;
	char	  **values;
} WeirRemoteRows;

static inline const char *
weir_remote_value(const WeirRemoteRows *rows, int row, int column)
{
	return rows->values[row * rows->ncolumns + column];
}

/* Waiting.  By libpq's keywords, ended by NULL; an error after so many ms (-1: none) at the latest. */
extern WeirRemote *weir_remote_connect(const char *const *keywords, const char *const *values,
									   long timeout);
/*
 * Runs a command and returns its rows, in CurrentMemoryContext.  Its error, or one after so many
 * ms (-1: none), has the sqlstate and the words of the server.  Without parameters it may be
 * several commands, or one of replication.
 */
extern WeirRemoteRows *weir_remote_exec(WeirRemote *r, const char *sql, int nparams,
										const char *const *params, long timeout);
extern void weir_remote_close(WeirRemote *r);

/* Without waiting: begins, and goes on until it is no more WEIR_REMOTE_WAIT. */
extern WeirRemote *weir_remote_begin(const char *const *keywords, const char *const *values);
extern WeirRemoteState weir_remote_establish(WeirRemote *r);
/* Begins a command; what fails is told by weir_remote_result. */
extern void weir_remote_send(WeirRemote *r, const char *sql, int nparams, const char *const *params);
/* Rows (which may be NULL, in CurrentMemoryContext) when it is done; done is also a COPY that has begun. */
extern WeirRemoteState weir_remote_result(WeirRemote *r, WeirRemoteRows **rows);

/*
 * Of a COPY to here, or both ways: the next message, valid until the next call.  WEIR_REMOTE_DONE and
 * *data NULL: it has ended, and weir_remote_result tells how.
 */
extern WeirRemoteState weir_remote_copy_next(WeirRemote *r, const char **data, int *len);
/* The other way; WEIR_REMOTE_WAIT: it is still on its way, which weir_remote_flush goes on with. */
extern WeirRemoteState weir_remote_copy_put(WeirRemote *r, const char *data, int len);
extern WeirRemoteState weir_remote_flush(WeirRemote *r);

extern pgsocket weir_remote_wait(const WeirRemote *r, int *events);
extern const WeirRemoteError *weir_remote_error(const WeirRemote *r);
pg_noreturn extern void weir_remote_raise(const WeirRemote *r);

/* Of one that is connected: did the server ask for a password; its version as a number; a setting that it tells. */
extern bool weir_remote_used_password(const WeirRemote *r);
extern int	weir_remote_version(const WeirRemote *r);
/* Where it leads: "host:port", or the path of a socket. */
extern char *weir_remote_peer(const WeirRemote *r);

/* Quoted for its statements, in CurrentMemoryContext. */
extern char *weir_remote_literal(WeirRemote *r, const char *value);

#endif
