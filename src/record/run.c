/*
 * record/run.c
 *		A run: rows of a batch in one piece of memory, column by column.
 *
 * A run is laid out for the most rows that it may get and filled in place; at its
 * end what is not used is squeezed out from between its parts.
 */
#include "postgres.h"

#include "access/detoast.h"
#include "access/tupmacs.h"
#include "utils/memutils.h"

#include "base/compat.h"
#include "record/run.h"

#define FIXED_BYTES (32 * 1024) /* for so many rows as this has room for */
#define HEAP_BYTES (32 * 1024)	/* a run is full with it */

typedef struct Header
{
	int32		nrows;
	int32		source;
	bool		has_raw;
	bool		has_watermarks;
	bool		has_nulls[FLEXIBLE_ARRAY_MEMBER];	/* a column */
} Header;

/* A value, or a record's bytes, in the heap. */
typedef struct RawPlace
{
	uint32		at;
	int32		len;			/* -1: not kept */
} RawPlace;

/* How a column's values are kept. */
typedef struct Column
{
	int16		length;			/* attlen */
	bool		by_value;
	char		align;
	int			width;			/* of what stands side by side */
} Column;

/* Where the parts of a run begin. */
typedef struct Layout
{
	Size		lines;
	Size		stamps;
	Size		hashes;
	Size		watermarks;
	Size		raw;
	Size		columns;
	Size		heap;
} Layout;

struct WeirRunWriter
{
	MemoryContext context;
	MemoryContext scratch;		/* of values that are brought in */
	int			natts;
	Column	   *columns;
	bool		has_heap;		/* a column has values in it, or raw bytes are kept */
	int			capacity;		/* rows */
	StringInfo	buffer;
	int			start;			/* of the run in it */
	int			nrows;
	bool		has_raw;
	bool		has_watermarks;
	Layout		layout;			/* for capacity rows */
};

struct WeirRunReader
{
	WeirBatch	batch;
	Column	   *columns;
	Datum	  **pointers;		/* a column by reference: its values */
	WeirRaw    *raw;
};

static void
describe_column(Column *column, Form_pg_attribute att)
{
	column->length = att->attlen;
	column->by_value = att->attbyval;
	column->align = att->attalign;
	if (att->attbyval)
		column->width = sizeof(Datum);
	else if (att->attlen > 0)
		column->width = att_align_nominal(att->attlen, att->attalign);
	else
		column->width = sizeof(uint32);
}

static Column *
describe_columns(TupleDesc desc)
{
	Column	   *columns = palloc(sizeof(Column) * Max(desc->natts, 1));

	for (int i = 0; i < desc->natts; i++)
		describe_column(&columns[i], TupleDescAttr(desc, i));
	return columns;
}

static Size
column_size(const Column *column, int rows)
{
	return MAXALIGN((Size) column->width * rows) + MAXALIGN(WEIR_NULLS_SIZE(rows));
}

static void
lay_out(Layout *layout, int natts, const Column *columns, int rows, bool has_raw,
		bool has_watermarks)
{
	Size		at = MAXALIGN(offsetof(Header, has_nulls) + natts);

	layout->lines = at;
	layout->stamps = at += sizeof(int64) * rows;
	layout->hashes = at += sizeof(int64) * rows;
	layout->watermarks = at += sizeof(uint64) * rows;
	layout->raw = at += has_watermarks ? sizeof(int64) * rows : 0;
	layout->columns = at += has_raw ? sizeof(RawPlace) * rows : 0;
	for (int i = 0; i < natts; i++)
		at += column_size(&columns[i], rows);
	layout->heap = at;
}

WeirRunWriter *
weir_run_writer_create(void)
{
	WeirRunWriter *w = palloc0(sizeof(WeirRunWriter));

	w->context = CurrentMemoryContext;
	w->scratch = AllocSetContextCreate(w->context, "weir values brought in",
									   ALLOCSET_SMALL_SIZES);
	w->natts = -1;
	return w;
}

/* How many rows fill FIXED_BYTES? */
static int
choose_capacity(const WeirRunWriter *w)
{
	Size		row = sizeof(int64) * (w->has_watermarks ? 4 : 3) +
		(w->has_raw ? sizeof(RawPlace) : 0);

	for (int i = 0; i < w->natts; i++)
		row += w->columns[i].width;
	return (int) Max(Min(FIXED_BYTES / row, WEIR_RUN_ROWS), 1);
}

