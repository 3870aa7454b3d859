/*
 * source/again.h
 *		Records of a stream that come again: dead letters that
 *		weir.retry_dead_letters put into its job.
 *
 * Their bytes are whole records, so that nothing is framed; they are decoded as
 * the stream's others, and have the lines that they had.
 */
#ifndef WEIR_SOURCE_AGAIN_H
#define WEIR_SOURCE_AGAIN_H

#include "postgres.h"

#include "source/source.h"

typedef struct WeirAgain WeirAgain;

/* In CurrentMemoryContext.  The stream must outlive it. */
extern WeirAgain *weir_again_open(const WeirStream *stream, int64 job, const WeirSuspects *suspects);

/*
 * Fills the batch with those that come next, if there are any, in transactions of
 * its own; forget: they need not be there for a second time.  A record that cannot
 * be decoded is an ERROR as in poll, after which *line is its line.
 */
extern bool weir_again_next(WeirAgain *again, WeirScanInput *scan, bool forget, int64 *line);

/* The last one handed out that no completed checkpoint covers; 0: there is none. */
extern int64 weir_again_position(const WeirAgain *again);
/* A checkpoint has completed that had this position. */
extern void weir_again_settled(WeirAgain *again, int64 position);
/* Those handed out will not be asked for again; in transactions of its own. */
extern void weir_again_forget(WeirAgain *again);

#endif
