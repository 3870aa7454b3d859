/*
 * graph/describe.c
 *		A graph for people.  Where it is a chain, the order of the lines says
 *		what leads where; else nodes are numbered, and name their inputs.
 */
#include "postgres.h"

#include "utils/builtins.h"

#include "graph/describe.h"

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

void
weir_graph_describe(const WeirGraph *graph, StringInfo text)
{
	bool		chain = is_chain(graph);

	for (int i = 0; i < graph->nnodes; i++)
	{
		const WeirNode *node = graph->nodes[i];

		if (!chain)
		{
			appendStringInfo(text, "(%d)", i + 1);
			describe_inputs(graph, node, text);
			appendStringInfoChar(text, '\n');
		}
		weir_node_ops(node->kind)->describe(node, text);
	}
}