static void
describe(WeirRunWriter *w, const WeirBatch *batch)
{
	MemoryContext caller = MemoryContextSwitchTo(w->context);

	if (w->columns)
		pfree(w->columns);
	w->natts = batch->desc->natts;
	w->columns = describe_columns(batch->desc);
	w->has_raw = batch->raw != NULL;
	w->has_watermarks = batch->watermarks != NULL;
	w->has_heap = w->has_raw;
	for (int i = 0; i < w->natts; i++)
		w->has_heap = w->has_heap || w->columns[i].length < 0;
	w->capacity = choose_capacity(w);
	lay_out(&w->layout, w->natts, w->columns, w->capacity, w->has_raw, w->has_watermarks);
	MemoryContextSwitchTo(caller);
}

static char *
run_at(const WeirRunWriter *w, Size offset)
{
	return w->buffer->data + w->start + offset;
}

static Header *
header_of(const WeirRunWriter *w)
{
	return (Header *) run_at(w, 0);
}

static Size
heap_size(const WeirRunWriter *w)
{
	return w->buffer->len - w->start - w->layout.heap;
}

bool
weir_run_fits(const WeirRunWriter *w, const WeirBatch *batch)
{
	return w->has_raw == (batch->raw != NULL) && w->has_watermarks == (batch->watermarks != NULL);
}

void
weir_run_begin(WeirRunWriter *w, StringInfo buffer, const WeirBatch *batch)
{
	Header	   *header;

	Assert(buffer->len == MAXALIGN(buffer->len));
	if (w->natts != batch->desc->natts || !weir_run_fits(w, batch))
		describe(w, batch);
	w->buffer = buffer;
	w->start = buffer->len;
	w->nrows = 0;
	enlargeStringInfo(buffer, (int) w->layout.heap);
	buffer->len += (int) w->layout.heap;
	header = header_of(w);
	memset(header, 0, w->layout.lines);
	header->source = batch->source;
	header->has_raw = w->has_raw;
	header->has_watermarks = w->has_watermarks;
}

/* About what a value takes of the heap; one that must be brought in fills it. */
static Size
value_size(const Column *column, Datum value)
{
	struct varlena *v = (struct varlena *) DatumGetPointer(value);

	if (column->length == -2)
		return strlen((char *) v) + 1;
	if (VARATT_IS_EXTERNAL(v))
		return HEAP_BYTES;
	return VARSIZE_ANY(v) + MAXIMUM_ALIGNOF;
}

static Size
row_size(const WeirRunWriter *w, const WeirBatch *batch, int row)
{
	Size		size = w->has_raw ? Max(batch->raw[row].len, 0) : 0;

	for (int i = 0; i < w->natts; i++)
	{
		const WeirVector *vector = &batch->columns[i];

		if (w->columns[i].length < 0 && !weir_vector_is_null(vector, row))
			size += value_size(&w->columns[i], vector->values[row]);
	}
	return size;
}

static inline int
row_of(const int *selection, int first, int k)
{
	return selection ? selection[k] : first + k;
}

/* How many of the rows there is room for. */
static int
count_fitting(const WeirRunWriter *w, const WeirBatch *batch, const int *selection,
			  int first, int n)
{
	Size		size = heap_size(w);

	n = Min(n, w->capacity - w->nrows);
	for (int k = 0; w->has_heap && k < n; k++)
	{
		if (size >= HEAP_BYTES && w->nrows + k > 0)
			return k;
		size += row_size(w, batch, row_of(selection, first, k));
	}
	return n;
}

static void
gather(int64 *to, const int64 *from, const int *selection, int first, int n)
{
	if (selection == NULL)
	{
		memcpy(to, from + first, sizeof(int64) * n);
		return;
	}
	for (int k = 0; k < n; k++)
		to[k] = from[selection[k]];
}

/*
 * What reading them from a tuple would give: who compares values of fewer bits
 * than a Datum has may compare all of it.
 */
static void
normalize(Datum *values, int n, int length)
{
	switch (length)
	{
		case 1:
			for (int i = 0; i < n; i++)
				values[i] = CharGetDatum(DatumGetChar(values[i]));
			break;
		case 2:
			for (int i = 0; i < n; i++)
				values[i] = Int16GetDatum(DatumGetInt16(values[i]));
			break;
		case 4:
			for (int i = 0; i < n; i++)
				values[i] = Int32GetDatum(DatumGetInt32(values[i]));
			break;
	}
}

/* The heap's end, made fit for what follows; it may move the run. */
static uint32
heap_append(WeirRunWriter *w, Size align, const void *data, Size len)
{
	StringInfo	buffer = w->buffer;
	uint32		at = (uint32) TYPEALIGN(align, heap_size(w));
	Size		end = w->start + w->layout.heap + at + len;

	enlargeStringInfo(buffer, (int) (end - buffer->len));
	memset(buffer->data + buffer->len, 0, w->start + w->layout.heap + at - buffer->len);
	memcpy(run_at(w, w->layout.heap + at), data, len);
	buffer->len = (int) end;
	return at;
}

