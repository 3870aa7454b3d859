/*
 * operator/timers.c
 *		Timers fire.
 *
 * A timer may be set at a moment that has passed already.  It fires then as soon as the
 * row, or the timer, whose function has set it is worked off, and before any later one.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "utils/timestamp.h"

#include "operator/timers.h"
#include "state/kinds/timers.h"

#define MAX_REPEATED 1000		/* firings of a key that lead nowhere */

typedef struct Timer
{
	WeirState  *state;
	const char *name;
	WeirFunctionCall *handler;	/* NULL: it is not declared any more */
} Timer;

struct WeirTimerCalls
{
	WeirOperator *op;
	WeirBatch  *args;			/* a row: the key's columns, and the moment */
	WeirBatch  *row;			/* a row of op->node->in, of which there is but the key */
	int			ntimers;
	Timer	   *timers;
};

static TupleDesc
args_desc(const WeirNode *node)
{
	TupleDesc	desc = CreateTemplateTupleDesc(node->nkeys + 1);

	for (int i = 0; i < node->nkeys; i++)
		TupleDescCopyEntry(desc, i + 1, node->in, node->keys[i].attno);
	TupleDescInitEntry(desc, node->nkeys + 1, "moment", TIMESTAMPTZOID, -1, 0);
	TupleDescFinalize(desc);
	return desc;
}

static WeirBatch *
make_row(TupleDesc desc)
{
	WeirBatch  *batch = weir_batch_create(desc, 1);

	batch->nrows = 1;
	batch->lines[0] = 0;
	batch->hashes[0] = 0;
	for (int i = 0; i < batch->desc->natts; i++)
		weir_batch_set_null(batch, i, 0);
	return batch;
}

WeirTimerCalls *
weir_timer_calls_create(WeirOperator *op, const WeirFunctionPlan *plan)
{
	WeirTimerCalls *calls = palloc0(sizeof(WeirTimerCalls));
	ListCell   *lc;

	calls->op = op;
	calls->args = make_row(args_desc(op->node));
	calls->row = make_row(op->node->in);
	calls->timers = palloc0(sizeof(Timer) * list_length(plan->timers));
	foreach(lc, plan->timers)
	{
		const WeirTimerPlan *timer = lfirst(lc);
		Timer	   *to = &calls->timers[calls->ntimers];

		to->name = timer->name;
		to->state = weir_store_state(op->store, timer->name, strlen(timer->name));
		to->handler = weir_function_call_create(timer->handler);
		calls->ntimers++;
	}
	return calls;
}

void
weir_timer_calls_free(WeirTimerCalls *calls, bool committed)
{
	for (int i = 0; i < calls->ntimers; i++)
		weir_function_call_free(calls->timers[i].handler, committed);
}

static WeirFunctionCall *
handler_of(const WeirTimerCalls *calls, const WeirState *state)
{
	for (int i = 0; i < calls->ntimers; i++)
	{
		if (calls->timers[i].state == state)
			return calls->timers[i].handler;
	}
	ereport(ERROR,
			(errcode(ERRCODE_UNDEFINED_OBJECT),
			 errmsg("timer \"%s\" of function %s is not declared any more", weir_state_decl(state)->name,
					weir_store_function(calls->op->store)),
			 errhint("Declare it again, or leave what is set behind with weir.alter_job(drop_state => true).")));
}

static void
set_key(const WeirTimerCalls *calls, const WeirDue *due)
{
	const WeirNode *node = calls->op->node;

	for (int i = 0; i < node->nkeys; i++)
	{
		int			column = node->keys[i].attno - 1;

		if (due->isnull[i])
		{
			weir_batch_set_null(calls->args, i, 0);
			weir_batch_set_null(calls->row, column, 0);
			continue;
		}
		weir_batch_set_value(calls->args, i, 0, due->key[i]);
		weir_batch_set_value(calls->row, column, 0, due->key[i]);
	}
	calls->row->hashes[0] = due->hash;
	calls->row->stamps[0] = Max(weir_operator_stamp(calls->op, due->at), 0);
}

typedef struct Firing
{
	WeirTimerCalls *calls;
	WeirFired	fired;
	void	   *arg;
} Firing;

static void
take_row(void *arg, const Datum *values, const bool *nulls)
{
	Firing	   *firing = arg;

	firing->fired(firing->arg, firing->calls->row, values, nulls);
}

pg_noreturn static void
leads_nowhere(const WeirState *state, int64 moment)
{
	ereport(ERROR,
			(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
			 errmsg("timer \"%s\" fires without end", weir_state_decl(state)->name),
			 errdetail("For one key its handler has set it %d times running at a moment that is not after the one it was called for.",
					   MAX_REPEATED),
			 errhint("Let the handler set it at a later moment.")));
}

/* All moments of the key up to that which was due, which may have been set by the ones before. */
static void
fire_key(Firing *firing, const WeirDue *due)
{
	WeirTimerCalls *calls = firing->calls;
	WeirFunctionCall *handler = handler_of(calls, due->state);
	int			moment_column = calls->op->node->nkeys;
	int			n = 0;
	int64		moment;

	while ((moment = weir_timers_first(due->state)) <= due->at)
	{
		CHECK_FOR_INTERRUPTS();
		if (n++ == MAX_REPEATED)
			leads_nowhere(due->state, moment);
		weir_timers_clear(due->state, moment);
		weir_batch_set_value(calls->args, moment_column, 0, TimestampTzGetDatum(moment));
		weir_function_call_run(handler, calls->args, 0, take_row, firing);
	}
}

void
weir_timer_calls_fire(WeirTimerCalls *calls, int64 upto, int source, WeirFired fired, void *arg)
{
	Firing		firing = {calls, fired, arg};
	WeirStore  *store = calls->op->store;
	WeirDue		due;

	calls->row->source = source;
	*calls->op->line = 0;
	while (weir_due_enter(store, upto, &due))
	{
		set_key(calls, &due);
		fire_key(&firing, &due);
		weir_due_leave(store);
	}
}
