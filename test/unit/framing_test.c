/*
 * framing_test.c
 *		Cutting a byte stream into records.
 *
 * In a case's input '^' ends a piece, and '$' a connection; expected records
 * stand between bars, behind one put aside what is wrong with it: '!' too long,
 * '~' partial, '/' truncated, '?' a bad count, '#' no separator, and '+' where it
 * is a part.  At the end it says why the stream is broken.
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
	const char *format;			/* "" text; "plain", "counted", "json"; else csv: quote and escape */
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

/* What is no record is put aside. */
static const Case aside_cases[] = {
	{"aside: the next record follows", "\n", "", 3, "a\nabcd\nb\n", "|a|abc!|b|"},
	{"aside: byte by byte", "\n", "", 3, "a^\na^b^c^d^e^\nb^\n", "|a|abc!|b|"},
	{"aside: an escaped delimiter does not end it", "\n", "", 3, "abcd\\^\ne\\\\^\nb\n", "|abc!|b|"},
	{"aside: a backslash before max_record counts for a delimiter at it", "\n", "", 3, "ab\\\ncd\nb\n", "|ab\\!|b|"},
	{"aside: an escaped backslash there does not", "\n", "", 3, "a\\\\b\ncd\n", "|a\\\\!|cd|"},
	{"aside: csv: a quote that is never closed costs up to the next record end behind max_record", "\n", "\"\"", 8,
		"1,a\n2,5\" d\n3,b\n4,c\n5,\"d\"\n", "|1,a|2,5\" d\n3!|4,c|5,\"d\"|"},
	{"aside: csv: the same, byte by byte", "\n", "\"\"", 8, "2^,^5^\"^ ^d^\n^3^,^b^\n^4^,^c^\n", "|2,5\" d\n3!|4,c|"},
	{"aside: csv: a delimiter at max_record", "\n", "\"\"", 4, "\"a\nb\nc\"\n", "|\"a\nb!|c\"\n|"},
	{"aside: csv: whole, but too long", "\n", "\"\"", 3, "\"a\nb\"\ne\n", "|\"a\n!|e|"},
	{"aside: multi-byte delimiter split over pieces", "ABC", "", 3, "abcdefA^B^Cx^ABC", "|abc!|x|"},
	{"aside: multi-byte delimiter within itself", "aab", "plain", 2, "xyaaa^ab^z^aab", "|xy!|z|"},
	{"aside: the end of the stream ends it", "\n", "", 3, "abcd^efgh", "|abc!|"},
	{"aside: two of them", "\n", "", 1, "ab\ncd\n", "|a!|c!|"},

	{"connection: what it left is no record", "\n", "", 100, "1 10\n12$3 4\n", "|1 10|12~|3 4|"},
	{"connection: at a record's end nothing is left", "\n", "", 100, "a\n$b\n", "|a|b|"},
	{"connection: half a delimiter", "\n", "", 100, "a\r$b\n", "|a~|b|"},
	{"connection: an open quote is closed", "\n", "\"\"", 100, "\"a\n$b\n", "|\"a\n~|b|"},
	{"connection: a backslash takes nothing of the next", "\n", "", 100, "a\\$\nb\n", "|a\\~||b|"},
	{"connection: three that break off, and one that ends", "\n", "", 100, "a$b$c$d", "|a~|b~|c~|d|"},
	{"connection: what is too long ends with it", "\n", "", 3, "abcdef$gh\n", "|abc!|gh|"},
	{"connection: half a count", "", "counted", 100, "1$2 ab", "|1~|ab|"},
	{"connection: half a message", "", "counted", 100, "5 abc$2 ab", "|5 abc~|ab|"},
	{"connection: half a text", "", "json", 100, "\036{\"a\":$\0361\n", "|{\"a\":~|1|"},
	{"connection: a separator does not reach into the next", "", "json", 100, "\036$1\n", "|1#|"},

	{"plain: nothing escapes a delimiter", "\n", "plain", 100, "a\\\n\"b\nc\"\r\n", "|a\\|\"b|c\"|"},

	{"counted", "", "counted", 100, "5 hello3 a\nb1 c", "|hello|a\nb|c|"},
	{"counted: byte by byte", "", "counted", 100, "1^0^ ^0^1^2^3^4^5^6^7^8^9^1^ ^x", "|0123456789|x|"},
	{"counted: newlines between messages are passed over", "", "counted", 100, "1 a\n2 bc\r\n^\n1 d\n", "|a|bc|d|"},
	{"counted: a newline at a message's end is no part of it", "", "counted", 100, "6 hello\n7 a\nbcd\r\n2 \n\n1 \n2 \r^\n1 \r", "|hello|a\nbcd|\n|||\r|"},
	{"counted: no count: up to the newline", "", "counted", 100, "<13>hello\n1 a<14>x^y\n2 bc", "|<13>hello\n?|a|<14>xy\n?|bc|"},
	{"counted: a count that begins with 0", "", "counted", 100, "05 hello\n1 a", "|05 hello\n?|a|"},
	{"counted: no space behind it", "", "counted", 100, "5hello\n1 a", "|5hello\n?|a|"},
	{"counted: more digits than any message has bytes", "", "counted", 100, "1234567890 x\n1 a", "|1234567890 x\n?|a|"},
	{"counted: a count of what is too long is kept to", "", "counted", 3, "3 abc5 1 x\nz2 yz", "|abc|1 x!|yz|"},
	{"counted: the same in pieces", "", "counted", 3, "5^ ^1^ ^x^\n^z^2^ ^yz", "|1 x!|yz|"},
	{"counted: the stream ends within a message", "", "counted", 100, "1 a5 he", "|a|5 he/|"},
	{"counted: the stream ends within a count", "", "counted", 100, "1 a12", "|a|12/|"},
	{"counted: no newline in sight behind a bad count", "", "counted", 5, "x1 a1 b1 c", "|x1 a1?|"},

	{"json_seq", "", "json", 100, "\036{\"a\":1}\n\036[1,2]\n\036\"x\"\n\0363\n\036true\n", "|{\"a\":1}|[1,2]|\"x\"|3|true|"},
	{"json_seq: handed out before the next begins", "", "json", 100, "\036{}\n", "|{}|"},
	{"json_seq: newlines within a text", "", "json", 100, "\036{\n \"a\": [\n1\n]\n}\n\0361\n", "|{\n \"a\": [\n1\n]\n}|1|"},
	{"json_seq: brackets and quotes in strings", "", "json", 100, "\036{\"a\":\"}\\\"{\"}\n\0361\n", "|{\"a\":\"}\\\"{\"}|1|"},
	{"json_seq: byte by byte", "", "json", 100, "\036^{^\"^a^\"^:^\"^\\^\"^\"^}^\r^\n^\036^1^\n", "|{\"a\":\"\\\"\"}|1|"},
	{"json_seq: one truncated is put aside", "", "json", 100, "\036{\"a\":\n\036{\"b\":1}\n", "|{\"a\":\n/|{\"b\":1}|"},
	{"json_seq: truncated within a string", "", "json", 100, "\036{\"a\n}\036^1\n", "|{\"a\n}/|1|"},
	{"json_seq: a number cut short by the next", "", "json", 100, "\03612\03634\n", "|12/|34|"},
	{"json_seq: a number cut short by the end", "", "json", 100, "\03612\n\03634", "|12|34/|"},
	{"json_seq: an object before the next needs no newline", "", "json", 100, "\036{\"a\":1}\036[{^}] \036\"x\"\0361\n", "|{\"a\":1}|[{}] |\"x\"|1|"},
	{"json_seq: one within an object that is cut short is not meant", "", "json", 100, "\036[{}\036[\"]\"\0361\n", "|[{}/|[\"]\"/|1|"},
	{"json_seq: an object at the end needs no newline", "", "json", 100, "\036{\"a\":1}", "|{\"a\":1}|"},
	{"json_seq: a string at the end neither", "", "json", 100, "\036\"a\" ", "|\"a\" |"},
	{"json_seq: separators and space between", "", "json", 100, "\n\036\036 \n\036^\036 1\n \n\036\n\0362\n", "|1|2|"},
	{"json_seq: no separator: line by line", "", "json", 100, "{\"a\":1}\n{\"a\":2}\n\0363\nx\0364\n", "|{\"a\":1}#|{\"a\":2}#|3|x#|4|"},
	{"json_seq: too long", "", "json", 3, "\036123\n\0361234\n\036[12\n]\n\0365\n", "|123|123!|[12!|5|"},
	{"json_seq: too long and truncated", "", "json", 3, "\036[1234^56\0365\n", "|[12!|5|"},
	{"json_seq: a CR before the newline is dropped", "", "json", 3, "\036123\r^\n\0361\r\n", "|123|1|"}
};

