/*
 * framing_model_test.c
 *		Framing against a naive model: one walk over the whole input, byte by
 *		byte, compared with the same input fed in random pieces.
 */
#include <stdlib.h>
#include <string.h>

#include "decide/framing.h"
#include "tap.h"

#define INPUT 200

typedef struct Setting
{
	const char *name;
	const char *delimiter;
	bool		csv;
	char		quote;
	char		escape;
	const char *alphabet;
} Setting;

static const Setting settings[] = {
	{"text, newline", "\n", false, 0, 0, "aab\\\r\n\n"},
	{"text, \";\"", ";", false, 0, 0, "ab\\;\r\n;"},
	{"text, CRLF of its own", "\r\n", false, 0, 0, "a\\\r\n\r\n"},
	{"text, \"aab\"", "aab", false, 0, 0, "aaab\\bc"},
	{"text, \"aa\"", "aa", false, 0, 0, "aab\\"},
	{"csv, newline", "\n", true, '"', '"', "ab,\"\r\n\n\\"},
	{"csv, escape of its own", "\n", true, '"', '\\', "a\"\\\r\n\n"},
	{"csv, \"||\"", "||", true, '\'', '\'', "a'||\n"}
};

typedef struct Model
{
	const Setting *setting;
	const char *input;
	size_t		len;
	size_t		max_record;
	bool		cut_long;
	size_t		begin[INPUT + 1];
	size_t		length[INPUT + 1];
	size_t		end[INPUT + 1];
	bool		is_cut[INPUT + 1];
	int			nrecords;
	bool		too_long;		/* after these records */
} Model;

static void
add(Model *m, size_t begin, size_t length, size_t end)
{
	m->begin[m->nrecords] = begin;
	m->is_cut[m->nrecords] = length > m->max_record && m->cut_long;
	m->length[m->nrecords] = m->is_cut[m->nrecords] ? m->max_record : length;
	m->end[m->nrecords] = end;
	m->nrecords++;
}

/* Walks one record from begin; false at the end of the input or when too long. */
static bool
walk_record(Model *m, size_t begin, size_t *next)
{
	const Setting *s = m->setting;
	size_t		n = strlen(s->delimiter);
	bool		newline = strcmp(s->delimiter, "\n") == 0;
	bool		quoted = false;
	bool		data_cr = false;	/* the byte before is a CR and data */
	size_t		length;
	size_t		p = begin;

	while (p < m->len)
	{
		char		c = m->input[p];

		if (!quoted && p + n <= m->len && memcmp(m->input + p, s->delimiter, n) == 0)
		{
			length = p - begin;
			if (newline && length > 0 && m->input[p - 1] == '\r' && !data_cr)
				length--;
			*next = p + n;
			m->too_long = length > m->max_record && !m->cut_long;
			if (!m->too_long)
				add(m, begin, length, p + n);
			return !m->too_long;
		}
		data_cr = false;
		if (!s->csv && c == '\\')
		{
			data_cr = p + 1 < m->len && m->input[p + 1] == '\r';
			p++;
		}
		else if (quoted && c == s->escape && s->escape != s->quote)
			p++;
		else if (s->csv && c == s->quote)
			quoted = !quoted;
		p++;
	}
	length = m->len - begin;
	if (length >= m->max_record + n + (newline ? 1 : 0))
	{
		m->too_long = !m->cut_long;
		if (m->cut_long)
			add(m, begin, length, m->len);
	}
	else if (length > 0)
	{
		size_t		drop = newline && m->input[m->len - 1] == '\r' && !data_cr && !quoted;

		add(m, begin, length - drop, m->len);
		/* less than a delimiter too long is as long as allowed */
		m->is_cut[m->nrecords - 1] = false;
		m->length[m->nrecords - 1] = length - drop;
	}
	return false;
}

static void
walk(Model *m)
{
	size_t		begin = 0;
	size_t		next = 0;

	m->nrecords = 0;
	m->too_long = false;
	while (walk_record(m, begin, &next))
		begin = next;
}

static bool
is_record(const Model *m, int i, const WeirFramedRecord *r, int64_t stamp)
{
	return i < m->nrecords && r->len == m->length[i] && r->is_cut == m->is_cut[i] && r->line == i + 1 &&
		r->end_offset == (int64_t) m->end[i] && r->stamp == stamp &&
		memcmp(r->data, m->input + m->begin[i], r->len) == 0;
}

/* Each piece lies in memory of its own, exactly as long as it is. */
static bool
frame(const Model *m, WeirFramer *f, Random *random, int longest)
{
	WeirFramedRecord r;
	WeirFramingResult result = WEIR_FRAMING_MORE;
	size_t		at = 0;
	int64_t		stamp = 0;
	int			n = 0;
	bool		same = true;

	while (at < m->len && same && result == WEIR_FRAMING_MORE)
	{
		size_t		len = (size_t) random_below(random, longest + 1);
		char	   *piece;

		len = len < m->len - at ? len : m->len - at;
		piece = malloc(len > 0 ? len : 1);
		memcpy(piece, m->input + at, len);
		at += len;
		weir_framer_feed(f, piece, len, ++stamp);
		while (same && (result = weir_framer_next(f, &r)) == WEIR_FRAMING_RECORD)
			same = is_record(m, n++, &r, stamp);
		same = same && weir_framer_offset(f) + (int64_t) weir_framer_tail(f) == (int64_t) at;
		free(piece);
	}
	if (!same || (result == WEIR_FRAMING_TOO_LONG) != m->too_long)
		return false;
	if (result == WEIR_FRAMING_MORE && weir_framer_finish(f, &r))
		same = is_record(m, n++, &r, stamp);
	return same && n == m->nrecords;
}

static bool
run(const Setting *s, uint64_t seed)
{
	Random		random = {seed};
	WeirFramingOptions options;
	WeirFramer *f;
	Model		m;
	char		input[INPUT];
	bool		same;
	int			i;

	m.setting = s;
	m.input = input;
	m.len = (size_t) random_below(&random, INPUT);
	m.max_record = random_below(&random, 2) == 0 ? INPUT : (size_t) random_below(&random, 30);
	m.cut_long = m.max_record > 0 && random_below(&random, 2) == 0;
	for (i = 0; i < (int) m.len; i++)
		input[i] = s->alphabet[random_below(&random, (int) strlen(s->alphabet))];
	walk(&m);
	memset(&options, 0, sizeof(options));
	options.delimiter = s->delimiter;
	options.delimiter_len = (int) strlen(s->delimiter);
	options.csv = s->csv;
	options.quote = s->quote;
	options.escape = s->escape;
	options.max_record = m.max_record;
	options.cut_long = m.cut_long;
	f = weir_framer_create(&options, 0, 0);
	same = frame(&m, f, &random, 1 + random_below(&random, 40));
	weir_framer_destroy(f);
	return same;
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
