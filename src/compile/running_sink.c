/*
 * compile/running_sink.c
 *		The sink of a running aggregate (running.c), of ranked rows of which what
 *		has changed is handed on (rank.c), or of windows that are written more than once
 *		(window_sink.c): an upsert whose arbiter is the key, of ranked rows the row number
 *		too, of windows the window, and which keeps nothing of the row that is there to add to it.
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "catalog/pg_index.h"
#include "catalog/pg_type.h"
#include "lib/stringinfo.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/clauses.h"
#include "optimizer/optimizer.h"
#include "parser/parsetree.h"
#include "rewrite/rewriteManip.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/syscache.h"
#include "utils/typcache.h"

#include "compile/compile.h"

/* Of another type, or a domain, but the same value to any index. */
static bool
keeps_value(Node *node)
{
	Oid			function = IsA(node, FuncExpr) ? ((FuncExpr *) node)->funcid : InvalidOid;

	return IsA(node, RelabelType) || IsA(node, CoerceToDomain) || function == F_INT8_INT4 ||
		function == F_INT8_INT2 || function == F_INT4_INT2 || function == F_FLOAT8_FLOAT4;
}

/* What a cast casts; NULL: it is none. */
static Node *
cast_value(Node *node)
{
	if (IsA(node, RelabelType))
		return (Node *) ((RelabelType *) node)->arg;
	if (IsA(node, CoerceToDomain))
		return (Node *) ((CoerceToDomain *) node)->arg;
	if (IsA(node, CoerceViaIO))
		return (Node *) ((CoerceViaIO *) node)->arg;
	if (IsA(node, FuncExpr) && ((FuncExpr *) node)->funcformat != COERCE_EXPLICIT_CALL)
		return linitial(((FuncExpr *) node)->args);
	return NULL;
}

/* For messages. */
static const char *
step_name(const WeirCompile *c)
{
	if (c->top->running)
		return "a running aggregate";
	if (c->top->time_plan)
		return "a window that is written more than once";
	return c->top->rank_plan->distinct ? "DISTINCT ON" : "a ranking";
}

static const char *
key_clause(const WeirCompile *c)
{
	if (c->top->running || c->top->time_plan)
		return "GROUP BY";
	return c->top->rank_plan->distinct ? "DISTINCT ON" : "PARTITION BY";
}

/*
 * Of ranked rows the row number is one key more, the last: a row has it of those of its
 * key.  Of windows there are two more, the begin and the end of the window.
 */
static int
number_of_keys(const WeirLevel *level)
{
	if (level->time_plan)
		return level->nkeys + 2;
	return level->nkeys + (level->rank_functions != NIL ? 1 : 0);
}

/* Which key, from 0, a column of the sink's input is; -1: none. */
static int
key_of_source(const WeirLevel *level, int source)
{
	for (int i = 0; i < level->nkeys; i++)
		if (source == level->key[i].attno)
			return i;
	return source < 0 && level->rank_functions != NIL ? level->nkeys : -1;
}

/* A row number that is too large for the type is an error. */
static bool
narrows_number(const WeirCompile *c, Node *node)
{
	Oid			function = IsA(node, FuncExpr) ? ((FuncExpr *) node)->funcid : InvalidOid;

	return c->top->rank_functions != NIL && (function == F_INT4_INT8 || function == F_INT2_INT8);
}

/* Which key, from 0, a column of the INSERT is given; -1: none. */
static int
key_of_value(WeirCompile *c, Node *value)
{
	bool		narrowed = false;
	int			key;

	while (value != NULL && (keeps_value(value) || narrows_number(c, value)))
	{
		narrowed = narrowed || narrows_number(c, value);
		value = cast_value(value);
	}
	if (value == NULL || !IsA(value, Var) || ((Var *) value)->varlevelsup != 0)
		return -1;
	key = key_of_source(c->top, c->top->sink_source[((Var *) value)->varattno - 1]);
	return narrowed && key < c->top->nkeys ? -1 : key;
}

/* All keys that it tells; NULL: none. */
static Bitmapset *
keys_of_value(WeirCompile *c, Node *value)
{
	int			key = key_of_value(c, value);
	int			bounds = key < 0 ? weir_window_bounds(c->top, value) : 0;

	if (bounds == 0)
		return key < 0 ? NULL : bms_make_singleton(key);
	return bms_add_member((bounds & WEIR_LOWER) != 0 ? bms_make_singleton(c->top->nkeys) : NULL,
						  (bounds & WEIR_UPPER) != 0 ? c->top->nkeys + 1 : c->top->nkeys);
}

