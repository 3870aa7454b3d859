/*
 * state/key.c
 *		Keys: hash, equality, the flat copy an entry keeps.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "common/hashfn.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"

#include "base/compat.h"
#include "state/chunk/piece.h"
#include "state/entry.h"

/* So that state is not taken for another's whose keys were spread by another function. */
#define NARROW_HASH_SALT 32

/* With the store's own functions. */
uint64
weir_keys_hash(const WeirStore *store, const Datum *key, const bool *isnull)
{
	uint64		result = weir_key_hash_column(&store->keys[0].hash, key[0], isnull[0]);

	for (int i = 1; i < store->nkeys; i++)
		result = hash_combine64(result,
								weir_key_hash_column(&store->keys[i].hash, key[i], isnull[i]));
	return result;
}

static WeirKeyEquality
choose_equality(const WeirFlatType *type, Oid function, Oid collation)
{
	switch (function)
	{
		case F_BOOLEQ:
		case F_CHAREQ:
		case F_INT2EQ:
		case F_INT4EQ:
		case F_INT8EQ:
		case F_OIDEQ:
		case F_CASH_EQ:
		case F_DATE_EQ:
		case F_TIME_EQ:
		case F_TIMESTAMP_EQ:
		case F_TIMESTAMPTZ_EQ:
		case F_ENUM_EQ:
			return type->typbyval ? WEIR_EQUAL_DATUM : WEIR_EQUAL_CALL;
		case F_UUID_EQ:
		case F_BYTEAEQ:
			return WEIR_EQUAL_BYTES;
		case F_TEXTEQ:
			return OidIsValid(collation) && get_collation_isdeterministic(collation) ?
				WEIR_EQUAL_BYTES : WEIR_EQUAL_CALL;
		default:
			return WEIR_EQUAL_CALL;
	}
}

void
weir_key_column_init(WeirKeyColumnState *column, const WeirStoreKey *key, MemoryContext context)
{
	Oid			equal = get_opcode(key->eq_operator);

	weir_key_hash_init(&column->hash, key->type, key->collation, context);
	weir_flat_type(&column->type, key->type, context);
	column->collation = key->collation;
	column->equality = choose_equality(&column->type, equal, column->collation);
	fmgr_info_cxt(equal, &column->equal, context);
}

void
weir_keys_init(WeirStore *store, const WeirStoreKey *keys)
{
	store->keys = MemoryContextAllocZero(store->context,
										 sizeof(WeirKeyColumnState) * Max(store->nkeys, 1));
	for (int i = 0; i < store->nkeys; i++)
	{
		weir_key_column_init(&store->keys[i], &keys[i], store->context);
		if (!store->keys[i].hash.wide)
			weir_flat_salt(&store->keys[i].type, NARROW_HASH_SALT);
	}
}

/* Of a value that is shorter the other bits say where it comes from. */
static inline bool
datums_equal(int length, Datum a, Datum b)
{
	switch (length)
	{
		case 1:
			return DatumGetChar(a) == DatumGetChar(b);
		case 2:
			return DatumGetInt16(a) == DatumGetInt16(b);
		case 4:
			return DatumGetInt32(a) == DatumGetInt32(b);
	}
	return a == b;
}

static bool
bytes_equal(const WeirFlatType *type, Datum a, Datum b)
{
	Size		size;

	if (type->typlen > 0)
		return memcmp(DatumGetPointer(a), DatumGetPointer(b), type->typlen) == 0;
	size = VARSIZE_ANY_EXHDR(DatumGetPointer(a));
	return size == VARSIZE_ANY_EXHDR(DatumGetPointer(b)) &&
		memcmp(VARDATA_ANY(DatumGetPointer(a)), VARDATA_ANY(DatumGetPointer(b)), size) == 0;
}

/* May the bytes of b be compared as they are? */
static bool
is_plain(const WeirFlatType *type, Datum value)
{
	struct varlena *varlena = (struct varlena *) DatumGetPointer(value);

	return type->typlen != -1 || (!VARATT_IS_EXTERNAL(varlena) && !VARATT_IS_COMPRESSED(varlena));
}

/* NULL equals NULL. */
bool
weir_key_column_equal(WeirKeyColumnState *column, Datum stored, bool stored_isnull,
					  Datum given, bool given_isnull)
{
	if (stored_isnull || given_isnull)
		return stored_isnull && given_isnull;
	if (column->equality == WEIR_EQUAL_DATUM)
		return datums_equal(column->type.typlen, stored, given);
	if (column->equality == WEIR_EQUAL_BYTES && is_plain(&column->type, given))
		return bytes_equal(&column->type, stored, given);
	return DatumGetBool(FunctionCall2Coll(&column->equal, column->collation, stored, given));
}

/* Is this entry's key the current one? */
bool
weir_keys_equal(const WeirStore *store, WeirEntry *entry)
{
	Datum	   *stored = weir_entry_key(store, entry);
	uint8	   *nulls = weir_entry_key_nulls(entry);

	for (int i = 0; i < store->nkeys; i++)
		if (!weir_key_column_equal(&store->keys[i], stored[i], nulls[i],
								   store->key[i], store->key_isnull[i]))
			return false;
	return true;
}

/* Gives a new entry a copy of the current key. */
void
weir_keys_copy(WeirStore *store, WeirEntry *entry)
{
	Datum	   *stored = weir_entry_key(store, entry);
	uint8	   *nulls = weir_entry_key_nulls(entry);

	for (int i = 0; i < store->nkeys; i++)
	{
		nulls[i] = store->key_isnull[i];
		stored[i] = weir_piece_make(store->slab, &store->keys[i].type, store->key[i], nulls[i]);
	}
}

void
weir_keys_free(WeirStore *store, WeirEntry *entry)
{
	Datum	   *stored = weir_entry_key(store, entry);
	uint8	   *nulls = weir_entry_key_nulls(entry);

	for (int i = 0; i < store->nkeys; i++)
		weir_piece_free(store->slab, &store->keys[i].type, stored[i], nulls[i]);
}

/* The bytes an entry's key takes in a chunk, as near as accounting needs. */
Size
weir_keys_size(const WeirStore *store, WeirEntry *entry)
{
	Size		size = 1;

	for (int i = 0; i < store->nkeys; i++)
		size += weir_piece_size(&store->keys[i].type, weir_entry_key(store, entry)[i],
								weir_entry_key_nulls(entry)[i]);
	return size;
}
