/*
 * source/fdw.h
 *		How a plan reads a stream, for the foreign data wrappers that have any.
 */
#ifndef WEIR_SOURCE_FDW_H
#define WEIR_SOURCE_FDW_H

#include "postgres.h"

#include "foreign/fdwapi.h"

extern void weir_stream_set_scan(FdwRoutine *routine);

#endif
