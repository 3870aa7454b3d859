/*
 * record/batch.h
 *		Rows on their way through a dataflow, column by column.
 *
 * A batch has a vector a column: values, and a bitmap of those that are null.
 * Of each row it also knows the record that it comes from: its line in the
 * stream, when that arrived, and, where somebody may want to put it aside, its
 * bytes; where somebody goes by event time, the watermark too that had been
 * reached when the row came.  Values by reference lie in the batch's context or in memory that
 * whoever filled the batch answers for: a message, the text that was decoded,
 * another batch.
 */
#ifndef WEIR_RECORD_BATCH_H
#define WEIR_RECORD_BATCH_H

#include "postgres.h"

#include "access/tupdesc.h"

typedef struct WeirVector
{
	Datum	   *values;
	bits8	   *nulls;			/* a bit a row, set: null; holds only if has_nulls */
	bool		has_nulls;
} WeirVector;

/* A record's bytes; data NULL: they were not kept. */
typedef struct WeirRaw
{
	const char *data;
	int			len;
} WeirRaw;

typedef struct WeirBatch
{
	TupleDesc	desc;
	int			capacity;		/* rows */
	int			nrows;
	WeirVector *columns;		/* as many as desc has */
	int64	   *lines;			/* of the record a row comes from */
	int64	   *stamps;			/* its arrival, us since 2000-01-01 */
	uint64	   *hashes;			/* of the row's key, where rows go by key */
	WeirRaw    *raw;			/* NULL: the records' bytes are not kept */
	int64	   *watermarks;		/* reached before the row, us since 2000-01-01, PG_INT64_MIN: none;
								 * ascending.  NULL: nobody goes by event time */
	int32	   *partitions;		/* of the stream that the record came of; NULL: it has none.  Not in messages */
	int			source;			/* node of the dataflow whose records they are */
	MemoryContext context;		/* of values by reference; reset with the batch */
} WeirBatch;

#define WEIR_NULLS_SIZE(rows) (((Size) (rows) + BITS_PER_BYTE - 1) / BITS_PER_BYTE)

/* In CurrentMemoryContext.  The description is copied. */
extern WeirBatch *weir_batch_create(TupleDesc desc, int capacity);
extern void weir_batch_free(WeirBatch *batch);
extern void weir_batch_reset(WeirBatch *batch);
/* Makes room for twice as many rows. */
extern void weir_batch_grow(WeirBatch *batch);
/* From now on it has room for the records' bytes. */
extern void weir_batch_keep_raw(WeirBatch *batch);

/* From now on it has room for watermarks; those of the rows that it has are none. */
extern void weir_batch_keep_watermarks(WeirBatch *batch);

/* From now on it has room for partitions; those of the rows that it has are unknown. */
extern PGDLLEXPORT void weir_batch_keep_partitions(WeirBatch *batch);

/* A row's values, as they are; by reference ones are not copied. */
extern void weir_batch_set_row(WeirBatch *batch, int row, const Datum *values, const bool *nulls);
extern void weir_batch_get_row(const WeirBatch *batch, int row, Datum *values, bool *nulls);
/* A row in the place of another, before it. */
extern void weir_batch_move_row(WeirBatch *batch, int to, int from);

static inline bool
weir_vector_is_null(const WeirVector *vector, int row)
{
	return vector->has_nulls &&
		(vector->nulls[row / BITS_PER_BYTE] & (1 << (row % BITS_PER_BYTE))) != 0;
}

static inline void
weir_batch_set_value(WeirBatch *batch, int column, int row, Datum value)
{
	WeirVector *vector = &batch->columns[column];

	vector->values[row] = value;
	if (vector->has_nulls)
		vector->nulls[row / BITS_PER_BYTE] &= ~(1 << (row % BITS_PER_BYTE));
}

static inline void
weir_batch_set_null(WeirBatch *batch, int column, int row)
{
	WeirVector *vector = &batch->columns[column];

	if (!vector->has_nulls)
		memset(vector->nulls, 0, WEIR_NULLS_SIZE(batch->capacity));
	vector->has_nulls = true;
	vector->nulls[row / BITS_PER_BYTE] |= 1 << (row % BITS_PER_BYTE);
	vector->values[row] = (Datum) 0;
}

static inline WeirRaw
weir_batch_raw(const WeirBatch *batch, int row)
{
	WeirRaw		none = {NULL, 0};

	return batch->raw ? batch->raw[row] : none;
}

/* Reached before the row; PG_INT64_MIN: none. */
static inline int64
weir_batch_watermark(const WeirBatch *batch, int row)
{
	return batch->watermarks ? batch->watermarks[row] : PG_INT64_MIN;
}

/* The row comes of the same record as one of another batch. */
static inline void
weir_batch_set_record(WeirBatch *batch, int row, const WeirBatch *from, int of)
{
	batch->source = from->source;
	batch->lines[row] = from->lines[of];
	batch->stamps[row] = from->stamps[of];
	if (from->raw)
		weir_batch_keep_raw(batch);
	if (batch->raw)
		batch->raw[row] = weir_batch_raw(from, of);
	if (from->watermarks)
		weir_batch_keep_watermarks(batch);
	if (batch->watermarks)
		batch->watermarks[row] = weir_batch_watermark(from, of);
	if (from->partitions)
	{
		weir_batch_keep_partitions(batch);
		batch->partitions[row] = from->partitions[of];
	}
}

#endif