/* Is it the same for all keys, and not NULL? */
static bool
is_constant(Node *value)
{
	Node	   *folded = value ? eval_const_expressions(NULL, (Node *) copyObject(value)) : NULL;

	return folded != NULL && IsA(folded, Const) && !((Const *) folded)->constisnull;
}

/* Is this key one value for all rows: is there nothing to hold? */
static bool
is_constant_key(WeirLevel *level, int key)
{
	if (key >= level->nkeys)
		return level->rank_plan && level->rank_plan->limit == 1;
	return is_constant(list_nth(level->keys, key));
}

/* ON CONFLICT (k) DO UPDATE SET total = excluded.total, for a hint; NULL: a key is not written. */
static char *
proposal(WeirCompile *c)
{
	Oid			relid = rt_fetch(c->sink->resultRelation, c->sink->rtable)->relid;
	StringInfoData arbiter;
	StringInfoData set;
	Bitmapset  *held = NULL;
	ListCell   *lc;

	initStringInfo(&arbiter);
	initStringInfo(&set);
	foreach(lc, c->sink->targetList)
	{
		TargetEntry *entry = lfirst_node(TargetEntry, lc);
		const char *name = quote_identifier(get_attname(relid, entry->resno, false));
		Bitmapset  *keys = keys_of_value(c, weir_compile_sink_value(c, entry->resno));

		if (keys != NULL && !bms_is_subset(keys, held))
			appendStringInfo(&arbiter, "%s%s", arbiter.len > 0 ? ", " : "", name);
		else if (keys == NULL)
			appendStringInfo(&set, "%s%s = excluded.%s", set.len > 0 ? ", " : "", name, name);
		held = bms_add_members(held, keys);
	}
	for (int i = 0; i < number_of_keys(c->top); i++)
		if (!bms_is_member(i, held) && !is_constant_key(c->top, i))
			return NULL;
	if (arbiter.len == 0 || set.len == 0)
		return NULL;
	return psprintf("ON CONFLICT (%s) DO UPDATE SET %s", arbiter.data, set.data);
}

pg_noreturn static void
refuse_ranked(WeirCompile *c, const char *detail, const char *conflict)
{
	ereport(ERROR,
			errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
			errmsg("%s must be written by an upsert on its key%s", step_name(c),
				   c->top->rank_plan->limit > 1 ? " and the row number" : ""),
			errdetail("%s", detail),
			conflict ? errhint("Write %s, with a unique index on these columns.", conflict) :
			errhint("Write every column of %s, as it is%s, to a column of ON CONFLICT (...) DO UPDATE SET ...; where there is none, a constant.",
					key_clause(c), c->top->rank_plan->limit > 1 ? ", and the row number" : ""),
			weir_level_position(c->top, c->top->rank_location));
}

/* For a hint: who groups by a time that is cut, or has a window in FROM, may have meant windows; else "". */
static const char *
window_proposal(const WeirLevel *level)
{
	ObjectAddress column;
	ListCell   *lc;

	if (level->running_call != NULL)
		return "";
	foreach(lc, level->query->rtable)
	{
		const RangeTblEntry *rte = lfirst_node(RangeTblEntry, lc);

		if (weir_window_entry_call(rte) != NULL)
			return psprintf(" For a row of each window instead, add %s to GROUP BY.",
							quote_identifier(strVal(linitial(rte->eref->colnames))));
	}
	foreach(lc, level->keys)
		if (weir_expr_cuts_column(level, lfirst(lc), &column))
			return psprintf(" For windows of time instead, say how late records may come: ALTER FOREIGN TABLE %s ALTER COLUMN %s OPTIONS (ADD watermark '5 s').",
							quote_identifier(get_rel_name(column.objectId)),
							quote_identifier(get_attname(column.objectId, column.objectSubId, false)));
	return "";
}

static void
refuse_sink(WeirCompile *c, const char *detail)
{
	char	   *conflict = proposal(c);

	if (c->top->rank_plan)
		refuse_ranked(c, detail, conflict);
	if (c->top->time_plan)
		weir_window_refuse_sink(c, detail, conflict);
	ereport(ERROR,
			errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
			errmsg("a running aggregate must be written by an upsert on its key"),
			errdetail("%s", detail),
			conflict ? errhint("Write %s, with a unique index on these columns, or add weir.count_window(n) to GROUP BY.%s",
							   conflict, window_proposal(c->top)) :
			errhint("Write every column of GROUP BY as it is to a column of ON CONFLICT (...) DO UPDATE SET ...; where there is none, a constant. Or add weir.count_window(n) to GROUP BY.%s",
					window_proposal(c->top)),
			weir_level_grouping(c->top));
}

