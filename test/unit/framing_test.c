/*
 * framing_test.c
 *		Cutting a byte stream into records.
 *
 * In a case's input '^' ends a piece; expected records stand between bars,
 * "!" says that a record is too long, and stands behind one that was cut.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "decide/framing.h"
#include "tap.h"

typedef struct Case
{
	const char *name;
	const char *delimiter;
	const char *format;			/* "" text, else csv: quote and escape */
	size_t		max_record;
	const char *input;
	const char *expected;
} Case;

static const Case cases[] = {
	{"one record", "\n", "", 100, "a\n", "|a|"},
	{"records of one piece", "\n", "", 100, "a\nbc\n\nd\n", "|a|bc||d|"},
	{"29: \"te\", disconnect, reconnect, \"st1\\n\": one record test1", "\n", "", 100, "te^st1\n", "|test1|"},
	{"29: byte by byte", "\n", "", 100, "t^e^s^t^1^\n^x^\n", "|test1|x|"},
	{"a tail at the end is a record", "\n", "", 100, "a\nb", "|a|b|"},
	{"no tail at the end, no record", "\n", "", 100, "a\n", "|a|"},
	{"nothing at all", "\n", "", 100, "", "|"},
	{"only a tail, in two pieces", "\n", "", 100, "a^b", "|ab|"},
	{"a piece of nothing", "\n", "", 100, "a^^b\n", "|ab|"},
	{"CRLF: the CR is dropped", "\n", "", 100, "a\r\nb\r\n\r\n", "|a|b||"},
	{"CRLF split over pieces", "\n", "", 100, "a\r^\nb^\r\n", "|a|b|"},
	{"a CR elsewhere stays", "\n", "", 100, "a\rb\n\r\r\n", "|a\rb|\r|"},
	{"a CR at the end of the stream is half a delimiter", "\n", "", 100, "a\r", "|a|"},
	{"text: backslash-newline belongs to the record", "\n", "", 100, "a\\\nb\nc\n", "|a\\\nb|c|"},
	{"text: two backslashes do not hold a newline", "\n", "", 100, "a\\\\\nb\n", "|a\\\\|b|"},
	{"text: three backslashes do", "\n", "", 100, "a\\\\\\\nb\n", "|a\\\\\\\nb|"},
	{"text: backslash and newline in different pieces", "\n", "", 100, "a\\^\nb\n", "|a\\\nb|"},
	{"text: a run of backslashes split over pieces", "\n", "", 100, "a\\^\\\nb\\\\^\\\nc\n", "|a\\\\|b\\\\\\\nc|"},
	{"text: a backslash does not reach over the end of a record", "\n", "", 100, "\\\\\n\n", "|\\\\||"},
	{"text: an escaped CR is data", "\n", "", 100, "a\\\r\nb\n", "|a\\\r|b|"},
	{"text: a CR behind two backslashes is dropped", "\n", "", 100, "a\\\\\r\nb\n", "|a\\\\|b|"},
	{"text: quotes mean nothing", "\n", "", 100, "\"a\nb\"\n", "|\"a|b\"|"},
	{"text: other delimiter, newline and CR are data", ";", "", 100, "a\r\n;b\r;", "|a\r\n|b\r|"},
	{"text: other delimiter behind a backslash", ";", "", 100, "a\\;b;c;", "|a\\;b|c|"},
	{"multi-byte delimiter", "||", "", 100, "a|b||c||||d", "|a|b|c||d|"},
	{"multi-byte delimiter split over pieces", "ABC", "", 100, "xA^BCy^A^B^Cz^ABABC", "|x|y|zAB|"},
	{"multi-byte delimiter that begins again within itself", "aab", "", 100, "aaab^x^a^a^a^b", "|a|xa|"},
	{"multi-byte delimiter: the leftmost one", "aa", "", 100, "aaab^a^a", "||ab|"},
	{"multi-byte delimiter, first byte escaped", "ab", "", 100, "x\\abyab", "|x\\aby|"},
	{"CRLF as a delimiter of its own: a lone newline is data", "\r\n", "", 100, "a\nb\r\nc\r^\n", "|a\nb|c|"},
	{"a delimiter with a backslash is never escaped", "\\n", "", 100, "a\\\\nb\\n", "|a\\|b|"},
	{"csv: a newline in quotes belongs to the record", "\n", "\"\"", 100, "1,\"a\nb\"\n2,c\n", "|1,\"a\nb\"|2,c|"},
	{"csv: CRLF in quotes stays, outside the CR is dropped", "\n", "\"\"", 100, "\"a\r\nb\"\r\nc\r\n", "|\"a\r\nb\"|c|"},
	{"csv: doubled quotes", "\n", "\"\"", 100, "\"a\"\"\n\"\nb\n", "|\"a\"\"\n\"|b|"},
	{"csv: doubled quotes split over pieces", "\n", "\"\"", 100, "\"a\"^\"\n\"^\nb\n", "|\"a\"\"\n\"|b|"},
	{"csv: an escape of its own", "\n", "\"\\", 100, "\"a\\\"\nb\"\nc\n", "|\"a\\\"\nb\"|c|"},
	{"csv: an escaped escape", "\n", "\"\\", 100, "\"a\\\\\"\nb\n", "|\"a\\\\\"|b|"},
	{"csv: escape and quote in different pieces", "\n", "\"\\", 100, "\"a\\^\"\n^b\"^\nc\n", "|\"a\\\"\nb\"|c|"},
	{"csv: the escape means nothing outside quotes", "\n", "\"\\", 100, "a\\\nb\\\"\n\"\n", "|a\\|b\\\"\n\"|"},
	{"csv: a backslash means nothing", "\n", "\"\"", 100, "a\\\nb\n", "|a\\|b|"},
	{"csv: other quote", "\n", "''", 100, "'a\n'\n\"\n\"\n", "|'a\n'|\"|\"|"},
	{"csv: quotes at once again", "\n", "\"\"", 100, "\"a\"\"b\"\n\"\"\n\"\n\"\n", "|\"a\"\"b\"|\"\"|\"\n\"|"},
	{"csv: many quoted columns", "\n", "\"\"", 100, "\"a\",\"b\n\",\"c\",\"\"\nd\n", "|\"a\",\"b\n\",\"c\",\"\"|d|"},
	{"csv: the quote is closed for the next record", "\n", "\"\"", 100, "\"a\n\"^\nb\nc\n", "|\"a\n\"|b|c|"},
	{"csv: an unterminated quote at the end is the last record", "\n", "\"\"", 100, "a\n\"b\nc\r", "|a|\"b\nc\r|"},
	{"csv: multi-byte delimiter in quotes and out", "||", "\"\"", 100, "\"a||b\"|^|c||", "|\"a||b\"|c|"},
	{"max_record: as long as allowed", "\n", "", 3, "abc\nabc\r\nabc", "|abc|abc|abc|"},
	{"max_record: one byte more", "\n", "", 3, "a\nabcd\nb\n", "|a|!"},
	{"max_record: one byte more, byte by byte", "\n", "", 3, "a^\na^b^c^d^\nb\n", "|a|!"},
	{"max_record: no delimiter in sight", "\n", "", 3, "abcdefgh", "!"},
	{"max_record: in the tail, over pieces", "\n", "", 3, "ab^cd^ef", "!"},
	{"max_record: a CR might still be dropped", "\n", "", 3, "abc\r^\n", "|abc|"},
	{"max_record: multi-byte delimiter not counted", "ABC", "", 3, "abcAB^C", "|abc|"},
	{"max_record: multi-byte delimiter that is none", "ABC", "", 3, "abcAB^DABC", "!"},
	{"max_record: csv in quotes", "\n", "\"\"", 4, "\"a\n\"\n\"a\nb\"\n", "|\"a\n\"|!"}
};

