/*
 * task/try_store.c
 *		The keyed state of weir.try_job, from call to call of a transaction.
 *
 * A job's first call makes a store for each keyed step, which the later ones go
 * on with, and which is gone with the transaction (tried.c).  The store's own log
 * takes back what an aborted subtransaction did to it (state/undo.c), but for its
 * clock, which is noted.
 */
#include "postgres.h"

#include "lib/stringinfo.h"
#include "utils/memutils.h"

#include "graph/number.h"
#include "operator/node_store.h"
#include "state/declaration.h"
#include "task/tried.h"
#include "task/try_store.h"

typedef struct TryStore
{
	WeirTried	tried;			/* first; its context holds the store and its dataflow, too */
	int64		job;
	int			step;			/* which of the job's keyed steps */
	char	   *shape;
	WeirStore  *store;
} TryStore;

static void
note_clock(const WeirTried *tried, void *noted)
{
	*(int64 *) noted = weir_store_clock(((const TryStore *) tried)->store);
}

static void
bring_clock_back(WeirTried *tried, const void *noted)
{
	weir_store_set_clock(((TryStore *) tried)->store, *(const int64 *) noted);
}

static const WeirTriedOps stores = {
	.note = note_clock,
	.bring_back = bring_clock_back,
};

static TryStore *
find(int64 job, int step)
{
	WeirTried  *tried = NULL;

	while ((tried = weir_tried_next(&stores, tried)) != NULL)
	{
		TryStore   *kept = (TryStore *) tried;

		if (kept->job == job && kept->step == step)
			return kept;
	}
	return NULL;
}

static void
add_declarations(StringInfo shape, Oid function)
{
	int			n;
	WeirStateDecl *states = weir_state_declarations(function, &n);

	for (int i = 0; i < n; i++)
		appendStringInfo(shape, "; %s %d %u %d %u %s %s %d %d " INT64_FORMAT,
						 states[i].name, states[i].kind, states[i].type, states[i].typmod,
						 states[i].key_type, states[i].calls ? states[i].calls : "",
						 states[i].default_text ? states[i].default_text : "",
						 states[i].ttl.update, states[i].ttl.visibility, states[i].ttl.ttl);
}

/* What must be the same for a store to be gone on with. */
static char *
shape_of(const WeirNode *step)
{
	Oid			function = weir_node_object(step);
	StringInfoData shape;

	initStringInfo(&shape);
	for (int i = 0; i < step->nkeys; i++)
		appendStringInfo(&shape, "%u %u %u; ", step->keys[i].type, step->keys[i].eq_operator,
						 step->keys[i].collation);
	if (OidIsValid(function))
	{
		appendStringInfo(&shape, "%u", function);
		add_declarations(&shape, function);
		return shape.data;
	}
	appendStringInfoString(&shape, weir_node_ops(step->kind)->state_name(step));
	for (int i = 0; i < step->in->natts; i++)
		appendStringInfo(&shape, " %u", TupleDescAttr(step->in, i)->atttypid);
	return shape.data;
}

static void
check_shape(const WeirJob *job, const TryStore *kept, const WeirNode *step)
{
	if (strcmp(kept->shape, shape_of(step)) == 0)
		return;
	ereport(ERROR,
			(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
			 errmsg("the keyed step of job \"%s\" has changed since it was first tried in this transaction",
					job->name),
			 errdetail("The state that is left of that does not fit it."),
			 errhint("Roll back, to a savepoint before the first weir.try_job if there is one, and begin again.")));
}

/*
 * Incremental cleanup, which nothing could take back, is left out: the store is
 * guarded as long as it lives.
 */
static TryStore *
create(const WeirJob *job, WeirDataflow *df, const WeirNode *step)
{
	MemoryContext context = AllocSetContextCreate(TopTransactionContext, "weir tried job",
												  ALLOCSET_DEFAULT_SIZES);
	MemoryContext caller = MemoryContextSwitchTo(context);
	TryStore   *kept = palloc0(sizeof(TryStore));

	kept->job = job->id;
	kept->step = step->number;
	kept->shape = shape_of(step);
	kept->store = weir_node_store_create(step, job->max_parallelism, 0, job->max_parallelism);
	weir_store_guard(kept->store);
	MemoryContextSetParent(df->context, context);
	MemoryContextSwitchTo(caller);
	weir_tried_add(&kept->tried, &stores, context, sizeof(int64));
	return kept;
}

WeirStore *
weir_try_store(const WeirJob *job, WeirDataflow *df, const WeirNode *step)
{
	TryStore   *kept;

	if (!weir_node_ops(step->kind)->keyed)
		return NULL;
	kept = find(job->id, step->number);
	if (kept == NULL)
		return create(job, df, step)->store;
	check_shape(job, kept, step);
	weir_tried_change(&kept->tried);
	return kept->store;
}
