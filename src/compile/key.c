/*
 * compile/key.c
 *		The key of the keyed step: how its columns are hashed and compared.
 *		And weir.key_by, which only the compiler understands.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "fmgr.h"
#include "nodes/nodeFuncs.h"
#include "parser/parse_coerce.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"

#include "base/keytype.h"
#include "compile/compile.h"

PG_FUNCTION_INFO_V1(weir_key_by);

Datum
weir_key_by(PG_FUNCTION_ARGS)
{
	ereport(ERROR,
			errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
			errmsg("weir.key_by cannot be called outside the query of a job"),
			errhint("Pass the query to weir.create_job: INSERT INTO ... SELECT ... FROM stream r JOIN LATERAL function(r) a ON weir.key_by(...)."));
	PG_RETURN_NULL();
}

/* The expression of a key column: a bare literal is text. */
static Node *
key_expression(WeirLevel *level, Node *key)
{
	int			location = -1;

	if (weir_level_mentions_function(level, key, &location))
		ereport(ERROR,
				errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				errmsg("a key cannot use the output of the keyed function"),
				errhint("Use columns of the left side of the join."),
				weir_level_position(level, location));
	if (exprType(key) == UNKNOWNOID)
		return coerce_type(level->c->job->pstate, key, UNKNOWNOID, TEXTOID, -1,
						   COERCION_IMPLICIT, COERCE_IMPLICIT_CAST, exprLocation(key));
	return key;
}

static void
check_type(WeirLevel *level, Node *key)
{
	if (exprType(key) == RECORDOID || exprType(key) == RECORDARRAYOID)
		ereport(ERROR,
				errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				errmsg("a key cannot be an anonymous record"),
				errhint("Give its columns one by one, or cast it to a named composite type."),
				weir_level_position(level, exprLocation(key)));
	if (type_is_collatable(exprType(key)) && !OidIsValid(exprCollation(key)))
		ereport(ERROR,
				errcode(ERRCODE_INDETERMINATE_COLLATION),
				errmsg("could not determine which collation to use for a key"),
				errhint("Use the COLLATE clause to set the collation explicitly."),
				weir_level_position(level, exprLocation(key)));
}

static void
fill_column(WeirLevel *level, WeirKeyColumn *column, Node *key, AttrNumber attno)
{
	WeirKeyType found;
	const char *wrong = weir_key_type_find(exprType(key), &found);

	column->attno = attno;
	column->type = exprType(key);
	column->collation = exprCollation(key);
	column->eq_operator = found.eq_operator;
	if (wrong)
		ereport(ERROR,
				errcode(ERRCODE_UNDEFINED_FUNCTION),
				errmsg("type %s cannot be a key", format_type_be(column->type)),
				errdetail("%s", wrong),
				errhint("%s", weir_key_type_hint),
				weir_level_position(level, exprLocation(key)));
}

static const char *
key_clause(const WeirLevel *level)
{
	if (level->key_by)
		return "weir.key_by";
	if (level->rank_plan || level->over_plan)
		return level->rank_plan && level->rank_plan->distinct ? "DISTINCT ON" : "PARTITION BY";
	return "GROUP BY";
}

static void
check_arguments(WeirLevel *level)
{
	if (level->key_by != NULL && level->key_by->funcvariadic)
		ereport(ERROR,
				errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				errmsg("weir.key_by cannot be called with VARIADIC"),
				errhint("Give it the columns of the key one by one."),
				weir_level_position(level, level->key_by->location));
	if (list_length(level->keys) > INDEX_MAX_KEYS)
		ereport(ERROR,
				errcode(ERRCODE_TOO_MANY_COLUMNS),
				errmsg("a key cannot have more than %d columns", INDEX_MAX_KEYS),
				errdetail("%s has %d.", key_clause(level), list_length(level->keys)),
				errhint("Put columns together in a value of a named composite type."),
				weir_level_position(level, level->key_by ? level->key_by->location :
									  exprLocation((Node *) level->keys)));
}

/* Makes the key expressions the first columns of (a). */
void
weir_level_keys(WeirLevel *level)
{
	ListCell   *lc;

	if (!weir_level_is_step(level))
		return;
	check_arguments(level);
	level->key = palloc0(sizeof(WeirKeyColumn) * list_length(level->keys));
	foreach(lc, level->keys)
	{
		Node	   *key = key_expression(level, lfirst(lc));
		AttrNumber	attno;

		lfirst(lc) = key;
		check_type(level, key);
		attno = weir_level_row_column(level, key, "key");
		fill_column(level, &level->key[level->nkeys++], key, attno);
		level->key_columns = lappend_int(level->key_columns, attno);
	}
}
