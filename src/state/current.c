/*
 * state/current.c
 *		The state a keyed function asks for by name.
 */
#include "postgres.h"

#include "catalog/declared_state.h"
#include "state/current.h"
#include "state/kinds/timers.h"

static const char *const kind_names[] = {
	[WEIR_STATE_VALUE] = "value",
	[WEIR_STATE_LIST] = "list",
	[WEIR_STATE_MAP] = "map",
	[WEIR_STATE_REDUCING] = "reducing",
	[WEIR_STATE_AGGREGATING] = "aggregating",
	[WEIR_STATE_WINDOW] = "window",
	[WEIR_STATE_RUNNING] = "running",
	[WEIR_STATE_ROWS] = "rows",
	[WEIR_STATE_RANKED] = "ranked",
	[WEIR_STATE_TIME_WINDOW] = "time_window",
	[WEIR_STATE_EVENT_TIMER] = WEIR_DECLARED_EVENT_TIMER,
	[WEIR_STATE_ARRIVAL_TIMER] = WEIR_DECLARED_ARRIVAL_TIMER
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

/* How the state that is wanted would be declared. */
static const char *
create_function(int kind)
{
	return psprintf("weir.create_%s_state", kind == WEIR_ANY_KIND ? "value" :
					weir_state_kind_name((WeirStateKind) kind));
}

static void
require_kind(const char *caller, int kind, const WeirStateDecl *decl)
{
	const char *name = weir_state_kind_name(decl->kind);

	if (kind != WEIR_ANY_KIND && decl->kind != (WeirStateKind) kind)
		ereport(ERROR,
				(errcode(ERRCODE_WRONG_OBJECT_TYPE),
				 errmsg("%s cannot be used on %s state \"%s\"", caller, name, decl->name),
				 errdetail("It is for %s state.", weir_state_kind_name((WeirStateKind) kind)),
				 errhint("Use the functions for %s state, or declare it with %s().", name,
						 create_function(kind))));
}

static WeirStore *
current_store(const char *caller)
{
	if (weir_current_store == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("%s can only be used by the keyed function of a job, while the job runs",
						caller),
				 errhint("Name the function in a job's query as "
						 "JOIN LATERAL f(r) a ON weir.key_by(...), and start the job.")));
	return weir_current_store;
}

WeirState *
weir_current_state(const char *caller, int kind, const char *name, int length)
{
	WeirStore  *store = current_store(caller);
	WeirState  *state;

	state = weir_store_state(store, name, length);
	if (state == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("function %s has no state \"%.*s\"", weir_store_function(store),
						length, name),
				 errhint("Declare it with %s('%s', '%.*s', ...), and start the job again.",
						 create_function(kind), weir_store_function(store), length, name)));
	require_kind(caller, kind, weir_state_decl(state));
	return state;
}

WeirState *
weir_current_timer(const char *caller, const char *name, int length)
{
	WeirStore  *store = current_store(caller);
	WeirState  *state = weir_store_state(store, name, length);

	if (state == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("function %s has no timer \"%.*s\"", weir_store_function(store), length, name),
				 errhint("Declare it with weir.create_timer('%s', '%.*s', ...), and start the job again.",
						 weir_store_function(store), length, name)));
	if (!weir_is_timer(weir_state_decl(state)->kind))
		ereport(ERROR,
				(errcode(ERRCODE_WRONG_OBJECT_TYPE),
				 errmsg("%s cannot be used on %s state \"%.*s\"", caller,
						weir_state_kind_name(weir_state_decl(state)->kind), length, name),
				 errhint("Declare a timer of another name with weir.create_timer().")));
	return state;
}
