/*
 * remote/connection.c
 *		A connection to another PostgreSQL server, or to this one, by libpq.
 *
 * What libpq allocates is not of the server's memory: the connection is closed by
 * a callback of the context that it lies in, and a result is copied and freed
 * before anything can fail.  A broken connection is told as any other error, with
 * "lost", so that whoever can dial again does.
 */
#include "postgres.h"

#include "libpq-fe.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "storage/fd.h"
#include "storage/latch.h"
#include "utils/memutils.h"

#include "base/clock.h"
#include "base/compat.h"
#include "remote/connection.h"

struct WeirRemote
{
	MemoryContext context;		/* of its own, in that of the caller */
	MemoryContext command;		/* of the command sent last, and of its error */
	PGconn	   *conn;			/* NULL: closed */
	bool		connected;
	PostgresPollingStatusType polling;	/* while it connects */
	const char *sql;			/* sent last */
	bool		unsent;			/* something of what was put still waits in libpq */
	char	   *message;		/* libpq's, handed out by weir_remote_copy_next */
	PGresult   *result;			/* libpq's, while it is read */
	WeirRemoteRows *rows;		/* of the command, so far */
	WeirRemoteError *error;		/* of the command or the connection; NULL: none */
};

/* ---- life ---- */

static void
free_message(WeirRemote *r)
{
	if (r->message)
		PQfreemem(r->message);
	r->message = NULL;
}

static void
free_result(WeirRemote *r)
{
	PQclear(r->result);
	r->result = NULL;
}

static void
disconnect(void *arg)
{
	WeirRemote *r = arg;

	if (r->conn == NULL)
		return;
	free_message(r);
	free_result(r);
	PQfinish(r->conn);
	r->conn = NULL;
	ReleaseExternalFD();
}

void
weir_remote_close(WeirRemote *r)
{
	MemoryContextDelete(r->context);
}

/* Notices are the other server's log's. */
static void
pass_notice(void *arg, const PGresult *result)
{
}

/* With what every connection of Weir's has, unless the caller says otherwise. */
static void
add_defaults(const char *const *keywords, const char *const *values, const char ***all_keywords,
			 const char ***all_values)
{
	int			n = 0;

	while (keywords[n] != NULL)
		n++;
	*all_keywords = palloc0(sizeof(char *) * (n + 3));
	*all_values = palloc0(sizeof(char *) * (n + 3));
	(*all_keywords)[0] = "fallback_application_name";
	(*all_values)[0] = "weir";
	for (int i = 0; i < n; i++)
	{
		(*all_keywords)[i + 1] = keywords[i];
		(*all_values)[i + 1] = values[i];
	}
	(*all_keywords)[n + 1] = "client_encoding";
	(*all_values)[n + 1] = GetDatabaseEncodingName();
}

/* The callback needs what lies in the context: it goes before that. */
static WeirRemote *
allocate(void)
{
	MemoryContext context = AllocSetContextCreate(CurrentMemoryContext, "Weir connection",
												  ALLOCSET_SMALL_SIZES);
	WeirRemote *r = MemoryContextAllocZero(context, sizeof(WeirRemote));
	MemoryContextCallback *callback = MemoryContextAllocZero(context, sizeof(MemoryContextCallback));

	r->context = context;
	r->command = AllocSetContextCreate(context, "Weir command", ALLOCSET_SMALL_SIZES);
	callback->func = disconnect;
	callback->arg = r;
	MemoryContextRegisterResetCallback(context, callback);
	return r;
}

/* ---- errors ---- */

static const char *
kept(const WeirRemote *r, const char *text)
{
	char	   *copy = text && *text ? MemoryContextStrdup(r->command, text) : NULL;
	Size		len = copy ? strlen(copy) : 0;

	while (len > 0 && copy[len - 1] == '\n')
		copy[--len] = '\0';
	return copy;
}

static void
fail(WeirRemote *r, int sqlstate, const char *message, const char *detail)
{
	WeirRemoteError *error = MemoryContextAllocZero(r->command, sizeof(WeirRemoteError));

	error->sqlstate = sqlstate;
	error->message = kept(r, message);
	error->detail = kept(r, detail);
	error->sql = r->sql;
	error->lost = true;
	r->error = error;
}

