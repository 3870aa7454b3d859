/*
 * state/current.c
 *		The state a keyed function asks for by name.
 */
#include "postgres.h"

#include "state/current.h"

static const char *const kind_names[] = {
	[WEIR_STATE_VALUE] = "value",
	[WEIR_STATE_LIST] = "list",
	[WEIR_STATE_MAP] = "map",
	[WEIR_STATE_REDUCING] = "reducing",
	[WEIR_STATE_AGGREGATING] = "aggregating",
	[WEIR_STATE_WINDOW] = "window"
};

const char *
weir_state_kind_name(WeirStateKind kind)
{
	return kind_names[kind];
}

bool
weir_state_kind_parse(const char *word, WeirStateKind *out)
{
	for (int i = 0; i < lengthof(kind_names); i++)
	{
		if (strcmp(word, kind_names[i]) == 0)
		{
			*out = (WeirStateKind) i;
			return true;
		}
	}
	return false;
}

WeirState *
weir_current_state(const char *caller, const char *name, int length)
{
	WeirStore  *store = weir_current_store;
	WeirState  *state;

	if (store == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("%s can only be used by the keyed function of a job, while the job runs",
						caller),
				 errhint("Name the function in a job's query as "
						 "JOIN LATERAL f(r) a ON weir.key_by(...), and start the job.")));
	state = weir_store_state(store, name, length);
	if (state == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("function %s has no state \"%.*s\"", weir_store_function(store),
						length, name),
				 errhint("Declare it with weir.create_value_state('%s', '%.*s', ...), "
						 "and start the job again.", weir_store_function(store), length, name)));
	return state;
}

void
weir_require_value(const char *caller, const WeirState *state)
{
	const WeirStateDecl *decl = weir_state_decl(state);

	if (decl->kind != WEIR_STATE_VALUE)
		ereport(ERROR,
				(errcode(ERRCODE_WRONG_OBJECT_TYPE),
				 errmsg("%s cannot be used on %s state \"%s\"", caller,
						weir_state_kind_name(decl->kind), decl->name),
				 errhint("Use the functions for %s state, or declare it with "
						 "weir.create_value_state().", weir_state_kind_name(decl->kind))));
}
