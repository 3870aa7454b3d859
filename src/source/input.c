/*
 * source/input.c
 *		The live side of a stream.
 *
 *		   socket --+------------> reader
 *		  (dialog)	+--> journal
 *
 * or, where senders connect, a listener instead of the socket, which brings whole
 * records of one sender after the other.
 *
 * Bytes are noted for the journal before they are handed out, with the stamp
 * they have arrived at, and committed within journal_flush.  In the protocol
 * "resume" the sender is told then; where no journal is kept, when a checkpoint
 * that covers them has completed.  So what it may forget is never needed again.
 *
 * A mark in the journal says where another connection of a plain peer begins,
 * another stream of a sender that resumes, or that bytes are missing, and which
 * origin holds behind it, or which peer the data come from.  It stands before the
 * data it is about, so that a crash leaves both or the mark alone.
 *
 * However the task ends, unless by a crash, what has arrived is read and all
 * bytes read are committed: a plain peer will not send them again.  Then the
 * connection is handed over (handover.c), and with it what the journal could not
 * take.
 */
#include "postgres.h"

#include <limits.h>
#include <unistd.h>

#include "miscadmin.h"
#include "utils/timestamp.h"

#include "base/clock.h"
#include "decide/clock.h"
#include "source/dialog.h"
#include "source/handover.h"
#include "source/input.h"
#include "source/listener.h"
#include "source/metadata.h"
#include "source/socket.h"
#include "source/unwritten.h"

#define PIECE_BYTES		(128 * 1024)
#define STAMP_STEP		INT64CONST(1000)	/* us that may share a stamp, and a journal row */
#define FULL_RETRY		100		/* ms between looks at a full journal */
#define CLOSE_BYTES		(8 * 1024 * 1024)	/* taken from the socket at close at most */

struct WeirStreamInput
{
	const WeirStream *stream;
	WeirSourceStats *stats;
	WeirJournal *journal;
	bool		journaled;		/* bytes read are appended to it */
	WeirSocket *socket;			/* NULL: senders connect */
	WeirDialog *dialog;			/* NULL: the peer just sends */
	WeirListener *listener;		/* NULL: Weir connects */
	WeirArrival arrival;		/* what it has brought */
	bool		awaited;		/* the arrival is still to be read, behind its mark */
	bool		leaves;			/* a mark is still to be set behind it */
	bool		names_senders;	/* in marks; else they are of no interest */
	WeirOrigin	origin;
	char		peer[WEIR_PEER_SIZE];	/* of what was noted last */
	bool		peer_noted;		/* the journal says so */
	char	   *piece;			/* room for what the socket brings */
	const char *data;			/* what was read last */
	int64		received;		/* behind the last byte read */
	WeirClock	clock;			/* of the stream: the server's, but never behind a stamp there is */
	int64		stamp;			/* of the last byte read */
	bool		fresh;			/* nothing was read since a connection was noted */
	bool		failed;
	int64		trim_offset;	/* last asked for */
	int64		trim_retry;		/* when to try again what was put off */
};

static void
count_journal(WeirStreamInput *in)
{
	in->stats->journal_bytes = weir_journal_size(in->journal);
}

WeirStreamInput *
weir_input_create(const WeirStream *stream, WeirJournal *journal,
				  bool journaled, bool allow_gap, int64 stamp, WeirSourceStats *stats)
{
	WeirStreamInput  *in = palloc0(sizeof(WeirStreamInput));

	in->stream = stream;
	in->stats = stats;
	in->journal = journal;
	in->journaled = journaled;
	in->piece = palloc(PIECE_BYTES);
	in->stamp = stamp;
	weir_clock_set(&in->clock, Max(stamp, weir_arrival_time()), weir_now());
	in->received = weir_journal_end(journal);
	if (stream->listen)
		in->listener = weir_listener_create(stream, stats);
	else
		in->socket = weir_socket_create(stream, stats);
	for (int i = 0; i < stream->nmetadata; i++)
		in->names_senders = in->names_senders || stream->metadata[i].what->scope == WEIR_METADATA_OF_ABOUT;
	if (stream->resume)
		in->dialog = weir_dialog_create(stream, in->socket, allow_gap);
	stats->bytes = in->received;
	count_journal(in);
	return in;
}

/* What the attempt before could not write is written before anything is read. */
static void
load_rows(WeirStreamInput *in, int rows)
{
	weir_unwritten_load(rows, in->journal);
	close(rows);
	in->received = weir_journal_appended(in->journal);
	in->stats->bytes = in->received;
	weir_input_flush(in, true);
	in->stamp = Max(in->stamp, weir_journal_last_stamp(in->journal));
	in->peer_noted = false;
}

