/*
 * state/declaration.c
 *		The states that a keyed function declared, as a store takes them.
 */
#include "postgres.h"

#include "parser/parse_type.h"

#include "base/interval.h"
#include "catalog/declared_state.h"
#include "state/declaration.h"
#include "state/ttl.h"

static WeirTtl
ttl_of(const WeirDeclaredState *row)
{
	WeirTtl		ttl = {row->update, row->visibility, 0};

	if (row->ttl == NULL)
		ttl.update = WEIR_TTL_DISABLED;
	else if (!weir_interval_length(row->ttl, &ttl.ttl))
		ereport(ERROR,
				(errcode(ERRCODE_INTERVAL_FIELD_OVERFLOW),
				 errmsg("time to live out of range in weir_internal.state")));
	return ttl;
}

/* All but the types. */
static void
read_declaration(WeirStateDecl *decl, const WeirDeclaredState *row)
{
	decl->name = row->name;
	if (!weir_state_kind_parse(row->kind, &decl->kind))
		ereport(ERROR,
				(errcode(ERRCODE_DATA_CORRUPTED),
				 errmsg("unknown kind \"%s\" in weir_internal.state", row->kind)));
	decl->default_text = row->default_value;
	decl->has_default = decl->default_text != NULL;
	decl->ttl = ttl_of(row);
	decl->calls = row->calls;
}

static void
type_context(void *arg)
{
	errcontext("type of state \"%s\"", ((WeirStateDecl *) arg)->name);
	errhint("Create the type again, or drop the state with weir.drop_state().");
}

/* Under the job's own user, as any use of a type is. */
static void
resolve_types(WeirStateDecl *decl, const WeirDeclaredState *row)
{
	ErrorContextCallback context = {error_context_stack, type_context, decl};

	error_context_stack = &context;
	parseTypeString(row->type, &decl->type, &decl->typmod, 0);
	if (row->key_type)
		parseTypeString(row->key_type, &decl->key_type, &decl->key_typmod, 0);
	error_context_stack = context.previous;
	decl->result_type = decl->type;
}

WeirStateDecl *
weir_state_declarations(Oid function, int *n)
{
	WeirDeclaredState *rows = weir_declared_states(function, n);
	WeirStateDecl *declarations = palloc0(sizeof(WeirStateDecl) * Max(*n, 1));

	for (int i = 0; i < *n; i++)
		read_declaration(&declarations[i], &rows[i]);
	for (int i = 0; i < *n; i++)
		resolve_types(&declarations[i], &rows[i]);
	pfree(rows);
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