static void
fail_connection(WeirRemote *r)
{
	if (r->connected)
		fail(r, ERRCODE_CONNECTION_FAILURE, "connection to the other server is lost", PQerrorMessage(r->conn));
	else
		fail(r, ERRCODE_SQLCLIENT_UNABLE_TO_ESTABLISH_SQLCONNECTION, "could not connect to the other server",
			 PQerrorMessage(r->conn));
}

/* A server that ends a connection says so by an error of its own. */
static void
fail_by_result(WeirRemote *r, const PGresult *result)
{
	const char *sqlstate = PQresultErrorField(result, PG_DIAG_SQLSTATE);
	const char *primary = PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);

	if (sqlstate == NULL || strlen(sqlstate) != 5 || primary == NULL)
	{
		fail_connection(r);
		return;
	}
	fail(r, MAKE_SQLSTATE(sqlstate[0], sqlstate[1], sqlstate[2], sqlstate[3], sqlstate[4]), primary,
		 PQresultErrorField(result, PG_DIAG_MESSAGE_DETAIL));
	r->error->hint = kept(r, PQresultErrorField(result, PG_DIAG_MESSAGE_HINT));
	r->error->lost = PQstatus(r->conn) != CONNECTION_OK || strncmp(sqlstate, "57P", 3) == 0;
}

const WeirRemoteError *
weir_remote_error(const WeirRemote *r)
{
	return r->error;
}

void
weir_remote_raise(const WeirRemote *r)
{
	const WeirRemoteError *error = r->error;

	Assert(error != NULL);
	ereport(ERROR,
			(errcode(error->sqlstate),
			 errmsg_internal("%s", error->message),
			 error->detail ? errdetail_internal("%s", error->detail) : 0,
			 error->hint ? errhint("%s", error->hint) : 0,
			 error->sql ? errcontext("command of another server: %s", error->sql) : 0));
}

/* ---- connecting ---- */

WeirRemote *
weir_remote_begin(const char *const *keywords, const char *const *values)
{
	WeirRemote *r = allocate();
	const char **all_keywords;
	const char **all_values;

	add_defaults(keywords, values, &all_keywords, &all_values);
	if (!AcquireExternalFD())
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_RESOURCES),
				 errmsg("could not connect to another server"),
				 errdetail("There are too many open files of this process."),
				 errhint("Increase max_files_per_process.")));
	r->conn = PQconnectStartParams(all_keywords, all_values, false);
	if (r->conn == NULL)
	{
		ReleaseExternalFD();
		ereport(ERROR,
				(errcode(ERRCODE_OUT_OF_MEMORY),
				 errmsg("out of memory"),
				 errdetail("A connection to another server was to be made.")));
	}
	pfree(all_keywords);
	pfree(all_values);
	PQsetNoticeReceiver(r->conn, pass_notice, NULL);
	r->polling = PGRES_POLLING_WRITING;
	if (PQstatus(r->conn) == CONNECTION_BAD)
		fail_connection(r);
	return r;
}

WeirRemoteState
weir_remote_establish(WeirRemote *r)
{
	if (r->error)
		return WEIR_REMOTE_FAILED;
	if (r->connected)
		return WEIR_REMOTE_DONE;
	r->polling = PQconnectPoll(r->conn);
	if (r->polling == PGRES_POLLING_READING || r->polling == PGRES_POLLING_WRITING)
		return WEIR_REMOTE_WAIT;
	if (r->polling != PGRES_POLLING_OK || PQsetnonblocking(r->conn, 1) != 0)
	{
		fail_connection(r);
		return WEIR_REMOTE_FAILED;
	}
	r->connected = true;
	return WEIR_REMOTE_DONE;
}

