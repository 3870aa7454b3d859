/*
 * compile/aggregates.c
 *		The aggregates of a keyed step without a function: a count window (window.c)
 *		or a running aggregate (running.c).
 *
 * Its rows have a column an aggregate.  Their arguments and FILTERs become columns of
 * (a); the select list and HAVING, in which an aggregate is a column of the step and a
 * key is a column of (a), are computed by (c).
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "catalog/pg_aggregate.h"
#include "catalog/pg_type.h"
#include "common/hashfn.h"
#include "lib/stringinfo.h"
#include "mb/pg_wchar.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/optimizer.h"
#include "rewrite/rewriteManip.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/ruleutils.h"
#include "utils/syscache.h"
#include "utils/typcache.h"

#include "base/compat.h"
#include "compile/compile.h"

/* Of a state's name, so that it fits the header of a chunk. */
#define NAME_LENGTH 200

/*
 * An argument is not evaluated where FILTER says no: an error in it would be
 * one too many.
 */
static Expr *
guarded(Expr *argument, Expr *filter)
{
	CaseExpr   *result;
	CaseWhen   *when;

	if (filter == NULL || IsA(argument, Var) || contain_volatile_functions((Node *) filter))
		return argument;
	when = makeNode(CaseWhen);
	when->expr = copyObject(filter);
	when->result = argument;
	when->location = -1;
	result = makeNode(CaseExpr);
	result->casetype = exprType((Node *) argument);
	result->casecollid = exprCollation((Node *) argument);
	result->args = list_make1(when);
	result->defresult = (Expr *) makeNullConst(result->casetype, exprTypmod((Node *) argument),
											   result->casecollid);
	result->location = exprLocation((Node *) argument);
	return (Expr *) result;
}

/* A column of (a) in place of an expression, unless it is constant. */
static Expr *
column_for(WeirLevel *level, Expr *expr, Expr *filter, const char *name)
{
	Node	   *folded = eval_const_expressions(NULL, (Node *) expr);
	AttrNumber	attno;

	if (IsA(folded, Const))
		return (Expr *) folded;
	attno = weir_level_row_column(level, (Node *) guarded(expr, filter), name);
	return (Expr *) makeVar(1, attno, exprType((Node *) expr), exprTypmod((Node *) expr),
							exprCollation((Node *) expr), 0);
}

/* The aggregate over (a)'s rows. */
Aggref *
weir_level_cut_aggregate(WeirLevel *level, Aggref *aggref)
{
	Aggref	   *cut = copyObject(aggref);
	ListCell   *lc;

	foreach(lc, cut->args)
	{
		TargetEntry *entry = lfirst_node(TargetEntry, lc);

		entry->expr = column_for(level, entry->expr, aggref->aggfilter, "argument");
	}
	foreach(lc, cut->aggdirectargs)
		lfirst(lc) = column_for(level, lfirst(lc), NULL, "argument");
	if (cut->aggfilter != NULL)
		cut->aggfilter = column_for(level, cut->aggfilter, NULL, "filter");
	return cut;
}

/* Before them stands the window of event time. */
static AttrNumber
first_aggregate(const WeirLevel *level)
{
	return level->time_window ? 2 : 1;
}

/* (a) knows nothing of a window that stood in FROM. */
static void
refuse_window(WeirLevel *level, Aggref *aggref)
{
	int			location = -1;

	if (level->time_entry == 0 || !weir_level_mentions_function(level, (Node *) aggref, &location))
		return;
	ereport(ERROR,
			errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
			errmsg("an aggregate cannot be of the window"),
			errdetail("All that goes into it has the same one."),
			errhint("Use the window beside the aggregate, as in upper(w) - max(ts)."),
			weir_level_position(level, location));
}

