/*
 * compile/with.c
 *		WITH queries.
 *
 * One that reads a stream becomes a subquery in FROM, wherever it is named.  Any
 * other stays what it is: a query that is cut takes along those it names of the
 * queries round it.
 */
#include "postgres.h"

#include "nodes/nodeFuncs.h"
#include "rewrite/rewriteManip.h"

#include "compile/compile.h"

/* References to one WITH query, while the queries below its own are walked. */
typedef struct Reference
{
	const CommonTableExpr *cte;
	int			depth;			/* of the query we are in, below the one that has it */
	bool		replace;		/* by the query */
	int			count;
} Reference;

static void
replace_reference(RangeTblEntry *rte, const Reference *reference)
{
	Query	   *query = copyObject((Query *) reference->cte->ctequery);

	if (reference->depth > 0)
		IncrementVarSublevelsUp((Node *) query, reference->depth, 1);
	rte->rtekind = RTE_SUBQUERY;
	rte->subquery = query;
	rte->ctename = NULL;
	rte->ctelevelsup = 0;
	rte->self_reference = false;
	rte->coltypes = NIL;
	rte->coltypmods = NIL;
	rte->colcollations = NIL;
}

static bool
reference_walker(Node *node, Reference *reference)
{
	if (node == NULL)
		return false;
	if (IsA(node, RangeTblEntry))
	{
		RangeTblEntry *rte = (RangeTblEntry *) node;

		if (rte->rtekind != RTE_CTE || rte->ctelevelsup != reference->depth ||
			strcmp(rte->ctename, reference->cte->ctename) != 0)
			return false;
		reference->count++;
		if (reference->replace)
			replace_reference(rte, reference);
		return false;
	}
	if (!IsA(node, Query))
		return expression_tree_walker(node, reference_walker, reference);
	reference->depth++;
	/* entries after what they contain: not into what has just been put there */
	(void) query_tree_walker((Query *) node, reference_walker, reference, QTW_EXAMINE_RTES_AFTER);
	reference->depth--;
	return false;
}

/* Counts the references to this one of the query's, replaces them if so told. */
static int
references(Query *query, const CommonTableExpr *cte, bool replace)
{
	Reference	reference = {cte, -1, replace, 0};

	(void) reference_walker((Node *) query, &reference);
	return reference.count;
}

/* ---- those that read a stream ---- */

static void
check_stream(WeirCompile *c, const CommonTableExpr *cte, int location)
{
	const char *what = NULL;

	if (cte->cterecursive)
		what = "RECURSIVE";
	else if (cte->ctematerialized == CTEMaterializeAlways)
		what = "MATERIALIZED";
	if (what == NULL)
		return;
	ereport(ERROR,
			errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
			errmsg("a WITH query that reads a stream cannot be %s", what),
			errdetail("A stream has no end at which it could be computed."),
			errhint(cte->cterecursive ? "Keep what is to be remembered in the state of a keyed function." :
					"Leave out MATERIALIZED: the records are read once anyway."),
			weir_compile_position(c, cte->location >= 0 ? cte->location : location));
}

typedef struct Inlining
{
	WeirCompile *c;
	int			location;		/* of the view that all this is in; -1: none */
} Inlining;

static void
inline_streams(Query *query, Inlining *inlining)
{
	List	   *kept = NIL;
	ListCell   *lc;

	/* one can name those before it */
	foreach(lc, query->cteList)
	{
		CommonTableExpr *cte = lfirst_node(CommonTableExpr, lc);

		if (weir_count_streams(cte->ctequery) == 0)
		{
			kept = lappend(kept, cte);
			continue;
		}
		check_stream(inlining->c, cte, inlining->location);
		references(query, cte, true);
	}
	query->cteList = kept;
}

static bool
inline_walker(Node *node, Inlining *inlining)
{
	if (node == NULL)
		return false;
	if (!IsA(node, Query))
		return expression_tree_walker(node, inline_walker, inlining);
	inline_streams((Query *) node, inlining);
	(void) query_tree_walker((Query *) node, inline_walker, inlining, 0);
	weir_trim_with((Query *) node);
	return false;
}

/* Makes subqueries of the WITH queries that read a stream, here and in all queries below. */
void
weir_inline_with(WeirCompile *c, Query *query, int location)
{
	Inlining	inlining = {c, location};

	(void) inline_walker((Node *) query, &inlining);
}

/* ---- the others ---- */

