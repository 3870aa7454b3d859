/*
 * compile/window_sink.c
 *		Windows of event time that are written more than once: again with each row that is
 *		late and within their lateness, or while they are open (create_job's emit).
 *
 * They need a sink where a row takes the place of the one before (running_sink.c), so
 * they are the query of the INSERT itself.
 */
#include "postgres.h"

#include "nodes/nodeFuncs.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/typcache.h"

#include "compile/compile.h"

#define STEP "a window that is written more than once"

static int
window_position(WeirLevel *level)
{
	return weir_level_position(level, exprLocation(level->time_call ? (Node *) level->time_call : level->time_window));
}

/* Does the begin of one of these windows tell its end? */
static bool
lower_tells(const WeirTimeWindowPlan *plan)
{
	return plan->window != WEIR_TIME_CUMULATE && plan->window != WEIR_TIME_COLUMN && plan->window != WEIR_TIME_SESSION;
}

static bool
upper_tells(const WeirTimeWindowPlan *plan)
{
	return plan->window != WEIR_TIME_COLUMN && plan->window != WEIR_TIME_SESSION;
}

static bool
is_window(const WeirLevel *level, Node *value)
{
	const Var  *var = (const Var *) value;

	return IsA(value, Var) && var->varlevelsup == 0 && level->sink_source[var->varattno - 1] == -1;
}

int
weir_window_bounds(const WeirLevel *level, Node *value)
{
	Node	   *within;

	while (value != NULL && IsA(value, RelabelType))
		value = (Node *) ((RelabelType *) value)->arg;
	if (level->time_plan == NULL || value == NULL)
		return 0;
	if (is_window(level, value))
		return WEIR_LOWER | WEIR_UPPER;
	within = weir_bound_of(value);
	if (within == NULL || !is_window(level, within))
		return 0;
	if (((FuncExpr *) value)->funcid == F_LOWER_ANYRANGE)
		return lower_tells(level->time_plan) ? WEIR_LOWER | WEIR_UPPER : WEIR_LOWER;
	return upper_tells(level->time_plan) ? WEIR_LOWER | WEIR_UPPER : WEIR_UPPER;
}

/* Are equal windows equal to an index of this family? */
bool
weir_window_compares(Node *value, Oid opfamily)
{
	return op_in_opfamily(lookup_type_cache(exprType(value), TYPECACHE_EQ_OPR)->eq_opr, opfamily);
}

bool
weir_window_is_repeated(WeirCompile *c)
{
	WeirTimeWindowPlan *plan = c->top->time_plan;

	if (plan == NULL)
		return false;
	plan->again = plan->lateness > 0;
	plan->early = c->job->updates;
	if (!plan->again && !plan->early)
		return false;
	weir_level_check_having(c->top, STEP);
	return true;
}

void
weir_window_refuse_sink(WeirCompile *c, const char *detail, const char *conflict)
{
	const char *remedy = c->top->time_plan->again ? "leave lateness out" : "set emit to 'final'";

	ereport(ERROR,
			errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
			errmsg("%s must be written by an upsert on its key and the window", STEP),
			errdetail("%s", detail),
			conflict ? errhint("Write %s, with a unique index on these columns, or %s.", conflict, remedy) :
			errhint("Write every column of GROUP BY as it is to a column of ON CONFLICT (...) DO UPDATE SET ..., or %s.", remedy),
			window_position(c->top));
}

/* One whose rows go on to another step. */
void
weir_level_refuse_lateness(WeirLevel *level)
{
	if (level->time_plan == NULL || level->time_plan->lateness == 0)
		return;
	ereport(ERROR,
			errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
			errmsg("a window with lateness must be the query of the INSERT itself"),
			errdetail("What it hands on takes the place of what it handed on before, which only a table can follow."),
			errhint("Leave lateness out, or let the stream's watermark wait longer."),
			window_position(level));
}

static void
refuse_session(WeirCompile *c)
{
	ereport(ERROR,
			errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
			errmsg("sessions that are open cannot be written"),
			errdetail("A session grows, and two become one: rows of what it was would stay."),
			errhint("Set emit to 'final'."),
			window_position(c->top));
}

/* Has emit => 'update' any window to act on? */
void
weir_compile_check_updates(WeirCompileJob *job)
{
	bool		found = false;
	ListCell   *lc;

	foreach(lc, job->updates ? job->inserts : NIL)
	{
		WeirCompile *c = lfirst(lc);

		if (c->top->time_plan && c->top->time_plan->window == WEIR_TIME_SESSION)
			refuse_session(c);
		found = found || c->top->time_plan != NULL;
	}
	if (job->updates && !found)
		ereport(ERROR,
				errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				errmsg("emit \"update\" needs a window of event time"),
				errdetail("No INSERT of the job has one in the GROUP BY of its own query."),
				errhint("Leave emit out; a running aggregate has a row of each key that has changed anyway."));
}