/* What is no record ends the stream. */
static const Case broken_cases[] = {
	{"broken: bad count", "", "counted", 100, "1 ax\n", "|a|?"},
	{"broken: a count too long", "", "counted", 3, "4 ", "!"},
	{"broken: no separator", "", "json", 100, "\0361\nx\n", "|1|#"},
	{"broken: truncated", "", "json", 100, "\0361\036", "/"},
	{"broken: too long", "", "json", 2, "\0361\n\0361234", "|1|!"}
};

/* In parts of at most 68 bytes, which is the least for a max_record of 2. */
static const Case part_cases[] = {
	{"parts: of one without an end", "\n", "", 2,
		"abcdefghijabcdefghijabcdefghijabcdefghijabcdefghijabcdefghijabcdefghIJKLMNO\nz\n", "|ab!+|IJ!|z|"},
	{"parts: its end is a part's", "\n", "", 2,
		"abcdefghijabcdefghijabcdefghijabcdefghijabcdefghijabcdefghijabcdefgh^\nz\n", "|ab!+|\n!|z|"},
	{"parts: a counted one keeps its count", "", "counted", 2,
		"70 abcdefghijabcdefghijabcdefghijabcdefghijabcdefghijabcdefghij12345678902 zz", "|ab!+|67!|zz|"},
	{"parts: a text up to the next separator", "", "json", 2,
		"\036[bcdefghijabcdefghijabcdefghijabcdefghijabcdefghijabcdefghij12345678]\nx\n\0361\n", "|[b!+|]\n!|1|"}
};

