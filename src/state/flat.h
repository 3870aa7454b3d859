/*
 * state/flat.h
 *		Values as one piece of bytes: nothing expanded, compressed or out of
 *		line.  What is kept in memory and written to chunks.
 *
 * The bytes of a by-value type are its typlen bytes, of any other what its
 * datum points to.  Small rows without NULLs can be kept without the header of 24
 * bytes that every composite value has: as a short varlena of their attributes.
 */
#ifndef WEIR_STATE_FLAT_H
#define WEIR_STATE_FLAT_H

#include "postgres.h"

#include "access/tupdesc.h"

typedef struct WeirFlatType
{
	Oid			type;
	int16		typlen;
	bool		typbyval;
	bool		composite;		/* or a domain over one */
	bool		has_parts;		/* composite, or an array */
	Oid			row_type;		/* the composite type */
	int			natts;			/* its attributes; 0 for others */

	/*
	 * What its values look like: of a composite type, of the first 0, 1, ...
	 * natts attributes, so that a type to which attributes were added is known
	 * as such.
	 */
	uint32	   *fingerprints;
	uint32		salt;			/* that went into them, or 0 */
	struct TupleDescData *desc; /* of a composite type */
	struct HeapTupleHeaderData *header;	/* what its rows' headers have in common */
	struct WeirFlatRow *row;	/* NULL: rows are kept with their header */
} WeirFlatType;

extern void weir_flat_type(WeirFlatType *flat, Oid type, MemoryContext context);
/* Values of this composite type are kept without header where possible. */
extern void weir_flat_keep_short(WeirFlatType *flat, MemoryContext context);
/* What else a value's bytes depend on goes into the fingerprints. */
extern void weir_flat_salt(WeirFlatType *flat, uint32 salt);
/* The fingerprint of values of the first natts attributes, with the salt of another type. */
extern uint32 weir_flat_salted(const WeirFlatType *flat, int natts, uint32 salt);
#define weir_flat_fingerprint(flat) ((flat)->fingerprints[(flat)->natts])

/* Makes *value self-contained, and says how many bytes it takes when flat. */
extern Size weir_flat_prepare(const WeirFlatType *flat, Datum *value);
/* Writes what weir_flat_prepare measured. */
extern void weir_flat_write(const WeirFlatType *flat, Datum value, Size size, char *bytes);

/*
 * The datum of a value that is kept: of a row kept short, a copy that is valid
 * until the next call for this type.
 */
extern Datum weir_flat_datum(const WeirFlatType *flat, Datum kept);

/* The size of a value that is flat. */
extern Size weir_flat_size(const WeirFlatType *flat, Datum value);
/* The address of its bytes; *space serves a by-value type. */
extern const char *weir_flat_bytes(const WeirFlatType *flat, Datum value, Datum *space);

/*
 * The value whose bytes these are; they stay in place, aligned, unless the type
 * is by value.  Says what is wrong instead, if the bytes cannot be such a value.
 * A row that is kept short has all attributes.
 */
extern const char *weir_flat_read(const WeirFlatType *flat, char *bytes, Size size, Datum *value);

/*
 * Rows of some columns, each kept as one piece of bytes: what its owner begins it with, a
 * Datum and then a bool a column, what values by reference point to.  Here a row's values
 * are while it is made.
 */
typedef struct WeirFlatColumns
{
	int			n;
	WeirFlatType *types;
	Datum	   *values;
	bool	   *nulls;
	Size	   *sizes;			/* of those by reference, once measured */
} WeirFlatColumns;

/* Of these columns, and the salt that they make. */
extern uint32 weir_flat_columns_init(WeirFlatColumns *columns, TupleDesc desc, MemoryContext context);
/* Prepares the values; where they end, that begin at "at" behind the bools. */
extern Size weir_flat_columns_measure(WeirFlatColumns *columns, Size at);
/* Writes what was measured; kept: the Datums in the piece. */
extern Size weir_flat_columns_write(const WeirFlatColumns *columns, char *piece, Datum *kept, Size at);

#endif