bool
weir_input_begin(WeirStreamInput *in, const WeirOrigin *origin, const char *peer)
{
	int			rows;
	bool		taken = weir_handover_take(in->socket, in->listener, in->received, &rows);

	in->origin = *origin;
	strlcpy(in->peer, peer, sizeof(in->peer));
	in->peer_noted = true;
	if (rows >= 0)
		load_rows(in, rows);
	in->fresh = weir_journal_last_kind(in->journal) == WEIR_ROW_CONNECTION;
	if (in->dialog)
	{
		weir_journal_confirm();
		weir_dialog_begin(in->dialog, origin, in->received, taken);
	}
	if (in->listener)
		weir_listener_open(in->listener);
	return rows >= 0;
}

/* Stamps rise, and those close together are one, so that rows are not tiny. */
static int64
next_stamp(WeirStreamInput *in)
{
	int64		time = weir_clock_read(&in->clock, weir_now(), weir_arrival_time());

	if (time - in->stamp >= STAMP_STEP)
		in->stamp = time;
	return in->stamp;
}

int64
weir_input_tick(WeirStreamInput *in)
{
	return next_stamp(in);
}

/* Marks of one place are in the order of their stamps. */
static void
note_mark(WeirStreamInput *in, char kind, const char *data)
{
	in->stamp = Max(next_stamp(in), in->stamp + 1);
	if (in->journaled)
		weir_journal_mark(in->journal, kind, in->stamp, data, strlen(data));
}

/* Whom what is noted comes from; "": nobody asks. */
static const char *
whose(const WeirStreamInput *in)
{
	if (in->listener == NULL)
		return in->stats->peer;
	return in->names_senders ? in->arrival.peer : "";
}

/* A mark that says whom the following comes from. */
static void
mark_peer(WeirStreamInput *in, char kind)
{
	strlcpy(in->peer, whose(in), sizeof(in->peer));
	in->peer_noted = true;
	note_mark(in, kind, in->peer);
}

static void
note_peer(WeirStreamInput *in)
{
	if (!in->peer_noted || strcmp(in->peer, whose(in)) != 0)
		mark_peer(in, in->listener ? WEIR_ROW_SENDER : WEIR_ROW_PEER);
}

static void
note_data(WeirStreamInput *in, Size len)
{
	int64		stamp;

	note_peer(in);
	stamp = next_stamp(in);
	if (in->socket)
		weir_socket_delivered(in->socket);
	in->received += len;
	in->stats->bytes = in->received;
	in->fresh = false;
	if (!in->journaled)
		return;
	weir_journal_append(in->journal, stamp, in->data, len);
	if (weir_journal_crowded(in->journal))
		weir_input_flush(in, true);
}

static void
note_origin(WeirStreamInput *in, char kind)
{
	char		text[WEIR_ORIGIN_TEXT];

	in->origin = *weir_dialog_origin(in->dialog);
	weir_origin_format(text, &in->origin);
	note_mark(in, kind, text);
}

/*
 * A connection was made.  Its begin is durable before any byte of it is read:
 * what the journal cannot take stays with the peer or in the socket.
 */
static WeirInputResult
note_connection(WeirStreamInput *in)
{
	if (!in->fresh)
	{
		mark_peer(in, WEIR_ROW_CONNECTION);
		weir_input_flush(in, true);
	}
	in->fresh = true;
	return WEIR_INPUT_CONNECTION;
}

/* The next step of an arrival: its sender's connection, its bytes, that it was no record. */
static WeirInputResult
read_listener(WeirStreamInput *in, Size *len)
{
	if (in->leaves)
	{
		in->leaves = false;
		in->arrival.peer = "";
		mark_peer(in, WEIR_ROW_SENDER);
		return WEIR_INPUT_LEFT;
	}
	if (!in->awaited && !weir_listener_read(in->listener, &in->arrival))
		return WEIR_INPUT_NOTHING;
	in->awaited = !in->awaited && in->arrival.first;
	if (in->awaited)
	{
		mark_peer(in, WEIR_ROW_CONNECTION);
		return WEIR_INPUT_CONNECTION;
	}
	in->leaves = in->arrival.left;
	in->data = in->arrival.data;
	*len = in->arrival.len;
	return WEIR_INPUT_DATA;
}

