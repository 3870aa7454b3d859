/*
 * sink/line.c
 *		Rows as lines.
 *
 * A stream of the same options reads what is written here as the same row: text
 * and csv are COPY TO's, jsonl is row_to_json's, and a line is the one column's
 * text.  Columns that are generated are the reader's to compute, and metadata is told
 * beside the record.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "catalog/pg_type.h"
#include "commands/copy.h"
#include "executor/executor.h"
#include "funcapi.h"
#include "lib/stringinfo.h"
#include "mb/pg_wchar.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"

#include "base/compat.h"
#include "sink/line.h"

struct WeirLineFormat
{
	const WeirStream *stream;	/* NULL: for the log */
	const char *delimiter;
	const char *null;
	char		quote;
	char		escape;
	MemoryContext context;
	int			ncolumns;		/* of the rows, once one has come */
	FmgrInfo   *output;
	bool	   *written;		/* the column is part of the line */
	int			nwritten;
	TupleDesc	desc;			/* of those that are, where not all are and a row becomes JSON */
};

static bool
is_copied(const WeirStream *stream)
{
	return stream->format == WEIR_FORMAT_TEXT || stream->format == WEIR_FORMAT_CSV;
}

/* Is the line the one column's value? */
static bool
is_value(const WeirStream *stream)
{
	return stream == NULL || stream->format == WEIR_FORMAT_LINE || stream->format == WEIR_FORMAT_RAW;
}

WeirLineFormat *
weir_line_format_create(const WeirStream *stream)
{
	WeirLineFormat *format = palloc0(sizeof(WeirLineFormat));
	CopyFormatOptions copy;

	format->context = CurrentMemoryContext;
	format->stream = stream;
	format->delimiter = "\t";
	format->null = "\\N";
	if (stream == NULL || !is_copied(stream))
		return format;
	memset(&copy, 0, sizeof(copy));
	ProcessCopyOptions(NULL, &copy, true, stream->copy_options);
	format->delimiter = copy.delim;
	format->null = copy.null_print;
	format->quote = stream->quote;
	format->escape = stream->escape;
	return format;
}

/* A stream reads no generated column, nor metadata; the log has them all. */
static bool
is_written(const WeirLineFormat *format, TupleDesc desc, int column)
{
	if (format->stream != NULL)
		return weir_stream_has_column(format->stream, desc, column);
	return !TupleDescAttr(desc, column)->attisdropped;
}

/* The columns that are written, as a row of their own. */
static TupleDesc
describe_written(const WeirLineFormat *format, TupleDesc desc)
{
	MemoryContext old = MemoryContextSwitchTo(format->context);
	TupleDesc	result = CreateTemplateTupleDesc(format->nwritten);
	int			n = 0;

	for (int i = 0; i < desc->natts; i++)
	{
		if (format->written[i])
			TupleDescCopyEntry(result, (AttrNumber) ++n, desc, (AttrNumber) (i + 1));
	}
	TupleDescFinalize(result);
	result = BlessTupleDesc(result);
	MemoryContextSwitchTo(old);
	return result;
}

static void
look_up_output(WeirLineFormat *format, TupleDesc desc)
{
	if (format->ncolumns == desc->natts)
		return;
	format->ncolumns = desc->natts;
	format->nwritten = 0;
	format->output = MemoryContextAllocZero(format->context, sizeof(FmgrInfo) * desc->natts);
	format->written = MemoryContextAllocZero(format->context, sizeof(bool) * desc->natts);
	for (int i = 0; i < desc->natts; i++)
	{
		Form_pg_attribute att = TupleDescAttr(desc, i);
		Oid			output;
		bool		isvarlena;

		if (!is_written(format, desc, i))
			continue;
		format->written[i] = true;
		format->nwritten++;
		getTypeOutputInfo(att->atttypid, &output, &isvarlena);
		fmgr_info_cxt(output, &format->output[i], format->context);
	}
	if (format->stream != NULL && format->stream->nmetadata > 0)
		format->desc = describe_written(format, desc);
}

/* Does a record of the stream's framing end at this byte, or may it? */
static bool
ends_record(const WeirStream *stream, char c)
{
	return stream->framing == WEIR_STREAM_DELIMITED && c == stream->record_delimiter[0];
}

