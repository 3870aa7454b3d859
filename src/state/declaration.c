/*
 * state/declaration.c
 *		weir_internal.state: the states that keyed functions declared.
 */
#include "postgres.h"

#include "access/xlog.h"
#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "parser/parse_type.h"
#include "utils/builtins.h"
#include "utils/regproc.h"
#include "utils/timestamp.h"

#include "base/interval.h"
#include "catalog/internal.h"
#include "catalog/name.h"
#include "state/declaration.h"
#include "state/ttl.h"

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
add_function(WeirArguments *args, Oid function)
{
	weir_bind_oid(args, function);
	weir_bind_text(args, weir_function_name(function));
}

bool
weir_state_insert(const WeirStateRow *row)
{
	WeirArguments args = {0};

	add_function(&args, row->function);
	weir_bind_text(&args, row->name);
	weir_bind_text(&args, weir_state_kind_name(row->kind));
	weir_bind_text(&args, row->type);
	weir_bind_text(&args, row->default_value);
	weir_bind_interval(&args, row->ttl);
	weir_bind_text(&args, weir_ttl_update_name(row->update));
	weir_bind_text(&args, weir_ttl_visibility_name(row->visibility));
	weir_bind_oid(&args, GetUserId());
	weir_bind_text(&args, row->key_type);
	weir_bind_text(&args, row->calls);
	weir_bind_int64(&args, GetSystemIdentifier());
	weir_bind_oid(&args, MyDatabaseId);

	return weir_internal_execute("INSERT INTO weir_internal.state (function, function_oid,"
								 " system_identifier, database, name, kind, type,"
								 " default_value, has_default, ttl, update_type, visibility, owner,"
								 " key_type, calls)"
								 " SELECT $2, $1, $13, $14, $3, $4, $5, $6, $6 IS NOT NULL,"
								 " $7, $8, $9, $10, $11, $12"
								 " WHERE NOT EXISTS (SELECT FROM weir_internal.state WHERE name = $3"
								 " AND" OF_FUNCTION ") ON CONFLICT DO NOTHING", &args) > 0;
}

/* One row, by a condition on $1 and $2; $3 is its name. */
static bool
find(const char *condition, const WeirArguments *args, WeirStateFound *found)
{
	MemoryContext caller = CurrentMemoryContext;
	WeirInternal saved;
	bool		exists;
	bool		isnull;

	weir_internal_enter(&saved);
	exists = weir_internal_run(psprintf("SELECT owner, kind, type, function, function_oid"
										" FROM weir_internal.state WHERE name = $3 AND %s"
										" ORDER BY 4, 5 LIMIT 1 FOR UPDATE", condition), args) > 0;
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
	WeirArguments args = {0};

	add_function(&args, function);
	weir_bind_text(&args, name);
	return find(OF_FUNCTION, &args, found);
}

bool
weir_state_find_left(const char *signature, const char *name, WeirStateFound *found)
{
	WeirArguments args = {0};

	weir_bind_oid(&args, InvalidOid);
	weir_bind_text(&args, signature);
	weir_bind_text(&args, name);
	return find("$1 = 0 AND function = $2 AND NOT (" WEIR_STATE_BY_OID ")", &args, found);
}

/* $1 to $3: which row was found. */
static void
add_found(WeirArguments *args, const WeirStateFound *found, const char *name)
{
	weir_bind_text(args, found->function);
	weir_bind_text(args, name);
	weir_bind_oid(args, found->function_oid);
}

#define FOUND " WHERE function = $1 AND name = $2 AND function_oid = $3"

void
weir_state_change(const WeirStateFound *found, const WeirStateRow *row)
{
	WeirArguments args = {0};

	add_found(&args, found, row->name);
	weir_bind_interval(&args, row->ttl);
	weir_bind_text(&args, weir_ttl_update_name(row->update));
	weir_bind_text(&args, weir_ttl_visibility_name(row->visibility));
	weir_bind_text(&args, row->default_value);

	(void) weir_internal_execute("UPDATE weir_internal.state SET"
								 " update_type = CASE WHEN $4 IS NULL THEN update_type ELSE $5 END,"
								 " visibility = CASE WHEN $4 IS NULL THEN visibility ELSE $6 END,"
								 " ttl = coalesce($4, ttl),"
								 " default_value = coalesce($7, default_value),"
								 " has_default = has_default OR $7 IS NOT NULL"
								 FOUND, &args);
}

void
weir_state_delete(const WeirStateFound *found, const char *name)
{
	WeirArguments args = {0};

	add_found(&args, found, name);
	(void) weir_internal_execute("DELETE FROM weir_internal.state" FOUND, &args);
}

bool
weir_state_is_declared(Oid function)
{
	WeirArguments args = {0};

	add_function(&args, function);
	return weir_internal_execute("SELECT FROM weir_internal.state WHERE" OF_FUNCTION "LIMIT 1", &args) > 0;
}

void
weir_state_forget(Oid function)
{
	WeirArguments args = {0};

	add_function(&args, function);
	(void) weir_internal_execute("DELETE FROM weir_internal.state WHERE" OF_FUNCTION, &args);
}

void
weir_state_adopt(const char *signature, Oid function)
{
	WeirArguments args = {0};

	weir_bind_oid(&args, function);
	weir_bind_text(&args, signature);
	weir_bind_int64(&args, GetSystemIdentifier());
	weir_bind_oid(&args, MyDatabaseId);
	(void) weir_internal_execute("UPDATE weir_internal.state s SET function_oid = $1,"
								 " system_identifier = $3, database = $4"
								 " WHERE NOT (" WEIR_STATE_BY_OID ") AND" OF_FUNCTION
								 "AND NOT EXISTS (SELECT FROM weir_internal.state o WHERE"
								 " o.function = $2 AND o.name = s.name AND o.function_oid = $1"
								 " AND o.ctid <> s.ctid)", &args);
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
	else if (!weir_interval_length(DatumGetIntervalP(interval), &us))
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
	WeirArguments args = {0};
	WeirStateDecl *declarations;
	TypeNames  *names;
	MemoryContext caller = CurrentMemoryContext;
	WeirInternal saved;

	add_function(&args, function);
	weir_internal_enter(&saved);
	*n = weir_internal_run("SELECT " COLUMNS " FROM weir_internal.state"
						   " WHERE" OF_FUNCTION "ORDER BY name COLLATE \"C\"", &args);
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
	rule.ttl = weir_interval_us(&type->ttl);
	return rule;
}
