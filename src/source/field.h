/*
 * source/field.h
 *		The values of a record of format text or csv, as COPY would take it apart.
 */
#ifndef WEIR_SOURCE_FIELD_H
#define WEIR_SOURCE_FIELD_H

#include "postgres.h"

#include "lib/stringinfo.h"

#include "source/stream.h"

typedef struct WeirFieldReader
{
	MemoryContext context;
	bool		csv;
	char		delimiter;
	char		quote;			/* csv */
	char		escape;			/* csv */
	char	   *null;
	Size		null_len;
	uint8		plain[256];		/* class of a byte outside quotes */
	uint8		quoted[256];
	StringInfoData unescaped;	/* the last value, if it had escapes */
} WeirFieldReader;

/* A value's text, until the next is taken. */
typedef struct WeirField
{
	const char *data;
	Size		len;
	bool		high;			/* it has bytes that are not ASCII */
} WeirField;

/* In CurrentMemoryContext.  False: of the stream's values nothing is certain. */
extern bool weir_field_reader_init(WeirFieldReader *r, const WeirStream *stream);

/* Gives back what outsized values took. */
extern void weir_field_reader_reset(WeirFieldReader *r);

/* The value that begins at p; returns where it ends, NULL: not sure. */
extern const char *weir_field_take(WeirFieldReader *r, const char *p, const char *end,
								   WeirField *field);

/* Is the value that begins at p the null string? */
static inline bool
weir_field_is_null(const WeirFieldReader *r, const char *p, const char *end)
{
	if (r->null_len > 0 && (p == end || *p != r->null[0]))
		return false;
	return (Size) (end - p) >= r->null_len && memcmp(p, r->null, r->null_len) == 0 &&
		(p + r->null_len == end || p[r->null_len] == r->delimiter);
}

#endif
