/*
 * catalog/dead_letter.h
 *		weir_internal.dead_letter: records that a job could not process.
 *		The functions that read or write it need a transaction and an active
 *		snapshot.
 */
#ifndef WEIR_CATALOG_DEAD_LETTER_H
#define WEIR_CATALOG_DEAD_LETTER_H

#include "postgres.h"

#include "decide/letter_rate.h"

/* Of a record that came too late. */
#define WEIR_ERRCODE_LATE MAKE_SQLSTATE('W', 'E', '0', '0', '1')

/* A record on its way there. */
typedef struct WeirLetter
{
	int			source;			/* node of the dataflow whose record it is */
	int64		line;
	int64		stamp;			/* its arrival, us since 2000-01-01 */
	int			sqlstate;
	const char *error;
	const char *raw;			/* NULL: its bytes were not kept */
	int			raw_len;
	bool		aside;			/* they are no whole record */
} WeirLetter;

/* Where it comes from, and whose epoch it is written in. */
typedef struct WeirLetterOrigin
{
	int64		job;
	int64		attempt;
	int			task;
	Oid			relid;			/* the stream */
	const char *stream;			/* its name */
} WeirLetterOrigin;

/* What a dead letter says of an error: message, and below it the detail. */
extern char *weir_letter_error(const ErrorData *error);

/* text: of its bytes, NULL where they were not kept.  Returns its id; ids of a task ascend. */
extern int64 weir_dead_letter_insert(const WeirLetterOrigin *origin, const WeirLetter *letter,
									 const char *text);

/* How many the job keeps of the stream, as far as this transaction sees them. */
extern int64 weir_dead_letters_kept(int64 job, Oid relid);
/* Begins the count anew with those that are kept of the minute up to this stamp, or of a later one. */
extern void weir_dead_letters_recent(int64 job, Oid relid, int64 stamp, WeirLetterRate *rate);

/* The task's letters from this id on are in the epoch of this checkpoint. */
extern void weir_dead_letters_claim(const WeirLetterOrigin *origin, int64 first,
									int64 checkpoint);

#endif