static WeirFramingKind
kind_of(const char *format)
{
	if (format[0] == '\0')
		return WEIR_FRAMING_TEXT;
	if (strcmp(format, "plain") == 0)
		return WEIR_FRAMING_PLAIN;
	if (strcmp(format, "counted") == 0)
		return WEIR_FRAMING_OCTET_COUNTED;
	return strcmp(format, "json") == 0 ? WEIR_FRAMING_JSON_SEQ : WEIR_FRAMING_CSV;
}

static WeirFramer *
framer_of(const Case *c, bool put_aside, size_t max_aside)
{
	WeirFramingOptions options;

	memset(&options, 0, sizeof(options));
	options.delimiter = c->delimiter;
	options.delimiter_len = (int) strlen(c->delimiter);
	options.kind = kind_of(c->format);
	if (options.kind == WEIR_FRAMING_CSV)
	{
		options.quote = c->format[0];
		options.escape = c->format[1];
	}
	options.max_record = c->max_record;
	options.put_aside = put_aside;
	options.max_aside = max_aside;
	return weir_framer_create(&options, 0, 0);
}

static void
print(char *out, const WeirFramedRecord *r)
{
	static const char faults[][2] = {"", "!", "~", "/", "?", "#"};

	strncat(out, r->data, r->len);
	strcat(out, faults[r->fault]);
	strcat(out, r->open ? "+|" : "|");
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
		print(out, &record);
	if (result == WEIR_FRAMING_BROKEN)
	{
		record.len = 0;
		if (strcmp(out, "|") == 0)
			out[0] = '\0';
		print(out, &record);
		out[strlen(out) - 1] = '\0';
	}
	free(piece);
	return result;
}

static bool
run(const Case *c, bool put_aside, size_t max_aside)
{
	WeirFramer *f = framer_of(c, put_aside, max_aside);
	WeirFramingResult result = WEIR_FRAMING_MORE;
	WeirFramedRecord record;
	const char *p = c->input;
	char		out[1000] = "|";
	bool		pass;

	while (*p != '\0' && result == WEIR_FRAMING_MORE)
	{
		size_t		len = strcspn(p, "^$");

		result = feed(f, p, len, out);
		if (p[len] == '$' && weir_framer_leave(f, &record))
			print(out, &record);
		p += len + (p[len] != '\0');
	}
	if (result == WEIR_FRAMING_MORE && weir_framer_finish(f, &record))
		print(out, &record);
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
	f = framer_of(&c, false, 0);
	weir_framer_feed(f, "a\nbcd\n", 6, 1);
	ok(weir_framer_next(f, &r) == WEIR_FRAMING_RECORD && weir_framer_next(f, &r) == WEIR_FRAMING_BROKEN &&
	   r.line == 2 && r.end_offset == 2 && r.len == 2 && memcmp(r.data, "bc", 2) == 0,
	   "framing: max_record: the record that is too long has line, offset and its beginning");
	ok(weir_framer_next(f, &r) == WEIR_FRAMING_BROKEN && r.line == 2, "framing: max_record: it stays too long");
	weir_framer_destroy(f);
}