/* What COPY's text format escapes with a letter of its own; 0: nothing. */
static char
escape_letter(char c)
{
	static const char bytes[] = "\b\f\n\r\t\v";
	static const char letters[] = "bfnrtv";
	const char *found = c ? strchr(bytes, c) : NULL;

	return found ? letters[found - bytes] : 0;
}

static void
append_text(WeirLineFormat *format, const char *value, StringInfo line)
{
	for (; *value; value++)
	{
		char		letter = escape_letter(*value);

		if (letter)
		{
			appendStringInfoChar(line, '\\');
			appendStringInfoChar(line, letter);
			continue;
		}
		if (*value == '\\' || *value == format->delimiter[0] || ends_record(format->stream, *value))
			appendStringInfoChar(line, '\\');
		appendStringInfoChar(line, *value);
	}
}

static bool
needs_quotes(const WeirLineFormat *format, const char *value, bool alone)
{
	if (strcmp(value, format->null) == 0 || (alone && strcmp(value, "\\.") == 0))
		return true;
	for (; *value; value++)
	{
		if (*value == format->delimiter[0] || *value == format->quote || *value == '\n' ||
			*value == '\r' || ends_record(format->stream, *value))
			return true;
	}
	return false;
}

static void
append_csv(WeirLineFormat *format, const char *value, bool alone, StringInfo line)
{
	if (!needs_quotes(format, value, alone))
	{
		appendStringInfoString(line, value);
		return;
	}
	appendStringInfoChar(line, format->quote);
	for (; *value; value++)
	{
		if (*value == format->quote || *value == format->escape)
			appendStringInfoChar(line, format->escape);
		appendStringInfoChar(line, *value);
	}
	appendStringInfoChar(line, format->quote);
}

static void
append_value(WeirLineFormat *format, const char *value, bool alone, StringInfo line)
{
	if (is_value(format->stream))
		appendStringInfoString(line, value);
	else if (format->stream->csv)
		append_csv(format, value, alone, line);
	else
		append_text(format, value, line);
}

/* A null value of format line is an empty line. */
static void
append_null(const WeirLineFormat *format, StringInfo line)
{
	if (format->stream == NULL || !is_value(format->stream))
		appendStringInfoString(line, format->null);
}

/* Columns one after the other. */
static void
append_columns(WeirLineFormat *format, TupleTableSlot *row, StringInfo line)
{
	TupleDesc	desc = row->tts_tupleDescriptor;
	int			n = 0;

	for (int i = 0; i < desc->natts; i++)
	{
		if (!format->written[i])
			continue;
		if (n++ > 0)
			appendStringInfoString(line, format->delimiter);
		if (row->tts_isnull[i])
			append_null(format, line);
		else
			append_value(format, OutputFunctionCall(&format->output[i], row->tts_values[i]),
						 format->nwritten == 1, line);
	}
}

static bool
is_json(Oid type)
{
	return type == JSONOID || type == JSONBOID;
}

/* A table of one json or jsonb column has the whole record in it. */
static bool
append_document(WeirLineFormat *format, TupleTableSlot *row, StringInfo line)
{
	int			i = 0;

	if (format->nwritten != 1)
		return false;
	while (!format->written[i])
		i++;
	if (!is_json(TupleDescAttr(row->tts_tupleDescriptor, i)->atttypid) || row->tts_isnull[i])
		return false;
	appendStringInfoString(line, OutputFunctionCall(&format->output[i], row->tts_values[i]));
	return true;
}

/* Of the row the columns that are written. */
static Datum
written_row(const WeirLineFormat *format, TupleTableSlot *row)
{
	Datum	   *values = palloc(sizeof(Datum) * Max(format->nwritten, 1));
	bool	   *nulls = palloc(sizeof(bool) * Max(format->nwritten, 1));
	int			n = 0;

	for (int i = 0; i < format->ncolumns; i++)
	{
		if (!format->written[i])
			continue;
		values[n] = row->tts_values[i];
		nulls[n++] = row->tts_isnull[i];
	}
	return HeapTupleGetDatum(heap_form_tuple(format->desc, values, nulls));
}

