/*
 * source/reader_int.h
 *		What the parts of the reader share.
 */
#ifndef WEIR_SOURCE_READER_INT_H
#define WEIR_SOURCE_READER_INT_H

#include "postgres.h"

#include "decide/growth.h"
#include "source/decode.h"
#include "source/input.h"
#include "source/journal.h"
#include "source/reader.h"

struct WeirReader
{
	WeirSource	source;			/* first: what a task has of it */
	MemoryContext context;
	const WeirStream *stream;
	WeirSourceStats *stats;
	WeirSourceStats own_stats;	/* if the caller wants none */

	WeirSourceOptions options;
	WeirJournal *journal;
	WeirStreamInput  *input;
	bool		replaying;		/* the journal still has bytes to read */
	bool		begun;			/* the peer is read, or was */
	WeirFramer *framer;
	WeirDecoder *decoder;
	bool		prepared;		/* the decoder is */

	WeirSocketPosition position;		/* behind the records handed out */
	WeirOrigin	origin;			/* of the bytes fed to the framer */
	char		peer[WEIR_PEER_SIZE];	/* likewise; "": unknown */

	int			taken;			/* records that came for the batch, also those passed over */
	bool		more;			/* the last batch was full: there may be more */
	bool		at_end;			/* an end was met */
	bool		began_ended;	/* it opened at an end, and the journal does not go on */
	bool		drained;		/* by the start position; the journal may have more */
	int64		drained_at;
	bool		draining;
	bool		drain_ended;	/* the end is that of the drain */
	bool		connected;		/* another connection was made, and brought nothing yet */
	char		next_peer[WEIR_PEER_SIZE];	/* of the journal's next bytes */
	bool		input_failed;
	bool		passing;		/* the start lies within what was put aside */
	bool		is_broken;		/* no record follows */
	WeirFramedRecord broken;
	int64		failed_line;
	WeirGrowth	growth;			/* of the record that is not whole yet */
};

/* Is what it reads kept, so that it can be read again? */
extern bool weir_reader_keeps_journal(const WeirReader *r);

/* Takes what was framed into the batch, or finds that nothing can follow (is_broken). */
extern void weir_reader_take(WeirReader *r, WeirScanInput *scan, const WeirFramedRecord *record);

/* Takes as many records as there are at once, all whole; how many. */
extern int	weir_reader_take_run(WeirReader *r, WeirScanInput *scan);

/* The stream ends, or once ended, where the framer stands: the tail is a record, with the stamp of the end. */
extern void weir_reader_finish_record(WeirReader *r, WeirScanInput *scan, int64 stamp);

/*
 * What was fed ends here, and other bytes follow: of another stream, or behind
 * a gap.  A position here needs nothing of what lies before.
 */
extern void weir_reader_cross(WeirReader *r, WeirScanInput *scan, bool gap, int64 offset,
							  const WeirOrigin *origin, int64 stamp);

/* What was fed without an end is no record: its sender has gone. */
extern void weir_reader_leave(WeirReader *r, WeirScanInput *scan);

/* Another connection of a peer that just sends. */
extern void weir_reader_begin_connection(WeirReader *r, WeirScanInput *scan);

/* The decoder is to know whom the records that follow come from. */
extern void weir_reader_describe(WeirReader *r, WeirScanInput *scan);

/* Shows how much there is of a record that is not whole yet. */
extern void weir_reader_watch_growth(WeirReader *r);

/*
 * A drain ends behind the last whole record.  The begin of another stays in the
 * journal, or with a sender that can be asked again.
 */
extern void weir_reader_end_drain(WeirReader *r);

#endif
