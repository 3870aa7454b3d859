/*
 * state/chunk/validate.c
 *		The shape of arrays and rows.
 *
 * Every part is checked to lie within the whole, down to values without parts.
 * What is inside those (the digits of a numeric, the tree of a jsonb) is their
 * type's own, and only the checksum of the chunk speaks for it.
 */
#include "postgres.h"

#include "access/detoast.h"
#include "access/htup_details.h"
#include "access/tupmacs.h"
#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/typcache.h"

#include "base/compat.h"
#include "state/chunk/validate.h"

/* What a part of a value is to be. */
typedef struct Part
{
	Oid			type;
	int16		typlen;
	bool		typbyval;
	char		typalign;
	bool		has_parts;
} Part;

/* Where the next part begins, in the bytes that hold all parts. */
typedef struct Cursor
{
	char	   *base;
	Size		size;
	Size		at;
} Cursor;

bool
weir_type_has_parts(Oid type)
{
	Oid			base = getBaseType(type);

	return OidIsValid(get_element_type(base)) || (type_is_rowtype(base) && base != RECORDOID);
}

static Part
part_of_type(Oid type)
{
	Part		part;

	part.type = type;
	get_typlenbyvalalign(type, &part.typlen, &part.typbyval, &part.typalign);
	part.has_parts = weir_type_has_parts(type);
	return part;
}

/* A varlena that may be packed or compressed; never out of line. */
static const char *
check_parts_of_varlena(const Part *part, char *bytes, Size size)
{
	const char *wrong;
	char	   *plain;

	if (!VARATT_IS_1B(bytes) && !VARATT_IS_4B_C(bytes) && bytes == (char *) MAXALIGN(bytes))
		return weir_validate(part->type, bytes, size);
	if (VARATT_IS_1B(bytes) || VARATT_IS_4B_C(bytes))
		plain = (char *) detoast_attr((struct varlena *) bytes);
	else
		plain = memcpy(palloc(size), bytes, size);
	wrong = weir_validate(part->type, plain, VARSIZE(plain));
	pfree(plain);
	return wrong;
}

static const char *
check_varlena(const Part *part, Cursor *cursor)
{
	static const char *const too_long = "a part goes beyond its value";
	char	   *bytes;
	Size		size;

	if (cursor->at >= cursor->size)
		return too_long;
	cursor->at = att_align_pointer(cursor->at, part->typalign, -1, cursor->base + cursor->at);
	if (cursor->at >= cursor->size)
		return too_long;
	bytes = cursor->base + cursor->at;
	if (VARATT_IS_1B_E(bytes))
		return "a part is not in its value";
	if (!VARATT_IS_1B(bytes) && cursor->size - cursor->at < VARHDRSZ)
		return too_long;
	size = VARSIZE_ANY(bytes);
	if (size > cursor->size - cursor->at)
		return too_long;
	if (size < (VARATT_IS_1B(bytes) ? 1 : VARATT_IS_4B_C(bytes) ? VARHDRSZ_COMPRESSED : VARHDRSZ))
		return "a part is shorter than its header";
	cursor->at += size;
	return part->has_parts ? check_parts_of_varlena(part, bytes, size) : NULL;
}

static const char *
check_part(const Part *part, Cursor *cursor)
{
	const char *end;

	if (part->typlen == -1)
		return check_varlena(part, cursor);
	cursor->at = att_align_nominal(cursor->at, part->typalign);
	if (cursor->at > cursor->size)
		return "a part goes beyond its value";
	if (part->typlen >= 0)
	{
		cursor->at += part->typlen;
		return cursor->at > cursor->size ? "a part goes beyond its value" : NULL;
	}
	end = memchr(cursor->base + cursor->at, 0, cursor->size - cursor->at);
	if (end == NULL)
		return "a string is not terminated";
	cursor->at = end + 1 - cursor->base;
	return NULL;
}

