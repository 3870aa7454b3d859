/*
 * framing_model_test.c
 *		Framing against a naive model: one walk over the whole input, byte by
 *		byte, compared with the same input fed in random pieces, with connections
 *		that end at random places, and begun anew at random parts.
 */
#include <stdlib.h>
#include <string.h>

#include "decide/framing.h"
#include "tap.h"

#define INPUT 300

typedef struct Setting
{
	const char *name;
	WeirFramingKind kind;
	const char *delimiter;
	int			n;				/* its bytes */
	char		quote;
	char		escape;
	const char *alphabet;
	int			letters;
} Setting;

#define BYTES(s) s, (int) sizeof(s) - 1

static const Setting settings[] = {
	{"text, newline", WEIR_FRAMING_TEXT, BYTES("\n"), 0, 0, BYTES("aab\\\r\n\n")},
	{"text, \";\"", WEIR_FRAMING_TEXT, BYTES(";"), 0, 0, BYTES("ab\\;\r\n;")},
	{"text, NUL", WEIR_FRAMING_TEXT, BYTES("\0"), 0, 0, BYTES("ab\\\0\r\n\0")},
	{"text, CRLF of its own", WEIR_FRAMING_TEXT, BYTES("\r\n"), 0, 0, BYTES("a\\\r\n\r\n")},
	{"text, \"aab\"", WEIR_FRAMING_TEXT, BYTES("aab"), 0, 0, BYTES("aaab\\bc")},
	{"text, \"aa\"", WEIR_FRAMING_TEXT, BYTES("aa"), 0, 0, BYTES("aab\\")},
	{"csv, newline", WEIR_FRAMING_CSV, BYTES("\n"), '"', '"', BYTES("ab,\"\r\n\n\\")},
	{"csv, escape of its own", WEIR_FRAMING_CSV, BYTES("\n"), '"', '\\', BYTES("a\"\\\r\n\n")},
	{"csv, \"||\"", WEIR_FRAMING_CSV, BYTES("||"), '\'', '\'', BYTES("a'||\n")},
	{"plain, newline", WEIR_FRAMING_PLAIN, BYTES("\n"), 0, 0, BYTES("aab\\\r\n\"")},
	{"plain, \"aba\"", WEIR_FRAMING_PLAIN, BYTES("aba"), 0, 0, BYTES("aab\\")},
	{"octet counted", WEIR_FRAMING_OCTET_COUNTED, BYTES(""), 0, 0, BYTES("1234  05\n\na")},
	{"octet counted, most of it good", WEIR_FRAMING_OCTET_COUNTED, BYTES(""), 0, 0, BYTES("1 2 3 4 1 2 ")},
	{"json_seq", WEIR_FRAMING_JSON_SEQ, BYTES(""), 0, 0, BYTES("\036\036\036\n\n\n{}[]\"\"\\1\r ")},
	{"json_seq, few separators", WEIR_FRAMING_JSON_SEQ, BYTES(""), 0, 0, BYTES("\036\n{{}}\"\\aaaaaaaa")}
};

typedef struct Expected
{
	size_t		begin;			/* of its data */
	size_t		length;
	size_t		end;
	WeirRecordFault fault;
	bool		open;
	bool		first;
} Expected;

typedef struct Model
{
	const Setting *setting;
	const char *input;
	size_t		len;
	size_t		max_record;
	bool		put_aside;
	size_t		max_aside;
	bool		parts;
	size_t		breaks[4];		/* connections end there, in order */
	int			nbreaks;
	Expected	records[INPUT + 1];
	int			nrecords;
	bool		broken;			/* after these records */
	bool		first;			/* the next record is */
	bool		separated;		/* json_seq */
} Model;

static void
add(Model *m, size_t begin, size_t length, size_t end, WeirRecordFault fault, bool open)
{
	Expected	e = {begin, length, end, fault, open, m->first};

	if (fault != WEIR_RECORD_WHOLE && length > m->max_record)
		e.length = m->max_record;
	m->records[m->nrecords++] = e;
	m->first = false;
}