/* Are equal values of the key equal to the index, and the reverse? */
static bool
same_equality(const WeirKeyColumn *key, Relation index, int column)
{
	Oid			collation = index->rd_indcollation[column];

	if (OidIsValid(collation) && collation != key->collation &&
		(!get_collation_isdeterministic(collation) ||
		 !OidIsValid(key->collation) || !get_collation_isdeterministic(key->collation)))
		return false;
	return op_in_opfamily(key->eq_operator, index->rd_opfamily[column]);
}

/* Is a row with NULL in this column found by the arbiter? */
static bool
finds_null(Relation index, AttrNumber attno)
{
	HeapTuple	tuple;
	bool		result;

	if (index->rd_index->indnullsnotdistinct)
		return true;
	tuple = SearchSysCache2(ATTNUM, ObjectIdGetDatum(index->rd_index->indrelid), Int16GetDatum(attno));
	if (!HeapTupleIsValid(tuple))
		elog(ERROR, "cache lookup failed for attribute %d", attno);
	result = ((Form_pg_attribute) GETSTRUCT(tuple))->attnotnull;
	ReleaseSysCache(tuple);
	return result;
}

static const char *
no_key(WeirCompile *c, Node *value, Relation index, AttrNumber attno)
{
	const char *name = get_attname(index->rd_index->indrelid, attno, false);
	Oid			type;
	int32		typmod;
	Oid			collation;

	get_atttypetypmodcoll(index->rd_index->indrelid, attno, &type, &typmod, &collation);
	while (value != NULL && (value = cast_value(value)) != NULL)
		if (key_of_value(c, value) >= 0)
			return psprintf("Column \"%s\" of ON CONFLICT gets a column of %s through a cast, which may make one of "
							"two keys: %s what it is cast to, %s.", name, key_clause(c), c->top->rank_plan ? "name there" : "group by",
							format_type_with_typemod(type, typmod));
	if (c->top->rank_functions != NIL)
		return psprintf("Column \"%s\" of ON CONFLICT is neither a column of PARTITION BY as it is nor the row number: "
						"rows that are no longer among the best would stay.", name);
	return psprintf("Column \"%s\" of ON CONFLICT is not a column of %s as it is.", name, key_clause(c));
}

/* errposition() at the column in SET, of what it is set to where it has another name there. */
static int
set_position(WeirCompile *c, AttrNumber attno, const char *name)
{
	ListCell   *lc;

	foreach(lc, c->stmt->onConflictClause->targetList)
	{
		const ResTarget *target = lfirst_node(ResTarget, lc);

		if (strcmp(target->name, name) == 0)
			return weir_compile_position(c, target->location);
	}
	foreach(lc, c->sink->onConflict->onConflictSet)
	{
		const TargetEntry *entry = lfirst_node(TargetEntry, lc);

		if (!entry->resjunk && entry->resno == attno)
			return weir_compile_position(c, exprLocation((Node *) entry->expr));
	}
	return 0;
}

static void
check_stays(WeirCompile *c, AttrNumber attno, const char *name)
{
	if (!weir_compile_changes_column(c, attno))
		return;
	ereport(ERROR,
			errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
			errmsg("DO UPDATE of %s cannot change column \"%s\" of ON CONFLICT", step_name(c), name),
			errdetail("The next row of the key would not find the one that is there."),
			errhint("Leave the column out of SET."),
			set_position(c, attno, name));
}

