/*
 * sink/output.h
 *		Foreign tables to write to: weir_print, weir_blackhole, and those of
 *		streams whose source has a peer (source/peer.h).
 */
#ifndef WEIR_SINK_OUTPUT_H
#define WEIR_SINK_OUTPUT_H

#include "postgres.h"

/*
 * The job whose task this process is; 0 elsewhere, where these tables refuse
 * to be written.
 */
extern int64 weir_output_job;

/* Set when lines were put into the outbox; the task tells the coordinator. */
extern bool weir_output_waits;

/* Rows for peers were put into the outbox, in the open epoch or since weir_output_peers_sent. */
extern bool weir_output_peers_wait;
extern void weir_output_note_peer(Oid table);
/* In the epoch: its rows for peers are those of this checkpoint. */
extern void weir_output_end_epoch(int64 checkpoint);
/* They are committed, and are sent from now on (sink/emitter.h). */
extern void weir_output_peers_sent(void);

/* Streams' tables are written, as weir_print's are. */
extern void weir_output_init(void);

/* Emits and deletes what the job's outbox holds for the log; in its own transactions. */
extern void weir_outbox_emit(int64 job);

#endif
