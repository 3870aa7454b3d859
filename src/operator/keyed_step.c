/*
 * operator/keyed_step.c
 *		The keyed step: calls f once a row, or adds the row to its key's window,
 *		its key current in the store.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "executor/executor.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"

#include "operator/function_call.h"
#include "operator/keyed_step.h"
#include "state/declaration.h"
#include "state/kinds/window.h"
#include "state/ttl.h"

struct WeirKeyedStep
{
	MemoryContext context;
	const WeirDataflow *dataflow;
	WeirStore  *store;
	bool		passthrough;	/* input rows are of sink_desc */
	int64	   *line;			/* where to note the record being worked on */
	TupleTableSlot *input;		/* row_desc */
	const Datum *result;		/* function_desc: what f or the window returned */
	const bool *result_nulls;
	Datum	   *window_values;	/* NULL: no window */
	bool	   *window_nulls;
	WeirFunctionCall *call;		/* NULL: none */
	MemoryContext window_context;	/* of what a window that fires has to say */
	WeirState  *window;			/* NULL: none */
	WeirVector *columns;		/* of one row, for the window */
	Datum	   *values;			/* a row of sink_desc */
	bool	   *nulls;
	Datum	   *key;
	bool	   *key_nulls;
};

WeirKeyedStep *
weir_keyed_step_create(const WeirDataflow *df, WeirStore *store, bool passthrough,
					   int64 *line)
{
	MemoryContext context = AllocSetContextCreate(CurrentMemoryContext, "weir keyed step",
												  ALLOCSET_DEFAULT_SIZES);
	MemoryContext old = MemoryContextSwitchTo(context);
	WeirKeyedStep *step = palloc0(sizeof(WeirKeyedStep));

	step->context = context;
	step->dataflow = df;
	step->store = store;
	step->line = line;
	step->passthrough = passthrough;
	step->input = MakeSingleTupleTableSlot(passthrough ? df->sink_desc : df->row_desc,
										   &TTSOpsMinimalTuple);
	step->values = palloc(sizeof(Datum) * Max(df->sink_desc->natts, 1));
	step->nulls = palloc(sizeof(bool) * Max(df->sink_desc->natts, 1));
	step->key = palloc(sizeof(Datum) * Max(df->nkeys, 1));
	step->key_nulls = palloc(sizeof(bool) * Max(df->nkeys, 1));
	if (OidIsValid(df->function) && !passthrough)
		step->call = weir_function_call_create(df);
	else if (df->window != NULL && !passthrough)
	{
		step->columns = palloc0(sizeof(WeirVector) * Max(df->row_desc->natts, 1));
		step->window_values = palloc(sizeof(Datum) * Max(df->function_desc->natts, 1));
		step->window_nulls = palloc(sizeof(bool) * Max(df->function_desc->natts, 1));
		step->window_context = AllocSetContextCreate(context, "weir window results",
													 ALLOCSET_DEFAULT_SIZES);
		step->window = weir_store_state(store, df->window->state_name, strlen(df->window->state_name));
	}
	MemoryContextSwitchTo(old);
	return step;
}

/* committed: what f left open is to be closed, else it is gone already. */
static void
free_step(WeirKeyedStep *step, bool committed)
{
	ExecDropSingleTupleTableSlot(step->input);
	if (step->call)
		weir_function_call_free(step->call, committed);
	MemoryContextDelete(step->context);
}

void
weir_keyed_step_free(WeirKeyedStep *step)
{
	free_step(step, true);
}

bool
weir_keyed_step_calls(const WeirKeyedStep *step)
{
	return step->call != NULL || (step->window != NULL && weir_window_may_fail(step->window));
}

WeirKeyedStep *
weir_keyed_step_reset(WeirKeyedStep *step)
{
	MemoryContext old = MemoryContextSwitchTo(MemoryContextGetParent(step->context));
	WeirKeyedStep *fresh = weir_keyed_step_create(step->dataflow, step->store,
												  step->passthrough, step->line);

	MemoryContextSwitchTo(old);
	free_step(step, false);
	return fresh;
}

