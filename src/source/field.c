/*
 * source/field.c
 *		Takes records of format text or csv apart.
 *
 * A value ends at the delimiter.  Most are taken as they lie there; those with a
 * common escape are copied.  What is rarer or wrong (bytes by number, a quote within a
 * value, a line's end) is left to COPY's parser.
 */
#include "postgres.h"

#include "commands/copy.h"

#include "source/decoder.h"
#include "source/field.h"

/* What a byte is. */
enum
{
	BYTE_DELIMITER = 1,			/* ends a value, or the quoted part of one */
	BYTE_ODD = 2,				/* is not what it seems */
	BYTE_HIGH = 4				/* of a character of several bytes, or of none */
};

static void
classify_bytes(WeirFieldReader *r)
{
	for (int c = 128; c < 256; c++)
		r->plain[c] = r->quoted[c] = BYTE_HIGH;
	r->plain['\0'] = r->plain['\n'] = r->plain['\r'] = BYTE_ODD;
	r->plain[(uint8) (r->csv ? r->quote : '\\')] |= BYTE_ODD;
	r->plain[(uint8) r->delimiter] |= BYTE_DELIMITER;
	r->quoted['\0'] = r->quoted['\n'] = r->quoted['\r'] = BYTE_ODD;
	if (!r->csv)
		return;
	r->quoted[(uint8) r->escape] |= BYTE_ODD;
	r->quoted[(uint8) r->quote] = BYTE_DELIMITER;
}

/* A number could be taken for one of these. */
static bool
is_numeric_byte(char c)
{
	return (c >= '0' && c <= '9') || c == '+' || c == '-';
}

bool
weir_field_reader_init(WeirFieldReader *r, const WeirStream *stream)
{
	CopyFormatOptions copy;

	memset(&copy, 0, sizeof(copy));
	ProcessCopyOptions(NULL, &copy, true, stream->copy_options);
	r->context = CurrentMemoryContext;
	r->csv = stream->csv;
	r->delimiter = copy.delim[0];
	r->quote = stream->csv ? copy.quote[0] : '\0';
	r->escape = stream->csv ? copy.escape[0] : '\0';
	r->null = pstrdup(copy.null_print);
	r->null_len = copy.null_print_len;
	classify_bytes(r);
	initStringInfo(&r->unescaped);
	return !is_numeric_byte(r->delimiter) && !is_numeric_byte(r->quote);
}

void
weir_field_reader_reset(WeirFieldReader *r)
{
	weir_decoder_shrink(&r->unescaped, r->context);
}

/* The end of what has no byte of a class but BYTE_HIGH. */
static const char *
scan(const uint8 *class, const char *p, const char *end, bool *high)
{
	uint8		seen = 0;

	while (p < end && (class[(uint8) *p] & (BYTE_DELIMITER | BYTE_ODD)) == 0)
		seen |= class[(uint8) *p++];
	*high = (seen & BYTE_HIGH) != 0;
	return p;
}

/* The character that one behind a backslash stands for; NUL: not sure. */
static char
unescape(const WeirFieldReader *r, char c)
{
	switch (c)
	{
		case 'b':
			return '\b';
		case 'f':
			return '\f';
		case 'n':
			return '\n';
		case 'r':
			return '\r';
		case 't':
			return '\t';
		case 'v':
			return '\v';
		default:
			return c == '\\' || c == r->delimiter ? c : '\0';
	}
}

/* A value of text from its begin to the delimiter, with escapes. */
static const char *
take_escaped(WeirFieldReader *r, const char *p, const char *end, WeirField *field)
{
	uint8		seen = 0;

	resetStringInfo(&r->unescaped);
	for (; p < end && *p != r->delimiter; p++)
	{
		char		c = *p;

		if (c == '\\')
		{
			c = ++p < end ? unescape(r, *p) : '\0';
			if (c == '\0')
				return NULL;
		}
		else if (r->plain[(uint8) c] & BYTE_ODD)
			return NULL;
		seen |= r->plain[(uint8) c];
		appendStringInfoCharMacro(&r->unescaped, c);
	}
	field->data = r->unescaped.data;
	field->len = r->unescaped.len;
	field->high = (seen & BYTE_HIGH) != 0;
	return p;
}

/* A value of csv from behind its quote to behind the closing one, with escapes. */
static const char *
take_quoted(WeirFieldReader *r, const char *p, const char *end, WeirField *field)
{
	uint8		seen = 0;

	resetStringInfo(&r->unescaped);
	for (; p < end; p++)
	{
		char		c = *p;

		if (c == r->escape && p + 1 < end && (p[1] == r->escape || p[1] == r->quote))
			c = *++p;
		else if (c == r->quote)
			break;
		else if (c == '\0' || c == '\n' || c == '\r')
			return NULL;
		seen |= r->quoted[(uint8) c];
		appendStringInfoCharMacro(&r->unescaped, c);
	}
	field->data = r->unescaped.data;
	field->len = r->unescaped.len;
	field->high = (seen & BYTE_HIGH) != 0;
	return p < end ? p + 1 : NULL;
}

const char *
weir_field_take(WeirFieldReader *r, const char *p, const char *end, WeirField *field)
{
	bool		quoted = r->csv && p < end && *p == r->quote;
	const char *from = quoted ? p + 1 : p;

	p = scan(quoted ? r->quoted : r->plain, from, end, &field->high);
	field->data = from;
	field->len = p - from;
	if (quoted && p < end && *p == r->quote && (p + 1 == end || p[1] != r->quote))
		p++;
	else if (quoted)
		p = take_quoted(r, from, end, field);
	else if (!r->csv && p < end && *p == '\\')
		p = take_escaped(r, from, end, field);
	return p != NULL && (p == end || *p == r->delimiter) ? p : NULL;
}