/* Is there an odd number of backslashes before p, and none looked at before from? */
static bool
is_odd(const Model *m, size_t from, size_t p)
{
	size_t		i = p;

	while (i > from && m->input[i - 1] == '\\')
		i--;
	return (p - i) % 2 == 1;
}

/* Behind the delimiter at or behind "from"; 0: there is none. */
static size_t
next_delimiter(const Model *m, size_t escaped_from, size_t from, size_t limit, const char *d, size_t n, bool escapes)
{
	size_t		p;

	for (p = from; p + n <= limit; p++)
	{
		if (memcmp(m->input + p, d, n) == 0 && !(escapes && is_odd(m, escaped_from, p)))
			return p + n;
	}
	return 0;
}

static bool
is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

/* Where a text, or what stands instead of one, ends; 0: not before the limit. */
static size_t
text_end(const Model *m, size_t begin, size_t limit, bool *cut, bool *closed)
{
	bool		in_string = false;
	int			depth = 0;
	size_t		p;

	*cut = *closed = false;
	for (p = begin; p < limit && m->input[p] != '\036'; p++)
	{
		char		c = m->input[p];

		if (c == '\n' && (!m->separated || (depth <= 0 && !in_string)))
			return p + 1;
		if (!m->separated)
			continue;
		if (in_string && c == '\\')
		{
			if (p + 1 < limit && m->input[p + 1] != '\036')
				p++;
		}
		else if (c == '"')
			*closed = !(in_string = !in_string);
		else if (!in_string && !is_blank(c))
		{
			*closed = c == '}' || c == ']';
			depth += c == '{' || c == '[' ? 1 : *closed ? -1 : 0;
		}
	}
	*closed = *closed && depth <= 0 && !in_string;
	if (p == limit)
		return 0;
	*cut = true;
	return p;
}

/* How the end of what is put aside is looked for. */
typedef enum Search
{
	SEARCH_DELIMITER,
	SEARCH_NEWLINE,
	SEARCH_COUNT,				/* "count" bytes behind where it begins */
	SEARCH_TEXT,
	SEARCH_SEPARATOR
} Search;

/* Puts aside what begins there, in parts; returns where it ends. */
static size_t
put_aside(Model *m, size_t begin, size_t data, size_t from, Search search, size_t count,
		  size_t limit, WeirRecordFault fault)
{
	const Setting *s = m->setting;
	size_t		escaped_from = begin;
	size_t		last = data + count;
	bool		unused;

	for (;;)
	{
		size_t		end = 0;
		size_t		part = begin + m->max_aside;

		if (search == SEARCH_DELIMITER)
			end = next_delimiter(m, escaped_from, from, limit, s->delimiter, (size_t) s->n, s->kind == WEIR_FRAMING_TEXT);
		else if (search == SEARCH_NEWLINE)
			end = next_delimiter(m, from, from, limit, "\n", 1, false);
		else if (search == SEARCH_COUNT)
			end = last <= limit ? last : 0;
		else if (search == SEARCH_TEXT)
			end = text_end(m, from, limit, &unused, &unused);
		else
		{
			for (end = from; end < limit && m->input[end] != '\036'; end++)
				;
			end = end < limit ? end : 0;
		}
		if (end != 0 && end <= part)
		{
			if (end > begin)
				add(m, data, end - data, end, fault, false);
			return end;
		}
		if (part > limit)
		{
			if (limit > begin)
				add(m, data, limit - data, limit, fault, false);
			return limit;
		}
		add(m, data, part - data, part, fault, true);
		begin = data = from = escaped_from = part;
		fault = WEIR_RECORD_TOO_LONG;
		if (search == SEARCH_TEXT)
			search = SEARCH_SEPARATOR;
	}
}

/* The connection, or the stream, ends within the record. */
static size_t
leave(Model *m, size_t begin, size_t length, size_t limit, WeirRecordFault at_end)
{
	add(m, begin, length, limit, limit < m->len ? WEIR_RECORD_PARTIAL : at_end, false);
	return limit;
}

