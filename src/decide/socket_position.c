/*
 * decide/socket_position.c
 *		The position of the source weir_socket as bytes, and back.
 */
#include "decide/socket_position.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "decide/bytes.h"

#define VERSION_JSON	'{'
#define VERSION_1		1
#define FIELDS_1		(1 + 5 * 8 + 1)	/* bytes before the identity */

/* A text that is read from its begin to its end. */
typedef struct Text
{
	const char *at;
	const char *end;
} Text;

void
weir_socket_position_encode(const WeirSocketPosition *position, WeirPosition *out)
{
	size_t		identity = strlen(position->origin.identity);
	uint8_t    *to = out->bytes;

	memset(out, 0, sizeof(*out));
	*to++ = VERSION_1;
	to = weir_put_int64(to, position->offset);
	to = weir_put_int64(to, position->line);
	to = weir_put_int64(to, position->clock);
	to = weir_put_int64(to, position->passing);
	to = weir_put_int64(to, position->origin.start);
	*to++ = position->ended ? 1 : 0;
	memcpy(to, position->origin.identity, identity);
	out->len = (uint32_t) (FIELDS_1 + identity);
}

static bool
decode_1(const WeirPosition *position, WeirSocketPosition *out)
{
	const uint8_t *from = position->bytes + 1;
	size_t		identity;

	if (position->len < FIELDS_1 || position->len - FIELDS_1 >= WEIR_IDENTITY_SIZE)
		return false;
	identity = position->len - FIELDS_1;
	from = weir_get_int64(from, &out->offset);
	from = weir_get_int64(from, &out->line);
	from = weir_get_int64(from, &out->clock);
	from = weir_get_int64(from, &out->passing);
	from = weir_get_int64(from, &out->origin.start);
	if (*from > 1 || memchr(from + 1, '\0', identity) != NULL)
		return false;
	out->ended = *from == 1;
	memcpy(out->origin.identity, from + 1, identity);
	return true;
}

/* Passes white space, and c if it stands there. */
static bool
take(Text *text, char c)
{
	while (text->at < text->end && *text->at == ' ')
		text->at++;
	if (text->at == text->end || *text->at != c)
		return false;
	text->at++;
	return true;
}

/* A string of printable ASCII, in which only a quote and a backslash are escaped. */
static bool
take_string(Text *text, char *to, size_t size)
{
	size_t		len = 0;

	if (!take(text, '"'))
		return false;
	while (text->at < text->end && *text->at != '"')
	{
		if (*text->at == '\\')
			text->at++;
		if (text->at == text->end || len + 1 == size)
			return false;
		to[len++] = *text->at++;
	}
	to[len] = '\0';
	return take(text, '"');
}

/* A number, true (1), false or null (0). */
static bool
take_scalar(Text *text, int64_t *value)
{
	char		word[24];
	char	   *end;
	size_t		len = 0;

	while (text->at < text->end && strchr(" ,}", *text->at) == NULL && len < sizeof(word) - 1)
		word[len++] = *text->at++;
	word[len] = '\0';
	*value = strcmp(word, "true") == 0;
	if (*value || strcmp(word, "false") == 0 || strcmp(word, "null") == 0)
		return true;
	errno = 0;
	*value = strtoll(word, &end, 10);
	return len > 0 && *end == '\0' && errno == 0;
}

static void
set_field(WeirSocketPosition *out, const char *name, int64_t value)
{
	if (strcmp(name, "offset") == 0)
		out->offset = value;
	else if (strcmp(name, "line") == 0)
		out->line = value;
	else if (strcmp(name, "clock") == 0)
		out->clock = value;
	else if (strcmp(name, "passing") == 0)
		out->passing = value;
	else if (strcmp(name, "origin") == 0)
		out->origin.start = value;
	else if (strcmp(name, "ended") == 0)
		out->ended = value != 0;
}

static bool
take_field(Text *text, WeirSocketPosition *out)
{
	char		name[16];
	int64_t		value;

	if (!take_string(text, name, sizeof(name)) || !take(text, ':'))
		return false;
	while (text->at < text->end && *text->at == ' ')
		text->at++;
	if (strcmp(name, "identity") == 0)
		return take_string(text, out->origin.identity, WEIR_IDENTITY_SIZE);
	if (!take_scalar(text, &value))
		return false;
	set_field(out, name, value);
	return true;
}

static bool
decode_json(const WeirPosition *position, WeirSocketPosition *out)
{
	const char *bytes = (const char *) position->bytes;
	Text		text = {bytes + 1, bytes + position->len};

	while (take_field(&text, out))
	{
		if (take(&text, '}'))
			return text.at == text.end;
		if (!take(&text, ','))
			return false;
	}
	return false;
}

bool
weir_socket_position_decode(const WeirPosition *position, WeirSocketPosition *out)
{
	memset(out, 0, sizeof(*out));
	if (position->len == 0)
		return true;
	if (position->len > WEIR_POSITION_MAX)
		return false;
	switch (position->bytes[0])
	{
		case VERSION_1:
			return decode_1(position, out);
		case VERSION_JSON:
			return decode_json(position, out);
		default:
			return false;
	}
}
