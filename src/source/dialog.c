/*
 * source/dialog.c
 *		A connection in the protocol "resume".
 *
 *	Weir							sender
 *	  connects ------------------------>
 *	  RESUME <offset> ----------------->
 *			  <--------- [STREAM <identity>]
 *			  <--------- [ERR <oldest>]			and nothing more
 *			  <--------- [DATA <offset>]
 *			  <--------------------- data
 *	  ACK <offset> -------------------->	each time more of it is durable
 *
 * docs/resume-protocol.md is the specification, decide/resume.c decides.  Here
 * the lines are sent and the header is taken from what arrives.  While the
 * header lasts little is read at a time, so that what has to be kept of it
 * until it can be told apart from data is never more than a line.
 *
 * Nothing waits for a sender that does not read: a line that finds no room is
 * finished later, and of several ACKs that wait only the last is said.
 */
#include "postgres.h"

#include "base/fault.h"
#include "source/dialog.h"

#define LINE_BYTES	40			/* "RESUME ", a number, newline */

struct WeirDialog
{
	const WeirStream *stream;
	WeirSocket *socket;
	WeirResume	resume;

	char		held[WEIR_HEADER_MAX];	/* read, but not told apart yet */
	Size		nheld;
	bool		ended;			/* the peer has closed */
	bool		mute;			/* says nothing more */

	char		line[LINE_BYTES];	/* to the sender */
	int			line_len;
	int			line_done;

	/* why it failed, if not by the socket */
	bool		lost;
	bool		malformed;
	WeirHeaderLine failed_line;
	char		failed_text[WEIR_HEADER_MAX];
	int64		failed_wanted;	/* offset */
	int64		missing;
};

WeirDialog *
weir_dialog_create(const WeirStream *stream, WeirSocket *sock, bool allow_gap)
{
	WeirDialog *d = palloc0(sizeof(WeirDialog));
	WeirOrigin	unknown = {0};

	d->stream = stream;
	d->socket = sock;
	weir_resume_init(&d->resume, &unknown, allow_gap);
	return d;
}

void
weir_dialog_begin(WeirDialog *d, const WeirOrigin *origin, int64 safe, bool adopted)
{
	weir_resume_init(&d->resume, origin, d->resume.allow_gap);
	weir_resume_safe(&d->resume, safe);
	if (adopted)
		weir_resume_adopted(&d->resume);
}

const WeirOrigin *
weir_dialog_origin(const WeirDialog *d)
{
	return &d->resume.origin;
}

bool
weir_dialog_wants_write(const WeirDialog *d)
{
	return d->line_done < d->line_len;
}

static void
put_line(WeirDialog *d, const char *word, int64 offset)
{
	d->line_len = snprintf(d->line, sizeof(d->line), "%s " INT64_FORMAT "\n", word, offset);
	d->line_done = 0;
}

/* Sends what there is to say and room for. */
static void
speak(WeirDialog *d)
{
	int64		offset;

	while (!d->mute)
	{
		if (weir_dialog_wants_write(d))
			d->line_done += weir_socket_write(d->socket, d->line + d->line_done,
											  d->line_len - d->line_done);
		if (weir_dialog_wants_write(d) || !weir_resume_ack(&d->resume, &offset))
			return;
		put_line(d, "ACK", offset);
	}
}

void
weir_dialog_acknowledge(WeirDialog *d, int64 safe)
{
	weir_resume_safe(&d->resume, safe);
	WEIR_FAULT(before_ack);
	speak(d);
	WEIR_FAULT(after_ack);
}

void
weir_dialog_mute(WeirDialog *d)
{
	d->mute = true;
}

static void
greet(WeirDialog *d, int64 received)
{
	d->nheld = 0;
	put_line(d, "RESUME", weir_resume_connected(&d->resume, received));
	WEIR_FAULT(before_resume);
	speak(d);
	WEIR_FAULT(after_resume);
}

static void
log_another(WeirDialog *d, const char *before, int64 received)
{
	if (received == 0)
		return;
	ereport(LOG,
			(errmsg("another stream begins on stream %s", d->stream->name),
			 errdetail("\"%s\" follows \"%s\", of which nothing more is asked for.",
					   d->resume.origin.identity, before),
			 errhidestmt(true)));
}

static void
log_gap(WeirDialog *d)
{
	ereport(LOG,
			(errmsg("stream %s goes on without " INT64_FORMAT " bytes", d->stream->name, d->missing),
			 errdetail("The sender has lost them; allow_gap was set."),
			 errhidestmt(true)));
}

static WeirDialogResult
fail(WeirDialog *d, bool lost, const WeirHeaderLine *line, int64 wanted)
{
	d->lost = lost;
	d->malformed = !lost;
	d->failed_line = *line;
	d->failed_wanted = wanted;
	snprintf(d->failed_text, sizeof(d->failed_text), "%.*s",
			 (int) Min(Min(line->len, d->nheld), sizeof(d->failed_text) - 1), d->held);
	for (char *c = d->failed_text; *c; c++)
	{
		if (*c < ' ' || *c > '~')
			*c = *c == '\n' || *c == '\r' ? ' ' : '?';
	}
	return WEIR_DIALOG_FAILED;
}

static void
drop_held(WeirDialog *d, Size len)
{
	d->nheld -= len;
	memmove(d->held, d->held + len, d->nheld);
}

