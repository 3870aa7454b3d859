/*
 * task/try_store.c
 *		The keyed state of weir.try_job, from call to call of a transaction.
 *
 * A job's first call makes a store for each keyed step, which the later ones go
 * on with, and which is gone with the transaction.  The store's own log takes
 * back what an aborted subtransaction did to it (state/undo.c).  What that log
 * does not know of is noted here, once for each level that tried the job: that
 * there was no store yet, and the clock.
 */
#include "postgres.h"

#include "access/xact.h"
#include "lib/stringinfo.h"
#include "utils/memutils.h"

#include "graph/number.h"
#include "operator/node_store.h"
#include "state/declaration.h"
#include "task/try_store.h"

/* What there was before the first call at a level of subtransactions. */
typedef struct Mark
{
	int			level;
	bool		existed;
	int64		clock;
} Mark;

typedef struct TryStore
{
	struct TryStore *next;
	MemoryContext context;		/* holds this, the store, its dataflow */
	int64		job;
	int			step;			/* which of the job's keyed steps */
	char	   *shape;
	WeirStore  *store;
	Mark	   *marks;			/* levels ascend; none of level 1 */
	int			nmarks;
	int			max_marks;
	MemoryContextCallback on_delete;
} TryStore;

static TryStore *all = NULL;

static TryStore *
find(int64 job, int step)
{
	for (TryStore *kept = all; kept; kept = kept->next)
	{
		if (kept->job == job && kept->step == step)
			return kept;
	}
	return NULL;
}

static void
forget(void *arg)
{
	for (TryStore **link = &all; *link; link = &(*link)->next)
	{
		if (*link == arg)
		{
			*link = (*link)->next;
			return;
		}
	}
}

static void
note_level(TryStore *kept, bool existed)
{
	int			level = GetCurrentTransactionNestLevel();
	Mark	   *mark;

	if (level == 1 || (kept->nmarks > 0 && kept->marks[kept->nmarks - 1].level >= level))
		return;
	if (kept->nmarks == kept->max_marks)
	{
		kept->max_marks *= 2;
		kept->marks = repalloc(kept->marks, sizeof(Mark) * kept->max_marks);
	}
	mark = &kept->marks[kept->nmarks++];
	mark->level = level;
	mark->existed = existed;
	mark->clock = weir_store_clock(kept->store);
}

/* The parent's mark is the older one, where it has one; level 1 needs none. */
static void
commit_level(TryStore *kept, int level)
{
	Mark	   *top = &kept->marks[kept->nmarks - 1];

	if (kept->nmarks == 0 || top->level < level)
		return;
	top->level = level - 1;
	if (top->level == 1 || (kept->nmarks > 1 && top[-1].level == top->level))
		kept->nmarks--;
}

static void
abort_level(TryStore *kept, int level)
{
	Mark	   *top = &kept->marks[kept->nmarks - 1];

	if (kept->nmarks == 0 || top->level < level)
		return;
	weir_store_set_clock(kept->store, top->clock);
	kept->nmarks--;
	if (!top->existed)
		MemoryContextDelete(kept->context);
}

static void
subtransaction_event(SubXactEvent event, SubTransactionId subid, SubTransactionId parent, void *arg)
{
	int			level = GetCurrentTransactionNestLevel();
	TryStore   *next;

	for (TryStore *kept = all; kept; kept = next)
	{
		next = kept->next;
		if (event == SUBXACT_EVENT_COMMIT_SUB)
			commit_level(kept, level);
		else if (event == SUBXACT_EVENT_ABORT_SUB)
			abort_level(kept, level);
	}
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

static void
listen(void)
{
	static bool listening = false;

	if (!listening)
		RegisterSubXactCallback(subtransaction_event, NULL);
	listening = true;
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

	listen();
	kept->context = context;
	kept->job = job->id;
	kept->step = step->number;
	kept->max_marks = 4;
	kept->marks = palloc(sizeof(Mark) * kept->max_marks);
	kept->shape = shape_of(step);
	kept->store = weir_node_store_create(step, job->max_parallelism, 0, job->max_parallelism);
	weir_store_guard(kept->store);
	MemoryContextSetParent(df->context, context);
	kept->next = all;
	all = kept;
	kept->on_delete.func = forget;
	kept->on_delete.arg = kept;
	MemoryContextRegisterResetCallback(context, &kept->on_delete);
	MemoryContextSwitchTo(caller);
	note_level(kept, false);
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
	note_level(kept, true);
	return kept->store;
}
