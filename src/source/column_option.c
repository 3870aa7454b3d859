/*
 * source/column_option.c
 *		The options of a column of a stream's table: what it is, if it is not in
 *		the records.
 */
#include "postgres.h"

#include "access/table.h"
#include "catalog/pg_attribute.h"
#include "catalog/pg_type.h"
#include "commands/defrem.h"
#include "foreign/foreign.h"
#include "lib/stringinfo.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"

#include "source/metadata.h"
#include "source/source.h"
#include "source/stream_option.h"

static char *
metadata_words(const WeirMetadata *const *list)
{
	StringInfoData words;

	initStringInfo(&words);
	for (int i = 0; list[i] != NULL; i++)
		appendStringInfo(&words, "%s\"%s\"", i == 0 ? "" : list[i + 1] ? ", " : " or ", list[i]->name);
	return words.data;
}

static void
set_metadata(WeirStream *stream, DefElem *def)
{
	const WeirMetadata *const *list = stream->source->metadata;

	stream->column_metadata = weir_metadata_find(list, defGetString(def));
	if (stream->column_metadata == NULL)
		weir_stream_option_refuse(def, psprintf("Give %s.", metadata_words(list)));
}

/* How late a record may come by this column. */
static void
set_watermark(WeirStream *stream, DefElem *def)
{
	stream->watermark_bound = weir_stream_option_exact_interval(
		def, 0, "Give how late a record may come, 0 or more, in days, hours, minutes or seconds, such as \"5 s\".");
	stream->column_watermark = true;
}

const WeirStreamOption weir_column_options[] = {
	{"metadata", set_metadata, NULL},
	{"watermark", set_watermark, NULL},
	{NULL, NULL, NULL},
};

static void
check_type(const WeirStream *stream, Form_pg_attribute att, const WeirMetadata *what)
{
	for (int i = 0; i < WEIR_METADATA_TYPES && OidIsValid(what->types[i]); i++)
	{
		if (att->atttypid == what->types[i] && att->atttypmod == -1)
			return;
	}
	ereport(ERROR,
			(errcode(ERRCODE_DATATYPE_MISMATCH),
			 errmsg("column \"%s\" of stream %s cannot have type %s", NameStr(att->attname),
					stream->name, format_type_with_typemod(att->atttypid, att->atttypmod)),
			 errdetail("Its option \"metadata\" is \"%s\".", what->name),
			 errhint("Declare it as %s.", format_type_be(what->types[0]))));
}

/* Nothing but the option gives it a value. */
static void
check_source_of_values(const WeirStream *stream, Form_pg_attribute att, const WeirMetadata *what)
{
	if (!att->atthasdef)
		return;
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_TABLE_DEFINITION),
			 att->attgenerated ?
			 errmsg("generated column \"%s\" of stream %s cannot have the option \"metadata\"",
					NameStr(att->attname), stream->name) :
			 errmsg("column \"%s\" of stream %s cannot have both a default and the option \"metadata\"",
					NameStr(att->attname), stream->name),
			 errdetail("Its option \"metadata\" is \"%s\".", what->name),
			 errhint("Leave one of the two out.")));
}

static void
add_metadata(WeirStream *stream, Form_pg_attribute att)
{
	WeirMetadataColumn *column = &stream->metadata[stream->nmetadata++];

	check_source_of_values(stream, att, stream->column_metadata);
	check_type(stream, att, stream->column_metadata);
	column->column = att->attnum - 1;
	column->type = att->atttypid;
	column->what = stream->column_metadata;
}

static void
check_time_type(const WeirStream *stream, Form_pg_attribute att)
{
	Oid			type = getBaseType(att->atttypid);

	if (type == TIMESTAMPTZOID || type == TIMESTAMPOID)
		return;
	ereport(ERROR,
			(errcode(ERRCODE_DATATYPE_MISMATCH),
			 errmsg("column \"%s\" of stream %s cannot have type %s", NameStr(att->attname),
					stream->name, format_type_with_typemod(att->atttypid, att->atttypmod)),
			 errdetail("It has the option \"watermark\", which is about a time."),
			 errhint("Declare it as timestamp with time zone, or compute a time of it with weir.watermark in the job's query.")));
}

/* What is computed when it is read is not there when the record comes. */
static void
check_time_is_stored(const WeirStream *stream, Form_pg_attribute att)
{
	if (att->attgenerated == '\0' || att->attgenerated == ATTRIBUTE_GENERATED_STORED)
		return;
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_TABLE_DEFINITION),
			 errmsg("virtual column \"%s\" of stream %s cannot have the option \"watermark\"",
					NameStr(att->attname), stream->name),
			 errhint("Make it a stored one, or use weir.watermark in the job's query.")));
}

/* A stream has one clock. */
static void
set_time_column(WeirStream *stream, TupleDesc desc, Form_pg_attribute att)
{
	check_time_type(stream, att);
	check_time_is_stored(stream, att);
	if (stream->watermark >= 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_TABLE_DEFINITION),
				 errmsg("stream %s has two columns with the option \"watermark\"", stream->name),
				 errdetail("They are \"%s\" and \"%s\".",
						   NameStr(TupleDescAttr(desc, stream->watermark)->attname), NameStr(att->attname)),
				 errhint("Take it from one of them: ALTER FOREIGN TABLE %s ALTER COLUMN %s OPTIONS (DROP watermark).",
						 stream->name, quote_identifier(NameStr(att->attname)))));
	stream->watermark = att->attnum - 1;
}

/* Where a record has columns there must be one to take them. */
static void
check_some_column(const WeirStream *stream, TupleDesc desc)
{
	if (stream->nmetadata == 0 || stream->format == WEIR_FORMAT_JSONL)
		return;
	for (int i = 0; i < desc->natts; i++)
	{
		if (weir_stream_has_column(stream, desc, i))
			return;
	}
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_TABLE_DEFINITION),
			 errmsg("stream %s has no column for its records", stream->name),
			 errdetail("All of its columns have the option \"metadata\" or are generated."),
			 errhint("Add a column that is in the record.")));
}

void
weir_column_options_read(WeirStream *stream)
{
	Relation	rel = table_open(stream->relid, AccessShareLock);
	TupleDesc	desc = RelationGetDescr(rel);

	stream->metadata = palloc0(Max(desc->natts, 1) * sizeof(WeirMetadataColumn));
	stream->watermark = -1;
	for (int i = 0; i < desc->natts; i++)
	{
		Form_pg_attribute att = TupleDescAttr(desc, i);

		if (att->attisdropped)
			continue;
		stream->column_metadata = NULL;
		stream->column_watermark = false;
		weir_stream_options_apply(stream, GetForeignColumnOptions(stream->relid, att->attnum),
								  AttributeRelationId);
		if (stream->column_metadata != NULL)
			add_metadata(stream, att);
		if (stream->column_watermark)
			set_time_column(stream, desc, att);
	}
	check_some_column(stream, desc);
	table_close(rel, AccessShareLock);
}

bool
weir_stream_is_metadata(const WeirStream *stream, int column)
{
	for (int i = 0; i < stream->nmetadata; i++)
	{
		if (stream->metadata[i].column == column)
			return true;
	}
	return false;
}

bool
weir_stream_has_column(const WeirStream *stream, TupleDesc desc, int column)
{
	Form_pg_attribute att = TupleDescAttr(desc, column);

	return !att->attisdropped && att->attgenerated == '\0' &&
		!weir_stream_is_metadata(stream, column);
}
