/*
 * source/record_fault.h
 *		What the framing found to be no record, said to the user.
 */
#ifndef WEIR_SOURCE_RECORD_FAULT_H
#define WEIR_SOURCE_RECORD_FAULT_H

#include "postgres.h"

#include "base/compat.h"
#include "source/stream.h"

extern int weir_record_fault_code(const WeirFramedRecord *record);
/* For a dead letter: what is wrong, and below it what was put aside. */
extern char *weir_record_fault_text(const WeirStream *stream, const WeirFramedRecord *record);
/* The error that ends the reading. */
pg_noreturn extern PGDLLEXPORT void weir_record_fault_raise(const WeirStream *stream,
												const WeirFramedRecord *record);

#endif