/* Adds the key that a column of the arbiter holds to held; NULL, or what is wrong with it. */
static const char *
check_column(WeirCompile *c, Relation index, int column, Bitmapset **held)
{
	AttrNumber	attno = index->rd_index->indkey.values[column];
	Node	   *value = attno > 0 ? weir_compile_sink_value(c, attno) : NULL;
	const char *name;
	Bitmapset  *keys;
	int			key;

	if (attno <= 0)
		return "The arbiter of ON CONFLICT has an expression.";
	name = get_attname(index->rd_index->indrelid, attno, false);
	check_stays(c, attno, name);
	if (is_constant(value))
		return NULL;
	keys = keys_of_value(c, value);
	if (keys == NULL)
		return no_key(c, value, index, attno);
	*held = bms_add_members(*held, keys);
	key = bms_next_member(keys, -1);
	if (key >= c->top->nkeys && c->top->time_plan)
		return weir_window_compares(value, index->rd_opfamily[column]) ? NULL :
			psprintf("Column \"%s\" of ON CONFLICT and the window do not compare alike.", name);
	if (key < c->top->nkeys && !same_equality(&c->top->key[key], index, column))
		return psprintf("Column \"%s\" of ON CONFLICT and its column of %s do not compare alike.", name, key_clause(c));
	if (key == c->top->nkeys && !op_in_opfamily(lookup_type_cache(INT8OID, TYPECACHE_EQ_OPR)->eq_opr, index->rd_opfamily[column]))
		return psprintf("Column \"%s\" of ON CONFLICT does not compare whole numbers.", name);
	if (!finds_null(index, attno))
		return psprintf("Column \"%s\" of ON CONFLICT may be null, and one null does not conflict with another: "
						"declare it NOT NULL, or the constraint NULLS NOT DISTINCT.", name);
	return NULL;
}

static void
check_arbiter(WeirCompile *c, Oid relid)
{
	Relation	index = index_open(relid, AccessShareLock);
	Bitmapset  *held = NULL;
	const char *wrong = NULL;

	if (index->rd_index->indisexclusion || !heap_attisnull(index->rd_indextuple, Anum_pg_index_indpred, NULL))
		wrong = "The arbiter of ON CONFLICT is a partial index.";
	for (int i = 0; wrong == NULL && i < IndexRelationGetNumberOfKeyAttributes(index); i++)
		wrong = check_column(c, index, i, &held);
	for (int i = 0; wrong == NULL && i < number_of_keys(c->top); i++)
		if (!bms_is_member(i, held) && !is_constant_key(c->top, i))
			wrong = i >= c->top->nkeys && c->top->time_plan ?
				"The window is not in ON CONFLICT: rows of several windows would take each other's place." :
				i == c->top->nkeys ? "The row number is not in ON CONFLICT: rows of one key would take each other's place." :
				psprintf("A column of %s is not in ON CONFLICT: rows of several keys would take each other's place.", key_clause(c));
	index_close(index, NoLock);
	if (wrong != NULL)
		refuse_sink(c, wrong);
}

typedef struct Mention
{
	int			index;			/* of the INSERT's table, or of the sink's input */
	int			depth;
	const WeirLevel *level;		/* of what is not its key; NULL: of anything */
	int			location;
} Mention;

/* Of a running aggregate whatever is a column of (a) is the key's. */
static bool
is_of_key(const WeirLevel *level, const Var *var)
{
	int			source = level->sink_source[var->varattno - 1];

	if (level->time_plan)
		return source > 0 || source == -1;
	return level->running ? source > 0 : key_of_source(level, source) >= 0;
}

static bool
mention_walker(Node *node, Mention *mention)
{
	bool		found;

	if (node == NULL)
		return false;
	if (IsA(node, Var))
	{
		Var		   *var = (Var *) node;

		if (var->varno != mention->index || var->varlevelsup != mention->depth)
			return false;
		if (mention->level != NULL && is_of_key(mention->level, var))
			return false;
		mention->location = var->location;
		return true;
	}
	if (!IsA(node, Query))
		return expression_tree_walker(node, mention_walker, mention);
	mention->depth++;
	found = query_tree_walker((Query *) node, mention_walker, mention, 0);
	mention->depth--;
	return found;
}

/* SET c = t.c leaves the column as it is. */
static bool
leaves(const TargetEntry *entry, int index)
{
	Var		   *var = (Var *) entry->expr;

	return !entry->resjunk && IsA(var, Var) && var->varno == index && var->varattno == entry->resno && var->varlevelsup == 0;
}

/* Of (a, b) = (SELECT ...) the SELECT is an entry without a column. */
static const char *
set_column(WeirCompile *c, const TargetEntry *entry)
{
	Oid			relid = rt_fetch(c->sink->resultRelation, c->sink->rtable)->relid;

	return entry->resjunk ? "column" : quote_identifier(get_attname(relid, entry->resno, false));
}

