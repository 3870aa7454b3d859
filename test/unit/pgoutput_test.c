/*
 * pgoutput_test.c
 *		Messages of pgoutput and of a walsender, good and damaged.
 *
 * What a message is taken for is written down in one line: its kind and fields,
 * of a tuple each column in brackets: [text], <binary>, - NULL, ~ unchanged.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "decide/pgoutput.h"
#include "decide/walsender.h"
#include "tap.h"

#define LINE 2000

typedef struct Case
{
	const char *name;
	const char *bytes;
	size_t		len;
	const char *expected;		/* "!" and the problem: it is refused */
} Case;

#define BYTES(b) b, sizeof(b) - 1
#define LSN(c) "\0\0\0\0\1\0\0" c
#define TIME "\0\2\1\0\0\0\0\1"
#define T(len, text) "t\0\0\0" len text
#define B(len, text) "b\0\0\0" len text
#define REL "\0\0\x40\x01"

static const Case cases[] = {
	{"begin", BYTES("B" LSN("\x30") TIME "\0\0\2\xf1"), "B lsn=1000030 at=564049465049089 xid=753"},
	{"commit", BYTES("C\0" LSN("\x30") LSN("\x60") TIME), "C lsn=1000030 end=1000060 at=564049465049089"},
	{"origin", BYTES("O" LSN("\x30") "east\0"), "O lsn=1000030 east"},
	{"relation", BYTES("R" REL "public\0orders\0d\0\2" "\1id\0\0\0\0\x17\xff\xff\xff\xff" "\0name\0\0\0\4\x13\0\0\0\x24"),
	"R 16385 public.orders d *id:23/-1 name:1043/36"},
	{"relation of pg_catalog without columns", BYTES("R" REL "\0pg_class\0n\0\0"), "R 16385 .pg_class n"},
	{"type", BYTES("Y" REL "public\0mood\0"), "Y 16385 public.mood"},
	{"insert", BYTES("I" REL "N\0\3" T("\2", "12") "n" T("\0", "")), "I 16385 new [12] - []"},
	{"insert in binary", BYTES("I" REL "N\0\1" B("\4", "\0\0\0\1")), "I 16385 new <4>"},
	{"insert of no columns", BYTES("I" REL "N\0\0"), "I 16385 new"},
	{"update without an old row", BYTES("U" REL "N\0\2" T("\1", "1") "u"), "U 16385 new [1] ~"},
	{"update with an old key", BYTES("U" REL "K\0\2" T("\1", "1") "n" "N\0\2" T("\1", "2") "u"), "U 16385 key [1] - new [2] ~"},
	{"update with an old row", BYTES("U" REL "O\0\2" T("\1", "1") T("\1", "x") "N\0\2" T("\1", "1") "u"), "U 16385 old [1] [x] new [1] ~"},
	{"delete with an old key", BYTES("D" REL "K\0\2" T("\1", "1") "n"), "D 16385 key [1] -"},
	{"delete with an old row", BYTES("D" REL "O\0\2" T("\1", "1") T("\1", "x")), "D 16385 old [1] [x]"},
	{"truncate", BYTES("T\0\0\0\2\3" REL "\0\0\x40\x02"), "T 16385 16386 cascade restart"},
	{"truncate of one", BYTES("T\0\0\0\1\0" REL), "T 16385"},
	{"message", BYTES("M\1" LSN("\x30") "p\0\0\0\0\2hi"), "M transactional lsn=1000030 p=hi"},
	{"message of its own, empty", BYTES("M\0" LSN("\x30") "p\0\0\0\0\0"), "M lsn=1000030 p="},

	{"nothing", BYTES(""), "!it ends too early"},
	{"an unknown kind", BYTES("X"), "!it is of an unknown kind"},
	{"a kind of protocol version 2", BYTES("S\0\0\0\1\1"), "!it is of an unknown kind"},
	{"begin cut short", BYTES("B" LSN("\x30") TIME "\0\0\2"), "!it ends too early"},
	{"a byte too many", BYTES("B" LSN("\x30") TIME "\0\0\2\xf1\0"), "!it goes on behind its end"},
	{"a name without an end", BYTES("O" LSN("\x30") "east"), "!a name in it has no end"},
	{"a column's name without an end", BYTES("R" REL "a\0b\0d\0\1" "\1id"), "!a name in it has no end"},
	{"a relation with fewer columns than said", BYTES("R" REL "a\0b\0d\0\2" "\1id\0\0\0\0\x17\xff\xff\xff\xff"), "!it ends too early"},
	{"a relation with too many columns", BYTES("R" REL "a\0b\0d\x06\x81"), "!it has too many columns"},
	{"insert without a new row", BYTES("I" REL "O\0\0"), "!its new row is not where it belongs"},
	{"insert that ends before it", BYTES("I" REL), "!it ends too early"},
	{"insert with fewer columns than said", BYTES("I" REL "N\0\2n"), "!it ends too early"},
	{"insert with a negative number of columns", BYTES("I" REL "N\xff\xff"), "!it has too many columns"},
	{"a column of an unknown kind", BYTES("I" REL "N\0\1z"), "!a column of it is of an unknown kind"},
	{"a column longer than the message", BYTES("I" REL "N\0\1t\0\0\0\3ab"), "!it ends too early"},
	{"a column of 4 GB", BYTES("I" REL "N\0\1t\xff\xff\xff\xff" "ab"), "!it ends too early"},
	{"update with old rows only", BYTES("U" REL "K\0\1nK\0\1n"), "!its new row is not where it belongs"},
	{"delete without an old row", BYTES("D" REL "N\0\1n"), "!its old row is not where it belongs"},
	{"truncate of more than it names", BYTES("T\0\0\0\2\0" REL), "!it ends too early"},
	{"truncate of 4 G", BYTES("T\xff\xff\xff\xff\0" REL), "!it ends too early"},
	{"message longer than itself", BYTES("M\0" LSN("\x30") "p\0\0\0\0\3hi"), "!it ends too early"}
};

