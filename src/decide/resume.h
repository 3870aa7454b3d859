/*
 * decide/resume.h
 *		The resume protocol: which byte to ask a sender for, what the first
 *		lines of its connection mean, what to acknowledge.
 *
 * A position counts the bytes a source was ever given, whoever sent them; it
 * never falls behind what it was, but by a restore.  An offset counts the bytes
 * of one sender's stream.  The origin joins the two: position = start + offset.
 * It changes where another stream begins, and where bytes of a stream are
 * missing; both take no room in the positions.
 */
#ifndef WEIR_DECIDE_RESUME_H
#define WEIR_DECIDE_RESUME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define WEIR_IDENTITY_SIZE	64	/* with its end */
#define WEIR_HEADER_MAX		128 /* bytes of a line of the header */

typedef struct WeirOrigin
{
	int64_t		start;			/* position of the stream's byte 0; below 0 behind a gap */
	char		identity[WEIR_IDENTITY_SIZE];	/* "": the stream was not named */
} WeirOrigin;

#define WEIR_ORIGIN_TEXT	(WEIR_IDENTITY_SIZE + 24)

/* As text, and back; false if it is none. */
extern void weir_origin_format(char text[WEIR_ORIGIN_TEXT], const WeirOrigin *origin);
extern bool weir_origin_parse(const char *text, size_t len, WeirOrigin *origin);

typedef enum WeirHeaderKind
{
	WEIR_HEADER_MORE,			/* cannot be told yet */
	WEIR_HEADER_STREAM,			/* STREAM <identity> */
	WEIR_HEADER_ERR,			/* ERR <oldest> */
	WEIR_HEADER_DATA,			/* DATA <offset> */
	WEIR_HEADER_NONE,			/* not a line of the header: data begins here */
	WEIR_HEADER_MALFORMED
} WeirHeaderKind;

typedef struct WeirHeaderLine
{
	size_t		len;			/* bytes it takes, with its newline */
	char		identity[WEIR_IDENTITY_SIZE];
	int64_t		offset;			/* of ERR and DATA */
	const char *problem;		/* of a malformed one, for a message */
} WeirHeaderLine;

/*
 * What do these bytes begin with?  They are all that the connection has brought
 * behind the lines taken before; named: one of those was STREAM.
 */
extern WeirHeaderKind weir_header_parse(const char *data, size_t len, bool named,
										WeirHeaderLine *line);

/* A connection, and what is known of the stream over all connections. */
typedef struct WeirResume
{
	WeirOrigin	origin;
	int64_t		safe;			/* what lies before this position is never asked for again */
	bool		allow_gap;
	/* of the connection */
	bool		named;			/* it said STREAM */
	bool		flowing;		/* the header is over */
	int64_t		skip;			/* bytes to come that are known already */
	int64_t		said;			/* the last ACK; -1: none */
} WeirResume;

typedef enum WeirResumeEvent
{
	WEIR_RESUME_MORE,			/* more bytes are needed to tell */
	WEIR_RESUME_LINE,			/* a line that changes nothing */
	WEIR_RESUME_FLOWS,			/* all that follows is data, behind "skip" bytes of it */
	WEIR_RESUME_ANOTHER,		/* another stream begins: the origin is its own */
	WEIR_RESUME_GAP,			/* bytes are missing: the origin is moved, data follows */
	WEIR_RESUME_ASK_AGAIN,		/* bytes are missing: the origin is moved, connect again */
	WEIR_RESUME_LOST,			/* bytes are missing, and may not be */
	WEIR_RESUME_MALFORMED
} WeirResumeEvent;

extern void weir_resume_init(WeirResume *r, const WeirOrigin *origin, bool allow_gap);

/* A connection was made; returns the offset to ask for. */
extern int64_t weir_resume_connected(WeirResume *r, int64_t received);

/* It is one that another source was reading, behind its header. */
extern void weir_resume_adopted(WeirResume *r);

/*
 * Takes one line of the header from what the connection has brought; behind the
 * header there is nothing to take.  received: position behind the last byte of
 * data.  line->len bytes are used up; missing: how many bytes are, of LOST, GAP
 * and ASK_AGAIN.
 */
extern WeirResumeEvent weir_resume_take(WeirResume *r, const char *data, size_t len,
										int64_t received, WeirHeaderLine *line,
										int64_t *missing);

/*
 * The connection was closed behind these bytes, of which MORE was said: they
 * are data (FLOWS), or half a line (MALFORMED).
 */
extern WeirResumeEvent weir_resume_closed(WeirResume *r, const char *data, size_t len,
										  WeirHeaderLine *line);

/* What lies before the position is durable. */
extern void weir_resume_safe(WeirResume *r, int64_t position);

/* An ACK to say, if there is one: it counts as said. */
extern bool weir_resume_ack(WeirResume *r, int64_t *offset);

#endif