/* Takes a line of the header from what is held; DATA: nothing more to tell of it. */
static WeirDialogResult
take_line(WeirDialog *d, int64 received, bool *more)
{
	WeirOrigin	before = d->resume.origin;
	WeirHeaderLine line;
	WeirResumeEvent event = weir_resume_take(&d->resume, d->held, d->nheld, received,
											 &line, &d->missing);

	*more = event == WEIR_RESUME_MORE;
	if (event == WEIR_RESUME_LOST || event == WEIR_RESUME_MALFORMED)
		return fail(d, event == WEIR_RESUME_LOST, &line, received - d->resume.origin.start);
	if (*more)
		return WEIR_DIALOG_DATA;
	drop_held(d, line.len);
	if (event == WEIR_RESUME_ASK_AGAIN)
	{
		drop_held(d, d->nheld);
		weir_socket_reconnect(d->socket);
	}
	speak(d);
	if (event == WEIR_RESUME_ANOTHER)
	{
		log_another(d, before.identity, received);
		return WEIR_DIALOG_ANOTHER;
	}
	if (event == WEIR_RESUME_GAP || event == WEIR_RESUME_ASK_AGAIN)
	{
		log_gap(d);
		return WEIR_DIALOG_GAP;
	}
	return WEIR_DIALOG_DATA;
}

/* Closed within what might have become a line: it was data, or half a line. */
static WeirDialogResult
close_header(WeirDialog *d, int64 received)
{
	WeirHeaderLine line;

	d->ended = true;
	if (d->nheld > 0 && weir_resume_closed(&d->resume, d->held, d->nheld, &line) ==
		WEIR_RESUME_MALFORMED)
		return fail(d, false, &line, received - d->resume.origin.start);
	return WEIR_DIALOG_DATA;
}

/* What is not data any more: bytes that are known already. */
static Size
skip_known(WeirDialog *d, char *buffer, Size len)
{
	Size		n = Min(d->resume.skip, len);

	d->resume.skip -= n;
	memmove(buffer, buffer + n, len - n);
	return len - n;
}

/* Reads on: more of the header into what is held, else data into the buffer. */
static WeirDialogResult
receive(WeirDialog *d, int64 received, char *buffer, Size size, Size *got)
{
	bool		header = !d->resume.flowing;
	char	   *to = header ? d->held + d->nheld : buffer;
	Size		room = header ? sizeof(d->held) - d->nheld : size;
	Size		n;

	switch (weir_socket_read(d->socket, to, room, &n))
	{
		case WEIR_SOCKET_DATA:
			if (header)
				d->nheld += n;
			else
				*got = skip_known(d, buffer, n);
			return header || *got > 0 ? WEIR_DIALOG_DATA : WEIR_DIALOG_NOTHING;
		case WEIR_SOCKET_CONNECTED:
			greet(d, received);
			return WEIR_DIALOG_DATA;
		case WEIR_SOCKET_ENDED:
			return close_header(d, received);
		case WEIR_SOCKET_FAILED:
			return WEIR_DIALOG_FAILED;
		case WEIR_SOCKET_NOTHING:
			break;
	}
	return WEIR_DIALOG_NOTHING;
}

/* The data that came with the header's last bytes. */
static Size
take_held(WeirDialog *d, char *buffer)
{
	Size		len = d->nheld;

	memcpy(buffer, d->held, len);
	d->nheld = 0;
	return skip_known(d, buffer, len);
}

WeirDialogResult
weir_dialog_read(WeirDialog *d, int64 received, char *buffer, Size size, Size *got)
{
	WeirDialogResult result = WEIR_DIALOG_DATA;

	Assert(size >= sizeof(d->held));
	speak(d);
	*got = 0;
	while (*got == 0 && result == WEIR_DIALOG_DATA)
	{
		bool		more = true;

		if (d->nheld > 0 && d->resume.flowing)
		{
			*got = take_held(d, buffer);
			continue;
		}
		if (d->nheld > 0)
			result = take_line(d, received, &more);
		if (result != WEIR_DIALOG_DATA || !more)
			continue;
		result = d->ended ? WEIR_DIALOG_ENDED : receive(d, received, buffer, size, got);
	}
	return result;
}

bool
weir_dialog_is_flowing(const WeirDialog *d)
{
	return d->resume.flowing && d->nheld == 0 && d->resume.skip == 0 &&
		!weir_dialog_wants_write(d);
}

bool
weir_dialog_lost(const WeirDialog *d)
{
	return d->lost;
}

static void
raise_malformed(const WeirDialog *d)
{
	ereport(ERROR,
			(errcode(ERRCODE_PROTOCOL_VIOLATION),
			 errmsg("sender of stream %s does not keep to the protocol \"resume\": %s",
					d->stream->name, d->failed_line.problem),
			 errdetail("It was asked for byte " INT64_FORMAT "; its answer begins with \"%s\".",
					   d->failed_wanted, d->failed_text),
			 errhint("A sender that begins another stream says STREAM <identity> first. "
					 "One whose data may look like a line of the protocol says DATA <offset> before it.")));
}

void
weir_dialog_raise(const WeirDialog *d)
{
	if (d->malformed)
		raise_malformed(d);
	if (!d->lost)
		weir_socket_raise(d->socket);
	ereport(ERROR,
			(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
			 errmsg("sender of stream %s no longer holds what the job has not received",
					d->stream->name),
			 errdetail(INT64_FORMAT " bytes are missing: byte " INT64_FORMAT
					   " of its stream was asked for, the oldest it holds is byte " INT64_FORMAT ".",
					   d->missing, d->failed_wanted, d->failed_line.offset),
			 errhint("Start the job with allow_gap => true to go on without them.")));
}
