/*
 * compile/target.c
 *		Where a job's rows may go.
 */
#include "postgres.h"

#include "access/table.h"
#include "catalog/catalog.h"
#include "catalog/pg_class.h"
#include "catalog/pg_inherits.h"
#include "parser/parsetree.h"
#include "rewrite/prs2lock.h"
#include "rewrite/rewriteDefine.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"

#include "base/wrapper.h"
#include "compile/compile.h"
#include "source/metadata.h"
#include "source/peer.h"
#include "source/source.h"

/* Position of the target in the text, for an error about it. */
static int
target_position(WeirCompile *c)
{
	return weir_compile_position(c, c->stmt->relation->location);
}

/* The wrapper's own error would come only when the job runs. */
static void
check_takes_rows(WeirCompile *c, Oid relid, const char *name)
{
	if (weir_foreign_takes_rows(relid))
		return;
	ereport(ERROR,
			errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
			errmsg("cannot insert into foreign table \"%s\"", name),
			errdetail("Its wrapper takes no rows."),
			errhint("Insert into a table of this database."),
			target_position(c));
}

static void
refuse_metadata(WeirCompile *c, const char *name)
{
	ereport(ERROR,
			errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
			errmsg("a job cannot insert into \"%s\", which has columns with the option \"metadata\"", name),
			errdetail("Such columns say of a record that was received what is not in it."),
			errhint("Make a foreign table without them for what is sent."),
			target_position(c));
}

/* Does the statement give the column a value?  One that is null is none. */
static bool
gives_value(WeirCompile *c, const char *column)
{
	Oid			target = rt_fetch(c->sink->resultRelation, c->sink->rtable)->relid;
	Node	   *value = weir_compile_sink_value(c, get_attnum(target, column));

	return value != NULL && !(IsA(value, Const) && ((Const *) value)->constisnull);
}

/* Of what is known of a record beside its bytes, its sender can say a part. */
static void
check_metadata(WeirCompile *c, const WeirStream *stream, const char *name)
{
	const WeirMetadata *const *sets = stream->source->peer->sets;

	if (stream->nmetadata > 0 && sets == NULL)
		refuse_metadata(c, name);
	for (int i = 0; i < stream->nmetadata; i++)
	{
		const char *what = stream->metadata[i].what->name;
		const char *column = get_attname(stream->relid, stream->metadata[i].column + 1, false);

		if (weir_metadata_find(sets, what) != NULL || !gives_value(c, column))
			continue;
		ereport(ERROR,
				errcode(ERRCODE_GENERATED_ALWAYS),
				errmsg("a job cannot insert into column \"%s\" of \"%s\"", column, name),
				errdetail("Its option \"metadata\" is \"%s\", which is known once a record is received.", what),
				errhint("Leave the column out of the INSERT."),
				target_position(c));
	}
}

/* Of the streams' wrappers, some have tables that are sinks, too. */
static void
check_stream(WeirCompile *c, Oid relid, const char *name)
{
	const WeirStream *stream;

	if (weir_foreign_writer(relid) == WEIR_WRITER_EXECUTOR)
		ereport(ERROR,
				errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				errmsg("a job cannot insert into stream \"%s\"", name),
				errhint("Insert into a table, into weir.print, or into a foreign table on a server of weir_socket or on weir_blackhole."),
				target_position(c));
	stream = weir_stream_get(relid);
	if (stream->listen)
		ereport(ERROR,
				errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				errmsg("a job cannot insert into \"%s\", whose server listens", name),
				errdetail("To send rows Weir connects to who listens."),
				errhint("Make a server with options \"host\" and \"port\" of the receiver for what is sent."),
				target_position(c));
	check_metadata(c, stream, name);
	if (stream->resume)
		ereport(ERROR,
				errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				errmsg("a job cannot insert into \"%s\", whose server has the protocol \"resume\"", name),
				errdetail("In that protocol the peer is a sender."),
				errhint("Make a server with protocol 'none' or 'epoch' for what is sent."),
				target_position(c));
}

