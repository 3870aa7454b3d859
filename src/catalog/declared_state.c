/*
 * catalog/declared_state.c
 *		weir_internal.state: the states that keyed functions declared.
 */
#include "postgres.h"

#include "access/xlog.h"
#include "catalog/namespace.h"
#include "miscadmin.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

#include "catalog/declared_state.h"
#include "catalog/internal.h"
#include "catalog/name.h"
#include "catalog/row.h"

/* Is it by its OID that a row knows its function? */
#define BY_OID \
	"weir_internal.is_here(system_identifier, database)" \
	" AND EXISTS (SELECT FROM pg_catalog.pg_proc WHERE oid = function_oid)"

/*
 * Is the row of function $1, whose signature is $2?  Where its OID says nothing,
 * the signature does: for a function that the row's owner could have declared it
 * for, or whose owner may use what is the row's owner's.
 */
#define OF_FUNCTION \
	" CASE WHEN " BY_OID " THEN function_oid = $1" \
	" ELSE function = $2 AND EXISTS (SELECT FROM pg_catalog.pg_proc p WHERE p.oid = $1" \
	" AND (pg_catalog.pg_has_role(owner::oid, p.proowner, 'USAGE')" \
	" OR pg_catalog.pg_has_role(p.proowner, owner::oid, 'USAGE'))) END "

/* $1 and $2 of OF_FUNCTION. */
static void
bind_function(WeirArguments *args, Oid function)
{
	weir_bind_oid(args, function);
	weir_bind_text(args, weir_function_name(function));
}

/* A statement whose arguments are $1 and $2 of OF_FUNCTION. */
static uint64
execute_on(const char *sql, Oid function)
{
	WeirArguments args = {0};
	WeirInternal saved;
	uint64		n;

	weir_internal_enter(&saved);
	bind_function(&args, function);
	n = weir_internal_run(sql, &args);
	weir_internal_leave(&saved);
	return n;
}

bool
weir_declared_table_exists(void)
{
	Oid			schema = get_namespace_oid("weir_internal", true);

	return OidIsValid(schema) && OidIsValid(get_relname_relid("state", schema));
}

/* A text of a row: what it stands for is fixed, so an unknown word is damage. */
static void
unknown_word(const char *what, const char *word)
{
	ereport(ERROR,
			(errcode(ERRCODE_DATA_CORRUPTED),
			 errmsg("unknown %s \"%s\" in weir_internal.state", what, word)));
}

static void
read_ttl(WeirDeclaredState *state, MemoryContext context, uint64 row)
{
	char	   *update = weir_row_text(context, row, "update_type");
	char	   *visibility = weir_row_text(context, row, "visibility");
	bool		isnull;
	Datum		ttl = weir_row_datum(row, "ttl", &isnull);

	if (!weir_ttl_parse_update(update, &state->update))
		unknown_word("update type", update);
	if (!weir_ttl_parse_visibility(visibility, &state->visibility))
		unknown_word("visibility", visibility);
	pfree(update);
	pfree(visibility);
	if (!isnull)
		state->ttl = memcpy(MemoryContextAlloc(context, sizeof(Interval)),
							DatumGetIntervalP(ttl), sizeof(Interval));
}

static void
read_row(WeirDeclaredState *state, MemoryContext context, uint64 row)
{
	state->name = weir_row_text(context, row, "name");
	state->kind = weir_row_text(context, row, "kind");
	state->type = weir_row_text(context, row, "type");
	state->key_type = weir_row_text(context, row, "key_type");
	state->calls = weir_row_text(context, row, "calls");
	state->default_value = weir_row_text(context, row, "default_value");
	read_ttl(state, context, row);
}

WeirDeclaredState *
weir_declared_states(Oid function, int *n)
{
	MemoryContext caller = CurrentMemoryContext;
	WeirArguments args = {0};
	WeirDeclaredState *states;
	WeirInternal saved;

	weir_internal_enter(&saved);
	bind_function(&args, function);
	*n = (int) weir_internal_run("SELECT name, kind, type, key_type, calls, default_value, ttl,"
								 " update_type, visibility FROM weir_internal.state"
								 " WHERE" OF_FUNCTION "ORDER BY name COLLATE \"C\"", &args);
	states = MemoryContextAllocZero(caller, sizeof(WeirDeclaredState) * Max(*n, 1));
	for (int i = 0; i < *n; i++)
		read_row(&states[i], caller, i);
	weir_internal_leave(&saved);
	return states;
}

bool
weir_declared_any(Oid function)
{
	return execute_on("SELECT FROM weir_internal.state WHERE" OF_FUNCTION "LIMIT 1", function) > 0;
}