/* With cut_long. */
static const Case cut_cases[] = {
	{"cut: the next record follows", "\n", "", 3, "a\nabcd\nb\n", "|a|abc!|b|"},
	{"cut: byte by byte", "\n", "", 3, "a^\na^b^c^d^e^\nb^\n", "|a|abc!|b|"},
	{"cut: an escaped delimiter does not end it", "\n", "", 3, "abcd\\^\ne\\\\^\nb\n", "|abc!|b|"},
	{"cut: csv in quotes", "\n", "\"\"", 3, "\"a\nb^\nc\nd\"\ne\n", "|\"a\n!|e|"},
	{"cut: multi-byte delimiter split over pieces", "ABC", "", 3, "abcdefA^B^Cx^ABC", "|abc!|x|"},
	{"cut: the end of the stream ends it", "\n", "", 3, "abcd^efgh", "|abc!|"},
	{"cut: two of them", "\n", "", 1, "ab\ncd\n", "|a!|c!|"}
};

static WeirFramer *
framer_of(const Case *c, bool cut_long)
{
	WeirFramingOptions options;

	memset(&options, 0, sizeof(options));
	options.delimiter = c->delimiter;
	options.delimiter_len = (int) strlen(c->delimiter);
	options.csv = c->format[0] != '\0';
	if (options.csv)
	{
		options.quote = c->format[0];
		options.escape = c->format[1];
	}
	options.max_record = c->max_record;
	options.cut_long = cut_long;
	return weir_framer_create(&options, 0, 0);
}

