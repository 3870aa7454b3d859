/*
 * compile/placement.c
 *		Where the sink statement runs.
 *
 * Two tasks whose rows can meet in a unique index would wait for each other,
 * one in a lock, one for the coordinator.  Each keyed task may write its own
 * rows only where no two tasks can ever write rows that conflict: where every
 * unique index contains every column of the key, unchanged, and no update moves
 * a row away from it.  A function that the statement calls may lock what another
 * task's call of it locks, too, unless it cannot write.
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/stratnum.h"
#include "access/table.h"
#include "access/transam.h"
#include "catalog/pg_class.h"
#include "catalog/pg_inherits.h"
#include "catalog/pg_proc.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "parser/parsetree.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/relcache.h"

#include "compile/compile.h"

/* PostgreSQL's own: nextval and the time are volatile, too, and lock nothing for long. */
static bool
is_harmless(Oid function)
{
	char	   *name;

	if (function >= FirstNormalObjectId)
		return false;
	name = get_func_name(function);
	return strncmp(name, "pg_advisory_", strlen("pg_advisory_")) != 0 &&
		strncmp(name, "lo_", strlen("lo_")) != 0;
}

/* May it write, or lock?  One that is not volatile cannot. */
static bool
may_write(Oid function)
{
	return func_volatile(function) == PROVOLATILE_VOLATILE && !is_harmless(function);
}

/* nextval, gen_random_uuid, and those of later versions. */
static bool
makes_unique(Oid function)
{
	char	   *name;

	if (function == F_NEXTVAL || function == F_GEN_RANDOM_UUID)
		return true;
	if (function >= FirstNormalObjectId)
		return false;
	name = get_func_name(function);
	return strcmp(name, "uuidv4") == 0 || strcmp(name, "uuidv7") == 0;
}

/* Is this value of a kind that no other task can produce, too? */
static bool
is_unique_value(Node *value)
{
	if (value == NULL)
		return false;
	if (IsA(value, NextValueExpr))
		return true;
	if (IsA(value, RelabelType))
		return is_unique_value((Node *) ((RelabelType *) value)->arg);
	if (IsA(value, CoerceViaIO))
		return is_unique_value((Node *) ((CoerceViaIO *) value)->arg);
	if (IsA(value, FuncExpr))
	{
		FuncExpr   *func = (FuncExpr *) value;

		if (makes_unique(func->funcid))
			return true;
		if (func->funcformat != COERCE_EXPLICIT_CALL && func->args != NIL)
			return is_unique_value(linitial(func->args));
	}
	return false;
}

/* The column of the INSERT's table that goes by this partition's column's name. */
static AttrNumber
root_column(WeirCompile *c, Oid relid, AttrNumber attno)
{
	RangeTblEntry *rte = rt_fetch(c->sink->resultRelation, c->sink->rtable);

	if (attno <= 0 || relid == rte->relid)
		return attno;
	return get_attnum(rte->relid, get_attname(relid, attno, false));
}

/*
 * The value that this column of an index gets; NULL if it is no plain column
 * fed by the statement, or ON CONFLICT DO UPDATE may give it another one.
 */
static Node *
indexed_value(WeirCompile *c, Relation index, int column)
{
	AttrNumber	attno = root_column(c, index->rd_index->indrelid,
									index->rd_index->indkey.values[column]);

	if (attno <= 0 || weir_compile_changes_column(c, attno))
		return NULL;
	return weir_compile_sink_value(c, attno);
}

/* The keyed step in whose tasks the sink's rows are made; NULL: there is none, or several. */
static WeirLevel *
last_step(WeirCompile *c)
{
	if (c->top->nkeys > 0)
		return c->top;
	if (list_length(c->top->scans) > 1)
		return NULL;
	return ((WeirBranch *) linitial(c->top->scans))->step;
}

/* Has a join of streams rows without the left, whose key is then that of the right? */
static bool
nulls_left(const WeirLevel *step)
{
	return step->join_plan != NULL && step->join_plan->sides[1].padded;
}

/* The column of the last step's (a) that this one of the sink's input is unchanged; <= 0: none. */
static int
step_source(WeirCompile *c, AttrNumber attno)
{
	int			source = c->top->sink_source[attno - 1];
	WeirBranch *scan;

	if (c->top->nkeys > 0)
		return nulls_left(c->top) ? 0 : source;
	scan = linitial(c->top->scans);
	attno = weir_branch_column(scan, source);
	if (attno <= 0 || attno > scan->step->sink_desc->natts || nulls_left(scan->step))
		return 0;
	return scan->step->sink_source[attno - 1];
}

/* Does this column of the index hold that key column as it is, compared alike? */
static bool
holds_key(WeirCompile *c, Relation index, int column, WeirKeyColumn *key)
{
	Node	   *value = indexed_value(c, index, column);
	Oid			collation = index->rd_indcollation[column];
	Oid			opcintype = index->rd_opcintype[column];

	while (value != NULL && IsA(value, RelabelType))
		value = (Node *) ((RelabelType *) value)->arg;
	if (value == NULL || !IsA(value, Var) || ((Var *) value)->varlevelsup != 0)
		return false;
	if (step_source(c, ((Var *) value)->varattno) != key->attno)
		return false;
	if (OidIsValid(collation) && !get_collation_isdeterministic(collation))
		return false;
	if (OidIsValid(key->collation) && !get_collation_isdeterministic(key->collation))
		return false;
	return get_opfamily_member(index->rd_opfamily[column], opcintype, opcintype,
							   BTEqualStrategyNumber) == key->eq_operator;
}