static uint32
append_value(WeirRunWriter *w, const Column *column, Datum value)
{
	struct varlena *v = (struct varlena *) DatumGetPointer(value);
	MemoryContext caller;
	uint32		at;

	if (column->length == -2)
		return heap_append(w, 1, v, strlen((char *) v) + 1);
	if (!VARATT_IS_EXTERNAL(v))
		return heap_append(w, VARATT_IS_SHORT(v) ? 1 : att_align_nominal(1, column->align),
						   v, VARSIZE_ANY(v));
	caller = MemoryContextSwitchTo(w->scratch);
	v = detoast_external_attr(v);
	MemoryContextSwitchTo(caller);
	at = heap_append(w, VARATT_IS_SHORT(v) ? 1 : att_align_nominal(1, column->align),
					 v, VARSIZE_ANY(v));
	MemoryContextReset(w->scratch);
	return at;
}

/* Values by reference, one by one: at is where in the run they stand. */
static void
add_references(WeirRunWriter *w, const Column *column, const WeirVector *vector, Size at,
			   const int *selection, int first, int n)
{
	for (int k = 0; k < n; k++, at += column->width)
	{
		int			row = row_of(selection, first, k);
		uint32		place;

		if (weir_vector_is_null(vector, row))
			memset(run_at(w, at), 0, column->width);
		else if (column->length > 0)
			memcpy(run_at(w, at), DatumGetPointer(vector->values[row]), column->length);
		else
		{
			place = append_value(w, column, vector->values[row]);
			memcpy(run_at(w, at), &place, sizeof(place));
		}
	}
}

static void
add_nulls(WeirRunWriter *w, int column, Size at, const WeirVector *vector,
		  const int *selection, int first, int n)
{
	Header	   *header = header_of(w);
	bits8	   *nulls = (bits8 *) run_at(w, at);

	if (!vector->has_nulls)
		return;
	if (!header->has_nulls[column])
		memset(nulls, 0, WEIR_NULLS_SIZE(w->capacity));
	header->has_nulls[column] = true;
	for (int k = 0; k < n; k++)
	{
		int			to = w->nrows + k;

		if (weir_vector_is_null(vector, row_of(selection, first, k)))
			nulls[to / BITS_PER_BYTE] |= 1 << (to % BITS_PER_BYTE);
	}
}

static void
add_column(WeirRunWriter *w, int i, Size at, const WeirVector *vector,
		   const int *selection, int first, int n)
{
	const Column *column = &w->columns[i];
	Size		values = at + (Size) column->width * w->nrows;

	if (column->by_value)
	{
		gather((int64 *) run_at(w, values), (const int64 *) vector->values, selection, first, n);
		normalize((Datum *) run_at(w, values), n, column->length);
	}
	else
		add_references(w, column, vector, values, selection, first, n);
	add_nulls(w, i, at + MAXALIGN((Size) column->width * w->capacity), vector,
			  selection, first, n);
}

static void
add_raw(WeirRunWriter *w, const WeirBatch *batch, const int *selection, int first, int n)
{
	for (int k = 0; k < n; k++)
	{
		const WeirRaw *raw = &batch->raw[row_of(selection, first, k)];
		RawPlace	place = {0, -1};

		if (raw->data)
		{
			place.at = heap_append(w, 1, raw->data, raw->len);
			place.len = raw->len;
		}
		((RawPlace *) run_at(w, w->layout.raw))[w->nrows + k] = place;
	}
}

int
weir_run_add(WeirRunWriter *w, const WeirBatch *batch, const int *selection, int first, int n)
{
	Size		at = w->layout.columns;

	n = count_fitting(w, batch, selection, first, n);
	gather((int64 *) run_at(w, w->layout.lines) + w->nrows, batch->lines, selection, first, n);
	gather((int64 *) run_at(w, w->layout.stamps) + w->nrows, batch->stamps, selection, first, n);
	gather((int64 *) run_at(w, w->layout.hashes) + w->nrows, (const int64 *) batch->hashes,
		   selection, first, n);
	if (w->has_watermarks)
		gather((int64 *) run_at(w, w->layout.watermarks) + w->nrows, batch->watermarks, selection,
			   first, n);
	for (int i = 0; i < w->natts; i++)
	{
		add_column(w, i, at, &batch->columns[i], selection, first, n);
		at += column_size(&w->columns[i], w->capacity);
	}
	if (w->has_raw)
		add_raw(w, batch, selection, first, n);
	w->nrows += n;
	return n;
}

bool
weir_run_is_full(const WeirRunWriter *w)
{
	return w->nrows == w->capacity || heap_size(w) >= HEAP_BYTES;
}

