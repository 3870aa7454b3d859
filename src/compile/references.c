/*
 * compile/references.c
 *		Outputs of a job that refer to each other by a foreign key.
 *
 * A row that refers to one of another statement must not come before it.  A keyed
 * step holds rows back: a window until it is full or its time is over, a running
 * aggregate until a checkpoint, a window function or DISTINCT ON until the watermark has
 * passed a row, any until its task has got to them.  So the statement that is referred
 * to may have no step of a kind that the referring one has not, too.
 */
#include "postgres.h"

#include "access/table.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/relcache.h"

#include "compile/compile.h"

/* What a record passes before it is a row of the statement. */
typedef struct Steps
{
	int			functions;
	int			windows;
	int			running;
	int			joins;
	int			ranks;
} Steps;

static Steps
steps_of(const WeirCompile *c)
{
	Steps		steps = {0};
	ListCell   *lc;

	foreach(lc, c->levels)
	{
		const WeirLevel *level = lfirst(lc);

		steps.functions += level->function_plan != NULL;
		steps.windows += level->window_plan != NULL || level->time_plan != NULL;
		steps.running += level->running_plan != NULL;
		steps.joins += level->join_plan != NULL;
		steps.ranks += level->rank_plan != NULL || level->over_plan != NULL;
	}
	return steps;
}

/* The kind of step that holds the one's rows back, and not the other's; NULL: none. */
static const char *
held_back_by(const WeirCompile *one, const WeirCompile *other)
{
	Steps		steps = steps_of(one);
	Steps		others = steps_of(other);

	if (steps.running > others.running)
		return "a running aggregate";
	if (steps.joins > others.joins)
		return "a join of streams";
	if (steps.windows > others.windows)
		return "a window";
	if (steps.ranks > others.ranks)
		return "a window function or DISTINCT ON";
	return steps.functions > others.functions ? "a keyed function" : NULL;
}

/* A foreign key of the relation to what the other statement alone writes; InvalidOid: there is none. */
static Oid
referred_to(Oid relid, List *by_itself, List *by_other)
{
	Relation	rel = table_open(relid, AccessShareLock);
	Oid			found = InvalidOid;
	ListCell   *lc;

	foreach(lc, RelationGetFKeyList(rel))
	{
		Oid			referred = lfirst_node(ForeignKeyCacheInfo, lc)->confrelid;

		if (list_member_oid(by_other, referred) && !list_member_oid(by_itself, referred))
			found = referred;
	}
	table_close(rel, NoLock);
	return found;
}

static void
refuse(WeirCompile *child, Oid relid, Oid referred, const char *step)
{
	ereport(ERROR,
			errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
			errmsg("rows of \"%s\" would come before those of \"%s\" that they refer to",
				   get_rel_name(relid), get_rel_name(referred)),
			errdetail("Those of \"%s\" are held back by %s, which the statement for \"%s\" has not.",
					  get_rel_name(referred), step, get_rel_name(relid)),
			errhint("Drop the foreign key, or let a second job insert into \"%s\".", get_rel_name(relid)),
			weir_compile_position(child, child->stmt->relation->location));
}

static void
check_pair(WeirCompile *child, WeirCompile *parent)
{
	const char *step = held_back_by(parent, child);
	List	   *written = weir_compile_written(child);
	List	   *others = weir_compile_written(parent);
	ListCell   *lc;

	foreach(lc, step ? written : NIL)
	{
		Oid			referred = referred_to(lfirst_oid(lc), written, others);

		if (OidIsValid(referred))
			refuse(child, lfirst_oid(lc), referred, step);
	}
}

void
weir_compile_check_references(WeirCompileJob *job)
{
	ListCell   *child;
	ListCell   *parent;

	foreach(child, job->inserts)
		foreach(parent, job->inserts)
			if (lfirst(child) != lfirst(parent))
				check_pair(lfirst(child), lfirst(parent));
}
