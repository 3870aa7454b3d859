/*
 * source/record_fault.c
 *		What the framing found to be no record, said to the user.
 */
#include "postgres.h"

#include "source/excerpt.h"
#include "source/record_fault.h"

int
weir_record_fault_code(const WeirFramedRecord *record)
{
	return record->fault == WEIR_RECORD_TOO_LONG ? ERRCODE_PROGRAM_LIMIT_EXCEEDED :
		ERRCODE_BAD_COPY_FILE_FORMAT;
}

/* As the end of a sentence that begins with "record". */
static char *
problem(const WeirStream *stream, const WeirFramedRecord *record)
{
	switch (record->fault)
	{
		case WEIR_RECORD_TOO_LONG:
			return psprintf("is longer than %d bytes", stream->max_record);
		case WEIR_RECORD_PARTIAL:
			return "is partial: its connection ended within it";
		case WEIR_RECORD_TRUNCATED:
			return "is truncated";
		case WEIR_RECORD_BAD_COUNT:
			return "does not begin with its length and a space";
		case WEIR_RECORD_NO_SEPARATOR:
			return "does not begin with a record separator";
		case WEIR_RECORD_WHOLE:
			break;
	}
	return "is whole";
}

/* Where reading began again. */
static const char *
aside(const WeirStream *stream, const WeirFramedRecord *record)
{
	if (record->open)
		return "its end is not in sight, what follows of it is put aside too";
	if (record->fault == WEIR_RECORD_BAD_COUNT)
		return "up to a newline";
	if (record->fault == WEIR_RECORD_TOO_LONG && stream->framing == WEIR_STREAM_DELIMITED)
		return "up to a record delimiter";
	return "up to the next record";
}

char *
weir_record_fault_text(const WeirStream *stream, const WeirFramedRecord *record)
{
	return psprintf("record %s\n" INT64_FORMAT " bytes were put aside: %s",
					problem(stream, record), record->size, aside(stream, record));
}

static const char *
hint(const WeirStream *stream, const WeirFramedRecord *record)
{
	if (record->fault == WEIR_RECORD_TOO_LONG)
		return stream->csv ?
			"Look for a quote that is never closed, or raise the stream's option \"max_record\"." :
			"Raise the stream's option \"max_record\", or check format and record delimiter.";
	if (record->fault == WEIR_RECORD_TRUNCATED)
		return "Set the stream's option on_error to 'dead_letter' to put such records aside.";
	return "Check the server's option \"framing\" against what the peer sends.";
}

void
weir_record_fault_raise(const WeirStream *stream, const WeirFramedRecord *record)
{
	ereport(ERROR,
			(errcode(weir_record_fault_code(record)),
			 errmsg("record of stream %s %s", stream->name, problem(stream, record)),
			 errdetail("Record: \"%s\"",
					   weir_record_excerpt(record->data, record->len, stream->encoding)),
			 errhint("%s", hint(stream, record)),
			 errcontext("stream %s, line " INT64_FORMAT, stream->name, record->line)));
}
