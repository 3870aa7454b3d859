/*
 * graph/describe.c
 *		A graph for people.  Where it is a chain, the order of the lines says
 *		what leads where; else nodes are numbered, and name their inputs.
 */
#include "postgres.h"

#include "nodes/nodeFuncs.h"
#include "utils/builtins.h"
#include "utils/ruleutils.h"

#include "graph/describe.h"
#include "graph/kinds/scan.h"

const char *
weir_describe_relation(Oid relid)
{
	return DatumGetCString(DirectFunctionCall1(regclassout, ObjectIdGetDatum(relid)));
}

void
weir_describe_columns(StringInfo text, const char *title, TupleDesc desc)
{
	appendStringInfo(text, "  %s: (", title);
	for (int i = 0; i < desc->natts; i++)
	{
		Form_pg_attribute att = TupleDescAttr(desc, i);

		if (att->attisdropped)
			continue;
		appendStringInfo(text, "%s%s %s", i > 0 ? ", " : "", NameStr(att->attname),
						 format_type_with_typemod(att->atttypid, att->atttypmod));
	}
	appendStringInfoString(text, ")\n");
}

void
weir_describe_key(StringInfo text, const WeirNode *node)
{
	appendStringInfoString(text, " by (");
	for (int i = 0; i < node->nkeys; i++)
		appendStringInfo(text, "%s$%d %s", i > 0 ? ", " : "", node->keys[i].attno,
						 format_type_be(node->keys[i].type));
	appendStringInfoString(text, ")\n");
}

void
weir_describe_statement(StringInfo text, const char *statement)
{
	appendStringInfoString(text, "    ");
	for (const char *at = statement; *at != '\0'; at++)
	{
		appendStringInfoChar(text, *at);
		if (*at == '\n')
			appendStringInfoString(text, "    ");
	}
	appendStringInfoChar(text, '\n');
}

/* SQL can only name a table where rows are given to a statement: so does a WITH query. */
static bool
name_inputs(Node *node, void *arg)
{
	if (node == NULL)
		return false;
	if (IsA(node, RangeTblEntry))
	{
		RangeTblEntry *rte = (RangeTblEntry *) node;

		if (rte->rtekind == RTE_NAMEDTUPLESTORE)
		{
			rte->rtekind = RTE_CTE;
			rte->ctename = rte->enrname;
		}
		return false;
	}
	if (IsA(node, Query))
		return query_tree_walker((Query *) node, name_inputs, arg, QTW_EXAMINE_RTES_BEFORE);
	return expression_tree_walker(node, name_inputs, arg);
}

void
weir_describe_query_tree(StringInfo text, const Query *query)
{
	Query	   *copy = copyObject(unconstify(Query *, query));

	(void) name_inputs((Node *) copy, NULL);
	weir_describe_statement(text, pg_get_querydef(copy, true));
}

static bool
is_chain(const WeirGraph *graph)
{
	for (int i = 0; i < graph->nnodes; i++)
	{
		const WeirEdge *input = weir_node_input(graph, graph->nodes[i], 0);

		if (i == 0 ? input != NULL : input == NULL || input->from != i - 1 ||
			weir_node_input(graph, graph->nodes[i], 1) != NULL)
			return false;
	}
	return true;
}

static void
describe_inputs(const WeirGraph *graph, const WeirNode *node, StringInfo text)
{
	const WeirEdge *input;

	for (int n = 0; (input = weir_node_input(graph, node, n)) != NULL; n++)
		appendStringInfo(text, "%s%d", n == 0 ? " <- " : ", ", input->from + 1);
}

/* What it reads, which its query does not tell of all. */
static void
describe_scan(const WeirGraph *graph, const WeirNode *node, StringInfo text)
{
	Oid			stream = weir_scan_plan(node)->stream;
	const WeirEdge *input = weir_node_input(graph, node, 0);

	if (OidIsValid(stream))
		appendStringInfo(text, "scan of %s\n", weir_describe_relation(stream));
	else
		appendStringInfo(text, "scan of the rows of %s\n", graph->nodes[input->from]->identity);
}

void
weir_graph_describe(const WeirGraph *graph, StringInfo text)
{
	bool		chain = is_chain(graph);
	bool		one_scan = weir_graph_node(graph, WEIR_NODE_SCAN, 1) == NULL;

	for (int i = 0; i < graph->nnodes; i++)
	{
		const WeirNode *node = graph->nodes[i];

		if (!chain)
		{
			appendStringInfo(text, "(%d)", i + 1);
			describe_inputs(graph, node, text);
			appendStringInfoChar(text, '\n');
		}
		if (node->kind == WEIR_NODE_SCAN && !one_scan)
			describe_scan(graph, node, text);
		weir_node_ops(node->kind)->describe(node, text);
	}
}
