/*
 * base/keytype.c
 *		Which types can be keys, and what hashes their values.
 */
#include "postgres.h"

#include "access/xact.h"
#include "catalog/pg_type.h"
#include "common/hashfn.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/typcache.h"

#include "base/compat.h"
#include "base/keytype.h"

/* A NULL column's share in the hash. */
#define NULL_HASH UINT64CONST(0x5851f42d4c957f2d)

const char *const weir_key_type_hint =
"Use a key of a type that can be hashed. A cast to text does, but keeps values apart that are equal and written differently.";

/* PostgreSQL knows domains over ranges by their base type only. */
static TypeCacheEntry *
look_up(Oid type)
{
	return lookup_type_cache(getBaseType(type),
							 TYPECACHE_EQ_OPR | TYPECACHE_BTREE_OPFAMILY | TYPECACHE_HASH_OPFAMILY |
							 TYPECACHE_HASH_PROC | TYPECACHE_HASH_EXTENDED_PROC);
}

static Oid	find_obstacle(Oid type);

static Oid
find_obstacle_in_row(Oid type)
{
	TupleDesc	desc = lookup_rowtype_tupdesc(type, -1);
	Oid			obstacle = type;

	for (int i = 0; i < desc->natts && obstacle == type; i++)
	{
		Form_pg_attribute att = TupleDescAttr(desc, i);

		if (!att->attisdropped && !OidIsValid(look_up(att->atttypid)->hash_proc))
			obstacle = find_obstacle(att->atttypid);
	}
	ReleaseTupleDesc(desc);
	return obstacle;
}

/* Of a type that cannot be hashed, the part that is to blame: element, bound or column. */
static Oid
find_obstacle(Oid type)
{
	Oid			base = getBaseType(type);
	Oid			part = get_element_type(base);

	check_stack_depth();
	if (!OidIsValid(part))
		part = get_range_subtype(base);
	if (!OidIsValid(part) && type_is_multirange(base))
		part = get_range_subtype(get_multirange_range(base));
	if (OidIsValid(part) && !OidIsValid(look_up(part)->hash_proc))
		return find_obstacle(part);
	if (type_is_rowtype(base) && base != RECORDOID)
		return find_obstacle_in_row(base);
	return base;
}

static const char *
describe_obstacle(Oid type)
{
	Oid			obstacle = find_obstacle(type);
	TypeCacheEntry *cache = look_up(obstacle);
	const char *reason;

	if (OidIsValid(cache->hash_opf))
		reason = "a default hash operator class, but its equality is not that of the type's default btree operator class";
	else if (OidIsValid(cache->btree_opf))
		reason = "a default btree operator class only, and no hash function";
	else
		reason = "no default hash operator class";
	if (obstacle == getBaseType(type))
		return psprintf("It has %s.", reason);
	return psprintf("It holds values of type %s, which has %s.", format_type_be(obstacle), reason);
}

const char *
weir_key_type_find(Oid type, WeirKeyType *found)
{
	TypeCacheEntry *cache = look_up(type);

	found->type = type;
	found->eq_operator = cache->eq_opr;
	found->wide = OidIsValid(cache->hash_extended_proc);
	found->hash_function = found->wide ? cache->hash_extended_proc : cache->hash_proc;
	if (OidIsValid(found->eq_operator) && OidIsValid(found->hash_function))
		return NULL;
	return describe_obstacle(type);
}

void
weir_key_hash_init(WeirKeyHash *hash, Oid type, Oid collation, MemoryContext context)
{
	WeirKeyType found;
	const char *wrong = weir_key_type_find(type, &found);

	if (wrong)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_FUNCTION),
				 errmsg("type %s cannot be a key", format_type_be(type)),
				 errdetail("%s", wrong),
				 errhint("%s", weir_key_type_hint)));
	hash->collation = collation;
	hash->wide = found.wide;
	hash->by_bytes = OidIsValid(collation) && get_collation_isdeterministic(collation);
	fmgr_info_cxt(found.hash_function, &hash->function, context);
}

uint64
weir_key_hash_column(WeirKeyHash *hash, Datum value, bool isnull)
{
	Assert(IsTransactionState());
	if (isnull)
		return NULL_HASH;
	if (hash->wide)
		return DatumGetUInt64(FunctionCall2Coll(&hash->function, hash->collation, value,
												Int64GetDatum(0)));
	return DatumGetUInt32(FunctionCall1Coll(&hash->function, hash->collation, value));
}

/* What hashint8extended makes of it with seed 0: equal integers of any width hash alike. */
static inline uint64
hash_int8(int64 value)
{
	uint32		low = (uint32) value;
	uint32		high = (uint32) ((uint64) value >> 32);

	return hash_bytes_uint32_extended(low ^ (value >= 0 ? high : ~high), 0);
}

static inline uint64
hash_text(Datum value)
{
	struct varlena *text = PG_DETOAST_DATUM_PACKED(value);
	uint64		result = hash_bytes_extended((unsigned char *) VARDATA_ANY(text),
											 VARSIZE_ANY_EXHDR(text), 0);

	if (PointerGetDatum(text) != value)
		pfree(text);
	return result;
}

/* The types that most keys are of; their functions give the same, and the values are stored. */
bool
weir_key_hash_values(WeirKeyHash *hash, const Datum *values, int n, uint64 *result)
{
	switch (hash->function.fn_oid)
	{
		case F_HASHINT8EXTENDED:
			for (int i = 0; i < n; i++)
				result[i] = hash_int8(DatumGetInt64(values[i]));
			return true;
		case F_HASHINT4EXTENDED:
			for (int i = 0; i < n; i++)
				result[i] = hash_bytes_uint32_extended((uint32) DatumGetInt32(values[i]), 0);
			return true;
		case F_HASHINT2EXTENDED:
			for (int i = 0; i < n; i++)
				result[i] = hash_bytes_uint32_extended((uint32) (int32) DatumGetInt16(values[i]), 0);
			return true;
		case F_HASHTEXTEXTENDED:
			if (!hash->by_bytes)
				return false;
			for (int i = 0; i < n; i++)
				result[i] = hash_text(values[i]);
			return true;
	}
	return false;
}

uint64
weir_key_hash(int nkeys, WeirKeyHash *hash, const Datum *key, const bool *isnull)
{
	uint64		result = weir_key_hash_column(&hash[0], key[0], isnull[0]);

	for (int i = 1; i < nkeys; i++)
		result = hash_combine64(result, weir_key_hash_column(&hash[i], key[i], isnull[i]));
	return result;
}
