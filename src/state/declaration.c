/*
 * state/declaration.c
 *		weir_internal.state: the states that keyed functions declared.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "common/int.h"
#include "miscadmin.h"
#include "parser/parse_type.h"
#include "utils/builtins.h"
#include "utils/regproc.h"
#include "utils/timestamp.h"

#include "catalog/internal.h"
#include "catalog/name.h"
#include "state/declaration.h"
#include "state/ttl.h"

bool
weir_ttl_microseconds(const Interval *interval, int64 *us)
{
	int64		days = (int64) interval->month * DAYS_PER_MONTH + interval->day;

	return !pg_mul_s64_overflow(days, USECS_PER_DAY, us) &&
		!pg_add_s64_overflow(*us, interval->time, us);
}

/* A parameter that may be null. */
static void
text_or_null(const char *text, Datum *value, char *null)
{
	*value = text ? CStringGetTextDatum(text) : (Datum) 0;
	*null = text ? ' ' : 'n';
}

bool
weir_state_insert(const WeirStateRow *row)
{
	Oid			types[11] = {TEXTOID, TEXTOID, TEXTOID, TEXTOID, TEXTOID, INTERVALOID,
	TEXTOID, TEXTOID, OIDOID, TEXTOID, TEXTOID};
	Datum		values[11];
	char		nulls[12] = "           ";

	values[0] = CStringGetTextDatum(row->function);
	values[1] = CStringGetTextDatum(row->name);
	values[2] = CStringGetTextDatum(weir_state_kind_name(row->kind));
	values[3] = CStringGetTextDatum(row->type);
	text_or_null(row->default_value, &values[4], &nulls[4]);
	values[5] = IntervalPGetDatum(row->ttl);
	nulls[5] = row->ttl ? ' ' : 'n';
	values[6] = CStringGetTextDatum(weir_ttl_update_name(row->update));
	values[7] = CStringGetTextDatum(weir_ttl_visibility_name(row->visibility));
	values[8] = ObjectIdGetDatum(GetUserId());
	text_or_null(row->key_type, &values[9], &nulls[9]);
	text_or_null(row->calls, &values[10], &nulls[10]);

	return weir_internal_execute("INSERT INTO weir_internal.state (function, name, kind, type,"
								 " default_value, has_default, ttl, update_type, visibility, owner,"
								 " key_type, calls)"
								 " VALUES ($1, $2, $3, $4, $5, $5 IS NOT NULL, $6, $7, $8, $9,"
								 " $10, $11) ON CONFLICT DO NOTHING", 11, types, values, nulls) > 0;
}

bool
weir_state_find(const char *function, const char *name, WeirStateFound *found)
{
	Oid			types[2] = {TEXTOID, TEXTOID};
	Datum		values[2] = {CStringGetTextDatum(function), CStringGetTextDatum(name)};
	MemoryContext caller = CurrentMemoryContext;
	WeirInternal saved;
	bool		exists;
	bool		isnull;

	weir_internal_enter(&saved);
	exists = weir_internal_run("SELECT owner, kind, type FROM weir_internal.state"
							   " WHERE function = $1 AND name = $2 FOR UPDATE",
							   2, types, values, NULL) > 0;
	if (exists)
	{
		found->owner = DatumGetObjectId(weir_internal_get(0, 1, &isnull));
		found->kind = weir_internal_text(caller, 0, 2);
		found->type = weir_internal_text(caller, 0, 3);
	}
	weir_internal_leave(&saved);
	return exists;
}

void
weir_state_change(const WeirStateRow *row)
{
	Oid			types[6] = {TEXTOID, TEXTOID, INTERVALOID, TEXTOID, TEXTOID, TEXTOID};
	Datum		values[6];
	char		nulls[7] = "      ";

	values[0] = CStringGetTextDatum(row->function);
	values[1] = CStringGetTextDatum(row->name);
	values[2] = IntervalPGetDatum(row->ttl);
	nulls[2] = row->ttl ? ' ' : 'n';
	values[3] = CStringGetTextDatum(weir_ttl_update_name(row->update));
	values[4] = CStringGetTextDatum(weir_ttl_visibility_name(row->visibility));
	text_or_null(row->default_value, &values[5], &nulls[5]);

	(void) weir_internal_execute("UPDATE weir_internal.state SET"
								 " update_type = CASE WHEN $3 IS NULL THEN update_type ELSE $4 END,"
								 " visibility = CASE WHEN $3 IS NULL THEN visibility ELSE $5 END,"
								 " ttl = coalesce($3, ttl),"
								 " default_value = coalesce($6, default_value),"
								 " has_default = has_default OR $6 IS NOT NULL"
								 " WHERE function = $1 AND name = $2", 6, types, values, nulls);
}

bool
weir_state_is_declared(Oid function)
{
	Oid			types[1] = {TEXTOID};
	Datum		values[1] = {CStringGetTextDatum(weir_function_name(function))};

	return weir_internal_execute("SELECT FROM weir_internal.state WHERE function = $1 LIMIT 1",
								 1, types, values, NULL) > 0;
}

void
weir_state_delete(const char *function, const char *name)
{
	Oid			types[2] = {TEXTOID, TEXTOID};
	Datum		values[2] = {CStringGetTextDatum(function), CStringGetTextDatum(name)};

	(void) weir_internal_execute("DELETE FROM weir_internal.state"
								 " WHERE function = $1 AND name = $2", 2, types, values, NULL);
}

