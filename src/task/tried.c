/*
 * task/tried.c
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

#include "graph/kinds/count_window.h"
#include "graph/number.h"
#include "operator/node_store.h"
#include "state/declaration.h"
#include "task/tried.h"

/* What there was before the first call at a level of subtransactions. */
typedef struct Mark
{
	int			level;
	bool		existed;
	int64		clock;
} Mark;

typedef struct Tried
{
	struct Tried *next;
	MemoryContext context;		/* holds this, the store, its dataflow */
	int64		job;
	int			step;			/* which of the job's keyed steps */
	char	   *shape;
	WeirStore  *store;
	Mark	   *marks;			/* levels ascend; none of level 1 */
	int			nmarks;
	int			max_marks;
	MemoryContextCallback on_delete;
} Tried;

static Tried *all = NULL;

static Tried *
find(int64 job, int step)
{
	for (Tried *tried = all; tried; tried = tried->next)
	{
		if (tried->job == job && tried->step == step)
			return tried;
	}
	return NULL;
}

static void
forget(void *arg)
{
	for (Tried **link = &all; *link; link = &(*link)->next)
	{
		if (*link == arg)
		{
			*link = (*link)->next;
			return;
		}
	}
}

static void
note_level(Tried *tried, bool existed)
{
	int			level = GetCurrentTransactionNestLevel();
	Mark	   *mark;

	if (level == 1 || (tried->nmarks > 0 && tried->marks[tried->nmarks - 1].level >= level))
		return;
	if (tried->nmarks == tried->max_marks)
	{
		tried->max_marks *= 2;
		tried->marks = repalloc(tried->marks, sizeof(Mark) * tried->max_marks);
	}
	mark = &tried->marks[tried->nmarks++];
	mark->level = level;
	mark->existed = existed;
	mark->clock = weir_store_clock(tried->store);
}

/* The parent's mark is the older one, where it has one; level 1 needs none. */
static void
commit_level(Tried *tried, int level)
{
	Mark	   *top = &tried->marks[tried->nmarks - 1];

	if (tried->nmarks == 0 || top->level < level)
		return;
	top->level = level - 1;
	if (top->level == 1 || (tried->nmarks > 1 && top[-1].level == top->level))
		tried->nmarks--;
}

static void
abort_level(Tried *tried, int level)
{
	Mark	   *top = &tried->marks[tried->nmarks - 1];

	if (tried->nmarks == 0 || top->level < level)
		return;
	weir_store_set_clock(tried->store, top->clock);
	tried->nmarks--;
	if (!top->existed)
		MemoryContextDelete(tried->context);
}

static void
subtransaction_event(SubXactEvent event, SubTransactionId subid, SubTransactionId parent, void *arg)
{
	int			level = GetCurrentTransactionNestLevel();
	Tried	   *next;

	for (Tried *tried = all; tried; tried = next)
	{
		next = tried->next;
		if (event == SUBXACT_EVENT_COMMIT_SUB)
			commit_level(tried, level);
		else if (event == SUBXACT_EVENT_ABORT_SUB)
			abort_level(tried, level);
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
	appendStringInfoString(&shape, weir_count_window_plan(step)->state_name);
	for (int i = 0; i < step->in->natts; i++)
		appendStringInfo(&shape, " %u", TupleDescAttr(step->in, i)->atttypid);
	return shape.data;
}

static void
check_shape(const WeirJob *job, const Tried *tried, const WeirNode *step)
{
	if (strcmp(tried->shape, shape_of(step)) == 0)
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
static Tried *
create(const WeirJob *job, WeirDataflow *df, const WeirNode *step)
{
	MemoryContext context = AllocSetContextCreate(TopTransactionContext, "weir tried job",
												  ALLOCSET_DEFAULT_SIZES);
	MemoryContext caller = MemoryContextSwitchTo(context);
	Tried	   *tried = palloc0(sizeof(Tried));

	listen();
	tried->context = context;
	tried->job = job->id;
	tried->step = step->number;
	tried->max_marks = 4;
	tried->marks = palloc(sizeof(Mark) * tried->max_marks);
	tried->shape = shape_of(step);
	tried->store = weir_node_store_create(step, job->max_parallelism, 0, job->max_parallelism);
	weir_store_guard(tried->store);
	MemoryContextSetParent(df->context, context);
	tried->next = all;
	all = tried;
	tried->on_delete.func = forget;
	tried->on_delete.arg = tried;
	MemoryContextRegisterResetCallback(context, &tried->on_delete);
	MemoryContextSwitchTo(caller);
	note_level(tried, false);
	return tried;
}

WeirStore *
weir_tried_store(const WeirJob *job, WeirDataflow *df, const WeirNode *step)
{
	Tried	   *tried;

	if (!weir_node_ops(step->kind)->keyed)
		return NULL;
	tried = find(job->id, step->number);
	if (tried == NULL)
		return create(job, df, step)->store;
	check_shape(job, tried, step);
	note_level(tried, true);
	return tried->store;
}
