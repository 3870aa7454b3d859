/*
 * source/excerpt.h
 *		Records as text that a person reads.
 */
#ifndef WEIR_SOURCE_EXCERPT_H
#define WEIR_SOURCE_EXCERPT_H

#include "postgres.h"

/* A record as text, what is no character escaped; cut to so many characters. */
extern char *weir_record_text(const char *data, Size len, int encoding, int max_chars);
/* At most 200 characters of a record, fit for a message. */
extern char *weir_record_excerpt(const char *data, Size len, int encoding);

#endif