/* Builds the sink's row from (a)'s row and f's, and hands it on. */
static void
emit_row(WeirKeyedStep *step, const WeirRow *row, WeirSinkRowFunction emit, void *arg)
{
	const WeirDataflow *df = step->dataflow;

	for (int i = 0; i < df->sink_desc->natts; i++)
	{
		int			from = df->sink_source[i];
		step->values[i] = from > 0 ? step->input->tts_values[from - 1] : step->result[-from - 1];
		step->nulls[i] = from > 0 ? step->input->tts_isnull[from - 1] : step->result_nulls[-from - 1];
	}
	emit(arg, step->values, step->nulls, row);
}

static void
enter_key(WeirKeyedStep *step, const WeirRow *row)
{
	const WeirDataflow *df = step->dataflow;

	for (int i = 0; i < df->nkeys; i++)
	{
		step->key[i] = step->input->tts_values[df->keys[i].attno - 1];
		step->key_nulls[i] = step->input->tts_isnull[df->keys[i].attno - 1];
	}
	weir_store_enter(step->store, step->key, step->key_nulls, row->hash, row->stamp);
}

/* What f returned goes on while f may still have rows to come. */
typedef struct Returning
{
	WeirKeyedStep *step;
	const WeirRow *row;
	WeirSinkRowFunction emit;
	void	   *arg;
	MemoryContext context;		/* to emit in */
} Returning;

/* The key is f's alone. */
static void
returned_row(void *arg, const Datum *values, const bool *nulls)
{
	Returning  *returning = arg;
	WeirKeyedStep *step = returning->step;
	MemoryContext old = MemoryContextSwitchTo(returning->context);

	step->result = values;
	step->result_nulls = nulls;
	weir_current_store = NULL;
	emit_row(step, returning->row, returning->emit, returning->arg);
	weir_current_store = step->store;
	MemoryContextSwitchTo(old);
}

static void
call_function(WeirKeyedStep *step, const WeirRow *row, WeirSinkRowFunction emit, void *arg)
{
	Returning	returning = {step, row, emit, arg, CurrentMemoryContext};

	enter_key(step, row);
	weir_function_call_run(step->call, step->input->tts_values, step->input->tts_isnull,
						   returned_row, &returning);
	weir_store_leave(step->store);
}

static void
fill_columns(WeirKeyedStep *step)
{
	static bits8 null = 1;

	for (int i = 0; i < step->dataflow->row_desc->natts; i++)
	{
		step->columns[i].values = &step->input->tts_values[i];
		step->columns[i].nulls = &null;
		step->columns[i].has_nulls = step->input->tts_isnull[i];
	}
}

/*
 * What a window that fires has to say stays until it has been handed on.  No key
 * is current meanwhile: an aggregate's function that cleared the window's state
 * would pull it from under itself.
 */
static void
add_to_window(WeirKeyedStep *step, const WeirRow *row, WeirSinkRowFunction emit, void *arg)
{
	MemoryContext old = MemoryContextSwitchTo(step->window_context);
	const WeirNativeFault *fault;
	bool		fired;

	fill_columns(step);
	enter_key(step, row);
	weir_current_store = NULL;
	fired = weir_window_add(step->window, step->columns, 0, step->window_values, step->window_nulls,
							&fault);
	if (fault)
		weir_native_raise(fault);
	weir_store_leave(step->store);
	MemoryContextSwitchTo(old);
	step->result = step->window_values;
	step->result_nulls = step->window_nulls;
	if (fired)
		emit_row(step, row, emit, arg);
	MemoryContextReset(step->window_context);
}

void
weir_keyed_step_row(WeirKeyedStep *step, const WeirRow *row,
					WeirSinkRowFunction emit, void *arg)
{
	*step->line = row->line;
	ExecStoreMinimalTuple(WEIR_ROW_TUPLE(row), step->input, false);
	slot_getallattrs(step->input);
	if (step->passthrough)
	{
		emit(arg, step->input->tts_values, step->input->tts_isnull, row);
		return;
	}
	if (step->window != NULL)
	{
		add_to_window(step, row, emit, arg);
		return;
	}
	if (step->call == NULL)
		emit_row(step, row, emit, arg);
	else
		call_function(step, row, emit, arg);
}
