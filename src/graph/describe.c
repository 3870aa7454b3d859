/*
 * graph/describe.c
 *		A graph for people.  A node that several read is told in full where it is
 *		met first.
 */
#include "postgres.h"

#include "fmgr.h"
#include "miscadmin.h"
#include "nodes/nodeFuncs.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/ruleutils.h"
#include "utils/timestamp.h"

#include "graph/describe.h"

#define WEIR_SHORT_STATEMENT 120

const char *
weir_describe_relation(Oid relid)
{
	return DatumGetCString(DirectFunctionCall1(regclassout, ObjectIdGetDatum(relid)));
}

void
weir_describe_line(WeirDescription *to, const char *format,...)
{
	StringInfo	text = to->text;

	appendStringInfoSpaces(text, to->indent);
	for (;;)
	{
		va_list		arguments;
		int			needed;

		va_start(arguments, format);
		needed = appendStringInfoVA(text, format, arguments);
		va_end(arguments);
		if (needed == 0)
			break;
		enlargeStringInfo(text, needed);
	}
	appendStringInfoChar(text, '\n');
}

void
weir_describe_ttl(WeirDescription *to, void *ttl, Oid type)
{
	Oid			output;
	bool		varlena;

	if (ttl == NULL)
		return;
	getTypeOutputInfo(type, &output, &varlena);
	weir_describe_line(to, "Time to live: %s", OidOutputFunctionCall(output, PointerGetDatum(ttl)));
}

const char *
weir_describe_span(int64 us)
{
	Interval	span = {0};

	span.time = us;
	return DatumGetCString(DirectFunctionCall1(interval_out, IntervalPGetDatum(&span)));
}

void
weir_describe_columns(WeirDescription *to, const char *title, TupleDesc desc)
{
	StringInfoData columns;

	initStringInfo(&columns);
	for (int i = 0; i < desc->natts; i++)
	{
		Form_pg_attribute att = TupleDescAttr(desc, i);

		if (!att->attisdropped)
			appendStringInfo(&columns, "%s%s %s", columns.len > 0 ? ", " : "", NameStr(att->attname),
							 format_type_with_typemod(att->atttypid, att->atttypmod));
	}
	weir_describe_line(to, "%s: %s", title, columns.len > 0 ? columns.data : "(no columns)");
}

void
weir_describe_key(WeirDescription *to, const WeirNode *node)
{
	StringInfoData key;

	initStringInfo(&key);
	for (int i = 0; i < node->nkeys; i++)
		appendStringInfo(&key, "%s%s %s", i > 0 ? ", " : "",
						 NameStr(TupleDescAttr(node->in, node->keys[i].attno - 1)->attname),
						 format_type_be(node->keys[i].type));
	weir_describe_line(to, "Key: %s", key.data);
}

/* On one line; NULL where that is too long, or might change what is quoted. */
static char *
one_line(const char *statement)
{
	StringInfoData line;

	if (strpbrk(statement, "'\"$") != NULL)
		return NULL;
	initStringInfo(&line);
	for (const char *at = statement; *at != '\0'; at++)
	{
		if (*at != ' ' && *at != '\n')
			appendStringInfoChar(&line, *at);
		else if (line.len > 0 && line.data[line.len - 1] != ' ')
			appendStringInfoChar(&line, ' ');
	}
	return line.len <= WEIR_SHORT_STATEMENT ? line.data : NULL;
}

void
weir_describe_block(WeirDescription *to, const char *text)
{
	char	   *copy = pstrdup(text);
	char	   *rest = copy;
	size_t		margin = strspn(text, " ");

	to->indent += 2;
	for (char *line; (line = strsep(&rest, "\n")) != NULL;)
		weir_describe_line(to, "%s", line + Min(margin, strspn(line, " ")));
	to->indent -= 2;
	pfree(copy);
}

void
weir_describe_statement(WeirDescription *to, const char *title, const char *statement)
{
	const char *line = one_line(statement);

	if (line)
	{
		weir_describe_line(to, "%s: %s", title, line);
		return;
	}
	weir_describe_line(to, "%s:", title);
	weir_describe_block(to, statement);
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
weir_describe_tree(WeirDescription *to, const Query *query)
{
	Query	   *copy = copyObject(unconstify(Query *, query));

	(void) name_inputs((Node *) copy, NULL);
	weir_describe_statement(to, "Statement", pg_get_querydef(copy, true));
}

typedef struct Walk
{
	const WeirGraph *graph;
	int			parallelism;
	bool	   *told;			/* each node */
	WeirDescription to;
} Walk;

static void
describe_title(Walk *walk, const WeirNode *node, const char *arrow)
{
	StringInfoData title;
	int			tasks = node->parallelism > 0 ? node->parallelism : walk->parallelism;

	initStringInfo(&title);
	weir_node_ops(node->kind)->title(node, &title);
	if (walk->parallelism > 0)
		appendStringInfo(&title, "  (tasks=%d)", tasks);
	weir_describe_line(&walk->to, "%s%s%s", arrow, title.data,
					   walk->told[node->id] ? "  (as above)" : "");
}

static void
describe_node(Walk *walk, const WeirNode *node, bool root)
{
	int			indent = walk->to.indent;
	const WeirEdge *input;

	check_stack_depth();
	describe_title(walk, node, root ? "" : "->  ");
	if (walk->told[node->id])
		return;
	walk->told[node->id] = true;
	walk->to.indent += root ? 2 : 6;
	weir_node_ops(node->kind)->describe(node, &walk->to);
	for (int n = 0; (input = weir_node_input(walk->graph, node, n)) != NULL; n++)
		describe_node(walk, walk->graph->nodes[input->from], false);
	walk->to.indent = indent;
}

void
weir_graph_describe(const WeirGraph *graph, int parallelism, StringInfo text)
{
	Walk		walk = {graph, parallelism, palloc0(sizeof(bool) * graph->nnodes), {text, 0}};
	const WeirNode *sink;

	for (int n = 0; (sink = weir_graph_sink(graph, n)) != NULL; n++)
	{
		if (n > 0)
			appendStringInfoChar(text, '\n');
		describe_node(&walk, sink, true);
	}
	pfree(walk.told);
}

char *
weir_describe_stage(const WeirGraph *graph, const WeirStageNodes *stage)
{
	StringInfoData text;

	initStringInfo(&text);
	for (int i = 0; i < stage->nnodes; i++)
	{
		const WeirNode *node = graph->nodes[stage->nodes[i]];

		if (i > 0)
			appendStringInfoChar(&text, '\n');
		weir_node_ops(node->kind)->title(node, &text);
	}
	return text.data;
}
