/*
 * state/declaration.c
 *		weir_internal.state: the states that keyed functions declared.
 */
#include "postgres.h"

#include "access/xlog.h"
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

/*
 * Is the row of function $1, whose signature is $2?  Where its OID says nothing,
 * the signature does: for a function that the row's owner could have declared it
 * for, or whose owner may use what is the row's owner's.
 */
#define OF_FUNCTION \
	" CASE WHEN " WEIR_STATE_BY_OID " THEN function_oid = $1" \
	" ELSE function = $2 AND EXISTS (SELECT FROM pg_catalog.pg_proc p WHERE p.oid = $1" \
	" AND (pg_catalog.pg_has_role(owner::oid, p.proowner, 'USAGE')" \
	" OR pg_catalog.pg_has_role(p.proowner, owner::oid, 'USAGE'))) END "

/* $1 and $2 of OF_FUNCTION. */
static void
function_values(Oid function, Datum *values)
{
	values[0] = ObjectIdGetDatum(function);
	values[1] = CStringGetTextDatum(weir_function_name(function));
}

bool
weir_state_insert(const WeirStateRow *row)
{
	Oid			types[14] = {OIDOID, TEXTOID, TEXTOID, TEXTOID, TEXTOID, TEXTOID, INTERVALOID,
	TEXTOID, TEXTOID, OIDOID, TEXTOID, TEXTOID, INT8OID, OIDOID};
	Datum		values[14];
	char		nulls[15] = "              ";

	function_values(row->function, values);
	values[2] = CStringGetTextDatum(row->name);
	values[3] = CStringGetTextDatum(weir_state_kind_name(row->kind));
	values[4] = CStringGetTextDatum(row->type);
	text_or_null(row->default_value, &values[5], &nulls[5]);
	values[6] = IntervalPGetDatum(row->ttl);
	nulls[6] = row->ttl ? ' ' : 'n';
	values[7] = CStringGetTextDatum(weir_ttl_update_name(row->update));
	values[8] = CStringGetTextDatum(weir_ttl_visibility_name(row->visibility));
	values[9] = ObjectIdGetDatum(GetUserId());
	text_or_null(row->key_type, &values[10], &nulls[10]);
	text_or_null(row->calls, &values[11], &nulls[11]);
	values[12] = Int64GetDatum((int64) GetSystemIdentifier());
	values[13] = ObjectIdGetDatum(MyDatabaseId);

	return weir_internal_execute("INSERT INTO weir_internal.state (function, function_oid,"
								 " system_identifier, database, name, kind, type,"
								 " default_value, has_default, ttl, update_type, visibility, owner,"
								 " key_type, calls)"
								 " SELECT $2, $1, $13, $14, $3, $4, $5, $6, $6 IS NOT NULL,"
								 " $7, $8, $9, $10, $11, $12"
								 " WHERE NOT EXISTS (SELECT FROM weir_internal.state WHERE name = $3"
								 " AND" OF_FUNCTION ") ON CONFLICT DO NOTHING",
								 14, types, values, nulls) > 0;
}

/* One row, by a condition on $1 and $2; $3 is its name. */
static bool
find(const char *condition, Datum *values, WeirStateFound *found)
{
	Oid			types[3] = {OIDOID, TEXTOID, TEXTOID};
	MemoryContext caller = CurrentMemoryContext;
	WeirInternal saved;
	bool		exists;
	bool		isnull;

	weir_internal_enter(&saved);
	exists = weir_internal_run(psprintf("SELECT owner, kind, type, function, function_oid"
										" FROM weir_internal.state WHERE name = $3 AND %s"
										" ORDER BY 4, 5 LIMIT 1 FOR UPDATE", condition),
							   3, types, values, NULL) > 0;
	if (exists)
	{
		found->owner = DatumGetObjectId(weir_internal_get(0, 1, &isnull));
		found->kind = weir_internal_text(caller, 0, 2);
		found->type = weir_internal_text(caller, 0, 3);
		found->function = weir_internal_text(caller, 0, 4);
		found->function_oid = DatumGetObjectId(weir_internal_get(0, 5, &isnull));
	}
	weir_internal_leave(&saved);
	return exists;
}

bool
weir_state_find(Oid function, const char *name, WeirStateFound *found)
{
	Datum		values[3];

	function_values(function, values);
	values[2] = CStringGetTextDatum(name);
	return find(OF_FUNCTION, values, found);
}