pgsocket
weir_remote_wait(const WeirRemote *r, int *events)
{
	if (r->connected)
		*events = r->unsent ? WL_SOCKET_READABLE | WL_SOCKET_WRITEABLE : WL_SOCKET_READABLE;
	else
		*events = r->polling == PGRES_POLLING_READING ? WL_SOCKET_READABLE : WL_SOCKET_CONNECTED;
	return r->conn && PQsocket(r->conn) >= 0 ? PQsocket(r->conn) : PGINVALID_SOCKET;
}

/* ---- commands ---- */

void
weir_remote_send(WeirRemote *r, const char *sql, int nparams, const char *const *params)
{
	MemoryContextReset(r->command);
	r->error = NULL;
	r->rows = NULL;
	r->sql = MemoryContextStrdup(r->command, sql);
	r->unsent = true;
	if (!(nparams == 0 ? PQsendQuery(r->conn, sql) :
		  PQsendQueryParams(r->conn, sql, nparams, NULL, params, NULL, NULL, 0)))
		fail_connection(r);
}

WeirRemoteState
weir_remote_flush(WeirRemote *r)
{
	int			left = r->unsent ? PQflush(r->conn) : 0;

	r->unsent = left > 0;
	if (left < 0)
	{
		fail_connection(r);
		return WEIR_REMOTE_FAILED;
	}
	return left > 0 ? WEIR_REMOTE_WAIT : WEIR_REMOTE_DONE;
}

static WeirRemoteRows *
copy_rows(const PGresult *result)
{
	WeirRemoteRows *rows = palloc0(sizeof(WeirRemoteRows));

	rows->nrows = PQntuples(result);
	rows->ncolumns = PQnfields(result);
	rows->values = palloc0(sizeof(char *) * Max(1, rows->nrows * rows->ncolumns));
	for (int i = 0; i < rows->nrows * rows->ncolumns; i++)
	{
		int			row = i / rows->ncolumns;
		int			column = i % rows->ncolumns;

		if (!PQgetisnull(result, row, column))
			rows->values[i] = pstrdup(PQgetvalue(result, row, column));
	}
	return rows;
}

/* Of several results the last rows, and the first error.  True: a COPY has begun. */
static bool
take_result(WeirRemote *r, PGresult *result)
{
	switch (PQresultStatus(result))
	{
		case PGRES_TUPLES_OK:
		case PGRES_COMMAND_OK:
		case PGRES_EMPTY_QUERY:
			r->rows = copy_rows(result);
			return false;
		case PGRES_COPY_OUT:
		case PGRES_COPY_BOTH:
			r->rows = copy_rows(result);
			return true;
		default:
			if (r->error == NULL)
				fail_by_result(r, result);
			return false;
	}
}

WeirRemoteState
weir_remote_result(WeirRemote *r, WeirRemoteRows **rows)
{
	bool		ends;

	if (r->error && r->error->lost)
		return WEIR_REMOTE_FAILED;
	if (weir_remote_flush(r) == WEIR_REMOTE_FAILED)
		return WEIR_REMOTE_FAILED;
	if (!PQconsumeInput(r->conn))
	{
		fail_connection(r);
		return WEIR_REMOTE_FAILED;
	}
	while (!PQisBusy(r->conn))
	{
		free_result(r);
		r->result = PQgetResult(r->conn);
		ends = r->result == NULL || take_result(r, r->result);
		free_result(r);
		if (ends)
		{
			if (rows)
				*rows = r->rows;
			return r->error ? WEIR_REMOTE_FAILED : WEIR_REMOTE_DONE;
		}
	}
	return WEIR_REMOTE_WAIT;
}

/* ---- COPY ---- */

WeirRemoteState
weir_remote_copy_next(WeirRemote *r, const char **data, int *len)
{
	free_message(r);
	*data = NULL;
	*len = PQgetCopyData(r->conn, &r->message, true);
	if (*len == 0)
	{
		/* PQgetCopyData has looked at what libpq has, not at the socket. */
		if (weir_remote_flush(r) == WEIR_REMOTE_FAILED || !PQconsumeInput(r->conn))
		{
			if (r->error == NULL)
				fail_connection(r);
			return WEIR_REMOTE_FAILED;
		}
		*len = PQgetCopyData(r->conn, &r->message, true);
	}
	if (*len == 0)
		return WEIR_REMOTE_WAIT;
	if (*len == -2)
	{
		fail_connection(r);
		return WEIR_REMOTE_FAILED;
	}
	if (*len == -1)
		return WEIR_REMOTE_DONE;
	*data = r->message;
	return WEIR_REMOTE_DONE;
}