static size_t
walk_delimited(Model *m, size_t begin, size_t limit)
{
	const Setting *s = m->setting;
	size_t		n = (size_t) s->n;
	bool		newline = n == 1 && s->delimiter[0] == '\n';
	bool		quoted = false;
	bool		data_cr = false;	/* the byte before is a CR and data */
	bool		csv = s->kind == WEIR_FRAMING_CSV;
	size_t		length;
	size_t		p = begin;

	while (p < limit)
	{
		char		c = m->input[p];

		if (!quoted && p + n <= limit && memcmp(m->input + p, s->delimiter, n) == 0)
		{
			length = p - begin;
			if (newline && length > 0 && m->input[p - 1] == '\r' && !data_cr)
				length--;
			if (length > m->max_record)
				break;
			add(m, begin, length, p + n, WEIR_RECORD_WHOLE, false);
			return p + n;
		}
		data_cr = false;
		if (s->kind == WEIR_FRAMING_TEXT && c == '\\')
		{
			data_cr = p + 1 < limit && m->input[p + 1] == '\r';
			p++;
		}
		else if (quoted && c == s->escape && s->escape != s->quote)
			p++;
		else if (csv && c == s->quote)
			quoted = !quoted;
		p++;
	}
	if (p < limit || limit - begin >= m->max_record + n + (newline ? 1 : 0))
	{
		m->broken = !m->put_aside;
		return m->broken ? limit :
			put_aside(m, begin, begin, begin + m->max_record, SEARCH_DELIMITER, 0, limit, WEIR_RECORD_TOO_LONG);
	}
	length = limit - begin;
	if (newline && m->input[limit - 1] == '\r' && !data_cr && !quoted)
		length--;
	return leave(m, begin, length, limit, WEIR_RECORD_WHOLE);
}

static size_t
walk_counted(Model *m, size_t begin, size_t limit)
{
	size_t		p;
	size_t		count = 0;
	size_t		body;
	bool		bad;

	while (begin < limit && (m->input[begin] == '\n' || m->input[begin] == '\r'))
		begin++;
	if (begin == limit)
		return limit;
	for (p = begin; p < limit && m->input[p] >= '0' && m->input[p] <= '9' && p - begin < 9; p++)
		count = count * 10 + (size_t) (m->input[p] - '0');
	bad = m->input[begin] == '0' || (p < limit && (p == begin || m->input[p] != ' '));
	if (!bad && p == limit)
		return leave(m, begin, limit - begin, limit, WEIR_RECORD_TRUNCATED);
	p++;
	if ((bad || count > m->max_record) && !m->put_aside)
	{
		m->broken = true;
		return limit;
	}
	if (bad)
		return put_aside(m, begin, begin, begin, SEARCH_NEWLINE, 0, limit, WEIR_RECORD_BAD_COUNT);
	if (count > m->max_record)
		return put_aside(m, begin, p, p, SEARCH_COUNT, count, limit, WEIR_RECORD_TOO_LONG);
	if (p + count > limit)
		return leave(m, begin, limit - begin, limit, WEIR_RECORD_TRUNCATED);
	body = count;
	if (body > 0 && m->input[p + body - 1] == '\n')
		body -= body > 1 && m->input[p + body - 2] == '\r' ? 2 : 1;
	add(m, p, body, p + count, WEIR_RECORD_WHOLE, false);
	return p + count;
}

static size_t
walk_json_seq(Model *m, size_t begin, size_t limit)
{
	bool		cut;
	bool		closed;
	size_t		end;
	size_t		length;
	WeirRecordFault fault;

	m->separated = false;
	for (; begin < limit && (is_blank(m->input[begin]) || m->input[begin] == '\036'); begin++)
		m->separated = m->separated || m->input[begin] == '\036';
	if (begin == limit)
		return limit;
	end = text_end(m, begin, limit, &cut, &closed);
	length = end == 0 ? limit - begin : cut ? end - begin : end - 1 - begin;
	if (length > 0 && m->input[begin + length - 1] == '\r')
		length--;
	if (end != 0 ? length > m->max_record : limit - begin >= m->max_record + 2)
	{
		m->broken = !m->put_aside;
		return m->broken ? limit : put_aside(m, begin, begin, begin, SEARCH_TEXT, 0, limit,
											 m->separated ? WEIR_RECORD_TOO_LONG : WEIR_RECORD_NO_SEPARATOR);
	}
	fault = !m->separated ? WEIR_RECORD_NO_SEPARATOR : cut && !closed ? WEIR_RECORD_TRUNCATED : WEIR_RECORD_WHOLE;
	if (end == 0)
		return leave(m, begin, length, limit, fault != WEIR_RECORD_WHOLE || closed ? fault : WEIR_RECORD_TRUNCATED);
	m->broken = fault != WEIR_RECORD_WHOLE && !m->put_aside;
	if (!m->broken)
		add(m, begin, length, end, fault, false);
	return end;
}

