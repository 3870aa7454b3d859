/*
 * source/feed/chunk.c
 *		Rows of a stream fed from SQL, packed one behind the other.
 */
#include "postgres.h"

#include "access/detoast.h"
#include "access/htup_details.h"
#include "access/tupmacs.h"
#include "utils/builtins.h"
#include "utils/expandeddatum.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"

#include "base/compat.h"
#include "source/feed/chunk.h"

#define FIRST_ROOM	8192
#define MAX_ROW		(MaxAllocSize - 1024 * 1024)	/* with what a chunk holds beside it */

/* Before the types. */
typedef struct ChunkHead
{
	uint32		ncolumns;
} ChunkHead;

typedef struct RowHead
{
	uint32		size;			/* to the next row */
	uint32		data;			/* where values begin; null bits lie before, if there are any */
} RowHead;

#define HEAD_SIZE(ncolumns) MAXALIGN(sizeof(ChunkHead) + (Size) (ncolumns) * sizeof(Oid))

WeirFeedChunkWriter *
weir_feed_chunk_writer_create(TupleDesc desc)
{
	WeirFeedChunkWriter *w = palloc0(sizeof(WeirFeedChunkWriter));
	ChunkHead  *head;
	Oid		   *types;

	w->desc = desc;
	w->head = HEAD_SIZE(desc->natts);
	w->room = Max(FIRST_ROOM, w->head);
	w->data = palloc0(w->room);
	w->row_context = AllocSetContextCreate(CurrentMemoryContext, "weir row to keep",
										   ALLOCSET_DEFAULT_SIZES);
	head = (ChunkHead *) w->data;
	head->ncolumns = desc->natts;
	types = (Oid *) (head + 1);
	for (int i = 0; i < desc->natts; i++)
		types[i] = TupleDescAttr(desc, i)->attisdropped ? InvalidOid : TupleDescAttr(desc, i)->atttypid;
	weir_feed_chunk_begin(w);
	return w;
}

void
weir_feed_chunk_begin(WeirFeedChunkWriter *w)
{
	w->size = w->head;
	w->nrows = 0;
}

/* What lies elsewhere, in another table's TOAST or in an expanded object, is brought in. */
static Datum
bring_in(Datum value)
{
	struct varlena *bytes = (struct varlena *) DatumGetPointer(value);

	if (VARATT_IS_EXTERNAL_EXPANDED(bytes))
		return PointerGetDatum(PG_DETOAST_DATUM(value));
	if (VARATT_IS_EXTERNAL(bytes))
		return PointerGetDatum(detoast_external_attr(bytes));
	return value;
}

/* The values to pack, if they are not those given; true if there are nulls. */
static bool
prepare(WeirFeedChunkWriter *w, const Datum **values, const bool *nulls)
{
	Datum	   *changed = NULL;
	bool		has_nulls = false;

	for (int i = 0; i < w->desc->natts; i++)
	{
		Form_pg_attribute att = TupleDescAttr(w->desc, i);

		has_nulls = has_nulls || nulls[i];
		if (nulls[i] || att->attlen != -1 || !VARATT_IS_EXTERNAL(DatumGetPointer((*values)[i])))
			continue;
		if (changed == NULL)
			changed = memcpy(palloc(w->desc->natts * sizeof(Datum)), *values,
							 w->desc->natts * sizeof(Datum));
		changed[i] = bring_in((*values)[i]);
	}
	if (changed)
		*values = changed;
	return has_nulls;
}

/* Zeroed, as padding is not written. */
static char *
make_room(WeirFeedChunkWriter *w, Size size)
{
	if (w->size + size > w->room)
	{
		w->room = Max(w->room * 2, w->size + size);
		w->data = repalloc_huge(w->data, w->room);
	}
	memset(w->data + w->size, 0, size);
	return w->data + w->size;
}

/* Who reads it has to hold the chunk in one piece of memory. */
static void
refuse_long(Size size)
{
	ereport(ERROR,
			(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
			 errmsg("row is too long for a stream"),
			 errdetail("It takes %zu bytes, and at most %zu can be read.", size, MAX_ROW),
			 errhint("Shorten its values, or keep them in a table and insert what refers to them.")));
}

void
weir_feed_chunk_add(WeirFeedChunkWriter *w, const Datum *values, const bool *nulls)
{
	MemoryContext caller = MemoryContextSwitchTo(w->row_context);
	bool		has_nulls = prepare(w, &values, nulls);
	Size		data = MAXALIGN(sizeof(RowHead) + (has_nulls ? BITMAPLEN(w->desc->natts) : 0));
	Size		length = heap_compute_data_size(w->desc, (Datum *) values, (bool *) nulls);
	Size		size = MAXALIGN(data + length);
	RowHead    *row;
	uint16		mask = 0;

	if (size > MAX_ROW)
		refuse_long(size);
	row = (RowHead *) make_room(w, size);
	row->size = (uint32) size;
	row->data = (uint32) data;
	heap_fill_tuple(w->desc, (Datum *) values, (bool *) nulls, (char *) row + data, length, &mask,
					has_nulls ? (bits8 *) (row + 1) : NULL);
	w->size += size;
	w->nrows++;
	MemoryContextSwitchTo(caller);
	MemoryContextReset(w->row_context);
}

