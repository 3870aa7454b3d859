/*
 * catalog/dead_letter.c
 *		weir_internal.dead_letter: records that a job could not process.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "utils/builtins.h"

#include "base/compat.h"
#include "catalog/dead_letter.h"
#include "catalog/internal.h"

char *
weir_letter_error(const ErrorData *error)
{
	const char *message = error->message ? error->message : "";

	return error->detail ? psprintf("%s\n%s", message, error->detail) : pstrdup(message);
}

static Datum
raw_bytes(const WeirLetter *letter)
{
	bytea	   *raw = palloc(VARHDRSZ + letter->raw_len);

	SET_VARSIZE(raw, VARHDRSZ + letter->raw_len);
	memcpy(VARDATA(raw), letter->raw, letter->raw_len);
	return PointerGetDatum(raw);
}

int64
weir_dead_letter_insert(const WeirLetterOrigin *origin, const WeirLetter *letter, const char *text)
{
	Oid			types[] = {INT8OID, INT8OID, INT4OID, OIDOID, TEXTOID, INT8OID, TEXTOID,
	BYTEAOID, TEXTOID, TEXTOID};
	Datum		values[10];
	char		nulls[] = "          ";
	WeirInternal saved;
	int64		id;

	values[0] = Int64GetDatum(origin->job);
	values[1] = Int64GetDatum(origin->attempt);
	values[2] = Int32GetDatum(origin->task);
	values[3] = ObjectIdGetDatum(origin->relid);
	values[4] = CStringGetTextDatum(origin->stream);
	values[5] = Int64GetDatum(letter->line);
	values[6] = text ? CStringGetTextDatum(text) : (Datum) 0;
	nulls[6] = text ? ' ' : 'n';
	values[7] = letter->raw ? raw_bytes(letter) : (Datum) 0;
	nulls[7] = letter->raw ? ' ' : 'n';
	values[8] = CStringGetTextDatum(letter->error);
	values[9] = CStringGetTextDatum(unpack_sql_state(letter->sqlstate));
	weir_internal_enter(&saved);
	(void) weir_internal_run("INSERT INTO weir_internal.dead_letter (job, attempt, task, relid,"
							 " stream, line_number, line, raw, error, sqlstate)"
							 " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) RETURNING id",
							 10, types, values, nulls);
	id = weir_internal_int64(0, 1);
	weir_internal_leave(&saved);
	return id;
}

int64
weir_dead_letters_kept(int64 job, Oid relid, int64 limit)
{
	Oid			types[] = {INT8OID, OIDOID, INT8OID};
	Datum		values[3];
	WeirInternal saved;
	int64		kept;

	values[0] = Int64GetDatum(job);
	values[1] = ObjectIdGetDatum(relid);
	values[2] = Int64GetDatum(limit);
	weir_internal_enter(&saved);
	(void) weir_internal_run("SELECT count(*) FROM (SELECT FROM weir_internal.dead_letter"
							 " WHERE job = $1 AND relid = $2 LIMIT $3) kept",
							 3, types, values, NULL);
	kept = weir_internal_int64(0, 1);
	weir_internal_leave(&saved);
	return kept;
}

void
weir_dead_letters_claim(const WeirLetterOrigin *origin, int64 first, int64 checkpoint)
{
	Oid			types[] = {INT8OID, INT8OID, INT8OID, INT4OID, INT8OID};
	Datum		values[5];

	values[0] = Int64GetDatum(origin->job);
	values[1] = Int64GetDatum(first);
	values[2] = Int64GetDatum(origin->attempt);
	values[3] = Int32GetDatum(origin->task);
	values[4] = Int64GetDatum(checkpoint);
	weir_internal_execute("UPDATE weir_internal.dead_letter SET checkpoint = $5"
						  " WHERE job = $1 AND id >= $2 AND attempt = $3 AND task = $4",
						  5, types, values, NULL);
}
