/*
 * source/event_time.h
 *		The watermark of a stream's records, by its column that has the option
 *		"watermark", or by their arrival.
 */
#ifndef WEIR_SOURCE_EVENT_TIME_H
#define WEIR_SOURCE_EVENT_TIME_H

#include "postgres.h"

#include "record/scan_input.h"
#include "source/stream.h"

/*
 * Notes before each record of the batch, all of which are whole, how far the watermark
 * had come, and how far it has behind the last.
 */
extern void weir_event_time_fill(const WeirStream *stream, WeirScanInput *scan);

#endif