void
weir_state_forget(Oid function)
{
	Oid			types[1] = {TEXTOID};
	Datum		values[1] = {CStringGetTextDatum(weir_function_name(function))};

	(void) weir_internal_execute("DELETE FROM weir_internal.state WHERE function = $1",
								 1, types, values, NULL);
}

/* Columns of the query in weir_state_declarations. */
enum
{
	COLUMN_NAME = 1,
	COLUMN_KIND,
	COLUMN_TYPE,
	COLUMN_DEFAULT,
	COLUMN_TTL,
	COLUMN_UPDATE,
	COLUMN_VISIBILITY,
	COLUMN_KEY_TYPE,
	COLUMN_CALLS
};

#define COLUMNS "name, kind, type, default_value, ttl, update_type, visibility, key_type, calls"

/* A declaration's types, as they stand there. */
typedef struct TypeNames
{
	char	   *type;
	char	   *key_type;		/* NULL unless a map */
} TypeNames;

/* A text of a row: what it stands for is fixed, so an unknown word is damage. */
static void
unknown_word(const char *what, const char *word)
{
	ereport(ERROR,
			(errcode(ERRCODE_DATA_CORRUPTED),
			 errmsg("unknown %s \"%s\" in weir_internal.state", what, word)));
}

static void
read_ttl(WeirTtl *ttl, MemoryContext context, int row)
{
	char	   *update = weir_internal_text(context, row, COLUMN_UPDATE);
	char	   *visibility = weir_internal_text(context, row, COLUMN_VISIBILITY);
	bool		isnull;
	Datum		interval = weir_internal_get(row, COLUMN_TTL, &isnull);
	int64		us = 0;

	if (!weir_ttl_parse_update(update, &ttl->update))
		unknown_word("update type", update);
	if (!weir_ttl_parse_visibility(visibility, &ttl->visibility))
		unknown_word("visibility", visibility);
	if (isnull)
		ttl->update = WEIR_TTL_DISABLED;
	else if (!weir_ttl_microseconds(DatumGetIntervalP(interval), &us))
		ereport(ERROR,
				(errcode(ERRCODE_INTERVAL_FIELD_OVERFLOW),
				 errmsg("time to live out of range in weir_internal.state")));
	ttl->ttl = us;
}

static void
read_declaration(WeirStateDecl *decl, TypeNames *names, MemoryContext context, int row)
{
	char	   *kind = weir_internal_text(context, row, COLUMN_KIND);

	decl->name = weir_internal_text(context, row, COLUMN_NAME);
	if (!weir_state_kind_parse(kind, &decl->kind))
		unknown_word("kind", kind);
	decl->default_text = weir_internal_text(context, row, COLUMN_DEFAULT);
	decl->has_default = decl->default_text != NULL;
	read_ttl(&decl->ttl, context, row);
	decl->calls = weir_internal_text(context, row, COLUMN_CALLS);
	names->type = weir_internal_text(context, row, COLUMN_TYPE);
	names->key_type = weir_internal_text(context, row, COLUMN_KEY_TYPE);
}

static void
type_context(void *arg)
{
	errcontext("type of state \"%s\"", ((WeirStateDecl *) arg)->name);
	errhint("Create the type again, or drop the state with weir.drop_state().");
}

/* Under the job's own user, as any use of a type is. */
static void
resolve_types(WeirStateDecl *decl, const TypeNames *names)
{
	ErrorContextCallback context = {error_context_stack, type_context, decl};

	error_context_stack = &context;
	parseTypeString(names->type, &decl->type, &decl->typmod, 0);
	if (names->key_type)
		parseTypeString(names->key_type, &decl->key_type, &decl->key_typmod, 0);
	error_context_stack = context.previous;
	decl->result_type = decl->type;
}

WeirStateDecl *
weir_state_declarations(Oid function, int *n)
{
	Oid			types[1] = {TEXTOID};
	Datum		values[1] = {CStringGetTextDatum(weir_function_name(function))};
	WeirStateDecl *declarations;
	TypeNames  *names;
	MemoryContext caller = CurrentMemoryContext;
	WeirInternal saved;

	weir_internal_enter(&saved);
	*n = weir_internal_run("SELECT " COLUMNS " FROM weir_internal.state"
						   " WHERE function = $1 ORDER BY name COLLATE \"C\"", 1, types, values, NULL);
	declarations = MemoryContextAllocZero(caller, sizeof(WeirStateDecl) * Max(*n, 1));
	names = MemoryContextAllocZero(caller, sizeof(TypeNames) * Max(*n, 1));
	for (int i = 0; i < *n; i++)
		read_declaration(&declarations[i], &names[i], caller, i);
	weir_internal_leave(&saved);

	for (int i = 0; i < *n; i++)
		resolve_types(&declarations[i], &names[i]);
	return declarations;
}

WeirTtl
weir_ttl_rule(const WeirTtlType *type)
{
	WeirTtl		rule = {WEIR_TTL_DISABLED, WEIR_TTL_NEVER_RETURN_EXPIRED, 0};

	if (type == NULL)
		return rule;
	rule.update = (WeirTtlUpdate) type->update;
	rule.visibility = (WeirTtlVisibility) type->visibility;
	/* in range: the type's input function has seen to it */
	(void) weir_ttl_microseconds(&type->ttl, &rule.ttl);
	return rule;
}
