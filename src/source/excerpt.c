/*
 * source/excerpt.c
 *		Records as text that a person reads.
 */
#include "postgres.h"

#include "lib/stringinfo.h"
#include "mb/pg_wchar.h"

#include "source/excerpt.h"

#define EXCERPT_CHARS 200

/* Appends the character at data if it is valid, else its first byte escaped; returns its length. */
static int
append_character(StringInfo out, const char *data, Size len, bool convertible)
{
	int			n = convertible || !IS_HIGHBIT_SET(*data) ?
		pg_encoding_verifymbchar(GetDatabaseEncoding(), data, len) : -1;

	if (n > 0 && *data != '\0')
	{
		appendBinaryStringInfo(out, data, n);
		return n;
	}
	appendStringInfo(out, "\\x%02x", (unsigned char) *data);
	return 1;
}

char *
weir_record_text(const char *data, Size len, int encoding, int max_chars)
{
	StringInfoData out;
	bool		same = encoding == GetDatabaseEncoding();
	Size		used = 0;
	int			chars = 0;

	initStringInfo(&out);
	for (; used < len && chars < max_chars; chars++)
		used += append_character(&out, data + used, len - used, same);
	if (used < len)
		appendStringInfoString(&out, "...");
	return out.data;
}

char *
weir_record_excerpt(const char *data, Size len, int encoding)
{
	return weir_record_text(data, len, encoding, EXCERPT_CHARS);
}