static void
check_set(WeirCompile *c, OnConflictExpr *conflict)
{
	ListCell   *lc;

	foreach(lc, conflict->onConflictSet)
	{
		TargetEntry *entry = lfirst_node(TargetEntry, lc);
		Mention		mention = {c->sink->resultRelation, 0, NULL, -1};

		if (leaves(entry, c->sink->resultRelation) || !mention_walker((Node *) entry->expr, &mention))
			continue;
		ereport(ERROR,
				errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				errmsg("DO UPDATE of %s cannot use the row that is there", step_name(c)),
				c->top->running ?
				errdetail("The row that comes is over all records of the key so far: what went into the one that is there would count twice.") :
				c->top->time_plan ?
				errdetail("The row that comes is over all records of the window so far: what went into the one that is there would count twice.") :
				errdetail("The row that comes takes its place, once or several times until the next checkpoint."),
				errhint("Write SET %s = excluded.%s.", set_column(c, entry), set_column(c, entry)),
				weir_compile_position(c, mention.location));
	}
	if (conflict->onConflictWhere != NULL)
		ereport(ERROR,
				errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				errmsg("DO UPDATE of %s cannot have WHERE", step_name(c)),
				errdetail("A row that it leaves out would be that of an earlier time."),
				errhint("Leave WHERE out: only keys that have changed have a row."),
				weir_compile_position(c, exprLocation(conflict->onConflictWhere)));
}

static bool
is_set(WeirCompile *c, AttrNumber attno)
{
	ListCell   *lc;

	foreach(lc, c->sink->onConflict->onConflictSet)
	{
		const TargetEntry *entry = lfirst_node(TargetEntry, lc);

		if (!entry->resjunk && entry->resno == attno)
			return !leaves(entry, c->sink->resultRelation);
	}
	return false;
}

/* What an aggregate has come to has to follow it. */
static void
check_left(WeirCompile *c)
{
	ListCell   *lc;

	foreach(lc, c->sink->targetList)
	{
		TargetEntry *entry = lfirst_node(TargetEntry, lc);
		Mention		mention = {WEIR_SINK_INPUT_INDEX, 0, c->top, -1};

		if (entry->resjunk || is_set(c, entry->resno) ||
			!mention_walker(weir_compile_sink_value(c, entry->resno), &mention))
			continue;
		ereport(ERROR,
				errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				errmsg("DO UPDATE of %s must set column \"%s\"", step_name(c),
						   get_attname(rt_fetch(c->sink->resultRelation, c->sink->rtable)->relid, entry->resno, false)),
				c->top->running || c->top->time_plan ?
				errdetail("What the column is given is computed of an aggregate: left as it is, it would stay that of the key's first row.") :
				errdetail("Left as it is, it would stay that of the key's first row."),
				errhint("Write SET %s = excluded.%s.", set_column(c, entry), set_column(c, entry)),
				weir_level_position(c->top, mention.location));
	}
}

static bool
hands_on_changes(const WeirLevel *level)
{
	return level->rank_plan && level->rank_plan->emission == WEIR_RANK_CHANGES;
}

/* A row that is written could not be taken back when another that does not meet the condition takes its place. */
static void
check_conditions(WeirCompile *c)
{
	ListCell   *lc;

	foreach(lc, c->top->sink_quals)
	{
		Mention		mention = {WEIR_SINK_INPUT_INDEX, 0, c->top, exprLocation(lfirst(lc))};

		if (!mention_walker(lfirst(lc), &mention) && !contain_mutable_functions(lfirst(lc)) &&
			!checkExprHasSubLink(lfirst(lc)))
			continue;
		ereport(ERROR,
				errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				errmsg("a condition on ranked rows must be on their key and row number"),
				errdetail("A row that is there could not be taken back when one that does not meet the condition takes its place."),
				errhint("Put the condition into the query with %s, which then ranks only the rows that meet it, or filter where the table is read.",
						c->top->rank_plan->distinct ? "DISTINCT ON" : "the window function"),
				weir_level_position(c->top, mention.location));
	}
}

/* Needs the sink's plan, which knows the arbiter. */
void
weir_compile_check_running(WeirCompile *c)
{
	OnConflictExpr *conflict = c->sink->onConflict;
	Plan	   *plan = c->sink_plan->statement->planTree;
	ListCell   *lc;

	if (!c->top->running && !hands_on_changes(c->top) && !weir_window_is_repeated(c))
		return;
	if (c->top->rank_plan)
		check_conditions(c);
	if (conflict == NULL)
		refuse_sink(c, c->top->time_plan ? "A window has a row each time, which takes the place of the one before." :
					"A key has a row each time that it has changed, which takes the place of the one before.");
	if (conflict->action != ONCONFLICT_UPDATE)
		refuse_sink(c, "ON CONFLICT DO NOTHING would leave the first row of a key there.");
	foreach(lc, castNode(ModifyTable, plan)->arbiterIndexes)
		check_arbiter(c, lfirst_oid(lc));
	check_set(c, conflict);
	check_left(c);
}