/* New rows whose unchanged values are looked for in the old one. */
static const Case completed[] = {
	{"an old row has it", BYTES("U" REL "O\0\2" T("\1", "1") T("\1", "x") "N\0\2" T("\1", "2") "u"), "-1 [2] [x]"},
	{"NULL of an old row is its value", BYTES("U" REL "O\0\1nN\0\1u"), "-1 -"},
	{"NULL of an old key is none", BYTES("U" REL "K\0\2" T("\1", "1") "nN\0\2uu"), "1 [1] ~"},
	{"without an old row", BYTES("U" REL "N\0\3nuu"), "1 - ~ ~"},
	{"an old row with fewer columns", BYTES("U" REL "O\0\1nN\0\2uu"), "1 - ~"},
	{"nothing is unchanged", BYTES("U" REL "N\0\1" T("\1", "2")), "-1 [2]"}
};

static const Case wals[] = {
	{"data", BYTES("w" LSN("\1") LSN("\2") TIME "abc"), "w 1000001 1000002 564049465049089 abc"},
	{"no data", BYTES("w" LSN("\1") LSN("\2") TIME), "w 1000001 1000002 564049465049089 "},
	{"keepalive", BYTES("k" LSN("\2") TIME "\0"), "k 1000002 564049465049089"},
	{"keepalive that wants an answer", BYTES("k" LSN("\2") TIME "\1"), "k 1000002 564049465049089 reply"},
	{"nothing", BYTES(""), "!"},
	{"data cut short", BYTES("w" LSN("\1") LSN("\2") "\0\2\1\0\0\0\0"), "!"},
	{"keepalive cut short", BYTES("k" LSN("\2") TIME), "!"},
	{"a keepalive too long", BYTES("k" LSN("\2") TIME "\1\1"), "!"},
	{"another", BYTES("s" LSN("\2") TIME "\1"), "!"}
};

static WeirPgoutput message;

static void
add(char *line, const char *format, const char *text, size_t len)
{
	size_t		at = strlen(line);

	snprintf(line + at, LINE - at, format, (int) len, text);
}

static void
add_number(char *line, const char *format, long long number)
{
	size_t		at = strlen(line);

	snprintf(line + at, LINE - at, format, number);
}

