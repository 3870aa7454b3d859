/*
 * decide/pgoutput.h
 *		Messages of the logical decoding plugin pgoutput, protocol version 1,
 *		taken apart where they lie: nothing is copied, nothing is allocated.
 *
 * What a tuple can leave out: a value kept out of line that an update did not
 * touch is WEIR_COLUMN_UNCHANGED in the new row.  The old row, where it is sent,
 * has all its values, but of an old row that is only the key (WEIR_OLD_KEY) the
 * columns that are not in the key are WEIR_COLUMN_NULL, whatever they were.
 *
 * The bytes may be anything: what is no such message is refused, and nothing
 * behind the end is read.
 */
#ifndef WEIR_DECIDE_PGOUTPUT_H
#define WEIR_DECIDE_PGOUTPUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* MaxTupleAttributeNumber: no tuple of PostgreSQL has more. */
#define WEIR_PGOUTPUT_COLUMNS	1664

/* By their first byte. */
typedef enum WeirPgoutputKind
{
	WEIR_PGOUTPUT_BEGIN = 'B',
	WEIR_PGOUTPUT_COMMIT = 'C',
	WEIR_PGOUTPUT_ORIGIN = 'O',
	WEIR_PGOUTPUT_RELATION = 'R',
	WEIR_PGOUTPUT_TYPE = 'Y',
	WEIR_PGOUTPUT_INSERT = 'I',
	WEIR_PGOUTPUT_UPDATE = 'U',
	WEIR_PGOUTPUT_DELETE = 'D',
	WEIR_PGOUTPUT_TRUNCATE = 'T',
	WEIR_PGOUTPUT_MESSAGE = 'M'
} WeirPgoutputKind;

typedef enum WeirColumnKind
{
	WEIR_COLUMN_NULL = 'n',
	WEIR_COLUMN_UNCHANGED = 'u',
	WEIR_COLUMN_TEXT = 't',
	WEIR_COLUMN_BINARY = 'b'
} WeirColumnKind;

typedef struct WeirChangedColumn
{
	const char *data;			/* within the message, no zero byte behind it; NULL but for
								 * text and binary */
	uint32_t	len;
	WeirColumnKind kind;
} WeirChangedColumn;

typedef struct WeirChangedTuple
{
	int			ncolumns;
	WeirChangedColumn columns[WEIR_PGOUTPUT_COLUMNS];
} WeirChangedTuple;

typedef enum WeirOldKind
{
	WEIR_OLD_NONE = 0,			/* an update that left the replica identity alone, an insert */
	WEIR_OLD_KEY = 'K',			/* columns of the replica identity, the others NULL */
	WEIR_OLD_ROW = 'O'			/* REPLICA IDENTITY FULL: the whole row */
} WeirOldKind;

typedef struct WeirRelationColumn
{
	const char *name;			/* within the message, ends with a zero byte */
	uint32_t	type;
	int32_t		typmod;
	bool		key;			/* of the replica identity; FULL: each is */
} WeirRelationColumn;

/* Fields that a kind has not are left as they were.  It is large: keep one. */
typedef struct WeirPgoutput
{
	WeirPgoutputKind kind;
	int64_t		lsn;			/* begin, commit: of the commit record; origin; message */
	int64_t		end_lsn;		/* commit: behind the transaction */
	int64_t		committed_at;	/* begin, commit: us since 2000 */
	uint32_t	xid;			/* begin */
	uint32_t	relation;		/* relation, insert, update, delete; type: the type */
	const char *schema;			/* relation, type: "" is pg_catalog */
	const char *name;			/* relation, type, origin; message: its prefix */

	WeirOldKind old_kind;		/* update, delete */
	WeirChangedTuple old;
	WeirChangedTuple row;		/* insert, update */

	char		replica_identity;	/* relation: as pg_class.relreplident, d n f i */
	int			ncolumns;
	WeirRelationColumn columns[WEIR_PGOUTPUT_COLUMNS];

	int			ntruncated;		/* truncate; weir_pgoutput_truncated */
	const uint8_t *truncated;
	bool		cascade;
	bool		restart;

	bool		transactional;	/* message */
	const char *content;		/* within the message, no zero byte behind it */
	uint32_t	content_len;

	const char *problem;		/* of a message that was refused: what of it */
	size_t		problem_at;		/* at which of its bytes */
} WeirPgoutput;

/* Takes a message apart; its pointers lead into the bytes.  False: it is none, see problem. */
extern bool weir_pgoutput_parse(WeirPgoutput *message, const void *bytes, size_t len);

/* The i-th relation of a truncate. */
extern uint32_t weir_pgoutput_truncated(const WeirPgoutput *message, int i);

/*
 * Takes what an update left unchanged from the old row, as far as that is sent.
 * Returns the first column that stays unknown, -1: none does.
 */
extern int	weir_pgoutput_complete(WeirPgoutput *update);

#endif
