/*
 * compile/sink.c
 *		(c): the user's INSERT, its SELECT reading the rows that the keyed step
 *		(or (a), if there is none) put into the tuplestore WEIR_SINK_INPUT.
 */
#include "postgres.h"

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

static RangeTblEntry *
input_entry(WeirCompile *c)
{
	RangeTblEntry *rte = makeNode(RangeTblEntry);
	TupleDesc	desc = c->sink_desc;

	rte->rtekind = RTE_NAMEDTUPLESTORE;
	rte->enrname = WEIR_SINK_INPUT;
	rte->enrtuples = EXPECTED_ROWS;
	rte->eref = makeAlias(WEIR_SINK_INPUT, NIL);
	rte->inFromCl = true;
	for (int i = 0; i < desc->natts; i++)
	{
		Form_pg_attribute att = TupleDescAttr(desc, i);

		rte->eref->colnames = lappend(rte->eref->colnames, makeString(pstrdup(NameStr(att->attname))));
		rte->coltypes = lappend_oid(rte->coltypes, att->atttypid);
		rte->coltypmods = lappend_int(rte->coltypmods, att->atttypmod);
		rte->colcollations = lappend_oid(rte->colcollations, att->attcollation);
	}
	return rte;
}

static Query *
cut_sink(WeirCompile *c)
{
	Query	   *sink = copyObject(c->insert);
	Query	   *select = rt_fetch(c->select_index, sink->rtable)->subquery;
	RangeTblRef *input = makeNode(RangeTblRef);
	Node	   *quals = NULL;

	if (c->sink_quals != NIL)
		quals = (Node *) make_ands_explicit(copyObject(c->sink_quals));
	input->rtindex = WEIR_SINK_INPUT_INDEX;
	select->rtable = list_make1(input_entry(c));
	select->jointree = makeFromExpr(list_make1(input), quals);
	select->targetList = copyObject(c->sink_targets);
	weir_ungroup(select);
	select->hasSubLinks = checkExprHasSubLink((Node *) select->targetList) ||
		checkExprHasSubLink(quals);
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
