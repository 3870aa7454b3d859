/*
 * source/metadata.c
 *		What is known of a record beside its bytes, as values of columns.
 *
 * A value by reference lies in the batch's context and serves all rows that it
 * holds for; one that holds for the whole stream lies with the filler.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

#include "source/metadata.h"

typedef struct Column
{
	int			index;			/* in the batch */
	const WeirMetadata *what;
	Oid			type;
	/* the last value, unless it is one of a record */
	bool		known;
	const void *about;
	bool		null;
	Datum		value;
} Column;

struct WeirMetadataFiller
{
	MemoryContext context;
	const WeirStream *stream;
	int			ncolumns;
	Column		columns[FLEXIBLE_ARRAY_MEMBER];
};

static bool
line_number(const WeirRecordAbout *record, Oid type, Datum *value)
{
	*value = Int64GetDatum(record->line);
	return true;
}

static bool
arrival(const WeirRecordAbout *record, Oid type, Datum *value)
{
	*value = TimestampTzGetDatum(record->stamp);
	return true;
}

static bool
stream_name(const WeirRecordAbout *record, Oid type, Datum *value)
{
	*value = CStringGetTextDatum(record->stream->name);
	return true;
}

const WeirMetadata weir_metadata_line_number = {
	"line_number", {INT8OID}, WEIR_METADATA_OF_RECORD, false, line_number
};
const WeirMetadata weir_metadata_arrival = {
	"arrival", {TIMESTAMPTZOID}, WEIR_METADATA_OF_RECORD, false, arrival
};
const WeirMetadata weir_metadata_stream = {
	"stream", {TEXTOID}, WEIR_METADATA_OF_STREAM, false, stream_name
};

const WeirMetadata *
weir_metadata_find(const WeirMetadata *const *list, const char *name)
{
	while (*list != NULL && strcmp((*list)->name, name) != 0)
		list++;
	return *list;
}

WeirMetadataFiller *
weir_metadata_filler(const WeirStream *stream)
{
	WeirMetadataFiller *filler;

	if (stream->nmetadata == 0)
		return NULL;
	filler = palloc0(offsetof(WeirMetadataFiller, columns) + stream->nmetadata * sizeof(Column));
	filler->context = CurrentMemoryContext;
	filler->stream = stream;
	filler->ncolumns = stream->nmetadata;
	for (int i = 0; i < stream->nmetadata; i++)
	{
		filler->columns[i].index = stream->metadata[i].column;
		filler->columns[i].what = stream->metadata[i].what;
		filler->columns[i].type = stream->metadata[i].type;
	}
	return filler;
}

void
weir_metadata_reset(WeirMetadataFiller *filler)
{
	for (int i = 0; i < filler->ncolumns; i++)
	{
		if (filler->columns[i].what->scope != WEIR_METADATA_OF_STREAM)
			filler->columns[i].known = false;
	}
}

/* Is the last value this record's, too? */
static bool
holds(const Column *column, const void *about)
{
	return column->known && (column->what->scope == WEIR_METADATA_OF_STREAM ||
							 (column->what->scope == WEIR_METADATA_OF_ABOUT && column->about == about));
}

static const Column *
look_at(WeirMetadataFiller *filler, int i, WeirBatch *batch, int row, const void *about)
{
	Column	   *column = &filler->columns[i];
	WeirRecordAbout record = {filler->stream, batch->lines[row], batch->stamps[row], about};
	MemoryContext caller;

	if (holds(column, about))
		return column;
	caller = MemoryContextSwitchTo(column->what->scope == WEIR_METADATA_OF_STREAM ?
								   filler->context : batch->context);
	column->value = (Datum) 0;
	column->null = !column->what->value(&record, column->type, &column->value);
	column->about = about;
	column->known = true;
	MemoryContextSwitchTo(caller);
	return column;
}

void
weir_metadata_fill(WeirMetadataFiller *filler, WeirBatch *batch, int row, const void *about)
{
	for (int i = 0; i < filler->ncolumns; i++)
	{
		const Column *column = look_at(filler, i, batch, row, about);

		if (column->null)
			weir_batch_set_null(batch, column->index, row);
		else
			weir_batch_set_value(batch, column->index, row, column->value);
	}
}

void
weir_metadata_fill_values(WeirMetadataFiller *filler, WeirBatch *batch, int row,
						  const void *about, Datum *values, bool *nulls)
{
	for (int i = 0; i < filler->ncolumns; i++)
	{
		const Column *column = look_at(filler, i, batch, row, about);

		values[column->index] = column->value;
		nulls[column->index] = column->null;
	}
}
