/*
 * source/lines.c
 *		Records that are given one by one, as text, instead of coming from a
 *		socket.
 *
 * A line passes the framer, with what frames it in the stream round it, and
 * the decoder, so that it becomes what it would become in the stream.  It must
 * be one record: neither hold a delimiter, nor take the one behind it as data.
 */
#include "postgres.h"

#include "access/table.h"
#include "lib/stringinfo.h"
#include "mb/pg_wchar.h"
#include "utils/rel.h"

#include "source/decode.h"
#include "source/event_time.h"
#include "source/excerpt.h"
#include "source/lines.h"
#include "source/record_fault.h"

struct WeirLines
{
	const WeirStream *stream;
	WeirFramer *framer;
	WeirDecoder *decoder;
	WeirScanInput *scan;
	StringInfoData bytes;		/* of the line, in the stream's encoding */
	int64		number;
	MemoryContextCallback on_delete;
};

static void
destroy_framer(void *arg)
{
	WeirLines  *lines = arg;

	if (lines->framer)
		weir_framer_destroy(lines->framer);
	lines->framer = NULL;
}

WeirLines *
weir_lines_open(const WeirStream *stream)
{
	WeirLines  *lines = palloc0(sizeof(WeirLines));
	Relation	rel = table_open(stream->relid, AccessShareLock);

	lines->stream = stream;
	lines->decoder = weir_decoder_create(stream, NULL);
	lines->scan = weir_scan_input_create(RelationGetDescr(rel), 1);
	weir_decoder_prepare(lines->decoder, lines->scan->batch);
	initStringInfo(&lines->bytes);
	lines->on_delete.func = destroy_framer;
	lines->on_delete.arg = lines;
	MemoryContextRegisterResetCallback(CurrentMemoryContext, &lines->on_delete);
	lines->framer = weir_stream_framer(stream, 0, 0, false);
	table_close(rel, NoLock);
	return lines;
}

void
weir_lines_close(WeirLines *lines)
{
	weir_decoder_close(lines->decoder);
	destroy_framer(lines);
}

static void
refuse_line(WeirLines *lines, const char *line, const char *problem, const char *hint)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("line " INT64_FORMAT " %s", lines->number, problem),
			 errdetail("Line: \"%s\"",
					   weir_record_excerpt(line, strlen(line), GetDatabaseEncoding())),
			 errhint("%s", hint)));
}

static void
fill_bytes(WeirLines *lines, const char *line)
{
	const WeirStream *stream = lines->stream;
	int			length = strlen(line);
	char	   *converted = pg_server_to_any(line, length, stream->encoding);

	resetStringInfo(&lines->bytes);
	if (converted != line)
		length = strlen(converted);
	if (stream->framing == WEIR_STREAM_OCTET_COUNTED)
		appendStringInfo(&lines->bytes, "%d ", length);
	else if (stream->framing == WEIR_STREAM_JSON_SEQ)
		appendStringInfoChar(&lines->bytes, '\x1e');
	appendBinaryStringInfo(&lines->bytes, converted, length);
	if (stream->framing == WEIR_STREAM_JSON_SEQ)
		appendStringInfoChar(&lines->bytes, '\n');
	else if (stream->framing == WEIR_STREAM_DELIMITED)
		appendBinaryStringInfo(&lines->bytes, stream->record_delimiter,
							   stream->record_delimiter_len);
	if (converted != line)
		pfree(converted);
}

/* The one record that the line is. */
static void
frame(WeirLines *lines, const char *line, int64 stamp, WeirFramedRecord *record)
{
	WeirFramedRecord second;
	WeirFramingResult result;

	weir_framer_feed(lines->framer, lines->bytes.data, lines->bytes.len, stamp);
	result = weir_framer_next(lines->framer, record);
	record->line = lines->number;
	switch (result)
	{
		case WEIR_FRAMING_BROKEN:
			weir_record_fault_raise(lines->stream, record);
			break;
		case WEIR_FRAMING_MORE:
			refuse_line(lines, line, "is not a whole record",
						lines->stream->framing == WEIR_STREAM_JSON_SEQ ?
						"Give one JSON text, without the record separator." :
						lines->stream->csv ?
						"Close the quotes: within them a record delimiter is data." :
						"Behind a backslash a record delimiter is data: write a backslash as \"\\\\\".");
			break;
		case WEIR_FRAMING_RECORD:
			if (weir_framer_next(lines->framer, &second) != WEIR_FRAMING_MORE ||
				weir_framer_tail(lines->framer) > 0)
				refuse_line(lines, line, "holds more than one record",
							"Give each record as an element of its own, without the record delimiter.");
			break;
	}
}

WeirScanInput *
weir_lines_decode(WeirLines *lines, const char *line, int64 number, int64 stamp,
				  int64 *watermark)
{
	WeirFramedRecord record;

	lines->number = number;
	fill_bytes(lines, line);
	frame(lines, line, stamp, &record);
	weir_scan_input_reset(lines->scan);
	weir_decoder_reset(lines->decoder);
	if (!lines->stream->skip_empty || record.len > 0)
		weir_decoder_add(lines->decoder, lines->scan, &record);
	weir_decoder_run_here(lines->decoder, lines->scan);
	lines->scan->watermark = *watermark;
	weir_event_time_fill(lines->stream, lines->scan);
	*watermark = lines->scan->watermark;
	return lines->scan;
}