static void
add_tuple(char *line, const char *what, const WeirChangedTuple *tuple)
{
	add(line, "%.*s", what, strlen(what));
	for (int i = 0; i < tuple->ncolumns; i++)
	{
		const WeirChangedColumn *column = &tuple->columns[i];

		if (column->kind == WEIR_COLUMN_TEXT)
			add(line, " [%.*s]", column->data, column->len);
		else if (column->kind == WEIR_COLUMN_BINARY)
			add_number(line, " <%lld>", column->len);
		else
			add(line, " %.*s", column->kind == WEIR_COLUMN_NULL ? "-" : "~", 1);
	}
}

static void
add_relation(char *line)
{
	char		identity[2] = {message.replica_identity, '\0'};

	add(line, " %.*s", identity, 1);
	for (int i = 0; i < message.ncolumns; i++)
	{
		const WeirRelationColumn *column = &message.columns[i];

		add(line, column->key ? " *%.*s" : " %.*s", column->name, strlen(column->name));
		add_number(line, ":%lld", column->type);
		add_number(line, "/%lld", column->typmod);
	}
}

static void
add_change(char *line)
{
	if (message.kind != WEIR_PGOUTPUT_INSERT && message.old_kind != WEIR_OLD_NONE)
		add_tuple(line, message.old_kind == WEIR_OLD_KEY ? " key" : " old", &message.old);
	if (message.kind != WEIR_PGOUTPUT_DELETE)
		add_tuple(line, " new", &message.row);
}

static void
add_truncate(char *line)
{
	for (int i = 0; i < message.ntruncated; i++)
		add_number(line, " %lld", weir_pgoutput_truncated(&message, i));
	add(line, "%.*s", message.cascade ? " cascade" : "", 8);
	add(line, "%.*s", message.restart ? " restart" : "", 8);
}

static void
add_name(char *line)
{
	add(line, " %.*s.", message.schema, strlen(message.schema));
	add(line, "%.*s", message.name, strlen(message.name));
}

static void
describe_change(char *line)
{
	add_number(line, " %lld", message.relation);
	if (message.kind == WEIR_PGOUTPUT_RELATION || message.kind == WEIR_PGOUTPUT_TYPE)
		add_name(line);
	if (message.kind == WEIR_PGOUTPUT_RELATION)
		add_relation(line);
	else if (message.kind != WEIR_PGOUTPUT_TYPE)
		add_change(line);
}

static void
describe_other(char *line)
{
	if (message.kind == WEIR_PGOUTPUT_MESSAGE && message.transactional)
		add(line, "%.*s", " transactional", 14);
	add_number(line, " lsn=%llx", message.lsn);
	if (message.kind == WEIR_PGOUTPUT_COMMIT)
		add_number(line, " end=%llx", message.end_lsn);
	if (message.kind == WEIR_PGOUTPUT_BEGIN || message.kind == WEIR_PGOUTPUT_COMMIT)
		add_number(line, " at=%lld", message.committed_at);
	if (message.kind == WEIR_PGOUTPUT_BEGIN)
		add_number(line, " xid=%lld", message.xid);
	if (message.kind == WEIR_PGOUTPUT_ORIGIN || message.kind == WEIR_PGOUTPUT_MESSAGE)
		add(line, " %.*s", message.name, strlen(message.name));
	if (message.kind == WEIR_PGOUTPUT_MESSAGE)
		add(line, "=%.*s", message.content, message.content_len);
}

/* From memory of its own, so that a byte read beyond it is seen. */
static bool
parse(const char *bytes, size_t len, char *line)
{
	char	   *copy = malloc(len > 0 ? len : 1);
	bool		good;

	memcpy(copy, bytes, len);
	line[0] = '\0';
	good = weir_pgoutput_parse(&message, copy, len);
	if (!good)
		add(line, "!%.*s", message.problem, strlen(message.problem));
	else
	{
		char		kind = (char) message.kind;

		add(line, "%.*s", &kind, 1);
		if (kind == WEIR_PGOUTPUT_TRUNCATE)
			add_truncate(line);
		else
			(strchr("RYIUD", kind) ? describe_change : describe_other) (line);
	}
	free(copy);
	return good;
}

