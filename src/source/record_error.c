/*
 * source/record_error.c
 *		What is said of a record that cannot be decoded.
 *
 * Many errors of a value come of an option that does not fit what the peer
 * speaks; where the record shows that, the hint names the option.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "mb/pg_wchar.h"

#include "base/blame.h"
#include "catalog/dead_letter.h"
#include "source/excerpt.h"
#include "source/record_error.h"
#include "source/source.h"

/* An object or array, from its first character to its last. */
static bool
looks_like_json(const char *data, Size len)
{
	while (len > 0 && strchr(" \t\r\n", data[len - 1]) != NULL)
		len--;
	while (len > 0 && strchr(" \t\r\n", data[0]) != NULL)
	{
		data++;
		len--;
	}
	return len >= 2 && ((data[0] == '{' && data[len - 1] == '}') ||
						(data[0] == '[' && data[len - 1] == ']'));
}

static bool
looks_like_utf16(const char *data, Size len)
{
	return len >= 2 && (memcmp(data, "\xff\xfe", 2) == 0 || memcmp(data, "\xfe\xff", 2) == 0);
}

static const char *
encoding_hint(const WeirDecoder *d, const char *data, Size len)
{
	if (looks_like_utf16(data, len))
		return "The peer seems to send UTF-16, which a stream cannot read. Have it send UTF8.";
	if (memchr(data, '\0', len) != NULL)
		return "Zero bytes are no text: if they end the records, set the server's option record_delimiter; if the peer sends UTF-16, have it send UTF8.";
	return psprintf("The stream is read as %s: name the encoding that the peer sends in the stream's option encoding, such as 'LATIN1'.",
					pg_encoding_to_char(d->stream->encoding));
}

static const char *
copy_hint(const WeirDecoder *d, const char *data, Size len, const ErrorData *error)
{
	if (looks_like_json(data, len))
		return "The record looks like JSON: set the stream's option format to 'jsonl', in which keys are columns and backslashes are JSON's.";
	if (!d->stream->csv && error->sqlerrcode == ERRCODE_BAD_COPY_FILE_FORMAT &&
		memchr(data, '\r', len) != NULL)
		return "If lines are to be read as they are, set the stream's option format to 'line'; in format 'csv' a carriage return may stand in quotes.";
	if (d->stream->csv && error->sqlerrcode == ERRCODE_BAD_COPY_FILE_FORMAT &&
		memchr(data, '\n', len) != NULL)
		return "Within quotes a newline is data: a quote that is data itself must be doubled, or set the stream's option quote to a byte that the peer never sends.";
	if (d->column != NULL && d->value != NULL && pg_strcasecmp(d->column, d->value) == 0)
		return "If the first record of a connection names the columns, set the stream's option header to 'on'.";
	return NULL;
}

/* NULL: none. */
static const char *
hint_for(const WeirDecoder *d, const ErrorData *error)
{
	Size		len;
	const char *data = weir_decoder_record(d, d->current, &len);

	if (d->absent[d->current])
		return "The record has no value, so that every column is null that is not metadata: let these columns be null, and pass over such records in the job's query.";
	if (!d->is_text)
		return encoding_hint(d, data, len);
	if (len == 0)
		return "To pass over empty records, set the stream's option skip_empty to 'on'.";
	return d->format == &weir_format_copy ? copy_hint(d, data, len, error) : NULL;
}

static char *
join(const char *first, const char *between, const char *second)
{
	return second == NULL ? pstrdup(first) : psprintf("%s%s%s", first, between, second);
}

static char *
describe_place(const WeirDecoder *d, int64 line)
{
	char	   *place = psprintf("stream %s, %s", d->stream->name, weir_record_place(d->stream->source, line));

	if (d->column == NULL)
		return place;
	if (d->value == NULL)
		return psprintf("%s, column %s: null input", place, d->column);
	return psprintf("%s, column %s: \"%s\"", place, d->column,
					weir_record_excerpt(d->value, strlen(d->value), GetDatabaseEncoding()));
}

void
weir_record_error_explain(WeirDecoder *d, WeirScanInput *scan, ErrorData *error)
{
	MemoryContext caller = MemoryContextSwitchTo(scan->batch->context);
	Size		len;
	const char *data = weir_decoder_record(d, d->current, &len);
	const char *hint;

	hint = hint_for(d, error);
	error->context = join(describe_place(d, scan->batch->lines[d->current]), "\n", error->context);
	error->detail = join(psprintf("Record: \"%s\"",
								  weir_record_excerpt(data, len, d->stream->encoding)),
						 "\n", error->detail);
	if (hint != NULL)
		error->hint = join(hint, " ", error->hint);
	MemoryContextSwitchTo(caller);
}

char *
weir_record_error_letter(WeirDecoder *d, WeirScanInput *scan, const ErrorData *error)
{
	MemoryContext caller = MemoryContextSwitchTo(scan->batch->context);
	const char *hint = hint_for(d, error);
	char	   *letter = weir_letter_error(error);

	if (d->column != NULL)
		letter = psprintf("%s\ncolumn %s", letter, d->column);
	if (hint != NULL)
		letter = psprintf("%s\nHINT: %s", letter, hint);
	MemoryContextSwitchTo(caller);
	return letter;
}

static bool
is_unknown_name(const ErrorData *error)
{
	int			category = ERRCODE_TO_CATEGORY(error->sqlerrcode);

	return error->sqlerrcode == ERRCODE_INVALID_SCHEMA_NAME ||
		(category == ERRCODE_SYNTAX_ERROR_OR_ACCESS_RULE_VIOLATION &&
		 error->sqlerrcode != ERRCODE_INSUFFICIENT_PRIVILEGE);
}

/* Is the column at fault of a type whose values are names of the database's objects? */
static bool
names_object(const WeirDecoder *d)
{
	static const Oid types[] = {REGPROCOID, REGPROCEDUREOID, REGOPEROID, REGOPERATOROID,
		REGCLASSOID, REGTYPEOID, REGROLEOID, REGNAMESPACEOID, REGCONFIGOID, REGDICTIONARYOID,
	REGCOLLATIONOID};

	for (int i = 0; d->column != NULL && i < d->desc->natts; i++)
	{
		if (strcmp(NameStr(TupleDescAttr(d->desc, i)->attname), d->column) != 0)
			continue;
		for (int t = 0; t < lengthof(types); t++)
		{
			if (TupleDescAttr(d->desc, i)->atttypid == types[t])
				return true;
		}
	}
	return false;
}

bool
weir_record_error_blames(const WeirDecoder *d, const WeirScanInput *scan, const ErrorData *error,
						 bool in_input)
{
	WeirBlame	blame = weir_error_blame(error);

	if (blame == WEIR_BLAME_IF_REPEATED)
		return in_input || (d->suspects && weir_is_suspect(d->suspects, scan->batch->lines[d->current]));
	return blame == WEIR_BLAME_RECORD || (in_input && is_unknown_name(error) && names_object(d));
}
