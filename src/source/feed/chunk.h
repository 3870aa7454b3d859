/*
 * source/feed/chunk.h
 *		Rows of a stream fed from SQL, packed one behind the other.
 *
 *	+----------+----------------+-----+-----+
 *	| ncolumns | types of them  | row | row | ..		a row at a MAXALIGNed place:
 *	+----------+----------------+-----+-----+			size, nulls, values as in a tuple
 *
 * The types are those that the table's columns had when the chunk was written,
 * so that it can be read, or refused for a reason, after the table was altered.
 */
#ifndef WEIR_SOURCE_FEED_CHUNK_H
#define WEIR_SOURCE_FEED_CHUNK_H

#include "postgres.h"

#include "access/tupdesc.h"

#include "record/batch.h"

/* Writing: rows of a description, one chunk after the other. */
typedef struct WeirFeedChunkWriter
{
	TupleDesc	desc;
	char	   *data;			/* the chunk, as far as it is filled */
	Size		size;
	Size		room;
	Size		head;			/* of it, before the first row */
	int			nrows;
	MemoryContext row_context;	/* of what a row needs while it is added */
} WeirFeedChunkWriter;

/* In CurrentMemoryContext. */
extern WeirFeedChunkWriter *weir_feed_chunk_writer_create(TupleDesc desc);
extern void weir_feed_chunk_begin(WeirFeedChunkWriter *w);
extern void weir_feed_chunk_add(WeirFeedChunkWriter *w, const Datum *values, const bool *nulls);

/* Reading: what the rows of a chunk look like, and whose columns they go into. */
typedef struct WeirFeedChunkColumn
{
	Oid			type;			/* as written; InvalidOid: no values */
	int			column;			/* of the batch; -1: it was dropped */
	int16		length;
	char		align;
	bool		by_value;
} WeirFeedChunkColumn;

typedef struct WeirFeedChunkReader
{
	MemoryContext context;
	const char *stream;			/* for messages */
	WeirFeedChunkColumn *columns;	/* of the chunk read last; NULL: none yet */
	int			ncolumns;
} WeirFeedChunkReader;

/* In CurrentMemoryContext; the name must outlive it. */
extern WeirFeedChunkReader *weir_feed_chunk_reader_create(const char *stream);

/* The offset of the first row.  In a transaction; an error if the batch's columns are others by now. */
extern Size weir_feed_chunk_open(WeirFeedChunkReader *r, const WeirBatch *batch, const char *data, Size size);

/* Reads a row into the batch, whose values point into the chunk; returns the offset of the next. */
extern Size weir_feed_chunk_read(const WeirFeedChunkReader *r, const char *data, Size offset,
							WeirBatch *batch, int row);
/* Passes one. */
extern Size weir_feed_chunk_pass(const char *data, Size offset);

#endif
