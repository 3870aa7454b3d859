/*
 * decide/framing.h
 *		Cuts a byte stream into records, without I/O and without copying more
 *		than a partial tail.
 *
 * A record ends at the delimiter (default newline, then a CR before it is
 * dropped).  In text that is not plain a newline behind an odd number of backslashes, in csv one
 * inside quotes, belongs to the record, as COPY has it.
 */
#ifndef WEIR_DECIDE_FRAMING_H
#define WEIR_DECIDE_FRAMING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct WeirFramingOptions
{
	const char *delimiter;		/* record delimiter, 1 to 16 bytes */
	int			delimiter_len;
	bool		csv;
	bool		plain;			/* text in which a backslash is data */
	char		quote;			/* csv */
	char		escape;			/* csv; may equal quote */
	size_t		max_record;		/* bytes, delimiter not counted */
	bool		cut_long;		/* a longer record is handed out, cut to that */
	int			(*char_len) (const char *s);	/* length of a character, where
												 * the encoding has backslashes
												 * inside of characters; else NULL */
} WeirFramingOptions;

typedef struct WeirFramedRecord
{
	const char *data;			/* valid until the next weir_framer_feed */
	size_t		len;
	int64_t		stamp;			/* that of the piece which completed it */
	int64_t		line;			/* 1-based count of records in the stream */
	int64_t		end_offset;		/* stream offset just behind its delimiter */
	bool		is_cut;			/* longer than max_record: its first bytes (cut_long) */
} WeirFramedRecord;

typedef enum WeirFramingResult
{
	WEIR_FRAMING_RECORD,
	WEIR_FRAMING_MORE,			/* the piece is used up; feed another */
	WEIR_FRAMING_TOO_LONG		/* the record exceeds max_record: it has its
								 * line, its first max_record bytes, and as
								 * end_offset where it begins; stays so.  Never
								 * with cut_long */
} WeirFramingResult;

typedef struct WeirFramer WeirFramer;	/* malloc'd */

/* offset and line: where the stream stands (line = records before it). */
extern WeirFramer *weir_framer_create(const WeirFramingOptions *options,
									  int64_t offset, int64_t line);
extern void weir_framer_destroy(WeirFramer *f);

/*
 * Give the next piece of the stream, all of one arrival stamp.  The bytes must
 * stay valid until weir_framer_next returned MORE, when what is left of them
 * has been copied as the tail.
 */
extern void weir_framer_feed(WeirFramer *f, const char *data, size_t len, int64_t stamp);
extern WeirFramingResult weir_framer_next(WeirFramer *f, WeirFramedRecord *record);

/*
 * End of stream, after MORE: a non-empty tail is a last record.  False if there
 * is none.  Its length may exceed max_record by less than a delimiter.
 */
extern bool weir_framer_finish(WeirFramer *f, WeirFramedRecord *record);

/* After MORE: forgets the tail, as if the stream began behind it. */
extern void weir_framer_drop(WeirFramer *f);

/* Position of the end of the last complete record, and the bytes fed behind it. */
extern int64_t weir_framer_offset(const WeirFramer *f);
extern int64_t weir_framer_line(const WeirFramer *f);
extern size_t weir_framer_tail(const WeirFramer *f);

#endif
