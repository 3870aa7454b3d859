/*
 * sink/statement.h
 *		The sink that runs the job's INSERT over batches of rows.
 */
#ifndef WEIR_SINK_STATEMENT_H
#define WEIR_SINK_STATEMENT_H

#include "postgres.h"

#include "tcop/dest.h"

#include "sink/sink.h"

/* Rows that the statement returns go there; else nowhere. */
extern void weir_statement_set_receiver(WeirSink *sink, DestReceiver *receiver);

#endif
