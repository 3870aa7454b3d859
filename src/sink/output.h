/*
 * sink/output.h
 *		Foreign tables to write to: weir_print and weir_blackhole.
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

/* Emits and deletes what the job's outbox holds; in its own transactions. */
extern void weir_outbox_emit(int64 job);

#endif
