/*
 * state/flat.h
 *		Values as one piece of bytes: nothing expanded, compressed or out of
 *		line.  What is kept in memory and written to chunks.
 *
 * The bytes of a by-value type are its typlen bytes, of any other what its
 * datum points to.
 */
#ifndef WEIR_STATE_FLAT_H
#define WEIR_STATE_FLAT_H

#include "postgres.h"

typedef struct WeirFlatType
{
	Oid			type;
	int16		typlen;
	bool		typbyval;
	bool		composite;		/* or a domain over one */
	Oid			row_type;		/* the composite type */
	int			natts;			/* its attributes; 0 for others */

	/*
	 * What its values look like: of a composite type, of the first 0, 1, ...
	 * natts attributes, so that a type to which attributes were added is known
	 * as such.
	 */
	uint32	   *fingerprints;
} WeirFlatType;

extern void weir_flat_type(WeirFlatType *flat, Oid type, MemoryContext context);
/* What else a value's bytes depend on goes into the fingerprints. */
extern void weir_flat_salt(WeirFlatType *flat, uint32 salt);
#define weir_flat_fingerprint(flat) ((flat)->fingerprints[(flat)->natts])

/* Makes *value self-contained, and says how many bytes it takes when flat. */
extern Size weir_flat_prepare(const WeirFlatType *flat, Datum *value);
/* Writes what weir_flat_prepare measured. */
extern void weir_flat_write(const WeirFlatType *flat, Datum value, Size size, char *bytes);

/* The size of a value that is flat. */
extern Size weir_flat_size(const WeirFlatType *flat, Datum value);
/* The address of its bytes; *space serves a by-value type. */
extern const char *weir_flat_bytes(const WeirFlatType *flat, Datum value, Datum *space);

/*
 * The value whose bytes these are; they stay in place, aligned, unless the type
 * is by value.  Says what is wrong instead, if the bytes cannot be such a value.
 */
extern const char *weir_flat_read(const WeirFlatType *flat, char *bytes, Size size, Datum *value);

#endif