static void
complete(const Case *c, char *line)
{
	line[0] = '\0';
	weir_pgoutput_parse(&message, c->bytes, c->len);
	add_number(line, "%lld", weir_pgoutput_complete(&message));
	add_tuple(line, "", &message.row);
}

static void
parse_wal(const Case *c, char *line)
{
	WeirWalMessage wal;
	char	   *copy = malloc(c->len > 0 ? c->len : 1);

	memcpy(copy, c->bytes, c->len);
	strcpy(line, "!");
	if (weir_wal_parse(&wal, copy, c->len))
	{
		line[0] = (char) wal.kind;
		if (wal.kind == WEIR_WAL_DATA)
			add_number(line, " %llx", wal.start);
		add_number(line, " %llx", wal.end);
		add_number(line, " %lld", wal.sent_at);
		if (wal.kind == WEIR_WAL_DATA)
			add(line, " %.*s", (const char *) wal.data, wal.len);
		add(line, "%.*s", wal.reply ? " reply" : "", 6);
	}
	free(copy);
}

/* One, two or three bytes are others, or the message is cut, or goes on. */
static size_t
damage(Random *r, const Case *c, char *bytes)
{
	size_t		len = c->len;

	memcpy(bytes, c->bytes, len);
	for (int n = random_below(r, 4); n > 0 && len > 0; n--)
		bytes[random_below(r, (int) len)] = (char) (random_below(r, 3) ? random_below(r, 256) : 0);
	if (random_below(r, 3) == 0)
		len = (size_t) random_below(r, (int) len + 1);
	else if (random_below(r, 3) == 0)
		bytes[len++] = (char) random_below(r, 256);
	return len;
}

/* Each pointer leads into the message: describing it would read beyond. */
static bool
survives_damage(int n)
{
	Random		r = {13};
	char		bytes[LINE];
	char		line[LINE];
	int			good = 0;

	for (int i = 0; i < n; i++)
	{
		size_t		len = damage(&r, &cases[random_below(&r, COUNT(cases))], bytes);

		good += parse(bytes, len, line);
	}
	diag("%d of %d damaged messages are messages", good, n);
	return good > n / 20 && good < n / 2;
}

/* A message cut anywhere is none; problem_at lies within. */
static bool
needs_every_byte(const Case *c)
{
	char		line[LINE];

	for (size_t len = 0; len < c->len; len++)
	{
		if (parse(c->bytes, len, line) || message.problem_at > len)
			return false;
	}
	return true;
}

static bool
status_is(void)
{
	static const char expected[] = "r" LSN("\3") LSN("\2") LSN("\2") TIME "\1";
	uint8_t		bytes[WEIR_WAL_STATUS];

	weir_wal_status(bytes, 0x1000003, 0x1000002, INT64_C(0x0002010000000001), true);
	return sizeof(expected) - 1 == sizeof(bytes) && memcmp(bytes, expected, sizeof(bytes)) == 0;
}

static void
expect(const char *what, const Case *c, const char *line)
{
	if (!ok(strcmp(line, c->expected) == 0, "%s: %s", what, c->name))
		diag("found \"%s\", expected \"%s\"", line, c->expected);
}

void
test_pgoutput(void)
{
	char		line[LINE];

	for (int i = 0; i < COUNT(cases); i++)
	{
		bool		good = parse(cases[i].bytes, cases[i].len, line);

		expect("pgoutput", &cases[i], line);
		if (good)
			ok(needs_every_byte(&cases[i]), "pgoutput: %s: each byte of it is needed", cases[i].name);
	}
	for (int i = 0; i < COUNT(completed); i++)
	{
		complete(&completed[i], line);
		expect("pgoutput, unchanged values", &completed[i], line);
	}
	for (int i = 0; i < COUNT(wals); i++)
	{
		parse_wal(&wals[i], line);
		expect("walsender", &wals[i], line);
	}
	ok(status_is(), "walsender: the status update");
	ok(survives_damage(100000), "pgoutput: nothing is read beyond a damaged message");
}
