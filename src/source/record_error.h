/*
 * source/record_error.h
 *		What is said of a record that cannot be decoded.
 */
#ifndef WEIR_SOURCE_RECORD_ERROR_H
#define WEIR_SOURCE_RECORD_ERROR_H

#include "postgres.h"

#include "source/decoder.h"

/* Adds where in the stream it happened, what the record is, and a way out if one is known. */
extern void weir_record_error_explain(WeirDecoder *d, WeirScanInput *scan, ErrorData *error);

/* The same in short, for a dead letter, which has the record. */
extern char *weir_record_error_letter(WeirDecoder *d, WeirScanInput *scan, const ErrorData *error);

/*
 * Is the error about the record it was met at?  An internal error is, in an
 * input function; elsewhere, as in a CHECK, if the attempt before met it, too.
 */
extern bool weir_record_error_blames(const WeirDecoder *d, const WeirScanInput *scan,
									 const ErrorData *error, bool in_input);

#endif