/* A part moves to where fewer rows have it. */
static void
move(const WeirRunWriter *w, Size to, Size from, Size len)
{
	if (to != from)
		memmove(run_at(w, to), run_at(w, from), len);
}

void
weir_run_end(WeirRunWriter *w)
{
	Layout	   *from = &w->layout;
	Layout		to;
	Size		heap = heap_size(w);
	Size		source = from->columns;
	Size		target;
	int			rows = w->nrows;

	header_of(w)->nrows = rows;
	lay_out(&to, w->natts, w->columns, rows, w->has_raw, w->has_watermarks);
	move(w, to.stamps, from->stamps, sizeof(int64) * rows);
	move(w, to.hashes, from->hashes, sizeof(uint64) * rows);
	if (w->has_watermarks)
		move(w, to.watermarks, from->watermarks, sizeof(int64) * rows);
	if (w->has_raw)
		move(w, to.raw, from->raw, sizeof(RawPlace) * rows);
	target = to.columns;
	for (int i = 0; i < w->natts; i++)
	{
		const Column *column = &w->columns[i];
		Size		width = column->width;

		move(w, target, source, width * rows);
		move(w, target + MAXALIGN(width * rows), source + MAXALIGN(width * w->capacity),
			 WEIR_NULLS_SIZE(rows));
		target += column_size(column, rows);
		source += column_size(column, w->capacity);
	}
	move(w, to.heap, from->heap, heap);
	w->buffer->len = (int) (w->start + to.heap + heap);
}

WeirRunReader *
weir_run_reader_create(TupleDesc desc)
{
	WeirRunReader *r = palloc0(sizeof(WeirRunReader));

	r->batch.desc = CreateTupleDescCopyConstr(desc);
	r->batch.capacity = WEIR_RUN_ROWS;
	r->batch.columns = palloc0(sizeof(WeirVector) * Max(desc->natts, 1));
	r->columns = describe_columns(desc);
	r->pointers = palloc0(sizeof(Datum *) * Max(desc->natts, 1));
	for (int i = 0; i < desc->natts; i++)
	{
		if (!r->columns[i].by_value)
			r->pointers[i] = palloc(sizeof(Datum) * WEIR_RUN_ROWS);
	}
	return r;
}

/* Those that are null point to nothing of use. */
static void
find_values(const Column *column, const char *values, const char *heap, int rows, Datum *pointers)
{
	if (column->length > 0)
	{
		for (int i = 0; i < rows; i++)
			pointers[i] = PointerGetDatum(values + (Size) column->width * i);
		return;
	}
	for (int i = 0; i < rows; i++)
		pointers[i] = PointerGetDatum(heap + ((const uint32 *) values)[i]);
}

static void
find_raw(WeirRunReader *r, const RawPlace *places, const char *heap, int rows)
{
	if (r->raw == NULL)
		r->raw = MemoryContextAlloc(GetMemoryChunkContext(r), sizeof(WeirRaw) * WEIR_RUN_ROWS);
	for (int i = 0; i < rows; i++)
	{
		r->raw[i].data = places[i].len < 0 ? NULL : heap + places[i].at;
		r->raw[i].len = places[i].len;
	}
}

WeirBatch *
weir_run_read(WeirRunReader *r, const char *run)
{
	const Header *header = (const Header *) run;
	WeirBatch  *batch = &r->batch;
	int			natts = batch->desc->natts;
	int			rows = header->nrows;
	const char *at;
	Layout		layout;

	lay_out(&layout, natts, r->columns, rows, header->has_raw, header->has_watermarks);
	batch->nrows = rows;
	batch->source = header->source;
	batch->lines = (int64 *) (run + layout.lines);
	batch->stamps = (int64 *) (run + layout.stamps);
	batch->hashes = (uint64 *) (run + layout.hashes);
	batch->watermarks = header->has_watermarks ? (int64 *) (run + layout.watermarks) : NULL;
	batch->raw = NULL;
	if (header->has_raw)
	{
		find_raw(r, (const RawPlace *) (run + layout.raw), run + layout.heap, rows);
		batch->raw = r->raw;
	}
	at = run + layout.columns;
	for (int i = 0; i < natts; i++)
	{
		const Column *column = &r->columns[i];
		WeirVector *vector = &batch->columns[i];

		vector->values = column->by_value ? (Datum *) at : r->pointers[i];
		if (!column->by_value)
			find_values(column, at, run + layout.heap, rows, vector->values);
		vector->has_nulls = header->has_nulls[i];
		vector->nulls = (bits8 *) (at + MAXALIGN((Size) column->width * rows));
		at += column_size(column, rows);
	}
	return batch;
}
