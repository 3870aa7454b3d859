/*
 * decide/resume.c
 *		The resume protocol's decisions.
 *
 * A sender may send data at once: what it sends then begins at the offset it was
 * asked for.  Before it may stand, in this order, each at most once
 *
 *		STREAM <identity>	whose bytes these are
 *		ERR <oldest>		the offset asked for is gone; nothing follows
 *		DATA <offset>		what follows is data, and begins at this offset
 *
 * A sender cannot know whether the offset it was asked for is one of its own
 * stream before Weir has acknowledged a byte of it; but then it still holds all.
 * So it says DATA 0, and what is known already is skipped here.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "decide/resume.h"

#define MAX_DIGITS 18			/* of a number that cannot overflow */

static const struct
{
	const char *word;
	WeirHeaderKind kind;
}			words[] = {
	{"STREAM ", WEIR_HEADER_STREAM},
	{"ERR ", WEIR_HEADER_ERR},
	{"DATA ", WEIR_HEADER_DATA}
};

#define NWORDS ((int) (sizeof(words) / sizeof(words[0])))

/* Which line of the header is this, or could it be with more bytes? */
static WeirHeaderKind
which_word(const char *data, size_t len, bool named, size_t *argument)
{
	WeirHeaderKind kind = WEIR_HEADER_NONE;
	int			i;

	for (i = 0; i < NWORDS; i++)
	{
		size_t		n = strlen(words[i].word);

		if (named && words[i].kind == WEIR_HEADER_STREAM)
			continue;
		if (memcmp(data, words[i].word, len < n ? len : n) != 0)
			continue;
		*argument = n;
		if (len >= n)
			return words[i].kind;
		kind = WEIR_HEADER_MORE;
	}
	return kind;
}

static const char *
read_identity(const char *text, size_t len, char *identity)
{
	size_t		i;

	if (len == 0)
		return "the identity is empty";
	if (len >= WEIR_IDENTITY_SIZE)
		return "the identity is longer than 63 bytes";
	for (i = 0; i < len; i++)
	{
		if (text[i] <= ' ' || text[i] > '~')
			return "the identity has other characters than printable ASCII without spaces";
	}
	memcpy(identity, text, len);
	identity[len] = '\0';
	return NULL;
}

static const char *
read_number(const char *text, size_t len, int64_t *number)
{
	size_t		i;

	if (len == 0 || len > MAX_DIGITS)
		return "a number of 1 to 18 digits is missing";
	*number = 0;
	for (i = 0; i < len; i++)
	{
		if (text[i] < '0' || text[i] > '9')
			return "a number of 1 to 18 digits is missing";
		*number = *number * 10 + (text[i] - '0');
	}
	return NULL;
}

WeirHeaderKind
weir_header_parse(const char *data, size_t len, bool named, WeirHeaderLine *line)
{
	size_t		argument = 0;
	size_t		end;
	size_t		limit = len < WEIR_HEADER_MAX ? len : WEIR_HEADER_MAX;
	const char *newline;
	WeirHeaderKind kind = which_word(data, len, named, &argument);

	memset(line, 0, sizeof(*line));
	if (kind == WEIR_HEADER_MORE || kind == WEIR_HEADER_NONE)
		return kind;
	newline = memchr(data, '\n', limit);
	if (newline == NULL)
	{
		bool		whole = len >= WEIR_HEADER_MAX;

		line->len = limit;
		line->problem = whole ? "the line is longer than 128 bytes" : "the line has no end";
		return whole ? WEIR_HEADER_MALFORMED : WEIR_HEADER_MORE;
	}
	end = (size_t) (newline - data);
	line->len = end + 1;
	if (data[end - 1] == '\r')
		end--;
	if (kind == WEIR_HEADER_STREAM)
		line->problem = read_identity(data + argument, end - argument, line->identity);
	else
		line->problem = read_number(data + argument, end - argument, &line->offset);
	return line->problem == NULL ? kind : WEIR_HEADER_MALFORMED;
}

void
weir_origin_format(char text[WEIR_ORIGIN_TEXT], const WeirOrigin *origin)
{
	snprintf(text, WEIR_ORIGIN_TEXT, "%" PRId64 " %s", origin->start, origin->identity);
}