/* The number of an array's elements; negative if its dimensions cannot be. */
static int64
count_elements(const ArrayType *array)
{
	int64		n = 1;

	for (int i = 0; i < ARR_NDIM(array); i++)
	{
		int64		size = ARR_DIMS(array)[i];

		if (size < 0 || (int64) ARR_LBOUND(array)[i] + size > PG_INT32_MAX)
			return -1;
		n *= size;
		if (n > (int64) MaxAllocSize)
			return -1;
	}
	return ARR_NDIM(array) == 0 ? 0 : n;
}

static const char *
check_array(Oid element, char *bytes, Size size)
{
	ArrayType  *array = (ArrayType *) bytes;
	Part		part = part_of_type(element);
	Cursor		cursor = {bytes, size, 0};
	const char *wrong = NULL;
	int64		n;

	if (size < sizeof(ArrayType) || ARR_NDIM(array) < 0 || ARR_NDIM(array) > MAXDIM ||
		size < ARR_OVERHEAD_NONULLS(ARR_NDIM(array)))
		return "an array is shorter than its header";
	n = count_elements(array);
	if (n < 0)
		return "an array's dimensions cannot be";
	if (ARR_HASNULL(array) &&
		array->dataoffset != (int64) ARR_OVERHEAD_WITHNULLS(ARR_NDIM(array), n))
		return "an array's elements are not where they should be";
	cursor.at = ARR_DATA_OFFSET(array);
	if (cursor.at > size)
		return "an array is shorter than its header";
	array->elemtype = element;
	for (int64 i = 0; i < n && wrong == NULL; i++)
		if (!ARR_HASNULL(array) || !att_isnull(i, ARR_NULLBITMAP(array)))
			wrong = check_part(&part, &cursor);
	return wrong;
}

static const char *
check_attributes(TupleDesc desc, HeapTupleHeader row, Size size)
{
	Cursor		cursor = {(char *) row + row->t_hoff, size - row->t_hoff, 0};
	int			natts = HeapTupleHeaderGetNatts(row);
	const char *wrong = NULL;

	for (int i = 0; i < natts && wrong == NULL; i++)
	{
		Form_pg_attribute att = TupleDescAttr(desc, i);
		Part		part = {att->atttypid, att->attlen, att->attbyval, att->attalign};

		part.has_parts = !att->attisdropped && att->attlen == -1 &&
			weir_type_has_parts(att->atttypid);
		if (!(row->t_infomask & HEAP_HASNULL) || !att_isnull(i, row->t_bits))
			wrong = check_part(&part, &cursor);
	}
	return wrong;
}

const char *
weir_validate_row(TupleDesc desc, HeapTupleHeader row, Size size)
{
	int			natts;

	if (size < SizeofHeapTupleHeader)
		return "a row is shorter than its header";
	natts = HeapTupleHeaderGetNatts(row);
	if (row->t_hoff > size || row->t_hoff < SizeofHeapTupleHeader ||
		row->t_hoff != MAXALIGN(row->t_hoff) || natts > desc->natts ||
		((row->t_infomask & HEAP_HASNULL) &&
		 row->t_hoff < SizeofHeapTupleHeader + BITMAPLEN(natts)))
		return "a row's header does not fit its type";
	return check_attributes(desc, row, size);
}

static const char *
check_row(Oid type, char *bytes, Size size)
{
	HeapTupleHeader row = (HeapTupleHeader) bytes;
	TupleDesc	desc = lookup_rowtype_tupdesc(type, -1);
	const char *wrong = weir_validate_row(desc, row, size);

	ReleaseTupleDesc(desc);
	if (wrong == NULL && HeapTupleHeaderGetTypeId(row) != type)
		wrong = "a row is of another type";
	return wrong;
}

const char *
weir_validate(Oid type, char *bytes, Size size)
{
	Oid			base = getBaseType(type);
	Oid			element = get_element_type(base);

	check_stack_depth();
	CHECK_FOR_INTERRUPTS();
	return OidIsValid(element) ? check_array(element, bytes, size) :
		check_row(base, bytes, size);
}
