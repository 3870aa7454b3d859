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
#include "state/declaration.h"
#include "state/ttl.h"

bool
weir_ttl_microseconds(const Interval *interval, int64 *us)
{
	int64		days = (int64) interval->month * DAYS_PER_MONTH + interval->day;

	return !pg_mul_s64_overflow(days, USECS_PER_DAY, us) &&
		!pg_add_s64_overflow(*us, interval->time, us);
}

bool
weir_state_insert(const WeirStateRow *row)
{
	Oid			types[9] = {TEXTOID, TEXTOID, TEXTOID, TEXTOID, TEXTOID, INTERVALOID,
	TEXTOID, TEXTOID, OIDOID};
	Datum		values[9];
	char		nulls[10] = "         ";

	values[0] = CStringGetTextDatum(row->function);
	values[1] = CStringGetTextDatum(row->name);
	values[2] = CStringGetTextDatum(weir_state_kind_name(row->kind));
	values[3] = CStringGetTextDatum(row->type);
	values[4] = row->default_value ? CStringGetTextDatum(row->default_value) : (Datum) 0;
	values[5] = IntervalPGetDatum(row->ttl);
	values[6] = CStringGetTextDatum(weir_ttl_update_name(row->update));
	values[7] = CStringGetTextDatum(weir_ttl_visibility_name(row->visibility));
	values[8] = ObjectIdGetDatum(GetUserId());
	nulls[4] = row->default_value ? ' ' : 'n';
	nulls[5] = row->ttl ? ' ' : 'n';

	return weir_internal_execute("INSERT INTO weir_internal.state (function, name, kind, type,"
								 " default_value, has_default, ttl, update_type, visibility, owner)"
								 " VALUES ($1, $2, $3, $4, $5, $5 IS NOT NULL, $6, $7, $8, $9)"
								 " ON CONFLICT DO NOTHING", 9, types, values, nulls) > 0;
}

Oid
weir_state_owner(const char *function, const char *name)
{
	Oid			types[2] = {TEXTOID, TEXTOID};
	Datum		values[2] = {CStringGetTextDatum(function), CStringGetTextDatum(name)};
	Oid			owner = InvalidOid;
	WeirInternal saved;
	bool		isnull;

	weir_internal_enter(&saved);
	if (weir_internal_run("SELECT owner FROM weir_internal.state"
						  " WHERE function = $1 AND name = $2 FOR UPDATE",
						  2, types, values, NULL) > 0)
		owner = DatumGetObjectId(weir_internal_get(0, 1, &isnull));
	weir_internal_leave(&saved);
	return owner;
}

bool
weir_state_is_declared(Oid function)
{
	Oid			types[1] = {TEXTOID};
	Datum		values[1] = {CStringGetTextDatum(format_procedure_qualified(function))};

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
	Datum		values[1] = {CStringGetTextDatum(format_procedure_qualified(function))};

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
	COLUMN_VISIBILITY
};

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
read_declaration(WeirStateDecl *decl, char **type, MemoryContext context, int row)
{
	char	   *kind = weir_internal_text(context, row, COLUMN_KIND);

	decl->name = weir_internal_text(context, row, COLUMN_NAME);
	if (!weir_state_kind_parse(kind, &decl->kind))
		unknown_word("kind", kind);
	decl->default_text = weir_internal_text(context, row, COLUMN_DEFAULT);
	decl->has_default = decl->default_text != NULL;
	read_ttl(&decl->ttl, context, row);
	*type = weir_internal_text(context, row, COLUMN_TYPE);
}

static void
type_context(void *arg)
{
	errcontext("type of state \"%s\"", ((WeirStateDecl *) arg)->name);
	errhint("Create the type again, or drop the state with weir.drop_state().");
}

/* Under the job's own user, as any use of a type is. */
static void
resolve_type(WeirStateDecl *decl, const char *type)
{
	ErrorContextCallback context = {error_context_stack, type_context, decl};

	error_context_stack = &context;
	parseTypeString(type, &decl->type, &decl->typmod, 0);
	error_context_stack = context.previous;
}

WeirStateDecl *
weir_state_declarations(Oid function, int *n)
{
	Oid			types[1] = {TEXTOID};
	Datum		values[1] = {CStringGetTextDatum(format_procedure_qualified(function))};
	WeirStateDecl *declarations;
	char	  **type_names;
	MemoryContext caller = CurrentMemoryContext;
	WeirInternal saved;

	weir_internal_enter(&saved);
	*n = weir_internal_run("SELECT name, kind, type, default_value, ttl, update_type, visibility"
						   " FROM weir_internal.state WHERE function = $1"
						   " ORDER BY name COLLATE \"C\"", 1, types, values, NULL);
	declarations = MemoryContextAllocZero(caller, sizeof(WeirStateDecl) * Max(*n, 1));
	type_names = MemoryContextAllocZero(caller, sizeof(char *) * Max(*n, 1));
	for (int i = 0; i < *n; i++)
		read_declaration(&declarations[i], &type_names[i], caller, i);
	weir_internal_leave(&saved);

	for (int i = 0; i < *n; i++)
		resolve_type(&declarations[i], type_names[i]);
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
