/*
 * compile/position.c
 *		Finds the word of the query that a refusal is about.
 *
 * The analysed tree keeps positions of expressions only; those of DISTINCT,
 * of ORDER BY and the like are found by scanning the text again, those of
 * relations in the parse tree.
 */
#include "postgres.h"

#include "catalog/namespace.h"
#include "common/keywords.h"
#include "nodes/nodeFuncs.h"
#include "parser/scanner.h"
#include "storage/lockdefs.h"
#include "utils/memutils.h"

#include "base/compat.h"
#include "compile/compile.h"

/* Token codes of keywords start here, beyond those of the core scanner. */
#define KEYWORD_BASE 10000

/* errposition() at a byte offset of the query; nothing at -1. */
int
weir_compile_position(WeirCompile *c, int location)
{
	return parser_errposition(c->job->pstate, location);
}

/* What has no place of its own in the text stands where its level does. */
int
weir_level_position(WeirLevel *level, int location)
{
	return weir_compile_position(level->c, location >= 0 ? location : level->location);
}

int
weir_level_keyword(WeirLevel *level, const char *word, int limit)
{
	int			location = -1;

	if (level->raw != NULL)
	{
		location = weir_keyword_before(level->c, word, limit);
		if (location < 0)
			location = limit;
	}
	return weir_level_position(level, location);
}

int
weir_level_word(WeirLevel *level, const char *word, Node *before)
{
	return weir_level_keyword(level, word, before ? exprLocation(before) : -1);
}

static const uint16 *
keyword_tokens(void)
{
	static uint16 *tokens = NULL;

	if (tokens == NULL)
	{
		tokens = MemoryContextAlloc(TopMemoryContext,
									sizeof(uint16) * ScanKeywords.num_keywords);
		for (int i = 0; i < ScanKeywords.num_keywords; i++)
			tokens[i] = KEYWORD_BASE + i;
	}
	return tokens;
}

/* The INSERT's last keyword of this spelling before limit (-1: its end); -1 if there is none. */
int
weir_keyword_before(WeirCompile *c, const char *word, int limit)
{
	core_yy_extra_type extra;
	core_yyscan_t scanner = scanner_init(c->job->text, &extra, &ScanKeywords, keyword_tokens());
	core_YYSTYPE value;
	YYLTYPE		location;
	int			found = -1;
	int			token;

	if (limit < 0)
		limit = c->end;
	weir_scanner_be_quiet(&extra);
	while ((token = core_yylex(&value, &location, scanner)) != 0)
	{
		if (location >= limit)
			break;
		if (location >= c->begin && token >= KEYWORD_BASE && strcmp(value.keyword, word) == 0)
			found = location;
	}
	scanner_finish(scanner);
	return found;
}

/* The first token at or behind from; -1 if there is none. */
int
weir_first_word(WeirCompile *c, int from)
{
	core_yy_extra_type extra;
	core_yyscan_t scanner = scanner_init(c->job->text, &extra, &ScanKeywords, keyword_tokens());
	core_YYSTYPE value;
	YYLTYPE		location;
	int			found = -1;

	weir_scanner_be_quiet(&extra);
	while (core_yylex(&value, &location, scanner) != 0)
	{
		if (location >= from)
		{
			found = location;
			break;
		}
	}
	scanner_finish(scanner);
	return found;
}

typedef struct RelationSearch
{
	Oid			relid;
	RangeVar   *skip;			/* the INSERT's target */
	int			location;
} RelationSearch;

/* Does reading this relation read relid, through views too? */
static bool
leads_to(Oid relation, Oid relid)
{
	RangeTblEntry *rte = makeNode(RangeTblEntry);
	Query	   *query = makeNode(Query);

	rte->rtekind = RTE_RELATION;
	rte->relid = relation;
	rte->inh = true;
	query->commandType = CMD_SELECT;
	query->rtable = list_make1(rte);
	return list_member_oid(weir_compile_reads((Node *) query), relid);
}

static bool
relation_walker(Node *node, RelationSearch *search)
{
	if (node == NULL)
		return false;
	if (IsA(node, RangeVar) && (RangeVar *) node != search->skip)
	{
		RangeVar   *range = (RangeVar *) node;
		Oid			relation = RangeVarGetRelid(range, NoLock, true);

		if (OidIsValid(relation) && leads_to(relation, search->relid))
		{
			search->location = range->location;
			return true;
		}
		return false;
	}
	return raw_expression_tree_walker(node, relation_walker, search);
}

/* Where the query first names this relation, or a view that reads it; -1 if nowhere. */
int
weir_relation_location(WeirCompile *c, Oid relid)
{
	RelationSearch search = {relid, c->stmt->relation, -1};

	relation_walker((Node *) c->stmt, &search);
	return search.location;
}

static Node *
item_in(Node *node, const char *name)
{
	if (IsA(node, JoinExpr))
	{
		Node	   *found = item_in(((JoinExpr *) node)->larg, name);

		return found ? found : item_in(((JoinExpr *) node)->rarg, name);
	}
	if (IsA(node, RangeVar))
	{
		RangeVar   *range = (RangeVar *) node;

		return strcmp(range->alias ? range->alias->aliasname : range->relname, name) == 0 ? node : NULL;
	}
	if (IsA(node, RangeSubselect))
	{
		Alias	   *alias = ((RangeSubselect *) node)->alias;

		return alias && strcmp(alias->aliasname, name) == 0 ? node : NULL;
	}
	return NULL;
}

/* The relation or sub-SELECT of FROM that goes by this name; NULL if unknown. */
Node *
weir_from_item(SelectStmt *select, const char *name)
{
	ListCell   *lc;

	if (select == NULL)
		return NULL;
	foreach(lc, select->fromClause)
	{
		Node	   *found = item_in(lfirst(lc), name);

		if (found)
			return found;
	}
	return NULL;
}

int
weir_from_item_location(WeirCompile *c, Node *item)
{
	if (item == NULL)
		return -1;
	if (IsA(item, RangeSubselect))
	{
		SelectStmt *select = (SelectStmt *) ((RangeSubselect *) item)->subquery;

		if (select->targetList == NIL)
			return -1;
		return weir_keyword_before(c, "select", exprLocation((Node *) select->targetList));
	}
	return exprLocation(item);
}
