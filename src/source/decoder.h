/*
 * source/decoder.h
 *		A decoder and the formats it knows, for the files that make it up.
 *
 * What the bytes of a record say for certain goes straight into the batch
 * (direct.c).  decode.c lays the other records of a batch end to end, each
 * followed by the format's terminator, and asks the format for a row of each.
 */
#ifndef WEIR_SOURCE_DECODER_H
#define WEIR_SOURCE_DECODER_H

#include "postgres.h"

#include "lib/stringinfo.h"
#include "utils/relcache.h"

#include "record/scan_input.h"
#include "source/decode.h"
#include "source/direct.h"
#include "source/metadata.h"
#include "source/stream.h"

typedef struct WeirFormat
{
	char		terminator;
	/* Lays a record into text, without the terminator.  False: not byte for byte. */
	bool		(*append) (WeirDecoder *d, const char *data, Size len);
	/* A transaction begins, which may not come to the end. */
	void		(*begin) (WeirDecoder *d);
	/* The row of the record that d->current says. */
	void		(*row) (WeirDecoder *d, Datum *values, bool *nulls);
	/* All of the batch was decoded; frees what a transaction needs. */
	void		(*end) (WeirDecoder *d);
	/* After an error of d->current: was it an input function's? */
	bool		(*in_input) (const WeirDecoder *d);
	/*
	 * Sets d->column and d->value, if the error of d->current was about one.  In
	 * a transaction after the one that failed, which may fail as well: what is
	 * set by then counts.
	 */
	void		(*locate) (WeirDecoder *d);
	/* Drops what outlives transactions: the next one begins anew at d->next. */
	void		(*close) (WeirDecoder *d);
} WeirFormat;

extern const WeirFormat weir_format_copy;	/* text, csv */
extern const WeirFormat weir_format_jsonl;
extern const WeirFormat weir_format_line;
extern const WeirFormat weir_format_raw;

struct WeirDecoder
{
	const WeirStream *stream;
	const WeirFormat *format;
	const WeirSuspects *suspects;
	MemoryContext context;
	void	   *state;			/* the format's own */
	TupleDesc	desc;			/* of the table, as it was for the first batch */
	Relation	rel;			/* in a transaction */
	Datum	   *values;			/* of a row */
	bool	   *nulls;

	WeirMetadataFiller *metadata;	/* NULL: there are no such columns */
	const void *now_about;		/* of the records that are added */
	WeirDirect *direct;			/* NULL: all records are the format's */
	bool		at_once;		/* records are read as they come: they need no transaction */
	bool		keeps_text;		/* also of those */
	int			checked;		/* a record that the format is to read; -1: none */

	StringInfoData text;		/* the batch's records, as far as they are needed */
	Size	   *starts;			/* of each record in text */
	bool	   *done;			/* its row is in the batch */
	bool	   *absent;			/* it has no bytes, not even none: its columns are null */
	const void **about;			/* what its source says of it */
	int			nstarts;
	int			max_starts;
	int			npending;		/* records that are neither done nor dead */
	Size		bytes;			/* of the batch's records */
	int			next;			/* first record not yet decoded */
	int			current;		/* record being decoded, -1: none */

	/* of the record being decoded, or at fault */
	bool		in_input;		/* an input function has it */
	const char *column;			/* the column read, if one is known */
	const char *value;			/* what that is read from, if it is not null */
	bool		is_text;		/* after an error: its characters are some of its encoding */
};

/* A text that takes so many bytes is not kept for the next batch, nor what was made of it. */
#define WEIR_OUTSIZED_BYTES	(16 * 1024 * 1024)

/* One outsized record is no reason to keep its memory. */
extern void weir_decoder_shrink(StringInfo text, MemoryContext context);

/* Lays a record into text as it is. */
extern bool weir_decoder_append(WeirDecoder *d, const char *data, Size len);

/* A record as it lies in text. */
static inline const char *
weir_decoder_record(const WeirDecoder *d, int index, Size *len)
{
	Size		end = index + 1 < d->nstarts ? d->starts[index + 1] : (Size) d->text.len;

	*len = d->absent[index] ? 0 : end - d->starts[index] - 1;
	return d->text.data + d->starts[index];
}

/* Its characters in the database's encoding; an error if some are none. */
extern char *weir_decoder_string(const WeirDecoder *d, int index);

#endif
