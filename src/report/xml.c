/*
 * report/xml.c
 *		Elements, attributes, text.
 */
#include "postgres.h"

#include "mb/pg_wchar.h"

#include "report/xml.h"

/* Without content, and for HTML without an end; in SVG any may be so. */
static bool
is_empty(const char *element)
{
	static const char *const empty[] = {"br", "meta", "rect", "path", "line", "circle"};

	for (int i = 0; i < lengthof(empty); i++)
	{
		if (strcmp(element, empty[i]) == 0)
			return true;
	}
	return false;
}

static void
end_tag(WeirXml *x)
{
	if (x->in_tag)
		appendStringInfoChar(x->text, '>');
	x->in_tag = false;
}

void
weir_xml_open(WeirXml *x, const char *element)
{
	end_tag(x);
	if (x->depth == WEIR_XML_DEPTH)
		elog(ERROR, "too many elements are open");
	x->open[x->depth++] = element;
	appendStringInfo(x->text, "<%s", element);
	x->in_tag = true;
}

void
weir_xml_close(WeirXml *x)
{
	const char *element = x->open[--x->depth];

	if (x->in_tag && is_empty(element))
	{
		appendStringInfoString(x->text, "/>");
		x->in_tag = false;
	}
	else
	{
		end_tag(x);
		appendStringInfo(x->text, "</%s>", element);
	}
	if (x->depth < 8)
		appendStringInfoChar(x->text, '\n');
}

/* A character that is not ASCII; bytes that are none are taken one by one. */
static int
put_character(WeirXml *x, const unsigned char *at, int left)
{
	int			length = pg_utf_mblen(at);
	pg_wchar	character;

	if (length > left || !pg_utf8_islegal(at, length))
	{
		appendStringInfoString(x->text, "&#xFFFD;");
		return 1;
	}
	character = utf8_to_unicode(at);
	if (character < 0xA0 || character == 0xFFFE || character == 0xFFFF)
		character = 0xFFFD;
	appendStringInfo(x->text, "&#x%X;", character);
	return length;
}

static void
put_ascii(WeirXml *x, char c)
{
	if (c == '&')
		appendStringInfoString(x->text, "&amp;");
	else if (c == '<')
		appendStringInfoString(x->text, "&lt;");
	else if (c == '>')
		appendStringInfoString(x->text, "&gt;");
	else if (c == '"')
		appendStringInfoString(x->text, "&quot;");
	else if (c == '\r')
		appendStringInfoString(x->text, "&#13;");
	else if ((unsigned char) c < ' ' && c != '\n' && c != '\t')
		appendStringInfoString(x->text, "&#xFFFD;");
	else
		appendStringInfoChar(x->text, c);
}

static void
put_escaped(WeirXml *x, const char *text)
{
	const char *utf8 = text;
	int			left;

	if (GetDatabaseEncoding() != PG_SQL_ASCII)
		utf8 = pg_server_to_any(text, strlen(text), PG_UTF8);
	left = strlen(utf8);
	while (left > 0)
	{
		int			taken = 1;

		if (IS_HIGHBIT_SET(*utf8))
			taken = put_character(x, (const unsigned char *) utf8, left);
		else
			put_ascii(x, *utf8);
		utf8 += taken;
		left -= taken;
	}
}

static char *formatted(const char *format, va_list arguments) pg_attribute_printf(1, 0);

static char *
formatted(const char *format, va_list arguments)
{
	size_t		size = 256;

	for (;;)
	{
		char	   *text = palloc(size);
		va_list		again;
		size_t		needed;

		va_copy(again, arguments);
		needed = pvsnprintf(text, size, format, again);
		va_end(again);
		if (needed < size)
			return text;
		pfree(text);
		size = needed;
	}
}

void
weir_xml_attribute(WeirXml *x, const char *name, const char *format,...)
{
	va_list		arguments;

	Assert(x->in_tag);
	appendStringInfo(x->text, " %s=\"", name);
	va_start(arguments, format);
	put_escaped(x, formatted(format, arguments));
	va_end(arguments);
	appendStringInfoChar(x->text, '"');
}

void
weir_xml_text(WeirXml *x, const char *format,...)
{
	va_list		arguments;

	end_tag(x);
	va_start(arguments, format);
	put_escaped(x, formatted(format, arguments));
	va_end(arguments);
}

void
weir_xml_raw(WeirXml *x, const char *text)
{
	end_tag(x);
	appendStringInfoString(x->text, text);
}

void
weir_xml_begin(WeirXml *x, const char *element, const char *class)
{
	weir_xml_open(x, element);
	if (class)
		weir_xml_attribute(x, "class", "%s", class);
}

void
weir_xml_put(WeirXml *x, const char *element, const char *class, const char *format,...)
{
	va_list		arguments;

	weir_xml_begin(x, element, class);
	end_tag(x);
	va_start(arguments, format);
	put_escaped(x, formatted(format, arguments));
	va_end(arguments);
	weir_xml_close(x);
}
