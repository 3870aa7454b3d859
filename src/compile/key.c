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
key_expression(WeirCompile *c, Node *key)
{
	int			location = -1;

	if (weir_compile_mentions_function(c, key, &location))
		ereport(ERROR,
				errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				errmsg("a key cannot use the output of the keyed function"),
				errhint("Use columns of the left side of the join."),
				weir_compile_position(c, location));
	if (exprType(key) == UNKNOWNOID)
		return coerce_type(c->pstate, key, UNKNOWNOID, TEXTOID, -1,
						   COERCION_IMPLICIT, COERCE_IMPLICIT_CAST, exprLocation(key));
	return key;
}

static void
check_type(WeirCompile *c, Node *key)
{
	if (exprType(key) == RECORDOID || exprType(key) == RECORDARRAYOID)
		ereport(ERROR,
				errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				errmsg("a key cannot be an anonymous record"),
				errhint("Give its columns one by one, or cast it to a named composite type."),
				weir_compile_position(c, exprLocation(key)));
	if (type_is_collatable(exprType(key)) && !OidIsValid(exprCollation(key)))
		ereport(ERROR,
				errcode(ERRCODE_INDETERMINATE_COLLATION),
				errmsg("could not determine which collation to use for a key"),
				errhint("Use the COLLATE clause to set the collation explicitly."),
				weir_compile_position(c, exprLocation(key)));
}

static void
fill_column(WeirCompile *c, WeirKeyColumn *column, Node *key, AttrNumber attno)
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
				weir_compile_position(c, exprLocation(key)));
}

static void
check_arguments(WeirCompile *c)
{
	if (c->key_by != NULL && c->key_by->funcvariadic)
		ereport(ERROR,
				errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				errmsg("weir.key_by cannot be called with VARIADIC"),
				errhint("Give it the columns of the key one by one."),
				weir_compile_position(c, c->key_by->location));
	if (list_length(c->keys) > INDEX_MAX_KEYS)
		ereport(ERROR,
				errcode(ERRCODE_TOO_MANY_COLUMNS),
				errmsg("a key cannot have more than %d columns", INDEX_MAX_KEYS),
				errdetail("%s has %d.", c->key_by ? "weir.key_by" : "GROUP BY", list_length(c->keys)),
				errhint("Put columns together in a value of a named composite type."),
				weir_compile_position(c, c->key_by ? c->key_by->location :
									  exprLocation((Node *) c->keys)));
}

/* Makes the key expressions the first columns of (a). */
void
weir_compile_keys(WeirCompile *c)
{
	ListCell   *lc;

	if (c->join == NULL && c->window == NULL)
		return;
	check_arguments(c);
	c->key = palloc0(sizeof(WeirKeyColumn) * list_length(c->keys));
	foreach(lc, c->keys)
	{
		Node	   *key = key_expression(c, lfirst(lc));
		AttrNumber	attno;

		lfirst(lc) = key;
		check_type(c, key);
		attno = weir_compile_row_column(c, key, "key");
		fill_column(c, &c->key[c->nkeys++], key, attno);
		c->key_columns = lappend_int(c->key_columns, attno);
	}
}
