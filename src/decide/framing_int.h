/*
 * decide/framing_int.h
 *		What the framings share: framing.c keeps the bytes, a framing says where
 *		in them a record ends.
 */
#ifndef WEIR_DECIDE_FRAMING_INT_H
#define WEIR_DECIDE_FRAMING_INT_H

#include "decide/framing.h"

#define WEIR_MAX_DELIMITER 16

/* A record found in the bytes from where it begins on. */
typedef struct WeirFound
{
	size_t		begin;			/* its data */
	size_t		len;
	size_t		end;			/* of what it takes, delimiter included */
	WeirRecordFault fault;
} WeirFound;

/*
 * A framing.  find, hopeless and finish get all bytes of the begun record, from
 * its first one on.
 */
typedef struct WeirFramingMethod
{
	/* How many bytes stand between two records and are part of neither; may be NULL. */
	size_t		(*skip) (WeirFramer *f, const char *data, size_t len);

	/* Where it ends; false: not in these bytes.  No byte is looked at twice. */
	bool		(*find) (WeirFramer *f, const char *base, size_t len, WeirFound *found);

	/*
	 * The record begins in an earlier piece: how many of these bytes to add to
	 * it before its end is looked for again, at least 1.
	 */
	size_t		(*want) (const WeirFramer *f, const char *data, size_t len);

	/* Whatever follows, these bytes are not the begin of a record: why. */
	WeirRecordFault (*hopeless) (WeirFramer *f, const char *base, size_t len);

	/*
	 * What is wrong is known: from which byte on the end is looked for by
	 * "pass", and which of those before are the head of what is put aside.
	 */
	void		(*begin_pass) (WeirFramer *f, const char *base, size_t len,
							   size_t *head, size_t *from);

	/* Bytes up to the end; *done: it is there. */
	size_t		(*pass) (WeirFramer *f, const char *data, size_t len, bool *done);

	/* Whole records at the begin of these bytes; *used: what they take.  May be NULL. */
	size_t		(*run) (const WeirFramer *f, const char *data, size_t len,
						WeirRecordSpan *spans, size_t max, size_t *used);

	/* The stream ends behind these bytes: fills in the data, and what is wrong with them. */
	void		(*finish) (WeirFramer *f, const char *base, size_t len, WeirFound *found);
} WeirFramingMethod;

extern const WeirFramingMethod weir_framing_delimited;
extern const WeirFramingMethod weir_framing_counted;
extern const WeirFramingMethod weir_framing_json_seq;

typedef struct WeirByteBuffer
{
	char	   *data;
	size_t		len;
	size_t		capacity;
} WeirByteBuffer;

/* Where the reader of a JSON text stands. */
typedef struct WeirJsonSeq
{
	bool		in_string;
	bool		escaped;
	bool		closed;			/* the last byte but space closed an object, array or string */
	bool		lost;			/* only another record separator ends it */
	int			depth;			/* of objects and arrays */
} WeirJsonSeq;

struct WeirFramer
{
	const WeirFramingMethod *method;
	WeirFramingKind kind;
	char		delimiter[WEIR_MAX_DELIMITER];
	size_t		delimiter_len;
	char		last;			/* the delimiter's last byte */
	bool		drop_cr;		/* the delimiter is a newline */
	bool		escapes;		/* a backslash takes the next byte as data */
	char		quote;
	char		escape;
	size_t		max_record;
	bool		put_aside;
	size_t		max_aside;

	int64_t		offset;			/* of the end of the last record */
	int64_t		line;			/* records before that */
	bool		first;			/* the next record is the first of a connection */

	const char *piece;			/* not yet looked at: piece .. piece_end */
	const char *piece_end;
	int64_t		stamp;

	WeirByteBuffer tail;		/* begun record; empty: it begins at piece */
	WeirByteBuffer handed;		/* last record handed out from a buffer */

	/* what is put aside, of which only the end is looked for */
	WeirRecordFault fault;		/* WHOLE: nothing */
	WeirByteBuffer head;		/* its first max_record bytes */
	size_t		passed;			/* bytes of it */
	int64_t		count;			/* bytes to come of it; -1: until its end is seen */
	char		window[WEIR_MAX_DELIMITER]; /* its last bytes */
	bool		behind_backslash[WEIR_MAX_DELIMITER];	/* of each: an odd number of them */
	size_t		nwindow;
	bool		odd;			/* an odd number of backslashes at its end */

	bool		is_broken;		/* for good */
	WeirFramedRecord broken;

	/* the search in the begun record */
	size_t		scanned;		/* no end in its first bytes up to here */
	bool		in_quote;
	bool		behind_escape;
	size_t		body;			/* where its data begin */
	bool		separated;		/* a record separator stands before it */
	WeirJsonSeq json;
};

/* Forgets what the search for a delimiter in passed bytes has seen. */
extern void weir_framing_begin_window(WeirFramer *f, bool odd);
/* Passes bytes up to a delimiter, escaped or not as "escapes" has it. */
extern size_t weir_framing_pass_delimiter(WeirFramer *f, const char *delimiter, size_t n,
										  bool escapes, const char *data, size_t len, bool *done);

#endif
