/*
 * state/flat.c
 *		Values as one piece of bytes.
 */
#include "postgres.h"

#include "access/detoast.h"
#include "access/htup_details.h"
#include "access/tupmacs.h"
#include "catalog/pg_type.h"
#include "common/hashfn.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/expandeddatum.h"
#include "utils/lsyscache.h"
#include "utils/typcache.h"

#include "base/compat.h"
#include "catalog/name.h"
#include "state/chunk/row.h"
#include "state/chunk/validate.h"
#include "state/flat.h"

static uint32 type_fingerprint(Oid type);

/* Continues a fingerprint with an attribute. */
static uint32
attribute_fingerprint(uint32 so_far, Form_pg_attribute att)
{
	if (att->attisdropped)
		return hash_combine(so_far, hash_uint32((uint32) att->attlen << 8 | (uint8) att->attalign));
	so_far = hash_combine(so_far, hash_bytes((unsigned char *) NameStr(att->attname),
											 strlen(NameStr(att->attname))));
	return hash_combine(so_far, type_fingerprint(att->atttypid));
}

static uint32
type_fingerprint(Oid type)
{
	Oid			base = getBaseType(type);
	Oid			element = get_element_type(base);
	uint32		print;
	char	   *name;

	check_stack_depth();
	if (OidIsValid(element))
		return hash_combine(1, type_fingerprint(element));
	if (type_is_rowtype(base) && base != RECORDOID)
	{
		TupleDesc	desc = lookup_rowtype_tupdesc(base, -1);

		print = 2;
		for (int i = 0; i < desc->natts; i++)
			print = attribute_fingerprint(print, TupleDescAttr(desc, i));
		ReleaseTupleDesc(desc);
		return print;
	}
	name = weir_type_name(base, -1);
	print = hash_bytes((unsigned char *) name, strlen(name));
	pfree(name);
	return print;
}

void
weir_flat_type(WeirFlatType *flat, Oid type, MemoryContext context)
{
	Oid			base = getBaseType(type);
	TupleDesc	desc;
	MemoryContext old;

	memset(flat, 0, sizeof(*flat));
	flat->type = type;
	get_typlenbyval(type, &flat->typlen, &flat->typbyval);
	flat->has_parts = weir_type_has_parts(type);
	flat->composite = type_is_rowtype(base) && base != RECORDOID;
	if (!flat->composite)
	{
		flat->fingerprints = MemoryContextAlloc(context, sizeof(uint32));
		flat->fingerprints[0] = type_fingerprint(type);
		return;
	}

	flat->row_type = base;
	desc = lookup_rowtype_tupdesc(base, -1);
	old = MemoryContextSwitchTo(context);
	flat->desc = CreateTupleDescCopy(desc);
	flat->header = palloc(SizeofHeapTupleHeader);
	weir_row_header(desc, flat->header);
	MemoryContextSwitchTo(old);
	flat->natts = desc->natts;
	flat->fingerprints = MemoryContextAlloc(context, sizeof(uint32) * (desc->natts + 1));
	flat->fingerprints[0] = 2;
	for (int i = 0; i < desc->natts; i++)
		flat->fingerprints[i + 1] = attribute_fingerprint(flat->fingerprints[i],
														  TupleDescAttr(desc, i));
	ReleaseTupleDesc(desc);
}

uint32
weir_flat_salted(const WeirFlatType *flat, int natts, uint32 salt)
{
	return salt == 0 ? flat->fingerprints[natts] : hash_combine(flat->fingerprints[natts], salt);
}

void
weir_flat_salt(WeirFlatType *flat, uint32 salt)
{
	for (int i = 0; i <= flat->natts; i++)
		flat->fingerprints[i] = weir_flat_salted(flat, i, salt);
	flat->salt = salt;
}

Size
weir_flat_prepare(const WeirFlatType *flat, Datum *value)
{
	struct varlena *varlena;

	if (flat->typlen != -1)
		return weir_flat_size(flat, *value);
	if (flat->row)
		weir_row_flatten(flat->row, value);
	varlena = (struct varlena *) DatumGetPointer(*value);
	if (VARATT_IS_EXTERNAL_EXPANDED(varlena))
		return EOH_get_flat_size(DatumGetEOHP(*value));
	/* a row's header is needed in full, whatever is in it */
	if (VARATT_IS_EXTERNAL(varlena) || VARATT_IS_COMPRESSED(varlena) ||
		(flat->composite && VARATT_IS_SHORT(varlena)))
	{
		varlena = detoast_attr(varlena);
		*value = PointerGetDatum(varlena);
	}
	if (flat->row)
		weir_row_shorten(flat->row, value);
	return VARSIZE_ANY(DatumGetPointer(*value));
}

Datum
weir_flat_datum(const WeirFlatType *flat, Datum kept)
{
	return flat->row && VARATT_IS_SHORT(DatumGetPointer(kept)) ?
		weir_row_restore(flat->row, kept) : kept;
}

void
weir_flat_keep_short(WeirFlatType *flat, MemoryContext context)
{
	flat->row = weir_row_create(flat->desc, flat->header, context);
}

void
weir_flat_write(const WeirFlatType *flat, Datum value, Size size, char *bytes)
{
	if (flat->typbyval)
		store_att_byval(bytes, value, flat->typlen);
	else if (flat->typlen == -1 && VARATT_IS_EXTERNAL_EXPANDED(DatumGetPointer(value)))
		EOH_flatten_into(DatumGetEOHP(value), bytes, size);
	else
		memmove(bytes, DatumGetPointer(value), size);
}