/* Records of a piece stay until the next piece is fed, also the one from the tail. */
static void
test_lifetime(void)
{
	Case		c = {"", "\n", "", 100, "", ""};
	WeirFramer *f = framer_of(&c, false, 0);
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
	WeirFramer *f = framer_of(&c, false, 0);
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
	WeirFramer *f = framer_of(&c, false, 0);
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
	f = framer_of(&c, true, 0);
	weir_framer_feed(f, "abcdefgh", 8, 1);
	(void) weir_framer_next(f, &r);
	weir_framer_drop(f);
	ok(weir_framer_tail(f) == 0 && weir_framer_offset(f) == 8,
	   "framing: a tail that is too long is dropped whole");
	weir_framer_feed(f, "c\n", 2, 2);
	ok(weir_framer_next(f, &r) == WEIR_FRAMING_RECORD && r.len == 1 && r.fault == WEIR_RECORD_WHOLE && r.end_offset == 10,
	   "framing: what follows it is a record of its own, too");
	weir_framer_destroy(f);
}

/* The first record behind a connection's begin is marked, be it none. */
static void
test_first(void)
{
	Case		c = {"", "\n", "", 2, "", ""};
	WeirFramer *f = framer_of(&c, true, 0);
	WeirFramedRecord r;
	int			firsts = 0;
	int			i;

	weir_framer_feed(f, "a\nb\n", 4, 1);
	(void) weir_framer_next(f, &r);
	ok(!r.first, "framing: a record is first only behind a connection's begin");
	(void) weir_framer_next(f, &r);
	(void) weir_framer_next(f, &r);
	weir_framer_connected(f);
	weir_framer_feed(f, "cdef\ng\n", 7, 1);
	for (i = 0; i < 2; i++)
	{
		(void) weir_framer_next(f, &r);
		firsts += r.first ? i + 1 : 0;
	}
	ok(firsts == 1, "framing: the first record of a connection is marked, and it alone");
	weir_framer_destroy(f);
}

/* A framer that begins at a part goes on as the one that handed it out. */
static void
test_pass(void)
{
	int			i;

	for (i = 0; i < COUNT(part_cases); i++)
	{
		const Case *c = &part_cases[i];
		WeirFramer *f = framer_of(c, true, 1);
		WeirFramedRecord r;
		char		out[200] = "|ab!+|";

		weir_framer_feed(f, c->input, strlen(c->input), 0);
		(void) weir_framer_next(f, &r);
		weir_framer_destroy(f);
		f = framer_of(c, true, 1);
		weir_framer_pass(f, r.passing);
		out[1] = c->expected[1];
		feed(f, c->input + r.end_offset + (strchr(c->input, '^') != NULL), strlen(c->input) - r.end_offset - (strchr(c->input, '^') != NULL), out);
		ok(strcmp(out, c->expected) == 0, "framing: begun at a part, %s", c->name);
		weir_framer_destroy(f);
	}
}

void
test_framing(void)
{
	int			i;

	for (i = 0; i < COUNT(cases); i++)
		ok(run(&cases[i], false, 0), "framing %s", cases[i].name);
	for (i = 0; i < COUNT(aside_cases); i++)
		ok(run(&aside_cases[i], true, 0), "framing %s", aside_cases[i].name);
	for (i = 0; i < COUNT(broken_cases); i++)
		ok(run(&broken_cases[i], false, 0), "framing %s", broken_cases[i].name);
	for (i = 0; i < COUNT(part_cases); i++)
		ok(run(&part_cases[i], true, 1), "framing %s", part_cases[i].name);
	test_positions();
	test_lifetime();
	test_after_the_end();
	test_drop();
	test_first();
	test_pass();
}