bool
weir_state_find_left(const char *signature, const char *name, WeirStateFound *found)
{
	Datum		values[3];

	values[0] = ObjectIdGetDatum(InvalidOid);
	values[1] = CStringGetTextDatum(signature);
	values[2] = CStringGetTextDatum(name);
	return find("$1 = 0 AND function = $2 AND NOT (" WEIR_STATE_BY_OID ")", values, found);
}

/* $1 to $3: which row was found. */
static void
found_values(const WeirStateFound *found, const char *name, Datum *values)
{
	values[0] = CStringGetTextDatum(found->function);
	values[1] = CStringGetTextDatum(name);
	values[2] = ObjectIdGetDatum(found->function_oid);
}

#define FOUND " WHERE function = $1 AND name = $2 AND function_oid = $3"

void
weir_state_change(const WeirStateFound *found, const WeirStateRow *row)
{
	Oid			types[7] = {TEXTOID, TEXTOID, OIDOID, INTERVALOID, TEXTOID, TEXTOID, TEXTOID};
	Datum		values[7];
	char		nulls[8] = "       ";

	found_values(found, row->name, values);
	values[3] = IntervalPGetDatum(row->ttl);
	nulls[3] = row->ttl ? ' ' : 'n';
	values[4] = CStringGetTextDatum(weir_ttl_update_name(row->update));
	values[5] = CStringGetTextDatum(weir_ttl_visibility_name(row->visibility));
	text_or_null(row->default_value, &values[6], &nulls[6]);

	(void) weir_internal_execute("UPDATE weir_internal.state SET"
								 " update_type = CASE WHEN $4 IS NULL THEN update_type ELSE $5 END,"
								 " visibility = CASE WHEN $4 IS NULL THEN visibility ELSE $6 END,"
								 " ttl = coalesce($4, ttl),"
								 " default_value = coalesce($7, default_value),"
								 " has_default = has_default OR $7 IS NOT NULL"
								 FOUND, 7, types, values, nulls);
}

void
weir_state_delete(const WeirStateFound *found, const char *name)
{
	Oid			types[3] = {TEXTOID, TEXTOID, OIDOID};
	Datum		values[3];

	found_values(found, name, values);
	(void) weir_internal_execute("DELETE FROM weir_internal.state" FOUND, 3, types, values, NULL);
}

bool
weir_state_is_declared(Oid function)
{
	Oid			types[2] = {OIDOID, TEXTOID};
	Datum		values[2];

	function_values(function, values);
	return weir_internal_execute("SELECT FROM weir_internal.state WHERE" OF_FUNCTION "LIMIT 1",
								 2, types, values, NULL) > 0;
}

void
weir_state_forget(Oid function)
{
	Oid			types[2] = {OIDOID, TEXTOID};
	Datum		values[2];

	function_values(function, values);
	(void) weir_internal_execute("DELETE FROM weir_internal.state WHERE" OF_FUNCTION,
								 2, types, values, NULL);
}

void
weir_state_adopt(const char *signature, Oid function)
{
	Oid			types[4] = {OIDOID, TEXTOID, INT8OID, OIDOID};
	Datum		values[4];

	values[0] = ObjectIdGetDatum(function);
	values[1] = CStringGetTextDatum(signature);
	values[2] = Int64GetDatum((int64) GetSystemIdentifier());
	values[3] = ObjectIdGetDatum(MyDatabaseId);
	(void) weir_internal_execute("UPDATE weir_internal.state s SET function_oid = $1,"
								 " system_identifier = $3, database = $4"
								 " WHERE NOT (" WEIR_STATE_BY_OID ") AND" OF_FUNCTION
								 "AND NOT EXISTS (SELECT FROM weir_internal.state o WHERE"
								 " o.function = $2 AND o.name = s.name AND o.function_oid = $1"
								 " AND o.ctid <> s.ctid)", 4, types, values, NULL);
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
	Oid			types[2] = {OIDOID, TEXTOID};
	Datum		values[2];
	WeirStateDecl *declarations;
	TypeNames  *names;
	MemoryContext caller = CurrentMemoryContext;
	WeirInternal saved;

	function_values(function, values);
	weir_internal_enter(&saved);
	*n = weir_internal_run("SELECT " COLUMNS " FROM weir_internal.state"
						   " WHERE" OF_FUNCTION "ORDER BY name COLLATE \"C\"", 2, types, values, NULL);
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
