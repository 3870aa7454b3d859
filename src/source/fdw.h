/*
 * source/fdw.h
 *		How a plan reads a stream, for the foreign data wrappers that have any, and
 *		how it writes one.
 */
#ifndef WEIR_SOURCE_FDW_H
#define WEIR_SOURCE_FDW_H

#include "postgres.h"

#include "foreign/fdwapi.h"

extern PGDLLEXPORT void weir_stream_set_scan(FdwRoutine *routine);

/* How rows go into its table, where its source has a peer; set at the module's start. */
extern PGDLLEXPORT void (*weir_stream_set_insert) (FdwRoutine *routine);

#endif
