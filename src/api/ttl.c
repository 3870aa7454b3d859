/*
 * api/ttl.c
 *		The SQL type weir.ttl: a time to live, when it is renewed, and whether
 *		an expired value may still be read.  Its text is an interval, which may
 *		be followed by the update type and the visibility:
 *		'10 s', '10 s,on_read_and_write', '10 s,disabled,never_return_expired'.
 */
#include "postgres.h"

#include "fmgr.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

#include "base/interval.h"
#include "state/ttl.h"

PG_FUNCTION_INFO_V1(weir_ttl_in);
PG_FUNCTION_INFO_V1(weir_ttl_out);
PG_FUNCTION_INFO_V1(weir_ttl);
PG_FUNCTION_INFO_V1(weir_state_ttl);

static WeirTtlUpdate
parse_update(const char *word)
{
	WeirTtlUpdate update;

	if (!weir_ttl_parse_update(word, &update))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("unknown update_type \"%s\" of a time to live", word),
				 errhint("Set update_type to disabled, on_create_and_write or "
						 "on_read_and_write.")));
	return update;
}

static WeirTtlVisibility
parse_visibility(const char *word)
{
	WeirTtlVisibility visibility;

	if (!weir_ttl_parse_visibility(word, &visibility))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("unknown visibility \"%s\" of a time to live", word),
				 errhint("Set visibility to never_return_expired or "
						 "return_expired_if_not_cleaned_up.")));
	return visibility;
}

static char *
interval_text(const Interval *interval)
{
	return DatumGetCString(DirectFunctionCall1(interval_out, IntervalPGetDatum(interval)));
}

static WeirTtlType *
make_ttl(const Interval *interval, WeirTtlUpdate update, WeirTtlVisibility visibility)
{
	WeirTtlType *ttl = palloc0(sizeof(WeirTtlType));
	int64		us;

	if (!weir_interval_length(interval, &us))
		ereport(ERROR,
				(errcode(ERRCODE_INTERVAL_FIELD_OVERFLOW),
				 errmsg("time to live out of range"),
				 errdetail("It is %s.", interval_text(interval)),
				 errhint("Set ttl to less than 290,000 years.")));
	if (us <= 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("time to live must be greater than zero"),
				 errdetail("It is %s.", interval_text(interval)),
				 errhint("Set ttl to a positive interval, or leave it out: "
						 "state without ttl never expires.")));
	ttl->ttl = *interval;
	ttl->update = update;
	ttl->visibility = visibility;
	return ttl;
}

/*
 * Cuts a trailing ",word" off the text and returns the word, or NULL if what
 * follows the last comma is no word (an interval may have commas of its own).
 */
static char *
cut_word(char *text)
{
	char	   *comma = strrchr(text, ',');
	char	   *word;
	char	   *end;

	if (comma == NULL)
		return NULL;
	for (word = comma + 1; *word == ' '; word++)
		;
	end = word + strspn(word, "abcdefghijklmnopqrstuvwxyz_");
	if (end == word || end[strspn(end, " ")] != '\0')
		return NULL;
	*end = '\0';
	*comma = '\0';
	return word;
}

Datum
weir_ttl_in(PG_FUNCTION_ARGS)
{
	char	   *text = pstrdup(PG_GETARG_CSTRING(0));
	char	   *last = cut_word(text);
	char	   *other = last ? cut_word(text) : NULL;
	char	   *update = other ? other : last;
	char	   *visibility = other ? last : NULL;
	Datum		interval = DirectFunctionCall3(interval_in, CStringGetDatum(text),
											   ObjectIdGetDatum(InvalidOid), Int32GetDatum(-1));

	PG_RETURN_POINTER(make_ttl(DatumGetIntervalP(interval),
							   update ? parse_update(update) : WEIR_TTL_ON_CREATE_AND_WRITE,
							   visibility ? parse_visibility(visibility) :
							   WEIR_TTL_NEVER_RETURN_EXPIRED));
}

Datum
weir_ttl_out(PG_FUNCTION_ARGS)
{
	WeirTtlType *ttl = (WeirTtlType *) PG_GETARG_POINTER(0);

	PG_RETURN_CSTRING(psprintf("%s,%s,%s", interval_text(&ttl->ttl),
							   weir_ttl_update_name(ttl->update),
							   weir_ttl_visibility_name(ttl->visibility)));
}

/* An interval as a time to live with the default words. */
Datum
weir_ttl(PG_FUNCTION_ARGS)
{
	PG_RETURN_POINTER(make_ttl(PG_GETARG_INTERVAL_P(0), WEIR_TTL_ON_CREATE_AND_WRITE,
							   WEIR_TTL_NEVER_RETURN_EXPIRED));
}

Datum
weir_state_ttl(PG_FUNCTION_ARGS)
{
	if (PG_ARGISNULL(0) || PG_ARGISNULL(1) || PG_ARGISNULL(2))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("%s of a time to live must not be null",
						PG_ARGISNULL(0) ? "ttl" : PG_ARGISNULL(1) ? "update_type" : "visibility"),
				 errhint("State without ttl never expires: leave weir.state_ttl() out.")));
	PG_RETURN_POINTER(make_ttl(PG_GETARG_INTERVAL_P(0),
							   parse_update(text_to_cstring(PG_GETARG_TEXT_PP(1))),
							   parse_visibility(text_to_cstring(PG_GETARG_TEXT_PP(2)))));
}
