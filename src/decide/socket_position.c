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
#define VERSION_2		2
#define FIELDS			(1 + 5 * 8 + 1)	/* bytes before the identity */

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
	size_t		peer = strlen(position->peer);
	uint8_t    *to = out->bytes;

	memset(out->bytes, 0, sizeof(out->bytes));
	*to++ = peer > 0 ? VERSION_2 : VERSION_1;
	to = weir_put_int64(to, position->offset);
	to = weir_put_int64(to, position->line);
	to = weir_put_int64(to, position->clock);
	to = weir_put_int64(to, position->passing);
	to = weir_put_int64(to, position->origin.start);
	*to++ = position->ended ? 1 : 0;
	memcpy(to, position->origin.identity, identity);
	out->len = (uint32_t) (FIELDS + identity);
	if (peer == 0)
		return;
	memcpy(to + identity + 1, position->peer, peer);
	out->len += 1 + (uint32_t) peer;
}

/* Takes a text that a zero byte ends, or the bytes; false if it is too long. */
static bool
take_bytes(const uint8_t **from, const uint8_t *end, char *to, size_t size)
{
	const uint8_t *zero = memchr(*from, '\0', (size_t) (end - *from));
	size_t		len = (size_t) ((zero ? zero : end) - *from);

	if (len >= size)
		return false;
	memcpy(to, *from, len);
	to[len] = '\0';
	*from += zero ? len + 1 : len;
	return true;
}

static bool
decode_fields(const WeirPosition *position, bool has_peer, WeirSocketPosition *out)
{
	const uint8_t *from = position->bytes + 1;
	const uint8_t *end = position->bytes + position->len;

	if (position->len < FIELDS)
		return false;
	from = weir_get_int64(from, &out->offset);
	from = weir_get_int64(from, &out->line);
	from = weir_get_int64(from, &out->clock);
	from = weir_get_int64(from, &out->passing);
	from = weir_get_int64(from, &out->origin.start);
	if (*from > 1)
		return false;
	out->ended = *from++ == 1;
	return take_bytes(&from, end, out->origin.identity, WEIR_IDENTITY_SIZE) &&
		(!has_peer || take_bytes(&from, end, out->peer, WEIR_PEER_SIZE)) && from == end;
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
			return decode_fields(position, false, out);
		case VERSION_2:
			return decode_fields(position, true, out);
		case VERSION_JSON:
			return decode_json(position, out);
		default:
			return false;
	}
}