WeirRemoteState
weir_remote_copy_put(WeirRemote *r, const char *data, int len)
{
	r->unsent = true;
	if (PQputCopyData(r->conn, data, len) <= 0)
	{
		fail_connection(r);
		return WEIR_REMOTE_FAILED;
	}
	return weir_remote_flush(r);
}

/* ---- waiting ---- */

/* Until something can go on; an error when the deadline (0: none) has come. */
static void
wait_for(WeirRemote *r, int64 deadline)
{
	int			events;
	pgsocket	socket = weir_remote_wait(r, &events);
	long		left = deadline != 0 ? weir_ms_until(deadline) : -1;

	CHECK_FOR_INTERRUPTS();
	if (deadline != 0 && left == 0)
	{
		fail(r, r->connected ? ERRCODE_QUERY_CANCELED : ERRCODE_SQLCLIENT_UNABLE_TO_ESTABLISH_SQLCONNECTION,
			 r->connected ? "the other server did not answer in time" : "could not connect to the other server in time",
			 NULL);
		weir_remote_raise(r);
	}
	(void) WaitLatchOrSocket(MyLatch,
							 WL_LATCH_SET | WL_EXIT_ON_PM_DEATH | events | (left >= 0 ? WL_TIMEOUT : 0),
							 socket, left, PG_WAIT_EXTENSION);
	ResetLatch(MyLatch);
	CHECK_FOR_INTERRUPTS();
}

static int64
deadline_after(long timeout)
{
	return timeout < 0 ? 0 : weir_now() + (int64) timeout * 1000;
}

WeirRemote *
weir_remote_connect(const char *const *keywords, const char *const *values, long timeout)
{
	WeirRemote *r = weir_remote_begin(keywords, values);
	int64		deadline = deadline_after(timeout);
	WeirRemoteState state = WEIR_REMOTE_WAIT;

	/* The protocol begins with a wait for the socket, before the first poll. */
	while (r->error == NULL && state == WEIR_REMOTE_WAIT)
	{
		wait_for(r, deadline);
		state = weir_remote_establish(r);
	}
	if (r->error)
		weir_remote_raise(r);
	return r;
}

WeirRemoteRows *
weir_remote_exec(WeirRemote *r, const char *sql, int nparams, const char *const *params, long timeout)
{
	WeirRemoteRows *rows = NULL;
	int64		deadline = deadline_after(timeout);
	WeirRemoteState state;

	weir_remote_send(r, sql, nparams, params);
	while ((state = weir_remote_result(r, &rows)) == WEIR_REMOTE_WAIT)
		wait_for(r, deadline);
	if (state == WEIR_REMOTE_FAILED)
		weir_remote_raise(r);
	return rows;
}

/* ---- what is known of it ---- */

bool
weir_remote_used_password(const WeirRemote *r)
{
	return PQconnectionUsedPassword(r->conn) != 0;
}

int
weir_remote_version(const WeirRemote *r)
{
	return PQserverVersion(r->conn);
}

char *
weir_remote_peer(const WeirRemote *r)
{
	const char *host = PQhost(r->conn);
	const char *port = PQport(r->conn);

	return psprintf("%s:%s", host && *host ? host : "localhost", port && *port ? port : DEF_PGPORT_STR);
}

char *
weir_remote_literal(WeirRemote *r, const char *value)
{
	char	   *quoted = PQescapeLiteral(r->conn, value, strlen(value));
	char	   *copy;

	if (quoted == NULL)
	{
		fail_connection(r);
		weir_remote_raise(r);
	}
	copy = pstrdup(quoted);
	PQfreemem(quoted);
	return copy;
}
