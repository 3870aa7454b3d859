/*
 * state/chunk/row.c
 *		Composite values without their header.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/tupmacs.h"
#include "utils/expandeddatum.h"

#include "base/compat.h"
#include "state/chunk/row.h"
#include "state/chunk/validate.h"

#define ROW_HEADER MAXALIGN(SizeofHeapTupleHeader)
#define LARGEST_DATA (VARATT_SHORT_MAX - VARHDRSZ_SHORT)

/* An ordinary value, aligned as one. */
typedef union RowSpace
{
	char		bytes[ROW_HEADER + LARGEST_DATA];
	int64		aligner;
} RowSpace;

#define row_header(space) ((HeapTupleHeader) (space)->bytes)

struct WeirFlatRow
{
	TupleDesc	desc;
	Size		fixed_size;		/* of the attributes, 0: it varies */
	RowSpace	flattened;		/* weir_row_flatten */
	RowSpace	restored;		/* weir_row_restore: its header is always there */
	char		shortened[VARATT_SHORT_MAX];	/* weir_row_shorten */
};

/* The bytes that attributes of fixed length take; 0 where one's length varies. */
static Size
fixed_size(TupleDesc desc)
{
	Size		size = 0;

	for (int i = 0; i < desc->natts; i++)
	{
		Form_pg_attribute att = TupleDescAttr(desc, i);

		if (att->attlen <= 0)
			return 0;
		size = att_align_nominal(size, att->attalign) + att->attlen;
	}
	return size;
}

/*
 * The header of a row as PostgreSQL itself makes it: some releases keep more in it
 * than the type.
 */
void
weir_row_header(TupleDesc desc, HeapTupleHeader header)
{
	Datum	   *values = palloc0(sizeof(Datum) * desc->natts);
	bool	   *nulls = palloc(sizeof(bool) * desc->natts);
	HeapTuple	tuple;

	memset(nulls, true, sizeof(bool) * desc->natts);
	tuple = heap_form_tuple(desc, values, nulls);
	memcpy(header, tuple->t_data, SizeofHeapTupleHeader);
	header->t_infomask &= ~HEAP_HASNULL;
	header->t_hoff = ROW_HEADER;
	heap_freetuple(tuple);
	pfree(values);
	pfree(nulls);
}

WeirFlatRow *
weir_row_create(TupleDesc desc, HeapTupleHeader header, MemoryContext context)
{
	WeirFlatRow *row = MemoryContextAllocZero(context, sizeof(WeirFlatRow));

	row->desc = desc;
	row->fixed_size = fixed_size(desc);
	memcpy(&row->restored, header, SizeofHeapTupleHeader);
	if (row->fixed_size == 0)
		row_header(&row->restored)->t_infomask |= HEAP_HASVARWIDTH;
	return row;
}

void
weir_row_flatten(WeirFlatRow *row, Datum *value)
{
	ExpandedObjectHeader *object;
	Size		size;

	if (!VARATT_IS_EXTERNAL_EXPANDED(DatumGetPointer(*value)))
		return;
	object = DatumGetEOHP(*value);
	size = EOH_get_flat_size(object);
	if (size > sizeof(row->flattened))
		return;
	EOH_flatten_into(object, &row->flattened, size);
	*value = PointerGetDatum(&row->flattened);
}

void
weir_row_shorten(WeirFlatRow *row, Datum *value)
{
	HeapTupleHeader header = (HeapTupleHeader) DatumGetPointer(*value);
	Size		size = HeapTupleHeaderGetDatumLength(header) - header->t_hoff;

	if (size > LARGEST_DATA || (header->t_infomask & (HEAP_HASNULL | HEAP_HASEXTERNAL)) ||
		HeapTupleHeaderGetNatts(header) != row->desc->natts ||
		HeapTupleHeaderGetTypeId(header) != HeapTupleHeaderGetTypeId(row_header(&row->restored)))
		return;
	SET_VARSIZE_SHORT(row->shortened, VARHDRSZ_SHORT + size);
	memcpy(row->shortened + VARHDRSZ_SHORT, (char *) header + header->t_hoff, size);
	*value = PointerGetDatum(row->shortened);
}

Datum
weir_row_restore(WeirFlatRow *row, Datum kept)
{
	Size		size = VARSIZE_SHORT(DatumGetPointer(kept)) - VARHDRSZ_SHORT;

	memcpy(row->restored.bytes + ROW_HEADER, (char *) DatumGetPointer(kept) + VARHDRSZ_SHORT, size);
	HeapTupleHeaderSetDatumLength(row_header(&row->restored), ROW_HEADER + size);
	return PointerGetDatum(&row->restored);
}

Size
weir_row_restored_size(Datum kept)
{
	return ROW_HEADER + VARSIZE_SHORT(DatumGetPointer(kept)) - VARHDRSZ_SHORT;
}

void
weir_row_restore_part(WeirFlatRow *row, Datum kept, int natts, char *bytes)
{
	HeapTupleHeader header = (HeapTupleHeader) bytes;
	Size		size = weir_row_restored_size(kept);

	memcpy(header, &row->restored, ROW_HEADER);
	HeapTupleHeaderSetNatts(header, natts);
	HeapTupleHeaderSetDatumLength(header, size);
	memcpy(bytes + ROW_HEADER, (char *) DatumGetPointer(kept) + VARHDRSZ_SHORT, size - ROW_HEADER);
}

bool
weir_row_fits(WeirFlatRow *row, Datum kept)
{
	Size		size = VARSIZE_SHORT(DatumGetPointer(kept)) - VARHDRSZ_SHORT;

	if (row->fixed_size > 0)
		return size == row->fixed_size;
	(void) weir_row_restore(row, kept);
	return weir_validate_row(row->desc, row_header(&row->restored), ROW_HEADER + size) == NULL;
}
