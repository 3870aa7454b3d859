/*
 * source/decode.h
 *		Framed records into rows.
 */
#ifndef WEIR_SOURCE_DECODE_H
#define WEIR_SOURCE_DECODE_H

#include "postgres.h"

#include "decide/poison.h"
#include "record/scan_input.h"
#include "source/stream.h"

typedef struct WeirDecoder WeirDecoder;

/* suspects: lines at which an attempt ended with an internal error; may be NULL. */
extern PGDLLEXPORT WeirDecoder *weir_decoder_create(const WeirStream *stream, const WeirSuspects *suspects);

/* Begins a batch. */
extern PGDLLEXPORT void weir_decoder_reset(WeirDecoder *d);

/* In a transaction, before the first record.  Such batches are to be filled. */
extern PGDLLEXPORT void weir_decoder_prepare(WeirDecoder *d, const WeirBatch *batch);

/*
 * What the source says of the records that are added from here on, to those of its
 * metadata that ask for it.  It must hold until the batch is decoded; a batch
 * begins with nothing.
 */
extern PGDLLEXPORT void weir_decoder_describe(WeirDecoder *d, const void *about);

/*
 * Takes a record into the batch; its bytes are not needed any more.  One whose data are NULL has
 * no value for any column but those of metadata.
 */
extern PGDLLEXPORT void weir_decoder_add(WeirDecoder *d, WeirScanInput *scan,
							 const WeirFramedRecord *record);

/* The same for records of consecutive lines, all whole and of one stamp. */
extern void weir_decoder_add_run(WeirDecoder *d, WeirScanInput *scan, const WeirRecordSpan *spans,
								 int n, int64 line, int64 stamp);

/* No more should be added: the records taken are many bytes already. */
extern PGDLLEXPORT bool weir_decoder_full(const WeirDecoder *d);

/*
 * Fills the rows of the scan's batch, in transactions of its own.  A record that cannot be
 * decoded is dead where the stream has dead letters.  Any other
 * error is returned, with where in the stream it happened, if it was met at a
 * record: *line is that one's, else 0.
 */
extern PGDLLEXPORT ErrorData *weir_decoder_run(WeirDecoder *d, WeirScanInput *scan, int64 *line);

/*
 * The same in the caller's transaction, which has a snapshot.  No record is
 * passed over: its error is raised, with where in the stream it happened.
 */
extern void weir_decoder_run_here(WeirDecoder *d, WeirScanInput *scan);

/* In a transaction; what is left of the decoder goes with its memory. */
extern PGDLLEXPORT void weir_decoder_close(WeirDecoder *d);

#endif
