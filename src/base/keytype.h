/*
 * base/keytype.h
 *		Which types can be keys, and what hashes their values.
 *
 * A type can be a key if PostgreSQL can hash it: its default hash operator
 * class agrees with the equality by which GROUP BY groups.  The class's 64-bit
 * function is taken, or its 32-bit one where it has no other.
 */
#ifndef WEIR_BASE_KEYTYPE_H
#define WEIR_BASE_KEYTYPE_H

#include "postgres.h"

#include "fmgr.h"

typedef struct WeirKeyType
{
	Oid			type;
	Oid			eq_operator;
	Oid			hash_function;
	bool		wide;			/* the function is the 64-bit one */
} WeirKeyType;

/* NULL, or a sentence for errdetail that says why the type cannot be a key. */
extern const char *weir_key_type_find(Oid type, WeirKeyType *found);
extern const char *const weir_key_type_hint;

/* The hash of one key column. */
typedef struct WeirKeyHash
{
	FmgrInfo	function;
	Oid			collation;
	bool		wide;
	bool		by_bytes;		/* texts that are equal are so byte by byte */
} WeirKeyHash;

extern void weir_key_hash_init(WeirKeyHash *hash, Oid type, Oid collation, MemoryContext context);

/* Runs the type's function: inside a transaction only, as PostgreSQL does. */
extern uint64 weir_key_hash_column(WeirKeyHash *hash, Datum value, bool isnull);
/*
 * Of many values, none of them null, of a type that is hashed without a call of its
 * function; false: it is not.
 */
extern bool weir_key_hash_values(WeirKeyHash *hash, const Datum *values, int n, uint64 *result);
extern uint64 weir_key_hash(int nkeys, WeirKeyHash *hash, const Datum *key, const bool *isnull);

#endif
