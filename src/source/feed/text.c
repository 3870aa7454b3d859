/*
 * source/feed/text.c
 *		Rows in COPY's text format.
 */
#include "postgres.h"

#include "fmgr.h"
#include "lib/stringinfo.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"

#include "source/feed/text.h"

struct WeirFeedText
{
	const WeirStream *stream;
	FmgrInfo   *output;			/* a column each */
	MemoryContext context;		/* of a row */
};

WeirFeedText *
weir_feed_text_create(const WeirStream *stream, TupleDesc desc)
{
	WeirFeedText *text = palloc0(sizeof(WeirFeedText));

	text->stream = stream;
	text->output = palloc0(Max(desc->natts, 1) * sizeof(FmgrInfo));
	text->context = AllocSetContextCreate(CurrentMemoryContext, "weir text of a row",
										  ALLOCSET_DEFAULT_SIZES);
	for (int i = 0; i < desc->natts; i++)
	{
		Oid			function;
		bool		is_varlena;

		if (!weir_stream_has_column(stream, desc, i))
			continue;
		getTypeOutputInfo(TupleDescAttr(desc, i)->atttypid, &function, &is_varlena);
		fmgr_info(function, &text->output[i]);
	}
	return text;
}

/* The letter that stands for a character behind a backslash; 0: the character itself is written. */
static char
letter_of(char c)
{
	static const char special[] = "\b\f\n\r\t\v\\";
	static const char letters[] = "bfnrtv\\";
	const char *found = c != '\0' ? strchr(special, c) : NULL;

	return found ? letters[found - special] : '\0';
}

static void
append_escaped(StringInfo to, const char *value)
{
	for (; *value != '\0'; value++)
	{
		char		letter = letter_of(*value);

		if (letter)
			appendStringInfoChar(to, '\\');
		appendStringInfoChar(to, letter ? letter : *value);
	}
}

WeirRaw
weir_feed_text(WeirFeedText *text, const WeirBatch *batch, int row)
{
	MemoryContext caller = MemoryContextSwitchTo(text->context);
	StringInfoData line;
	bool		first = true;
	WeirRaw		raw;

	initStringInfo(&line);
	for (int i = 0; i < batch->desc->natts; i++)
	{
		const WeirVector *column = &batch->columns[i];

		if (!weir_stream_has_column(text->stream, batch->desc, i))
			continue;
		if (!first)
			appendStringInfoChar(&line, '\t');
		first = false;
		if (weir_vector_is_null(column, row))
			appendStringInfoString(&line, "\\N");
		else
			append_escaped(&line, OutputFunctionCall(&text->output[i], column->values[row]));
	}
	raw.data = memcpy(MemoryContextAlloc(batch->context, Max(line.len, 1)), line.data, line.len);
	raw.len = line.len;
	MemoryContextSwitchTo(caller);
	MemoryContextReset(text->context);
	return raw;
}
