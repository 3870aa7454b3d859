/*
 * base/text.c
 *		Texts in places of a fixed size.
 */
#include "postgres.h"

#include "mb/pg_wchar.h"

#include "base/text.h"

/* The bytes of the character here; 0 if these are none. */
static int
character_length(const char *at, int left)
{
	int			length = pg_encoding_verifymbchar(GetDatabaseEncoding(), at, left);

	return length > 0 && *at != '\0' ? length : 0;
}

void
weir_text_copy(char *to, const char *from, Size size)
{
	int			left = strlen(from);

	Assert(size > 0);
	while (left > 0)
	{
		int			length = character_length(from, left);
		int			taken = Max(length, 1);

		if ((Size) taken >= size)
			break;
		memcpy(to, length > 0 ? from : "?", taken);
		to += taken;
		size -= taken;
		from += taken;
		left -= taken;
	}
	*to = '\0';
}