/* NULL if no two tasks can conflict in this index, else why they can. */
static char *
index_conflict(WeirCompile *c, Relation index)
{
	const char *name = RelationGetRelationName(index);
	int			columns = IndexRelationGetNumberOfKeyAttributes(index);
	WeirLevel  *step = last_step(c);

	if (index->rd_index->indisexclusion)
		return psprintf("exclusion constraint \"%s\"", name);
	if (!index->rd_index->indisunique)
		return NULL;
	for (int i = 0; i < columns; i++)
		if (is_unique_value(indexed_value(c, index, i)))
			return NULL;
	for (int k = 0; k < step->nkeys; k++)
	{
		bool		found = false;

		for (int i = 0; i < columns && !found; i++)
			found = holds_key(c, index, i, &step->key[k]);
		if (!found)
			return psprintf("unique index \"%s\" does not hold the whole key", name);
	}
	return NULL;
}

static char *
table_conflict(WeirCompile *c, Relation rel, List *by_all)
{
	char	   *reason = NULL;
	ListCell   *lc;

	foreach(lc, RelationGetFKeyList(rel))
	{
		ForeignKeyCacheInfo *key = lfirst_node(ForeignKeyCacheInfo, lc);

		if (list_member_oid(by_all, key->confrelid))
			return psprintf("a foreign key of \"%s\" refers to a table that the job writes",
							RelationGetRelationName(rel));
	}
	foreach(lc, RelationGetIndexList(rel))
	{
		Relation	index = index_open(lfirst_oid(lc), AccessShareLock);

		reason = index_conflict(c, index);
		index_close(index, NoLock);
		if (reason != NULL)
			break;
	}
	return reason;
}

/* Has this relation, or one of its indexes, rows that two tasks cannot both write? */
static bool
has_unique_index(Oid relid)
{
	Relation	rel = table_open(relid, AccessShareLock);
	bool		found = false;
	ListCell   *lc;

	foreach(lc, RelationGetIndexList(rel))
	{
		Relation	index = index_open(lfirst_oid(lc), AccessShareLock);

		found = found || index->rd_index->indisunique || index->rd_index->indisexclusion;
		index_close(index, NoLock);
	}
	table_close(rel, NoLock);
	return found;
}

/* A table that another statement of the job, whose tasks are others, writes, too. */
static char *
shared_table(WeirCompile *c, List *written)
{
	ListCell   *other;

	foreach(other, c->job->inserts)
	{
		ListCell   *lc;

		foreach(lc, lfirst(other) == c ? NIL : weir_compile_written(lfirst(other)))
		{
			if (list_member_oid(written, lfirst_oid(lc)) && has_unique_index(lfirst_oid(lc)))
				return psprintf("another statement writes \"%s\", too", get_rel_name(lfirst_oid(lc)));
		}
	}
	return NULL;
}

static char *
relations_conflict(WeirCompile *c)
{
	List	   *written = weir_compile_written(c);
	List	   *by_all = weir_compile_written_by_all(c->job);
	bool		updates = c->insert->onConflict && c->insert->onConflict->action == ONCONFLICT_UPDATE;
	ListCell   *lc;

	foreach(lc, written)
	{
		const char *trigger = weir_compile_trigger(lfirst_oid(lc), updates);
		Relation	rel;
		char	   *reason;

		if (weir_foreign_kind(lfirst_oid(lc)) == WEIR_FOREIGN_STREAM)
			return psprintf("rows for \"%s\" go over one connection", get_rel_name(lfirst_oid(lc)));
		if (trigger != NULL)
			return psprintf("trigger \"%s\"", trigger);
		rel = table_open(lfirst_oid(lc), AccessShareLock);
		reason = table_conflict(c, rel, by_all);
		table_close(rel, NoLock);
		if (reason != NULL)
			return reason;
	}
	return shared_table(c, written);
}

static char *
find_reason(WeirCompile *c)
{
	char	   *reason;
	Oid			function;

	if (last_step(c) == NULL)
		return list_length(c->top->scans) > 1 ? "its rows come by several ways" : "there is no keyed step";
	if (get_rel_relkind(c->sink_plan->target) == RELKIND_VIEW)
		return "the target is a view";
	if ((reason = relations_conflict(c)) != NULL)
		return reason;
	function = weir_compile_find_function(c, may_write);
	if (OidIsValid(function))
		return psprintf("volatile function \"%s\"", get_func_name(function));
	return NULL;
}

/* Where one sink has to be alone, it is with all the others: they commit together. */
static void
place_with(WeirCompileJob *job, const WeirCompile *forced)
{
	ListCell   *lc;

	foreach(lc, job->inserts)
	{
		WeirSinkPlan *plan = ((WeirCompile *) lfirst(lc))->sink_plan;

		if (!plan->alone)
			plan->place_reason = psprintf("so is that of \"%s\", %s", get_rel_name(forced->sink_plan->target),
										  forced->sink_plan->place_reason);
		plan->alone = true;
	}
}

void
weir_compile_place(WeirCompileJob *job)
{
	WeirCompile *forced = NULL;
	ListCell   *lc;

	foreach(lc, job->inserts)
	{
		WeirCompile *c = lfirst(lc);
		char	   *reason = find_reason(c);

		c->sink_plan->alone = reason != NULL;
		c->sink_plan->place_reason = reason ? reason : "rows of two tasks cannot conflict";
		if (reason != NULL && forced == NULL)
			forced = c;
	}
	if (forced != NULL)
		place_with(job, forced);
}