/* Feeds one piece from memory of its own, so that a byte read beyond it is seen. */
static WeirFramingResult
feed(WeirFramer *f, const char *data, size_t len, char *out)
{
	char	   *piece = malloc(len > 0 ? len : 1);
	WeirFramedRecord record;
	WeirFramingResult result;

	memcpy(piece, data, len);
	weir_framer_feed(f, piece, len, 0);
	while ((result = weir_framer_next(f, &record)) == WEIR_FRAMING_RECORD)
	{
		strncat(out, record.data, record.len);
		strcat(out, record.is_cut ? "!|" : "|");
	}
	free(piece);
	return result;
}

static bool
run(const Case *c, bool cut_long)
{
	WeirFramer *f = framer_of(c, cut_long);
	WeirFramingResult result = WEIR_FRAMING_MORE;
	WeirFramedRecord record;
	const char *p = c->input;
	char		out[1000] = "|";
	bool		pass;

	while (*p != '\0' && result == WEIR_FRAMING_MORE)
	{
		size_t		len = strcspn(p, "^");

		result = feed(f, p, len, out);
		p += len + (p[len] == '^');
	}
	if (result == WEIR_FRAMING_TOO_LONG)
		strcpy(out[1] == '\0' ? out : out + strlen(out), "!");
	else if (weir_framer_finish(f, &record))
	{
		strncat(out, record.data, record.len);
		strcat(out, record.is_cut ? "!|" : "|");
	}
	pass = strcmp(out, c->expected) == 0;
	if (!pass)
		diag("got %s", out);
	weir_framer_destroy(f);
	return pass;
}

static void
test_positions(void)
{
	Case		c = {"", "\n", "", 100, "", ""};
	WeirFramingOptions options;
	WeirFramer *f;
	WeirFramedRecord r;

	memset(&options, 0, sizeof(options));
	options.delimiter = "\n";
	options.delimiter_len = 1;
	options.max_record = 100;
	f = weir_framer_create(&options, 1000, 50);
	weir_framer_feed(f, "ab\r\nc", 5, 7);
	ok(weir_framer_tail(f) == 5 && weir_framer_offset(f) == 1000,
	   "framing: before anything is cut all bytes are behind the offset");
	ok(weir_framer_next(f, &r) == WEIR_FRAMING_RECORD && r.stamp == 7 && r.line == 51 && r.end_offset == 1004,
	   "framing: offset and line go on from where the stream stands, the delimiter counts");
	ok(weir_framer_next(f, &r) == WEIR_FRAMING_MORE && weir_framer_offset(f) == 1004 &&
	   weir_framer_line(f) == 51 && weir_framer_tail(f) == 1, "framing: the tail lies behind the last record");
	weir_framer_feed(f, "d\ne", 3, 9);
	ok(weir_framer_next(f, &r) == WEIR_FRAMING_RECORD && r.stamp == 9 && r.line == 52 && r.end_offset == 1007,
	   "framing: the stamp is that of the piece that completed the record");
	ok(weir_framer_next(f, &r) == WEIR_FRAMING_MORE && weir_framer_finish(f, &r) && r.line == 53 &&
	   r.stamp == 9 && r.end_offset == 1008 && weir_framer_offset(f) == 1008 && weir_framer_tail(f) == 0,
	   "framing: a tail at the end moves offset and line");
	ok(!weir_framer_finish(f, &r), "framing: the end comes once");
	weir_framer_destroy(f);

	c.max_record = 2;
	f = framer_of(&c, false);
	weir_framer_feed(f, "a\nbcd\n", 6, 1);
	ok(weir_framer_next(f, &r) == WEIR_FRAMING_RECORD && weir_framer_next(f, &r) == WEIR_FRAMING_TOO_LONG &&
	   r.line == 2 && r.end_offset == 2 && r.len == 2 && memcmp(r.data, "bc", 2) == 0,
	   "framing: max_record: the record that is too long has line, offset and its beginning");
	ok(weir_framer_next(f, &r) == WEIR_FRAMING_TOO_LONG && r.line == 2, "framing: max_record: it stays too long");
	weir_framer_destroy(f);
}

/* Records of a piece stay until the next piece is fed, also the one from the tail. */
static void
test_lifetime(void)
{
	Case		c = {"", "\n", "", 100, "", ""};
	WeirFramer *f = framer_of(&c, false);
	WeirFramedRecord first;
	WeirFramedRecord second;
	WeirFramedRecord none;

	weir_framer_feed(f, "begun", 5, 1);
	(void) weir_framer_next(f, &none);
	weir_framer_feed(f, " done\nzero copy\nnext tail", 25, 2);
	ok(weir_framer_next(f, &first) == WEIR_FRAMING_RECORD && weir_framer_next(f, &second) == WEIR_FRAMING_RECORD &&
	   weir_framer_next(f, &none) == WEIR_FRAMING_MORE &&
	   memcmp(first.data, "begun done", first.len) == 0 && memcmp(second.data, "zero copy", second.len) == 0,
	   "framing: records of a piece stay valid when what is left becomes the tail");
	weir_framer_destroy(f);
}