bool
weir_declared_insert(const WeirDeclaredState *row)
{
	WeirArguments args = {0};

	bind_function(&args, row->function);
	weir_bind_text(&args, row->name);
	weir_bind_text(&args, row->kind);
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

#define FIND(condition) \
	"SELECT owner, kind, type, function, function_oid" \
	" FROM weir_internal.state WHERE name = $3 AND " condition \
	" ORDER BY function, function_oid LIMIT 1 FOR UPDATE"

static bool
find(const char *sql, const WeirArguments *args, WeirDeclaredFound *found)
{
	MemoryContext caller = CurrentMemoryContext;
	WeirInternal saved;
	bool		exists;

	weir_internal_enter(&saved);
	exists = weir_internal_run(sql, args) > 0;
	if (exists)
	{
		found->owner = weir_row_oid(0, "owner");
		found->kind = weir_row_text(caller, 0, "kind");
		found->type = weir_row_text(caller, 0, "type");
		found->function = weir_row_text(caller, 0, "function");
		found->function_oid = weir_row_oid(0, "function_oid");
	}
	weir_internal_leave(&saved);
	return exists;
}

bool
weir_declared_find(Oid function, const char *name, WeirDeclaredFound *found)
{
	WeirArguments args = {0};

	bind_function(&args, function);
	weir_bind_text(&args, name);
	return find(FIND(OF_FUNCTION), &args, found);
}

bool
weir_declared_find_left(const char *signature, const char *name, WeirDeclaredFound *found)
{
	WeirArguments args = {0};

	weir_bind_oid(&args, InvalidOid);
	weir_bind_text(&args, signature);
	weir_bind_text(&args, name);
	return find(FIND("$1 = 0 AND function = $2 AND NOT (" BY_OID ")"), &args, found);
}

/* $1 to $3: which row was found. */
static void
bind_found(WeirArguments *args, const WeirDeclaredFound *found, const char *name)
{
	weir_bind_text(args, found->function);
	weir_bind_text(args, name);
	weir_bind_oid(args, found->function_oid);
}

#define WHERE_FOUND " WHERE function = $1 AND name = $2 AND function_oid = $3"

void
weir_declared_change(const WeirDeclaredFound *found, const WeirDeclaredState *row)
{
	WeirArguments args = {0};

	bind_found(&args, found, row->name);
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
								 WHERE_FOUND, &args);
}

void
weir_declared_delete(const WeirDeclaredFound *found, const char *name)
{
	WeirArguments args = {0};

	bind_found(&args, found, name);
	(void) weir_internal_execute("DELETE FROM weir_internal.state" WHERE_FOUND, &args);
}

void
weir_declared_delete_all(Oid function)
{
	(void) execute_on("DELETE FROM weir_internal.state WHERE" OF_FUNCTION, function);
}

char **
weir_declared_signatures_left(int *n)
{
	MemoryContext caller = CurrentMemoryContext;
	char	  **signatures;
	WeirInternal saved;

	weir_internal_enter(&saved);
	*n = (int) weir_internal_run("SELECT DISTINCT function FROM weir_internal.state"
								 " WHERE NOT (" BY_OID ")", NULL);
	signatures = MemoryContextAlloc(caller, sizeof(char *) * Max(*n, 1));
	for (int i = 0; i < *n; i++)
		signatures[i] = weir_row_text(caller, i, "function");
	weir_internal_leave(&saved);
	return signatures;
}

void
weir_declared_adopt(const char *signature, Oid function)
{
	WeirArguments args = {0};

	weir_bind_oid(&args, function);
	weir_bind_text(&args, signature);
	weir_bind_int64(&args, GetSystemIdentifier());
	weir_bind_oid(&args, MyDatabaseId);
	(void) weir_internal_execute("UPDATE weir_internal.state s SET function_oid = $1,"
								 " system_identifier = $3, database = $4"
								 " WHERE NOT (" BY_OID ") AND" OF_FUNCTION
								 "AND NOT EXISTS (SELECT FROM weir_internal.state o WHERE"
								 " o.function = $2 AND o.name = s.name AND o.function_oid = $1"
								 " AND o.ctid <> s.ctid)", &args);
}

#define IS_TIMER " kind IN ('" WEIR_DECLARED_EVENT_TIMER "', '" WEIR_DECLARED_ARRIVAL_TIMER "')"

char **
weir_declared_handlers(int *n)
{
	MemoryContext caller = CurrentMemoryContext;
	char	  **handlers;
	WeirInternal saved;

	weir_internal_enter(&saved);
	*n = (int) weir_internal_run("SELECT DISTINCT calls FROM weir_internal.state WHERE" IS_TIMER, NULL);
	handlers = MemoryContextAlloc(caller, sizeof(char *) * Max(*n, 1));
	for (int i = 0; i < *n; i++)
		handlers[i] = weir_row_text(caller, i, "calls");
	weir_internal_leave(&saved);
	return handlers;
}

void
weir_declared_set_handler(const char *before, const char *signature)
{
	WeirArguments args = {0};

	weir_bind_text(&args, before);
	weir_bind_text(&args, signature);
	(void) weir_internal_execute("UPDATE weir_internal.state SET calls = $2"
								 " WHERE calls = $1 AND" IS_TIMER, &args);
}

Oid *
weir_declared_functions(int *n)
{
	MemoryContext caller = CurrentMemoryContext;
	Oid		   *functions;
	WeirInternal saved;

	weir_internal_enter(&saved);
	*n = (int) weir_internal_run("SELECT DISTINCT function_oid FROM weir_internal.state"
								 " WHERE " BY_OID, NULL);
	functions = MemoryContextAlloc(caller, sizeof(Oid) * Max(*n, 1));
	for (int i = 0; i < *n; i++)
		functions[i] = weir_row_oid(i, "function_oid");
	weir_internal_leave(&saved);
	return functions;
}

void
weir_declared_set_signature(Oid function, const char *signature)
{
	WeirArguments args = {0};

	weir_bind_oid(&args, function);
	weir_bind_text(&args, signature);
	(void) weir_internal_execute("UPDATE weir_internal.state SET function = $2"
								 " WHERE function_oid = $1 AND function <> $2"
								 " AND " BY_OID, &args);
}

/* Whoever owns a function, or declared for its owner, owns its declarations. */
void
weir_declared_set_owners(void)
{
	(void) weir_internal_execute("UPDATE weir_internal.state SET owner = p.proowner"
								 " FROM pg_catalog.pg_proc p WHERE p.oid = function_oid"
								 " AND " BY_OID
								 " AND NOT pg_catalog.pg_has_role(owner::oid, p.proowner, 'USAGE')", NULL);
}