/* The step's column of an aggregate that stands so many queries below the level's. */
AttrNumber
weir_level_aggregate(WeirLevel *level, Aggref *aggref, int depth)
{
	Aggref	   *own = copyObject(aggref);
	ListCell   *lc;

	if (depth > 0)
		IncrementVarSublevelsUp((Node *) own, -depth, 0);
	foreach(lc, level->aggregates)
		if (equal(lfirst(lc), own))
			return first_aggregate(level) + foreach_current_index(lc);
	refuse_window(level, own);
	level->aggregates = lappend(level->aggregates, own);
	level->cut_aggregates = lappend(level->cut_aggregates, weir_level_cut_aggregate(level, own));
	return first_aggregate(level) + list_length(level->aggregates) - 1;
}

/* A column an aggregate, behind the window if there is one. */
static TupleDesc
result_desc(const WeirLevel *level)
{
	int			first = first_aggregate(level);
	TupleDesc	desc = CreateTemplateTupleDesc(first - 1 + list_length(level->cut_aggregates));
	ListCell   *lc;

	if (level->time_window != NULL)
		TupleDescInitEntry(desc, 1, "window", level->time_plan->range, -1, 0);
	foreach(lc, level->cut_aggregates)
	{
		Aggref	   *aggref = lfirst_node(Aggref, lc);
		AttrNumber	attno = first + foreach_current_index(lc);

		TupleDescInitEntry(desc, attno, get_func_name(aggref->aggfnoid), aggref->aggtype, -1, 0);
		TupleDescInitEntryCollation(desc, attno, aggref->aggcollid);
	}
	TupleDescFinalize(desc);
	return desc;
}

static const char *
transition_type(Oid function)
{
	HeapTuple	tuple = SearchSysCache1(AGGFNOID, ObjectIdGetDatum(function));
	char	   *name;

	if (!HeapTupleIsValid(tuple))
		elog(ERROR, "cache lookup failed for aggregate %u", function);
	name = format_type_be_qualified(((Form_pg_aggregate) GETSTRUCT(tuple))->aggtranstype);
	ReleaseSysCache(tuple);
	return name;
}

static const char *
row_column_name(WeirLevel *level, Node *arg)
{
	return list_nth_node(TargetEntry, level->row_columns, ((Var *) arg)->varattno - 1)->resname;
}

/* What tells a window's state from that of other aggregates. */
static void
append_signature(WeirLevel *level, StringInfo text, Aggref *aggref)
{
	ListCell   *lc;

	appendStringInfo(text, "%s.%s %s%s%s%s:",
					 get_namespace_name(get_func_namespace(aggref->aggfnoid)),
					 get_func_name(aggref->aggfnoid), transition_type(aggref->aggfnoid),
					 aggref->aggdistinct ? " distinct" : "", aggref->aggorder ? " order" : "",
					 aggref->aggfilter ? " filter" : "");
	foreach(lc, aggref->args)
	{
		Node	   *arg = (Node *) lfirst_node(TargetEntry, lc)->expr;

		appendStringInfo(text, " %s %s", format_type_be_qualified(exprType(arg)),
						 IsA(arg, Var) ? row_column_name(level, arg) : "constant");
	}
	appendStringInfoChar(text, '\n');
}

/* A column of the stream or a table by its name, another one of (a) by its number. */
static const char *
argument_text(WeirLevel *level, Node *arg)
{
	AttrNumber	attno;

	if (!IsA(arg, Var))
		return deparse_expression(arg, NIL, false, false);
	attno = ((Var *) arg)->varattno;
	if (IsA(list_nth_node(TargetEntry, level->row_columns, attno - 1)->expr, Var))
		return quote_identifier(row_column_name(level, arg));
	return psprintf("$%d", attno);
}

static void
append_order(WeirLevel *level, StringInfo text, SortGroupClause *clause, List *args)
{
	Node	   *arg = get_sortgroupclause_expr(clause, args);
	bool		descending = clause->sortop == lookup_type_cache(exprType(arg), TYPECACHE_GT_OPR)->gt_opr;

	appendStringInfo(text, "%s%s", argument_text(level, arg), descending ? " DESC" : "");
	if (clause->nulls_first != descending)
		appendStringInfoString(text, clause->nulls_first ? " NULLS FIRST" : " NULLS LAST");
}

