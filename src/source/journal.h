/*
 * source/journal.h
 *		What a source has read from its socket, kept until a completed
 *		checkpoint is past it.
 */
#ifndef WEIR_SOURCE_JOURNAL_H
#define WEIR_SOURCE_JOURNAL_H

#include "postgres.h"

#include "source/segment.h"
#include "source/stream.h"

typedef struct WeirJournal WeirJournal;

/* Opens what there is of it, if anything.  Outside a transaction. */
extern WeirJournal *weir_journal_open(const WeirStream *stream, int64 job, int ordinal);

/* Behind the last committed byte, and the last row's kind (0: none) and stamp. */
extern int64 weir_journal_end(const WeirJournal *j);
extern char weir_journal_last_kind(const WeirJournal *j);
extern int64 weir_journal_last_stamp(const WeirJournal *j);

/* An error if bytes of the stream at or behind this offset are gone. */
extern void weir_journal_check_start(const WeirJournal *j, int64 offset);

/* The next byte appended is this one of the stream, behind the journal's end. */
extern void weir_journal_skip_to(WeirJournal *j, int64 offset);

/* Takes bytes of one stamp.  Not durable before a flush. */
extern void weir_journal_append(WeirJournal *j, int64 stamp, const char *data, Size len);
/* The same for a mark, with what it says. */
extern void weir_journal_mark(WeirJournal *j, char kind, int64 stamp,
							  const char *data, Size len);

/* The rows appended and not committed. */
extern const WeirJournalRow *weir_journal_waiting(const WeirJournal *j, int *n);
/* They are somebody else's. */
extern void weir_journal_forget_waiting(WeirJournal *j);
/* A transaction of it failed: nothing more is written here. */
extern bool weir_journal_failed(const WeirJournal *j);
/* Behind the last byte appended. */
extern int64 weir_journal_appended(const WeirJournal *j);

/* When appended rows are due to be flushed; 0: there are none. */
extern int64 weir_journal_due(const WeirJournal *j);
/* So much is waiting that it should be flushed before it is due. */
extern bool weir_journal_crowded(const WeirJournal *j);
/* Commits what was appended; nothing, if an earlier transaction of the journal failed.  Outside a transaction. */
extern void weir_journal_flush(WeirJournal *j);

/* Waits until what all journals hold is as durable as synchronous_commit asks for. */
extern void weir_journal_confirm(void);

/* Bytes it occupies. */
extern int64 weir_journal_size(const WeirJournal *j);
/* How many they may be: max_journal, but never so few that a record could not pass. */
extern int64 weir_journal_limit(const WeirJournal *j);
/* That is reached, and a checkpoint at this offset would free some. */
extern bool weir_journal_full(const WeirJournal *j, int64 offset);
/* Frees segments that lie before the offset, but those that are locked.  Outside a transaction. */
extern void weir_journal_trim(WeirJournal *j, int64 offset);

/* Reads from an offset on: rewind, then next until false.  Outside a transaction. */
extern void weir_journal_rewind(WeirJournal *j, int64 offset);
extern bool weir_journal_next(WeirJournal *j, WeirJournalRow *row);

/* Drops the tables of a job's journals, for drop_job.  In a transaction. */
extern void weir_journal_drop(int64 job);

/* Setting: weir.journal_segment_size, kB. */
extern PGDLLIMPORT int weir_journal_segment_size;

#endif