bool
weir_origin_parse(const char *text, size_t len, WeirOrigin *origin)
{
	char		copy[WEIR_ORIGIN_TEXT];
	char	   *end;

	if (len >= sizeof(copy))
		return false;
	memcpy(copy, text, len);
	copy[len] = '\0';
	memset(origin, 0, sizeof(*origin));
	origin->start = strtoll(copy, &end, 10);
	if (end == copy || *end != ' ' || strlen(end + 1) >= WEIR_IDENTITY_SIZE)
		return false;
	memcpy(origin->identity, end + 1, strlen(end + 1));
	return true;
}

void
weir_resume_init(WeirResume *r, const WeirOrigin *origin, bool allow_gap)
{
	memset(r, 0, sizeof(*r));
	r->origin = *origin;
	r->allow_gap = allow_gap;
	r->said = -1;
}

int64_t
weir_resume_connected(WeirResume *r, int64_t received)
{
	r->named = false;
	r->flowing = false;
	r->skip = 0;
	r->said = -1;
	return received - r->origin.start;
}

void
weir_resume_adopted(WeirResume *r)
{
	(void) weir_resume_connected(r, 0);
	r->flowing = true;
}

static WeirResumeEvent
take_stream(WeirResume *r, const WeirHeaderLine *line, int64_t received)
{
	r->named = true;
	if (strcmp(r->origin.identity, line->identity) == 0)
		return WEIR_RESUME_LINE;
	memcpy(r->origin.identity, line->identity, sizeof(r->origin.identity));
	r->origin.start = received;
	return WEIR_RESUME_ANOTHER;
}

/* The next byte the sender has is not the one that is wanted. */
static WeirResumeEvent
miss(WeirResume *r, int64_t offset, int64_t received, int64_t *missing)
{
	*missing = offset - (received - r->origin.start);
	if (!r->allow_gap)
		return WEIR_RESUME_LOST;
	r->origin.start = received - offset;
	return WEIR_RESUME_GAP;
}

static WeirResumeEvent
take_err(WeirResume *r, WeirHeaderLine *line, int64_t received, int64_t *missing)
{
	if (line->offset <= received - r->origin.start)
	{
		line->problem = "the byte it was asked for does not lie before its oldest";
		return WEIR_RESUME_MALFORMED;
	}
	if (miss(r, line->offset, received, missing) == WEIR_RESUME_LOST)
		return WEIR_RESUME_LOST;
	return WEIR_RESUME_ASK_AGAIN;
}

static WeirResumeEvent
take_data(WeirResume *r, const WeirHeaderLine *line, int64_t received, int64_t *missing)
{
	int64_t		wanted = received - r->origin.start;

	if (line->offset > wanted)
	{
		r->flowing = r->allow_gap;
		return miss(r, line->offset, received, missing);
	}
	r->flowing = true;
	r->skip = wanted - line->offset;
	return WEIR_RESUME_FLOWS;
}

WeirResumeEvent
weir_resume_take(WeirResume *r, const char *data, size_t len, int64_t received,
				 WeirHeaderLine *line, int64_t *missing)
{
	*missing = 0;
	switch (weir_header_parse(data, len, r->named, line))
	{
		case WEIR_HEADER_MORE:
			return WEIR_RESUME_MORE;
		case WEIR_HEADER_STREAM:
			return take_stream(r, line, received);
		case WEIR_HEADER_ERR:
			return take_err(r, line, received, missing);
		case WEIR_HEADER_DATA:
			return take_data(r, line, received, missing);
		case WEIR_HEADER_NONE:
			r->flowing = true;
			return WEIR_RESUME_FLOWS;
		case WEIR_HEADER_MALFORMED:
			break;
	}
	return WEIR_RESUME_MALFORMED;
}

WeirResumeEvent
weir_resume_closed(WeirResume *r, const char *data, size_t len, WeirHeaderLine *line)
{
	(void) weir_header_parse(data, len, r->named, line);
	if (line->problem != NULL)
		return WEIR_RESUME_MALFORMED;
	r->flowing = true;
	return WEIR_RESUME_FLOWS;
}

void
weir_resume_safe(WeirResume *r, int64_t position)
{
	if (position > r->safe)
		r->safe = position;
}

/*
 * Before the sender has named its stream, or sent data of the one that is
 * known, it would take an ACK for one of its own bytes.
 */
bool
weir_resume_ack(WeirResume *r, int64_t *offset)
{
	int64_t		safe = r->safe - r->origin.start;

	if (!(r->named || r->flowing) || safe <= 0 || safe <= r->said)
		return false;
	r->said = *offset = safe;
	return true;
}