/* What the end of the stream leaves behind does not reach into what follows. */
static void
test_after_the_end(void)
{
	Case		c = {"", "\n", "\"\"", 100, "", ""};
	WeirFramer *f = framer_of(&c, false);
	WeirFramedRecord r;

	weir_framer_feed(f, "a\"b", 3, 1);
	(void) weir_framer_next(f, &r);
	(void) weir_framer_finish(f, &r);
	weir_framer_feed(f, "c\n", 2, 2);
	ok(weir_framer_next(f, &r) == WEIR_FRAMING_RECORD && r.len == 1 && r.line == 2 && r.end_offset == 5,
	   "framing: an open quote at the end of the stream is closed for what follows it");
	weir_framer_destroy(f);
}

/* A tail whose rest is missing is forgotten, and what it had opened with it. */
static void
test_drop(void)
{
	Case		c = {"", "\n", "\"\"", 100, "", ""};
	WeirFramer *f = framer_of(&c, false);
	WeirFramedRecord r;

	weir_framer_feed(f, "a\nb\"b", 5, 1);
	(void) weir_framer_next(f, &r);
	(void) weir_framer_next(f, &r);
	weir_framer_drop(f);
	ok(weir_framer_tail(f) == 0 && weir_framer_offset(f) == 5 && weir_framer_line(f) == 1,
	   "framing: a tail dropped counts as bytes, not as a record");
	weir_framer_feed(f, "c\n", 2, 2);
	ok(weir_framer_next(f, &r) == WEIR_FRAMING_RECORD && r.len == 1 && r.line == 2 && r.end_offset == 7,
	   "framing: what follows a tail dropped is a record of its own");
	weir_framer_destroy(f);

	c.format = "";
	c.max_record = 2;
	f = framer_of(&c, true);
	weir_framer_feed(f, "abcdefgh", 8, 1);
	(void) weir_framer_next(f, &r);
	weir_framer_drop(f);
	ok(weir_framer_tail(f) == 0 && weir_framer_offset(f) == 8,
	   "framing: a tail that is too long is dropped whole");
	weir_framer_feed(f, "c\n", 2, 2);
	ok(weir_framer_next(f, &r) == WEIR_FRAMING_RECORD && r.len == 1 && !r.is_cut && r.end_offset == 10,
	   "framing: what follows it is a record of its own, too");
	weir_framer_destroy(f);
}

/* Shift-JIS in small: a byte above 0x80 and the one behind it are a character. */
static int
two_bytes(const char *s)
{
	return (unsigned char) *s >= 0x80 ? 2 : 1;
}

static void
test_embedded_backslash(void)
{
	static const struct
	{
		const char *name;
		const char *input;
		int			records;
	}			inputs[] = {
		{"a character that ends in a backslash does not hold a newline", "\x95\\\nb\n", 2},
		{"an escaped newline behind such a character", "\x95\\\\\nb\n", 1},
		{"two such characters", "x\x95\\\x95\\\nb\n", 2},
		{"a backslash escaped behind such a character", "\x95\\\\\\\nb\n", 2},
		{"a plain backslash", "ab\\\nb\n", 1}
	};
	WeirFramingOptions options;
	int			i;

	memset(&options, 0, sizeof(options));
	options.delimiter = "\n";
	options.delimiter_len = 1;
	options.max_record = 100;
	options.char_len = two_bytes;
	for (i = 0; i < COUNT(inputs); i++)
	{
		WeirFramer *f = weir_framer_create(&options, 0, 0);
		char		out[100] = "";

		feed(f, inputs[i].input, strlen(inputs[i].input), out);
		ok(weir_framer_line(f) == inputs[i].records, "framing: encoding with backslashes inside: %s", inputs[i].name);
		weir_framer_destroy(f);
	}
}

void
test_framing(void)
{
	int			i;

	for (i = 0; i < COUNT(cases); i++)
		ok(run(&cases[i], false), "framing %s", cases[i].name);
	for (i = 0; i < COUNT(cut_cases); i++)
		ok(run(&cut_cases[i], true), "framing %s", cut_cases[i].name);
	test_positions();
	test_lifetime();
	test_after_the_end();
	test_drop();
	test_embedded_backslash();
}
