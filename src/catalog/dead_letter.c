/*
 * catalog/dead_letter.c
 *		weir_internal.dead_letter: records that a job could not process.
 */
#include "postgres.h"

#include "catalog/dead_letter.h"
#include "catalog/internal.h"
#include "catalog/row.h"

char *
weir_letter_error(const ErrorData *error)
{
	const char *message = error->message ? error->message : "";

	return error->detail ? psprintf("%s\n%s", message, error->detail) : pstrdup(message);
}

int64
weir_dead_letter_insert(const WeirLetterOrigin *origin, const WeirLetter *letter, const char *text)
{
	WeirArguments args = {0};
	WeirInternal saved;
	int64		id;

	weir_bind_int64(&args, origin->job);
	weir_bind_int64(&args, origin->attempt);
	weir_bind_int32(&args, origin->task);
	weir_bind_oid(&args, origin->relid);
	weir_bind_text(&args, origin->stream);
	weir_bind_int64(&args, letter->line);
	weir_bind_text(&args, text);
	weir_bind_bytea(&args, letter->raw, letter->raw_len);
	weir_bind_text(&args, letter->error);
	weir_bind_text(&args, unpack_sql_state(letter->sqlstate));
	weir_bind_timestamptz(&args, letter->stamp);
	weir_bind_bool(&args, !letter->aside);
	weir_internal_enter(&saved);
	(void) weir_internal_run("INSERT INTO weir_internal.dead_letter (job, attempt, task, relid,"
							 " stream, line_number, line, raw, error, sqlstate, arrived, whole)"
							 " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12) RETURNING id", &args);
	id = weir_row_int64(0, "id");
	weir_internal_leave(&saved);
	return id;
}

int64
weir_dead_letters_kept(int64 job, Oid relid)
{
	WeirArguments args = {0};
	WeirInternal saved;
	int64		kept;

	weir_bind_int64(&args, job);
	weir_bind_oid(&args, relid);
	weir_internal_enter(&saved);
	(void) weir_internal_run("SELECT count(*) AS kept FROM weir_internal.dead_letter"
							 " WHERE job = $1 AND relid = $2", &args);
	kept = weir_row_int64(0, "kept");
	weir_internal_leave(&saved);
	return kept;
}

void
weir_dead_letters_recent(int64 job, Oid relid, int64 stamp, WeirLetterRate *rate)
{
	WeirArguments args = {0};
	WeirInternal saved;
	uint64		n;

	weir_letter_rate_restart(rate, stamp);
	weir_bind_int64(&args, job);
	weir_bind_oid(&args, relid);
	weir_bind_timestamptz(&args, weir_letter_rate_begin(rate));
	weir_internal_enter(&saved);
	n = weir_internal_run("SELECT pg_catalog.date_trunc('second', arrived) AS second, count(*) AS letters"
						  " FROM weir_internal.dead_letter"
						  " WHERE job = $1 AND relid = $2 AND arrived >= $3 GROUP BY 1", &args);
	for (uint64 i = 0; i < n; i++)
		weir_letter_rate_add(rate, weir_row_int64(i, "second"), weir_row_int64(i, "letters"));
	weir_internal_leave(&saved);
}

void
weir_dead_letters_claim(const WeirLetterOrigin *origin, int64 first, int64 checkpoint)
{
	WeirArguments args = {0};

	weir_bind_int64(&args, origin->job);
	weir_bind_int64(&args, first);
	weir_bind_int64(&args, origin->attempt);
	weir_bind_int32(&args, origin->task);
	weir_bind_int64(&args, checkpoint);
	weir_internal_execute("UPDATE weir_internal.dead_letter SET checkpoint = $5"
						  " WHERE job = $1 AND id >= $2 AND attempt = $3 AND task = $4", &args);
}