/* As row_to_json has it.  Line breaks in a json value are white space. */
static void
append_json(WeirLineFormat *format, TupleTableSlot *row, StringInfo line)
{
	int			begin = line->len;

	if (!append_document(format, row, line))
	{
		Datum		json = DirectFunctionCall1(row_to_json, format->desc ?
												   written_row(format, row) :
												   ExecFetchSlotHeapTupleDatum(row));

		appendStringInfoString(line, TextDatumGetCString(json));
	}
	for (int i = begin; i < line->len; i++)
	{
		if (line->data[i] == '\n' || line->data[i] == '\r')
			line->data[i] = ' ';
	}
}

/* Nothing escapes a record's end in these formats. */
static void
check_delimiter(const WeirStream *stream, const StringInfo line)
{
	const char *delimiter = stream->record_delimiter;
	int			len = stream->record_delimiter_len;

	if (stream->framing != WEIR_STREAM_DELIMITED || (len == 1 && delimiter[0] == '\0') ||
		strstr(line->data, pnstrdup(delimiter, len)) == NULL)
		return;
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_TEXT_REPRESENTATION),
			 errmsg("row for \"%s\" holds the record delimiter", stream->name),
			 errdetail("Nothing escapes it in the format \"%s\".",
					   stream->format == WEIR_FORMAT_LINE ? "line" : "jsonl"),
			 errhint("Replace it in the query, or set another \"record_delimiter\", \"framing\" or \"format\".")));
}

/* The row's line; the row is taken apart by it. */
static void
make_line(WeirLineFormat *format, TupleTableSlot *row, StringInfo line)
{
	initStringInfo(line);
	if (format->stream && format->stream->format == WEIR_FORMAT_JSONL)
		append_json(format, row, line);
	else
		append_columns(format, row, line);
}

static void
look_at(WeirLineFormat *format, TupleTableSlot *row)
{
	slot_getallattrs(row);
	look_up_output(format, row->tts_tupleDescriptor);
}

text *
weir_line_of(WeirLineFormat *format, TupleTableSlot *row)
{
	const WeirStream *stream = format->stream;
	StringInfoData line;

	look_at(format, row);
	make_line(format, row, &line);
	if (stream && (stream->format == WEIR_FORMAT_JSONL || stream->format == WEIR_FORMAT_LINE))
		check_delimiter(stream, &line);
	return cstring_to_text_with_len(line.data, line.len);
}

/* The first column that is written and not null; -1: there is none. */
static int
first_value(const WeirLineFormat *format, const TupleTableSlot *row)
{
	for (int i = 0; i < format->ncolumns; i++)
	{
		if (format->written[i] && !row->tts_isnull[i])
			return i;
	}
	return -1;
}

bytea *
weir_record_of(WeirLineFormat *format, TupleTableSlot *row)
{
	const WeirStream *stream = format->stream;
	StringInfoData line;
	char	   *bytes;
	int			value;

	look_at(format, row);
	value = first_value(format, row);
	if (value < 0)
		return NULL;
	if (stream->format == WEIR_FORMAT_RAW &&
		getBaseType(TupleDescAttr(row->tts_tupleDescriptor, value)->atttypid) == BYTEAOID)
		return DatumGetByteaPP(row->tts_values[value]);
	make_line(format, row, &line);
	bytes = pg_server_to_any(line.data, line.len, stream->encoding);
	if (bytes == line.data)
		return cstring_to_text_with_len(line.data, line.len);
	return cstring_to_text(bytes);
}

void
weir_line_frame(const WeirStream *stream, const char *line, StringInfo to)
{
	int			len = strlen(line);
	char	   *bytes = pg_server_to_any(line, len, stream->encoding);

	if (bytes != line)
		len = strlen(bytes);
	if (stream->framing == WEIR_STREAM_OCTET_COUNTED)
		appendStringInfo(to, "%d ", len);
	else if (stream->framing == WEIR_STREAM_JSON_SEQ)
		appendStringInfoChar(to, '\x1e');
	appendBinaryStringInfo(to, bytes, len);
	if (stream->framing == WEIR_STREAM_JSON_SEQ)
		appendStringInfoChar(to, '\n');
	else if (stream->framing == WEIR_STREAM_DELIMITED)
		appendBinaryStringInfo(to, stream->record_delimiter, stream->record_delimiter_len);
	if (bytes != line)
		pfree(bytes);
}
