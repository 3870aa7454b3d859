/*
 * compile/reads.c
 *		The relations a query reads, through its views too; and which a job
 *		may not read.
 */
#include "postgres.h"

#include "access/table.h"
#include "catalog/pg_class.h"
#include "catalog/pg_inherits.h"
#include "nodes/nodeFuncs.h"
#include "rewrite/rewriteHandler.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"

#include "compile/compile.h"

/*
 * The relation of an entry.  A view's query may have taken the view's place, and
 * the entry still say which view that was.
 */
Oid
weir_entry_relation(const RangeTblEntry *rte)
{
	if (rte->rtekind == RTE_RELATION || rte->rtekind == RTE_SUBQUERY)
		return rte->relid;
	return InvalidOid;
}

typedef struct Reads
{
	List	   *relations;		/* OIDs, once for each time it is read */
	List	   *views;			/* inside these now */
} Reads;

static bool reads_walker(Node *node, Reads *reads);

/* A view's query, as stored; the view stays locked. */
Query *
weir_view_query(Oid relid)
{
	Relation	view = table_open(relid, AccessShareLock);
	Query	   *query = copyObject(get_view_query(view));

	table_close(view, NoLock);
	return query;
}

/* A view's stored query lists the view itself, too: not read again. */
static void
read_view(Oid relid, Reads *reads)
{
	if (list_member_oid(reads->views, relid))
		return;
	reads->relations = lappend_oid(reads->relations, relid);
	reads->views = lcons_oid(relid, reads->views);
	reads_walker((Node *) weir_view_query(relid), reads);
	reads->views = list_delete_first(reads->views);
}

static void
read_relation(RangeTblEntry *rte, Reads *reads)
{
	char		relkind = get_rel_relkind(rte->relid);

	if (relkind == RELKIND_VIEW)
		read_view(rte->relid, reads);
	else if (rte->inh && has_subclass(rte->relid))
		reads->relations = list_concat(reads->relations,
									   find_all_inheritors(rte->relid, AccessShareLock, NULL));
	else if (relkind != RELKIND_COMPOSITE_TYPE)
		reads->relations = lappend_oid(reads->relations, rte->relid);
}

static bool
reads_walker(Node *node, Reads *reads)
{
	if (node == NULL)
		return false;
	if (IsA(node, Query))
	{
		Query	   *query = (Query *) node;
		ListCell   *lc;

		/* what an INSERT itself lists is its target, under several names */
		foreach(lc, query->rtable)
		{
			RangeTblEntry *rte = lfirst_node(RangeTblEntry, lc);

			if (query->commandType != CMD_SELECT || !OidIsValid(weir_entry_relation(rte)))
				continue;
			if (rte->rtekind == RTE_RELATION)
				read_relation(rte, reads);
			else
				reads->relations = lappend_oid(reads->relations, rte->relid);
		}
		return query_tree_walker(query, reads_walker, reads, 0);
	}
	return expression_tree_walker(node, reads_walker, reads);
}

/* OIDs of all relations that this query or expression reads, with repetitions. */
List *
weir_compile_reads(Node *node)
{
	Reads		reads = {NIL, NIL};

	reads_walker(node, &reads);
	return reads.relations;
}

static void
check_not_temporary(WeirCompile *c, Oid relid)
{
	if (get_rel_persistence(relid) == RELPERSISTENCE_TEMP)
		ereport(ERROR,
				errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				errmsg("a job cannot read temporary relation \"%s\"", get_rel_name(relid)),
				errdetail("The tasks of a job run in sessions of their own."),
				errhint("Use a table that is not temporary."),
				weir_compile_position(c, weir_relation_location(c, relid)));
}

static void
check_not_written(WeirCompile *c, Oid relid, List *written)
{
	if (list_member_oid(written, relid))
		ereport(ERROR,
				errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				errmsg("a job cannot read \"%s\", into which it inserts", get_rel_name(relid)),
				errhint("Keep what is to be remembered in the state of a keyed function."),
				weir_compile_position(c, weir_relation_location(c, relid)));
}

/* The sink's transaction is prepared; scan's is not. */
static void
check_preparable(WeirCompile *c, Oid relid)
{
	if (weir_foreign_kind(relid) == WEIR_FOREIGN_POSTGRES)
		ereport(ERROR,
				errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				errmsg("the select list of a job cannot read postgres_fdw table \"%s\"", get_rel_name(relid)),
				errdetail("A transaction that used a postgres_fdw table cannot be prepared."),
				errhint("Join the table in FROM instead."),
				weir_compile_position(c, weir_relation_location(c, relid)));
}

static void
check_relations(WeirCompile *c, List *relations, List *written)
{
	ListCell   *lc;

	foreach(lc, relations)
	{
		check_not_temporary(c, lfirst_oid(lc));
		check_not_written(c, lfirst_oid(lc), written);
	}
}

/* What any of the job's statements writes none of them may read. */
void
weir_compile_check_reads(WeirCompile *c)
{
	List	   *written = weir_compile_written_by_all(c->job);
	List	   *sink = weir_compile_reads((Node *) c->sink);
	ListCell   *lc;

	foreach(lc, sink)
		check_preparable(c, lfirst_oid(lc));
	foreach(lc, c->levels)
	{
		ListCell   *scan;

		foreach(scan, ((WeirLevel *) lfirst(lc))->scans)
			check_relations(c, weir_compile_reads((Node *) ((WeirBranch *) lfirst(scan))->query), written);
	}
	check_relations(c, sink, written);
}