/* For people: sum(f1), string_agg(f2, ','::text ORDER BY $4) FILTER (WHERE $5). */
void
weir_level_append_aggregate(WeirLevel *level, StringInfo text, Aggref *aggref)
{
	const char *separator = "";
	ListCell   *lc;

	appendStringInfo(text, "%s(%s", get_func_name(aggref->aggfnoid), aggref->aggdistinct ? "DISTINCT " : "");
	foreach(lc, AGGKIND_IS_ORDERED_SET(aggref->aggkind) ? aggref->aggdirectargs : NIL)
	{
		appendStringInfo(text, "%s%s", separator, argument_text(level, lfirst(lc)));
		separator = ", ";
	}
	foreach(lc, AGGKIND_IS_ORDERED_SET(aggref->aggkind) ? NIL : aggref->args)
	{
		TargetEntry *entry = lfirst_node(TargetEntry, lc);

		if (entry->resjunk)
			continue;
		appendStringInfo(text, "%s%s", separator, argument_text(level, (Node *) entry->expr));
		separator = ", ";
	}
	if (aggref->aggstar)
		appendStringInfoChar(text, '*');
	separator = AGGKIND_IS_ORDERED_SET(aggref->aggkind) ? ") WITHIN GROUP (ORDER BY " : " ORDER BY ";
	foreach(lc, aggref->aggorder)
	{
		appendStringInfoString(text, separator);
		append_order(level, text, lfirst(lc), aggref->args);
		separator = ", ";
	}
	appendStringInfoChar(text, ')');
	if (aggref->aggfilter)
		appendStringInfo(text, " FILTER (WHERE %s)", argument_text(level, (Node *) aggref->aggfilter));
}

char *
weir_level_aggregates_text(WeirLevel *level)
{
	StringInfoData text;
	ListCell   *lc;

	initStringInfo(&text);
	foreach(lc, level->cut_aggregates)
	{
		if (text.len > 0)
			appendStringInfoString(&text, ", ");
		weir_level_append_aggregate(level, &text, lfirst(lc));
	}
	return text.data;
}

/* The name under which the state of a step is kept that is so called: one of another signature does not find it. */
char *
weir_step_state_name(const char *name, const char *signature)
{
	return psprintf("%.*s #%08x", pg_mbcliplen(name, strlen(name), NAME_LENGTH), name,
					hash_bytes((const unsigned char *) signature, strlen(signature)));
}

/* For a signature: the columns of (a) and their types, with something before and after each. */
void
weir_level_append_row_columns(const WeirLevel *level, StringInfo text, const char *before, const char *after)
{
	ListCell   *lc;

	foreach(lc, level->row_columns)
	{
		TargetEntry *entry = lfirst_node(TargetEntry, lc);

		appendStringInfo(text, "%s%s %s%s", before, entry->resname,
						 format_type_be_qualified(exprType((Node *) entry->expr)), after);
	}
}

/* Of a step with aggregates: one of another kind, or with others, does not find its state. */
char *
weir_level_state_name(WeirLevel *level, const char *kind, const char *aggregates)
{
	StringInfoData signature;
	ListCell   *lc;

	initStringInfo(&signature);
	foreach(lc, level->cut_aggregates)
		append_signature(level, &signature, lfirst(lc));
	return weir_step_state_name(psprintf("%s: %s", kind, aggregates), signature.data);
}

/* Where nothing is grouped by: one key for the whole stream. */
List *
weir_level_single_key(void)
{
	return list_make1(makeConst(INT4OID, -1, InvalidOid, sizeof(int32), Int32GetDatum(0), false, true));
}

/* When all of the query's aggregates have been found. */
void
weir_level_end_aggregates(WeirLevel *level)
{
	level->result_desc = result_desc(level);
	if (level->time_window != NULL)
		weir_level_end_time_window(level);
	else if (level->window != NULL)
		weir_level_end_window(level);
	else
		weir_level_end_running(level);
}