WeirFeedChunkReader *
weir_feed_chunk_reader_create(const char *stream)
{
	WeirFeedChunkReader *r = palloc0(sizeof(WeirFeedChunkReader));

	r->context = CurrentMemoryContext;
	r->stream = stream;
	return r;
}

static void
refuse_type(const WeirFeedChunkReader *r, const WeirBatch *batch, int column, Oid written)
{
	Form_pg_attribute att = TupleDescAttr(batch->desc, column);

	ereport(ERROR,
			(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
			 errmsg("rows that wait in stream %s have another type in column \"%s\"",
					r->stream, NameStr(att->attname)),
			 errdetail("They were written when the column was of type %s; it is of type %s.",
					   format_type_be(written), format_type_be(att->atttypid)),
			 errhint("Give the column the type it had, let the job read what waits, stop it, and change the type then.")));
}

static bool
same_columns(const WeirFeedChunkReader *r, const Oid *types, int n)
{
	if (r->columns == NULL || r->ncolumns != n)
		return false;
	for (int i = 0; i < n; i++)
	{
		if (r->columns[i].type != types[i])
			return false;
	}
	return true;
}

static void
set_column(WeirFeedChunkReader *r, const WeirBatch *batch, int i, Oid type)
{
	WeirFeedChunkColumn *column = &r->columns[i];
	Form_pg_attribute att = TupleDescAttr(batch->desc, i);

	column->type = type;
	column->column = att->attisdropped ? -1 : i;
	if (!OidIsValid(type))
		return;
	if (!att->attisdropped && att->atttypid != type)
		refuse_type(r, batch, i, type);
	get_typlenbyvalalign(type, &column->length, &column->by_value, &column->align);
}

static void
set_columns(WeirFeedChunkReader *r, const WeirBatch *batch, const Oid *types, int n)
{
	WeirFeedChunkColumn *old = r->columns;

	r->columns = NULL;
	if (old)
		pfree(old);
	old = MemoryContextAllocZero(r->context, Max(n, 1) * sizeof(WeirFeedChunkColumn));
	r->columns = old;
	r->ncolumns = 0;
	for (int i = 0; i < n; i++)
		set_column(r, batch, i, types[i]);
	r->ncolumns = n;
}

Size
weir_feed_chunk_open(WeirFeedChunkReader *r, const WeirBatch *batch, const char *data, Size size)
{
	const ChunkHead *head = (const ChunkHead *) data;
	const Oid  *types = (const Oid *) (head + 1);

	if (size < sizeof(ChunkHead) || head->ncolumns > batch->desc->natts || size < HEAD_SIZE(head->ncolumns))
		ereport(ERROR,
				(errcode(ERRCODE_DATA_CORRUPTED),
				 errmsg("journal of stream %s has rows that cannot be read", r->stream)));
	if (!same_columns(r, types, (int) head->ncolumns))
		set_columns(r, batch, types, (int) head->ncolumns);
	return HEAD_SIZE(head->ncolumns);
}

/* One that the column was added behind has no value. */
static void
fill_missing(const WeirFeedChunkReader *r, WeirBatch *batch, int row)
{
	for (int i = r->ncolumns; i < batch->desc->natts; i++)
		weir_batch_set_null(batch, i, row);
}

Size
weir_feed_chunk_read(const WeirFeedChunkReader *r, const char *data, Size offset, WeirBatch *batch, int row)
{
	const RowHead *head = (const RowHead *) (data + offset);
	const bits8 *nulls = head->data > MAXALIGN(sizeof(RowHead)) ? (const bits8 *) (head + 1) : NULL;
	const char *values = data + offset + head->data;
	Size		at = 0;

	for (int i = 0; i < r->ncolumns; i++)
	{
		const WeirFeedChunkColumn *column = &r->columns[i];

		if (nulls && att_isnull(i, nulls))
		{
			weir_batch_set_null(batch, i, row);
			continue;
		}
		at = att_align_pointer(at, column->align, column->length, values + at);
		if (column->column >= 0)
			weir_batch_set_value(batch, i, row, fetch_att(values + at, column->by_value, column->length));
		else
			weir_batch_set_null(batch, i, row);
		at = att_addlength_pointer(at, column->length, values + at);
	}
	fill_missing(r, batch, row);
	return offset + head->size;
}

Size
weir_feed_chunk_pass(const char *data, Size offset)
{
	return offset + ((const RowHead *) (data + offset))->size;
}
