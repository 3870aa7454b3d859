/*
 * compile/sink.c
 *		(c): what is left of a SELECT, over the rows that its keyed step (or (a),
 *		if there is none) made.
 *
 * At the top that is the user's INSERT, which reads them from the tuplestore
 * WEIR_SINK_INPUT.  Below, it takes the level's place in the query round it, whose
 * (a) reads them from WEIR_SCAN_INPUT.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/optimizer.h"
#include "parser/parsetree.h"
#include "rewrite/rewriteHandler.h"
#include "rewrite/rewriteManip.h"

#include "base/compat.h"
#include "compile/compile.h"

/* Rows a batch is planned for. */
#define EXPECTED_ROWS 1000

static void
add_input_column(RangeTblEntry *rte, const char *name, Oid type, int32 typmod, Oid collation)
{
	rte->eref->colnames = lappend(rte->eref->colnames, makeString(pstrdup(name)));
	rte->coltypes = lappend_oid(rte->coltypes, type);
	rte->coltypmods = lappend_int(rte->coltypmods, typmod);
	rte->colcollations = lappend_oid(rte->colcollations, collation);
}

static RangeTblEntry *
input_entry(WeirLevel *level, const char *name)
{
	RangeTblEntry *rte = makeNode(RangeTblEntry);
	TupleDesc	desc = level->sink_desc;

	rte->rtekind = RTE_NAMEDTUPLESTORE;
	rte->enrname = pstrdup(name);
	rte->enrtuples = EXPECTED_ROWS;
	rte->eref = makeAlias(name, NIL);
	rte->inFromCl = true;
	for (int i = 0; i < desc->natts; i++)
	{
		Form_pg_attribute att = TupleDescAttr(desc, i);

		add_input_column(rte, NameStr(att->attname), att->atttypid, att->atttypmod, att->attcollation);
	}
	return rte;
}

/* Makes the level's query a SELECT of what is left of it. */
static void
cut_rest(WeirLevel *level, Query *select, RangeTblEntry *entry)
{
	RangeTblRef *input = makeNode(RangeTblRef);
	Node	   *quals = NULL;

	if (level->sink_quals != NIL)
		quals = (Node *) make_ands_explicit(copyObject(level->sink_quals));
	input->rtindex = WEIR_SINK_INPUT_INDEX;
	select->rtable = list_make1(entry);
	select->jointree = makeFromExpr(list_make1(input), quals);
	select->targetList = copyObject(level->sink_targets);
	weir_ungroup(select);
	select->hasTargetSRFs = expression_returns_set((Node *) select->targetList);
	select->hasSubLinks = checkExprHasSubLink((Node *) select->targetList) ||
		checkExprHasSubLink(quals);
}

Query *
weir_level_rest(WeirLevel *level)
{
	Query	   *select = copyObject(level->query);
	RangeTblEntry *entry = input_entry(level, WEIR_SCAN_INPUT);

	add_input_column(entry, WEIR_SCAN_ORDINAL, TIDOID, -1, InvalidOid);
	cut_rest(level, select, entry);
	weir_adopt_with(level, select);
	return select;
}

static Query *
cut_sink(WeirCompile *c)
{
	Query	   *sink = copyObject(c->insert);

	cut_rest(c->top, rt_fetch(c->select_index, sink->rtable)->subquery, input_entry(c->top, WEIR_SINK_INPUT));
	weir_trim_with(rt_fetch(c->select_index, sink->rtable)->subquery);
	weir_trim_with(sink);
	return sink;
}

/* What the statement inserts into column attno of its target, over the sink's input; NULL: nothing. */
Node *
weir_compile_sink_value(WeirCompile *c, AttrNumber attno)
{
	Query	   *select = rt_fetch(c->select_index, c->sink->rtable)->subquery;
	bool		sublinks = false;
	ListCell   *lc;

	foreach(lc, c->sink->targetList)
	{
		TargetEntry *entry = lfirst_node(TargetEntry, lc);

		if (entry->resno == attno && !entry->resjunk)
			return weir_replace_vars((Node *) copyObject(entry->expr), c->select_index,
									 rt_fetch(c->select_index, c->sink->rtable),
									 select->targetList, &sublinks);
	}
	return NULL;
}

/* A view's table can have rules of its own. */
static void
check_rewritten(WeirCompile *c, List *statements)
{
	if (list_length(statements) == 1 &&
		linitial_node(Query, statements)->commandType == CMD_INSERT &&
		linitial_node(Query, statements)->querySource == QSRC_ORIGINAL)
		return;
	ereport(ERROR,
			errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
			errmsg("a job cannot insert through a view into a table that has rules"),
			errhint("Replace the rule by a trigger."),
			weir_compile_position(c, c->stmt->relation->location));
}

void
weir_compile_sink(WeirCompile *c)
{
	Query	   *sink = cut_sink(c);
	List	   *statements;

	c->sink_plan->query = copyObject(sink);
	statements = QueryRewrite(sink);
	check_rewritten(c, statements);
	c->sink = linitial_node(Query, statements);
}
