/*
 * decide/pgoutput.c
 *		Takes messages of pgoutput apart.
 *
 * A reader that has met the end, or something that cannot stand there, has a
 * problem and reads zeros from then on: a message is read through, and looked
 * at once behind that.
 */
#include "decide/pgoutput.h"

#include <string.h>

#define TRUNCATE_CASCADE	1
#define TRUNCATE_RESTART	2
#define MESSAGE_TRANSACTIONAL	1
#define COLUMN_KEY			1

typedef struct Reader
{
	const uint8_t *at;
	const uint8_t *end;
	const char *problem;
} Reader;

static void
refuse(Reader *r, const char *problem)
{
	if (r->problem == NULL)
		r->problem = problem;
}

/* The next n bytes, NULL: there are not as many. */
static const uint8_t *
take(Reader *r, size_t n)
{
	const uint8_t *taken = r->at;

	if (r->problem != NULL || (size_t) (r->end - r->at) < n)
	{
		refuse(r, "it ends too early");
		return NULL;
	}
	r->at += n;
	return taken;
}

static uint64_t
take_number(Reader *r, size_t n)
{
	const uint8_t *bytes = take(r, n);
	uint64_t	number = 0;

	for (size_t i = 0; bytes != NULL && i < n; i++)
		number = number << 8 | bytes[i];
	return number;
}

static uint8_t
take_byte(Reader *r)
{
	return (uint8_t) take_number(r, 1);
}

static uint32_t
take_int32(Reader *r)
{
	return (uint32_t) take_number(r, 4);
}

static int64_t
take_int64(Reader *r)
{
	return (int64_t) take_number(r, 8);
}

static const char *
take_string(Reader *r)
{
	const uint8_t *begin = r->at;
	const uint8_t *zero;

	if (r->problem != NULL)
		return "";
	zero = memchr(begin, '\0', (size_t) (r->end - begin));
	if (zero == NULL)
	{
		refuse(r, "a name in it has no end");
		return "";
	}
	r->at = zero + 1;
	return (const char *) begin;
}

/* A length and as many bytes. */
static const char *
take_counted(Reader *r, uint32_t *len)
{
	*len = take_int32(r);
	return (const char *) take(r, *len);
}

static int
take_ncolumns(Reader *r)
{
	int			n = (int) take_number(r, 2);

	if (n <= WEIR_PGOUTPUT_COLUMNS)
		return n;
	refuse(r, "it has too many columns");
	return 0;
}

static void
take_column(Reader *r, WeirChangedColumn *column)
{
	uint8_t		kind = take_byte(r);

	column->kind = (WeirColumnKind) kind;
	column->data = NULL;
	column->len = 0;
	if (kind == WEIR_COLUMN_TEXT || kind == WEIR_COLUMN_BINARY)
		column->data = take_counted(r, &column->len);
	else if (kind != WEIR_COLUMN_NULL && kind != WEIR_COLUMN_UNCHANGED)
		refuse(r, "a column of it is of an unknown kind");
}

static void
take_tuple(Reader *r, WeirChangedTuple *tuple)
{
	tuple->ncolumns = take_ncolumns(r);
	for (int i = 0; i < tuple->ncolumns && r->problem == NULL; i++)
		take_column(r, &tuple->columns[i]);
}

static void
parse_begin(Reader *r, WeirPgoutput *message)
{
	message->lsn = take_int64(r);
	message->committed_at = take_int64(r);
	message->xid = take_int32(r);
}

static void
parse_commit(Reader *r, WeirPgoutput *message)
{
	(void) take_byte(r);		/* flags, of which there are none */
	message->lsn = take_int64(r);
	message->end_lsn = take_int64(r);
	message->committed_at = take_int64(r);
}

static void
parse_origin(Reader *r, WeirPgoutput *message)
{
	message->lsn = take_int64(r);
	message->name = take_string(r);
}

static void
parse_relation(Reader *r, WeirPgoutput *message)
{
	message->relation = take_int32(r);
	message->schema = take_string(r);
	message->name = take_string(r);
	message->replica_identity = (char) take_byte(r);
	message->ncolumns = take_ncolumns(r);
	for (int i = 0; i < message->ncolumns && r->problem == NULL; i++)
	{
		WeirRelationColumn *column = &message->columns[i];

		column->key = (take_byte(r) & COLUMN_KEY) != 0;
		column->name = take_string(r);
		column->type = take_int32(r);
		column->typmod = (int32_t) take_int32(r);
	}
}

static void
parse_type(Reader *r, WeirPgoutput *message)
{
	message->relation = take_int32(r);
	message->schema = take_string(r);
	message->name = take_string(r);
}