static WeirInputResult
read_plain(WeirStreamInput *in, Size *len)
{
	switch (weir_socket_read(in->socket, in->piece, PIECE_BYTES, len))
	{
		case WEIR_SOCKET_DATA:
			return WEIR_INPUT_DATA;
		case WEIR_SOCKET_CONNECTED:
			return note_connection(in);
		case WEIR_SOCKET_NOTHING:
			return WEIR_INPUT_NOTHING;
		case WEIR_SOCKET_ENDED:
			return WEIR_INPUT_ENDED;
		case WEIR_SOCKET_FAILED:
			break;
	}
	return WEIR_INPUT_FAILED;
}

static WeirInputResult
read_dialog(WeirStreamInput *in, Size *len)
{
	switch (weir_dialog_read(in->dialog, in->received, in->piece, PIECE_BYTES, len))
	{
		case WEIR_DIALOG_DATA:
			return WEIR_INPUT_DATA;
		case WEIR_DIALOG_NOTHING:
			return WEIR_INPUT_NOTHING;
		case WEIR_DIALOG_ENDED:
			return WEIR_INPUT_ENDED;
		case WEIR_DIALOG_ANOTHER:
			note_origin(in, WEIR_ROW_STREAM);
			return WEIR_INPUT_ANOTHER;
		case WEIR_DIALOG_GAP:
			note_origin(in, WEIR_ROW_GAP);
			return WEIR_INPUT_GAP;
		case WEIR_DIALOG_FAILED:
			break;
	}
	return WEIR_INPUT_FAILED;
}

static WeirInputResult
read_any(WeirStreamInput *in, Size *len)
{
	if (in->listener)
		return read_listener(in, len);
	in->data = in->piece;
	return in->dialog ? read_dialog(in, len) : read_plain(in, len);
}

/* Reads a piece and notes it. */
static WeirInputResult
receive(WeirStreamInput *in, Size *len)
{
	WeirInputResult result = read_any(in, len);

	if (result == WEIR_INPUT_DATA)
		note_data(in, *len);
	else if (result == WEIR_INPUT_ENDED)
		note_mark(in, WEIR_ROW_END, "");
	else if (result == WEIR_INPUT_FAILED)
		in->failed = true;
	return result;
}

/* Is reading to wait until a checkpoint frees room in the journal? */
static bool
journal_is_full(WeirStreamInput *in, int64 at)
{
	int64		now;

	if (!in->journaled || !weir_journal_full(in->journal, at))
		return false;
	now = weir_now();
	if (now < in->trim_retry)
		return true;
	in->trim_retry = now + FULL_RETRY * INT64CONST(1000);
	weir_input_trim(in, in->trim_offset);
	return weir_journal_full(in->journal, at);
}

WeirInputResult
weir_input_read(WeirStreamInput *in, int64 at, const char **data, Size *len, int64 *stamp)
{
	WeirInputResult result;

	if (journal_is_full(in, at))
		return WEIR_INPUT_NOTHING;
	result = receive(in, len);
	*data = in->data;
	*stamp = in->stamp;
	return result;
}

int64
weir_input_received(const WeirStreamInput *in)
{
	return in->received;
}

const WeirOrigin *
weir_input_origin(const WeirStreamInput *in)
{
	return &in->origin;
}

const char *
weir_input_peer(const WeirStreamInput *in)
{
	return in->peer;
}

int64
weir_input_unfinished(const WeirStreamInput *in)
{
	return in->listener ? weir_listener_unfinished(in->listener) : 0;
}

pgsocket
weir_input_wait(WeirStreamInput *in, int64 at, int *events, long *timeout)
{
	pgsocket	fd;

	if (in->journaled && weir_journal_full(in->journal, at))
	{
		*timeout = FULL_RETRY;
		return PGINVALID_SOCKET;
	}
	if (in->listener)
	{
		fd = weir_listener_wait(in->listener, events, timeout);
		if (in->awaited || in->leaves)
			*timeout = 0;
		return fd;
	}
	fd = weir_socket_wait(in->socket, events, timeout);
	if (in->dialog && weir_dialog_wants_write(in->dialog))
		*events |= WL_SOCKET_WRITEABLE;
	return fd;
}

/* A commit does not wait for a standby once the task is told to die: nothing is said then. */
static void
acknowledge(WeirStreamInput *in, int64 safe)
{
	if (in->dialog && !ProcDiePending)
		weir_dialog_acknowledge(in->dialog, safe);
}

