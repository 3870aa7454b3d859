/*
 * source/incoming.c
 *		One of the senders that have connected to a listening stream.
 *
 * Only whole records leave it.  Its framer finds where they end; the bytes
 * themselves are kept here, since they go on as they came, delimiters included:
 *
 *		held    |handed out|  begin of a record  |  room
 *		                   ^ base
 *
 * A piece that comes while nothing is held is read into the listener's buffer, so
 * that a sender of whole records takes no memory.
 */
#include "postgres.h"

#include "utils/memutils.h"

#include "source/incoming.h"
#include "source/tcp.h"

#define RUN_RECORDS		256
#define KEPT_BYTES		(2 * WEIR_INCOMING_PIECE) /* more are given back once nothing is held */

WeirIncoming *
weir_incoming_create(const WeirStream *stream, WeirTransport *transport, const char *peer)
{
	WeirIncoming *s = palloc0(sizeof(WeirIncoming));

	s->transport = transport;
	strlcpy(s->peer, peer, sizeof(s->peer));
	s->framer = weir_stream_framer(stream, 0, 0, stream->dead_letter);
	weir_framer_connected(s->framer);
	return s;
}

void
weir_incoming_destroy(WeirIncoming *s)
{
	pgsocket	fd = s->transport->fd;

	s->transport->routine->close(s->transport);
	weir_tcp_close(fd);
	weir_framer_destroy(s->framer);
	if (s->held)
		pfree(s->held);
	pfree(s);
}

/* Whether the connection still stands, a read will tell. */
void
weir_incoming_greet(WeirIncoming *s, const WeirStream *stream)
{
	Size		done = 0;

	if (s->greeted < stream->greeting_len)
		(void) s->transport->routine->write(s->transport, stream->greeting + s->greeted,
											stream->greeting_len - s->greeted, &done);
	s->greeted += done;
}

void
weir_incoming_forget(WeirIncoming *s)
{
	if (s->handed_out > 0)
		memmove(s->held, s->held + s->handed_out, s->len - s->handed_out);
	s->len -= s->handed_out;
	s->handed_out = 0;
	if (s->len > 0 || s->size <= KEPT_BYTES)
		return;
	pfree(s->held);
	s->held = NULL;
	s->size = 0;
}

/* Room for so many bytes behind those held. */
static char *
reserve(WeirIncoming *s, Size bytes)
{
	Size		wanted = s->len + bytes;

	if (wanted > s->size)
	{
		wanted = Max(wanted, s->size * 2);
		if (s->held == NULL)
			s->held = MemoryContextAllocHuge(GetMemoryChunkContext(s), wanted);
		else
			s->held = repalloc_huge(s->held, wanted);
		s->size = wanted;
	}
	return s->held + s->len;
}

static const char *
fault_text(WeirRecordFault fault)
{
	switch (fault)
	{
		case WEIR_RECORD_TOO_LONG:
			return "a record is longer than max_record";
		case WEIR_RECORD_BAD_COUNT:
			return "a record does not begin with its length and a space";
		case WEIR_RECORD_NO_SEPARATOR:
			return "a record does not begin with a record separator";
		case WEIR_RECORD_TRUNCATED:
			return "a record is cut short by another one";
		case WEIR_RECORD_PARTIAL:
		case WEIR_RECORD_WHOLE:
			break;
	}
	return "no record follows";
}

/*
 * Finds where the last whole record of what was read ends, as an offset of the
 * framer.  One that is put aside is as good as whole, but for one too long, which
 * would have to be kept until it ends.
 */
static int64
find_end(WeirIncoming *s, const char *data, Size len)
{
	WeirRecordSpan spans[RUN_RECORDS];
	WeirFramedRecord record;
	int64		line;
	int64		stamp;

	weir_framer_feed(s->framer, data, len, 0);
	for (;;)
	{
		if (weir_framer_run(s->framer, spans, RUN_RECORDS, &line, &stamp) > 0)
			continue;
		switch (weir_framer_next(s->framer, &record))
		{
			case WEIR_FRAMING_RECORD:
				if (record.fault != WEIR_RECORD_TOO_LONG)
					break;
				s->broken = fault_text(record.fault);
				return record.end_offset - record.size;
			case WEIR_FRAMING_MORE:
				return weir_framer_offset(s->framer);
			case WEIR_FRAMING_BROKEN:
				s->broken = fault_text(record.fault);
				return record.end_offset;
		}
	}
}

/* Of these bytes, the first that are whole records; what passes between records is dropped. */
static Size
cut(WeirIncoming *s, const char *read, Size nread, bool *records)
{
	int64		before = weir_framer_line(s->framer);
	int64		end = find_end(s, read, nread);
	Size		whole = (Size) (end - s->base);

	s->base = end;
	*records = weir_framer_line(s->framer) > before;
	return whole;
}

static void
hold(WeirIncoming *s, const char *data, Size len)
{
	if (len == 0)
		return;
	memcpy(reserve(s, len), data, len);
	s->len += len;
}

WeirIo
weir_incoming_read(WeirIncoming *s, char *piece, WeirArrival *arrival)
{
	bool		direct = s->len == 0;
	char	   *to = direct ? piece : reserve(s, WEIR_INCOMING_PIECE);
	bool		records;
	Size		got = 0;
	WeirIo		io = s->transport->routine->read(s->transport, to, WEIR_INCOMING_PIECE, &got);
	Size		whole;

	arrival->len = 0;
	if (io != WEIR_IO_DONE)
		return io;
	whole = cut(s, to, got, &records);
	arrival->data = direct ? piece : s->held;
	arrival->len = records ? whole : 0;
	arrival->peer = s->peer;
	arrival->first = !s->begun;
	arrival->left = false;
	if (direct)
		hold(s, piece + whole, got - whole);
	else
	{
		s->len += got;
		s->handed_out = whole;
	}
	s->begun = s->begun || arrival->len > 0;
	return io;
}

void
weir_incoming_resume(WeirIncoming *s, const char *data, Size len)
{
	bool		records;

	hold(s, data, len);
	s->handed_out = cut(s, s->held, len, &records);
}