static void
take_row(Reader *r, WeirPgoutput *message, uint8_t mark)
{
	if (mark == 'N')
		take_tuple(r, &message->row);
	else
		refuse(r, "its new row is not where it belongs");
}

static bool
is_old(uint8_t mark)
{
	return mark == WEIR_OLD_KEY || mark == WEIR_OLD_ROW;
}

static void
take_old(Reader *r, WeirPgoutput *message, uint8_t mark)
{
	message->old_kind = (WeirOldKind) mark;
	take_tuple(r, &message->old);
}

static void
parse_insert(Reader *r, WeirPgoutput *message)
{
	message->relation = take_int32(r);
	message->old_kind = WEIR_OLD_NONE;
	take_row(r, message, take_byte(r));
}

static void
parse_update(Reader *r, WeirPgoutput *message)
{
	uint8_t		mark;

	message->relation = take_int32(r);
	message->old_kind = WEIR_OLD_NONE;
	mark = take_byte(r);
	if (is_old(mark))
	{
		take_old(r, message, mark);
		mark = take_byte(r);
	}
	take_row(r, message, mark);
}

static void
parse_delete(Reader *r, WeirPgoutput *message)
{
	uint8_t		mark;

	message->relation = take_int32(r);
	mark = take_byte(r);
	if (is_old(mark))
		take_old(r, message, mark);
	else
		refuse(r, "its old row is not where it belongs");
}

static void
parse_truncate(Reader *r, WeirPgoutput *message)
{
	uint32_t	n = take_int32(r);
	uint8_t		options = take_byte(r);

	message->cascade = (options & TRUNCATE_CASCADE) != 0;
	message->restart = (options & TRUNCATE_RESTART) != 0;
	message->truncated = take(r, (size_t) n * 4);
	message->ntruncated = message->truncated ? (int) n : 0;
}

static void
parse_message(Reader *r, WeirPgoutput *message)
{
	message->transactional = (take_byte(r) & MESSAGE_TRANSACTIONAL) != 0;
	message->lsn = take_int64(r);
	message->name = take_string(r);
	message->content = take_counted(r, &message->content_len);
}

static const struct
{
	WeirPgoutputKind kind;
	void		(*parse) (Reader *r, WeirPgoutput *message);
}			kinds[] = {
	{WEIR_PGOUTPUT_INSERT, parse_insert},
	{WEIR_PGOUTPUT_UPDATE, parse_update},
	{WEIR_PGOUTPUT_DELETE, parse_delete},
	{WEIR_PGOUTPUT_BEGIN, parse_begin},
	{WEIR_PGOUTPUT_COMMIT, parse_commit},
	{WEIR_PGOUTPUT_RELATION, parse_relation},
	{WEIR_PGOUTPUT_TYPE, parse_type},
	{WEIR_PGOUTPUT_ORIGIN, parse_origin},
	{WEIR_PGOUTPUT_TRUNCATE, parse_truncate},
	{WEIR_PGOUTPUT_MESSAGE, parse_message}
};

static void
parse(Reader *r, WeirPgoutput *message)
{
	uint8_t		kind = take_byte(r);

	message->kind = (WeirPgoutputKind) kind;
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
	{
		if (kinds[i].kind == message->kind)
		{
			kinds[i].parse(r, message);
			return;
		}
	}
	refuse(r, "it is of an unknown kind");
}

bool
weir_pgoutput_parse(WeirPgoutput *message, const void *bytes, size_t len)
{
	const uint8_t *begin = bytes;
	Reader		r = {begin, begin + len, NULL};

	parse(&r, message);
	if (r.at < r.end)
		refuse(&r, "it goes on behind its end");
	message->problem = r.problem;
	message->problem_at = (size_t) (r.at - begin);
	return r.problem == NULL;
}

uint32_t
weir_pgoutput_truncated(const WeirPgoutput *message, int i)
{
	Reader		r = {message->truncated + 4 * i, message->truncated + 4 * i + 4, NULL};

	return take_int32(&r);
}

/* Is the column's old value known? */
static bool
is_known(const WeirPgoutput *update, int i)
{
	if (update->old_kind == WEIR_OLD_NONE || i >= update->old.ncolumns)
		return false;
	return update->old.columns[i].data != NULL ||
		(update->old_kind == WEIR_OLD_ROW && update->old.columns[i].kind == WEIR_COLUMN_NULL);
}

int
weir_pgoutput_complete(WeirPgoutput *update)
{
	int			unknown = -1;

	for (int i = update->row.ncolumns - 1; i >= 0; i--)
	{
		if (update->row.columns[i].kind != WEIR_COLUMN_UNCHANGED)
			continue;
		if (is_known(update, i))
			update->row.columns[i] = update->old.columns[i];
		else
			unknown = i;
	}
	return unknown;
}