void
weir_input_flush(WeirStreamInput *in, bool force)
{
	int64		due = weir_journal_due(in->journal);

	if (due == 0 || (!force && weir_now() < due))
		return;
	weir_journal_flush(in->journal);
	count_journal(in);
	acknowledge(in, weir_journal_end(in->journal));
}

void
weir_input_trim(WeirStreamInput *in, int64 offset)
{
	in->trim_offset = Max(in->trim_offset, offset);
	weir_journal_trim(in->journal, in->trim_offset);
	count_journal(in);
	if (!in->journaled)
		acknowledge(in, in->trim_offset);
}

void
weir_input_finish(WeirStreamInput *in)
{
	if (in->dialog == NULL)
		weir_input_close(in);
}

/* What has arrived but was not read would be lost with the connection. */
static void
rescue(WeirStreamInput *in)
{
	Size		total = 0;
	Size		len;

	while (total < CLOSE_BYTES && (in->listener || weir_socket_is_open(in->socket)))
	{
		WeirInputResult result = receive(in, &len);

		if (result == WEIR_INPUT_DATA)
			total += len;
		else if (in->listener == NULL || result == WEIR_INPUT_NOTHING)
			break;
	}
}

/* Of an arrival nothing stays with its sender. */
static void
finish_arrival(WeirStreamInput *in)
{
	Size		len;

	while (in->awaited || in->leaves)
		(void) receive(in, &len);
}

/* May somebody else read on?  Where no journal is kept senders may find their port again. */
static bool
can_go_on(const WeirStreamInput *in)
{
	if (in->listener)
		return !in->failed;
	return in->journaled && !in->failed &&
		(in->dialog == NULL || weir_dialog_is_flowing(in->dialog));
}

/*
 * Whoever takes the connection reads what has arrived, but there may be nobody:
 * it is left to him only if the journal has no room.
 */
void
weir_input_save(WeirStreamInput *in, int64 at, bool live)
{
	if (live && in->journaled && can_go_on(in) && !weir_journal_full(in->journal, at) &&
		!weir_journal_failed(in->journal))
		rescue(in);
	finish_arrival(in);
	weir_input_flush(in, true);
}

static void
warn_of_loss(const WeirStreamInput *in, int64 bytes, int error)
{
	ereport(WARNING,
			(errcode(ERRCODE_WARNING),
			 errmsg("stream %s: " INT64_FORMAT " bytes that were received are lost",
					in->stream->name, bytes),
			 errdetail("The journal could not be written, nor could they be kept for the next attempt%s%s.",
					   error ? ": " : "", error ? strerror(error) : "")));
}

/* Of a sender that resumes nothing need be kept that was not acknowledged. */
void
weir_input_give(WeirStreamInput *in, bool live)
{
	WeirHandover handover = {.rows = -1};
	bool		goes_on = live && can_go_on(in);
	int			nrows;
	bool		given;
	int			error = 0;

	(void) weir_journal_waiting(in->journal, &nrows);
	if (in->dialog && nrows > 0)
		return;
	handover.sock = goes_on ? in->socket : NULL;
	handover.listener = goes_on ? in->listener : NULL;
	handover.offset = in->journaled ? weir_journal_end(in->journal) : -1;
	handover.end = weir_journal_appended(in->journal);
	handover.bytes = handover.end - weir_journal_end(in->journal);
	if (nrows > 0 && (handover.rows = weir_unwritten_save(in->journal)) < 0)
		error = errno;
	given = error == 0 && weir_handover_give(&handover);
	if (handover.rows >= 0)
		close(handover.rows);
	if (!given && nrows > 0 && handover.bytes > 0)
		warn_of_loss(in, handover.bytes, error);
	if (nrows > 0)
		weir_journal_forget_waiting(in->journal);
	if (given || !goes_on || !in->journaled || weir_journal_failed(in->journal))
		return;
	rescue(in);
	weir_input_flush(in, true);
}

void
weir_input_leave(WeirStreamInput *in)
{
	if (in->dialog)
		weir_dialog_mute(in->dialog);
}

void
weir_input_close(WeirStreamInput *in)
{
	if (in->listener)
		weir_listener_close(in->listener);
	else
		weir_socket_close(in->socket);
}

bool
weir_input_lost(const WeirStreamInput *in)
{
	return in->dialog && weir_dialog_lost(in->dialog);
}

void
weir_input_raise(const WeirStreamInput *in)
{
	if (in->dialog)
		weir_dialog_raise(in->dialog);
	weir_socket_raise(in->socket);
}