/* Whether a mode can do with a wrapper of others is known once there is one: api/prerequisite.c. */
static void
check_foreign(WeirCompile *c, Oid relid, const char *name)
{
	switch (weir_foreign_kind(relid))
	{
		case WEIR_FOREIGN_NONE:
		case WEIR_FOREIGN_SINK:
			return;
		case WEIR_FOREIGN_STREAM:
			check_stream(c, relid, name);
			return;
		case WEIR_FOREIGN_POSTGRES:
		case WEIR_FOREIGN_OTHER:
			check_takes_rows(c, relid, name);
			c->sink_plan->unpreparable = relid;
			return;
	}
}

static void
check_kind(WeirCompile *c, Relation rel)
{
	const char *name = RelationGetRelationName(rel);

	if (IsCatalogRelation(rel) || IsSystemRelation(rel))
		ereport(ERROR,
				errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				errmsg("a job cannot insert into system catalog \"%s\"", name),
				errhint("Insert into a table of yours."),
				target_position(c));
	if (rel->rd_rel->relpersistence == RELPERSISTENCE_TEMP)
		ereport(ERROR,
				errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				errmsg("a job cannot insert into temporary relation \"%s\"", name),
				errdetail("The tasks of a job run in sessions of their own."),
				errhint("Use a table that is not temporary."),
				target_position(c));
	switch (rel->rd_rel->relkind)
	{
		case RELKIND_RELATION:
		case RELKIND_PARTITIONED_TABLE:
		case RELKIND_VIEW:
		case RELKIND_FOREIGN_TABLE:
			return;
		default:
			ereport(ERROR,
					errcode(ERRCODE_WRONG_OBJECT_TYPE),
					errmsg("a job cannot insert into \"%s\"", name),
					errdetail_relkind_not_supported(rel->rd_rel->relkind),
					errhint("Insert into a table or an updatable view."),
					target_position(c));
	}
}

/* Rules would run statements that Weir has not compiled. */
static void
check_rules(WeirCompile *c, Relation rel)
{
	RuleLock   *rules = rel->rd_rules;

	for (int i = 0; rules != NULL && i < rules->numLocks; i++)
	{
		if (rules->rules[i]->event == CMD_SELECT || rules->rules[i]->enabled == RULE_DISABLED)
			continue;
		ereport(ERROR,
				errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				errmsg("a job cannot insert into \"%s\", which has rules", RelationGetRelationName(rel)),
				errhint("Replace the rule by a trigger."),
				target_position(c));
	}
}

/* Everything that can be told before the rewriter has looked through a view. */
void
weir_compile_check_target(WeirCompile *c)
{
	RangeTblEntry *rte = rt_fetch(c->insert->resultRelation, c->insert->rtable);
	Relation	rel = table_open(rte->relid, NoLock);

	c->sink_plan->target = rte->relid;
	check_kind(c, rel);
	check_rules(c, rel);
	table_close(rel, NoLock);
}

/*
 * The relations that an INSERT may write: the table the rewriter arrived at,
 * its partitions, and the view the query names.  Checks them, too.
 */
List *
weir_compile_written(WeirCompile *c)
{
	RangeTblEntry *rte = rt_fetch(c->sink->resultRelation, c->sink->rtable);
	List	   *written = list_make1_oid(rte->relid);
	ListCell   *lc;

	if (rte->relkind == RELKIND_PARTITIONED_TABLE)
		written = find_all_inheritors(rte->relid, AccessShareLock, NULL);
	foreach(lc, written)
		check_foreign(c, lfirst_oid(lc), get_rel_name(lfirst_oid(lc)));
	return list_append_unique_oid(written, c->sink_plan->target);
}

List *
weir_compile_written_by_all(WeirCompileJob *job)
{
	List	   *written = NIL;
	ListCell   *lc;

	foreach(lc, job->inserts)
		written = list_concat_unique_oid(written, weir_compile_written(lfirst(lc)));
	return written;
}