static size_t
walk_record(Model *m, size_t begin, size_t limit)
{
	switch (m->setting->kind)
	{
		case WEIR_FRAMING_OCTET_COUNTED:
			return walk_counted(m, begin, limit);
		case WEIR_FRAMING_JSON_SEQ:
			return walk_json_seq(m, begin, limit);
		default:
			return walk_delimited(m, begin, limit);
	}
}

static void
walk(Model *m)
{
	size_t		begin = 0;
	int			i;

	m->nrecords = 0;
	m->broken = m->first = false;
	for (i = 0; i <= m->nbreaks; i++)
	{
		size_t		limit = i < m->nbreaks ? m->breaks[i] : m->len;

		while (begin < limit && !m->broken)
			begin = walk_record(m, begin, limit);
		m->first = true;
	}
}

static bool
is_record(const Model *m, int i, const WeirFramedRecord *r)
{
	const Expected *e = &m->records[i];

	return i < m->nrecords && r->len == e->length && r->fault == e->fault && r->open == e->open &&
		r->first == e->first && r->line == i + 1 && r->end_offset == (int64_t) e->end &&
		(r->passing != 0) == r->open && (r->len == 0 || memcmp(r->data, m->input + e->begin, r->len) == 0);
}

static WeirFramer *
framer_of(const Model *m, int64_t offset, int64_t line)
{
	const Setting *s = m->setting;
	WeirFramingOptions options;

	memset(&options, 0, sizeof(options));
	options.kind = s->kind;
	options.delimiter = s->delimiter;
	options.delimiter_len = s->n;
	options.quote = s->quote;
	options.escape = s->escape;
	options.max_record = m->max_record;
	options.put_aside = m->put_aside;
	options.max_aside = m->parts ? 1 : 0;
	return weir_framer_create(&options, offset, line);
}

/* Goes on with another framer, which knows no more than a position says. */
static WeirFramer *
begin_anew(const Model *m, WeirFramer *f, const WeirFramedRecord *r, size_t at)
{
	WeirFramer *again = framer_of(m, r->end_offset, r->line);

	weir_framer_destroy(f);
	weir_framer_pass(again, r->passing);
	weir_framer_feed(again, m->input + r->end_offset, at - (size_t) r->end_offset, r->stamp);
	return again;
}

/* Some of the next records at once. */
static void
take_run(const Model *m, WeirFramer *f, Random *random, int *n)
{
	WeirRecordSpan spans[8];
	int64_t		line;
	int64_t		stamp;
	size_t		count = weir_framer_run(f, spans, 1 + (size_t) random_below(random, 8), &line, &stamp);
	bool		same = true;
	size_t		i;

	for (i = 0; i < count; i++)
	{
		WeirFramedRecord r = {spans[i].data, spans[i].len, stamp, line + (int64_t) i,
			i + 1 < count ? (int64_t) m->records[*n].end : weir_framer_offset(f), 0, false,
		WEIR_RECORD_WHOLE, false, 0};

		same = same && is_record(m, (*n)++, &r);
	}
	if (!same)
		*n = INPUT + 100;
}