static CommonTableExpr *
find_with(const Query *query, const char *name)
{
	ListCell   *lc;

	foreach(lc, query->cteList)
	{
		if (strcmp(lfirst_node(CommonTableExpr, lc)->ctename, name) == 0)
			return lfirst(lc);
	}
	return NULL;
}

/* So many queries round the level's. */
static const Query *
query_round(const WeirLevel *level, int depth)
{
	while (depth-- > 1)
		level = level->parent;
	return level->parent ? level->parent->query : level->c->insert;
}

/* One taken along, and what it goes by there. */
typedef struct Adopted
{
	const CommonTableExpr *cte;
	char	   *name;
} Adopted;

typedef struct Adoption
{
	const WeirLevel *level;
	Query	   *query;			/* that takes them along */
	List	   *adopted;		/* of Adopted */
	int			depth;			/* of the query we are in, below that */
	bool		found;			/* one that is named from within */
} Adoption;

static const char *
adopted_name(const Adoption *adoption, const CommonTableExpr *cte)
{
	ListCell   *lc;

	foreach(lc, adoption->adopted)
	{
		const Adopted *adopted = lfirst(lc);

		if (adopted->cte == cte)
			return adopted->name;
	}
	return NULL;
}

/* The query may have a WITH query of any name. */
static char *
free_name(const Query *query, const char *name, int n)
{
	char	   *result = psprintf("%s_%d", name, n);

	return find_with(query, result) == NULL ? result : free_name(query, name, n + 1);
}

static const char *
take_along(Adoption *adoption, const CommonTableExpr *cte, int above)
{
	CommonTableExpr *copy = copyObject(unconstify(CommonTableExpr *, cte));
	Adopted    *adopted = palloc(sizeof(Adopted));

	adopted->cte = cte;
	adopted->name = free_name(adoption->query, cte->ctename, above);
	adoption->adopted = lappend(adoption->adopted, adopted);
	copy->ctename = pstrdup(adopted->name);
	IncrementVarSublevelsUp(copy->ctequery, above, 1);
	adoption->query->cteList = lcons(copy, adoption->query->cteList);
	adoption->query->hasRecursive = adoption->query->hasRecursive || copy->cterecursive;
	adoption->found = true;
	return adopted->name;
}

static void
adopt(RangeTblEntry *rte, Adoption *adoption)
{
	int			above = rte->ctelevelsup - adoption->depth;
	const CommonTableExpr *cte = find_with(query_round(adoption->level, above), rte->ctename);
	const char *name;

	if (cte == NULL)
		elog(ERROR, "WITH query \"%s\" not found", rte->ctename);
	name = adopted_name(adoption, cte);
	if (name == NULL)
		name = take_along(adoption, cte, above);
	rte->ctename = pstrdup(name);
	rte->ctelevelsup = adoption->depth;
}

static bool
adopt_walker(Node *node, Adoption *adoption)
{
	if (node == NULL)
		return false;
	if (IsA(node, RangeTblEntry))
	{
		RangeTblEntry *rte = (RangeTblEntry *) node;

		if (rte->rtekind == RTE_CTE && rte->ctelevelsup > adoption->depth)
			adopt(rte, adoption);
		return false;
	}
	if (!IsA(node, Query))
		return expression_tree_walker(node, adopt_walker, adoption);
	adoption->depth++;
	(void) query_tree_walker((Query *) node, adopt_walker, adoption, QTW_EXAMINE_RTES_AFTER);
	adoption->depth--;
	return false;
}

/* Those that are not named are not to be planned, and the planner counts on the counts. */
void
weir_trim_with(Query *query)
{
	for (int i = list_length(query->cteList) - 1; i >= 0; i--)
	{
		CommonTableExpr *cte = list_nth_node(CommonTableExpr, query->cteList, i);

		/* a recursive one names itself once */
		cte->cterefcount = references(query, cte, false) - cte->cterecursive;
		if (cte->cterefcount == 0)
			query->cteList = list_delete_nth_cell(query->cteList, i);
	}
}

/*
 * Gives a query, cut from the level's, what it names of the queries round that, and
 * takes away what it does not name.
 */
void
weir_adopt_with(const WeirLevel *level, Query *query)
{
	Adoption	adoption = {level, query, NIL, -1, true};

	while (adoption.found)
	{
		adoption.found = false;
		(void) adopt_walker((Node *) query, &adoption);
	}
	weir_trim_with(query);
}
