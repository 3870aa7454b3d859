/*
 * source/metadata.h
 *		Columns of a stream's table that are not in its records: what is known of
 *		a record beside its bytes.
 *
 * A column has its kind by its option "metadata".  Each source has a list of the
 * kinds that it can fill (WeirSourceOps.metadata): those below, which every source
 * can, and its own.
 */
#ifndef WEIR_SOURCE_METADATA_H
#define WEIR_SOURCE_METADATA_H

#include "postgres.h"

#include "record/batch.h"
#include "source/stream.h"

/* A record, to whoever says something of it. */
typedef struct WeirRecordAbout
{
	const WeirStream *stream;
	int64		line;
	int64		stamp;			/* its arrival, us since 2000 */
	const void *about;			/* what its source told the decoder of it; NULL: nothing */
} WeirRecordAbout;

/* When a value can be another one. */
typedef enum WeirMetadataScope
{
	WEIR_METADATA_OF_STREAM,	/* never */
	WEIR_METADATA_OF_ABOUT,		/* with the source's word on the record */
	WEIR_METADATA_OF_RECORD		/* with each record */
} WeirMetadataScope;

#define WEIR_METADATA_TYPES	3

typedef struct WeirMetadata
{
	const char *name;			/* the word for the option */
	Oid			types[WEIR_METADATA_TYPES]; /* that its column may have, the first the one to advise; 0: no more */
	WeirMetadataScope scope;
	bool		nullable;		/* value may say that there is none */
	/* False: it is null.  In CurrentMemoryContext. */
	bool		(*value) (const WeirRecordAbout *record, Oid type, Datum *value);
	bool		fails;			/* value may raise an error, or needs a transaction */
} WeirMetadata;

extern PGDLLEXPORT const WeirMetadata weir_metadata_line_number;
extern PGDLLEXPORT const WeirMetadata weir_metadata_arrival;
extern PGDLLEXPORT const WeirMetadata weir_metadata_stream;

/* The one with this name; NULL: there is none in the list, which ends with NULL. */
extern const WeirMetadata *weir_metadata_find(const WeirMetadata *const *list, const char *name);

/* Fills columns of a batch, for a decoder. */
typedef struct WeirMetadataFiller WeirMetadataFiller;

/* NULL: there are no such columns.  In CurrentMemoryContext, which it keeps. */
extern WeirMetadataFiller *weir_metadata_filler(const WeirStream *stream);
/* A batch begins. */
extern void weir_metadata_reset(WeirMetadataFiller *filler);
/* The row's record is known: its line and its stamp are in the batch. */
extern void weir_metadata_fill(WeirMetadataFiller *filler, WeirBatch *batch, int row,
							   const void *about);
/* The same into a row's values. */
extern void weir_metadata_fill_values(WeirMetadataFiller *filler, WeirBatch *batch, int row,
									  const void *about, Datum *values, bool *nulls);

#endif