static WeirFramingResult
take(const Model *m, WeirFramer **f, Random *random, size_t at, int *n)
{
	WeirFramedRecord r;
	WeirFramingResult result;

	for (;;)
	{
		if (random_below(random, 2) == 0)
			take_run(m, *f, random, n);
		if (*n > INPUT)
			return WEIR_FRAMING_BROKEN;
		result = weir_framer_next(*f, &r);
		if (result != WEIR_FRAMING_RECORD)
			break;
		if (!is_record(m, (*n)++, &r))
			*n = INPUT + 100;
		if (*n > INPUT)
			return result;
		if (random_below(random, 10) == 0)
			*f = begin_anew(m, *f, &r, at);
	}
	return result;
}

/* The stream, or a connection of it, is over. */
static bool
end(const Model *m, WeirFramer *f, bool last, int *n)
{
	WeirFramedRecord r;

	if (last ? weir_framer_finish(f, &r) : weir_framer_leave(f, &r))
	{
		if (!is_record(m, (*n)++, &r))
			return false;
	}
	weir_framer_connected(f);
	return weir_framer_tail(f) == 0;
}

/* Each piece lies in memory of its own, exactly as long as it is. */
static bool
frame(const Model *m, Random *random, int longest)
{
	WeirFramer *f = framer_of(m, 0, 0);
	WeirFramingResult result = WEIR_FRAMING_MORE;
	bool		same = true;
	size_t		at = 0;
	int			n = 0;
	int			i;

	for (i = 0; i <= m->nbreaks && same && result == WEIR_FRAMING_MORE; i++)
	{
		size_t		limit = i < m->nbreaks ? m->breaks[i] : m->len;

		while (at < limit && same && result == WEIR_FRAMING_MORE)
		{
			size_t		len = (size_t) random_below(random, longest + 1);
			char	   *piece;

			len = len < limit - at ? len : limit - at;
			piece = malloc(len > 0 ? len : 1);
			memcpy(piece, m->input + at, len);
			at += len;
			weir_framer_feed(f, piece, len, 1);
			result = take(m, &f, random, at, &n);
			same = n <= INPUT && weir_framer_offset(f) + (int64_t) weir_framer_tail(f) == (int64_t) at;
			free(piece);
		}
		if (same && result == WEIR_FRAMING_MORE)
			same = end(m, f, i == m->nbreaks, &n);
	}
	weir_framer_destroy(f);
	return same && (result == WEIR_FRAMING_BROKEN) == m->broken && n == m->nrecords;
}

static void
choose_breaks(Model *m, Random *random)
{
	int			i;

	m->nbreaks = random_below(random, 4);
	for (i = 0; i < m->nbreaks; i++)
	{
		size_t		from = i > 0 ? m->breaks[i - 1] : 0;

		m->breaks[i] = from + (size_t) random_below(random, (int) (m->len - from + 1));
	}
	/* what no byte follows is left to the end of the stream */
	while (m->nbreaks > 0 && m->breaks[m->nbreaks - 1] == m->len)
		m->nbreaks--;
}

static bool
run(const Setting *s, uint64_t seed)
{
	Random		random = {seed};
	Model		m;
	char		input[INPUT];
	int			i;

	memset(&m, 0, sizeof(m));
	m.setting = s;
	m.input = input;
	m.len = (size_t) random_below(&random, INPUT);
	m.max_record = random_below(&random, 2) == 0 ? INPUT : (size_t) random_below(&random, 30) + 1;
	m.put_aside = random_below(&random, 2) == 0;
	m.parts = random_below(&random, 2) == 0;
	m.max_aside = m.parts ? 2 * m.max_record + 64 : INPUT + 1;
	for (i = 0; i < (int) m.len; i++)
		input[i] = s->alphabet[random_below(&random, s->letters)];
	choose_breaks(&m, &random);
	walk(&m);
	return frame(&m, &random, 1 + random_below(&random, 40));
}

void
test_framing_model(void)
{
	int			i;

	for (i = 0; i < COUNT(settings); i++)
	{
		uint64_t	seed;
		uint64_t	wrong = 0;

		for (seed = 1; seed <= 10000 && wrong == 0; seed++)
		{
			if (!run(&settings[i], seed * 1000003))
				wrong = seed;
		}
		if (!ok(wrong == 0, "framing 29: 10000 random inputs in random pieces as the naive model: %s", settings[i].name))
			diag("seed %llu", (unsigned long long) wrong);
	}
}