Size
weir_flat_size(const WeirFlatType *flat, Datum value)
{
	if (flat->typlen > 0)
		return flat->typlen;
	if (flat->typlen == -1)
		return VARSIZE_ANY(DatumGetPointer(value));
	return strlen(DatumGetCString(value)) + 1;
}

const char *
weir_flat_bytes(const WeirFlatType *flat, Datum value, Datum *space)
{
	if (!flat->typbyval)
		return DatumGetPointer(value);
	store_att_byval(space, value, flat->typlen);
	return (const char *) space;
}

/*
 * The type was dropped and created anew, with the same attributes, since the
 * row was written.  Some minor releases keep a version of the type in the header.
 */
static void
adopt_row(HeapTupleHeader row, const HeapTupleHeaderData *header)
{
	row->t_choice.t_datum.datum_typeid = header->t_choice.t_datum.datum_typeid;
	row->t_choice.t_datum.datum_typmod = header->t_choice.t_datum.datum_typmod;
	row->t_ctid = header->t_ctid;
	row->t_infomask |= header->t_infomask;
}

/* An array may be kept with a short header, behind which nothing is aligned. */
static const char *
check_packed(const WeirFlatType *flat, char *bytes, Size size)
{
	const char *wrong;
	char	   *plain;

	if (!VARATT_IS_1B(bytes))
		return weir_validate(flat->type, bytes, size);
	plain = (char *) detoast_attr((struct varlena *) bytes);
	wrong = weir_validate(flat->type, plain, VARSIZE(plain));
	pfree(plain);
	return wrong;
}

/* Bytes of an array or a composite value: do all their lengths fit? */
static const char *
read_parts(const WeirFlatType *flat, char *bytes, Size size)
{
	HeapTupleHeader row = (HeapTupleHeader) bytes;

	if (!flat->composite)
		return check_packed(flat, bytes, size);
	if (flat->row && VARATT_IS_1B(bytes))
		return weir_row_fits(flat->row, PointerGetDatum(bytes)) ? NULL :
			"a row does not fit its type";
	if (VARATT_IS_1B(bytes) || size < SizeofHeapTupleHeader)
		return "a row is shorter than its header";
	if (HeapTupleHeaderGetTypeId(row) != flat->row_type)
		adopt_row(row, flat->header);
	return weir_validate_row(flat->desc, row, size);
}

const char *
weir_flat_read(const WeirFlatType *flat, char *bytes, Size size, Datum *value)
{
	if (flat->typlen > 0)
	{
		if (size != (Size) flat->typlen)
			return "a value's length is not that of its type";
		*value = flat->typbyval ? fetch_att(bytes, true, flat->typlen) : PointerGetDatum(bytes);
		return NULL;
	}
	*value = PointerGetDatum(bytes);
	if (flat->typlen == -2)
		return size > 0 && memchr(bytes, 0, size) == bytes + size - 1 ?
			NULL : "a string is not terminated";

	if (size < 1 || VARATT_IS_1B_E(bytes) || (!VARATT_IS_1B(bytes) && size < VARHDRSZ) ||
		VARATT_IS_4B_C(bytes) || VARSIZE_ANY(bytes) != size)
		return "a value's length is not the one it says";
	return flat->has_parts ? read_parts(flat, bytes, size) : NULL;
}

uint32
weir_flat_columns_init(WeirFlatColumns *columns, TupleDesc desc, MemoryContext context)
{
	MemoryContext old = MemoryContextSwitchTo(context);
	int			room = Max(desc->natts, 1);
	uint32		salt = desc->natts;

	columns->n = desc->natts;
	columns->types = palloc(sizeof(WeirFlatType) * room);
	columns->values = palloc(sizeof(Datum) * room);
	columns->nulls = palloc(sizeof(bool) * room);
	columns->sizes = palloc(sizeof(Size) * room);
	for (int i = 0; i < columns->n; i++)
	{
		weir_flat_type(&columns->types[i], TupleDescAttr(desc, i)->atttypid, context);
		salt = hash_combine(salt, weir_flat_fingerprint(&columns->types[i]));
	}
	MemoryContextSwitchTo(old);
	return salt;
}

/* Where the next value by reference begins; what is short needs no alignment. */
static inline Size
value_at(const WeirFlatType *type, Datum value, Size at)
{
	if (type->typlen == -1 && VARATT_IS_SHORT(DatumGetPointer(value)))
		return at;
	return MAXALIGN(at);
}

Size
weir_flat_columns_measure(WeirFlatColumns *columns, Size at)
{
	for (int i = 0; i < columns->n; i++)
	{
		const WeirFlatType *type = &columns->types[i];

		if (columns->nulls[i] || type->typbyval)
			continue;
		columns->sizes[i] = weir_flat_prepare(type, &columns->values[i]);
		at = value_at(type, columns->values[i], at) + columns->sizes[i];
	}
	return at;
}

Size
weir_flat_columns_write(const WeirFlatColumns *columns, char *piece, Datum *kept, Size at)
{
	bool	   *nulls = (bool *) (kept + columns->n);

	for (int i = 0; i < columns->n; i++)
	{
		const WeirFlatType *type = &columns->types[i];

		nulls[i] = columns->nulls[i];
		kept[i] = nulls[i] ? (Datum) 0 : columns->values[i];
		if (nulls[i] || type->typbyval)
			continue;
		at = value_at(type, columns->values[i], at);
		weir_flat_write(type, columns->values[i], columns->sizes[i], piece + at);
		kept[i] = PointerGetDatum(piece + at);
		at += columns->sizes[i];
	}
	return at;
}
