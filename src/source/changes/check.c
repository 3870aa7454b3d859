/*
 * source/changes/check.c
 *		Can a server be the source of a stream's changes, and has it the table?
 */
#include "postgres.h"

#include "utils/builtins.h"

#include "source/changes/reader_int.h"

char *
weir_changes_table(const WeirChanges *r)
{
	return quote_qualified_identifier(r->schema, r->table);
}

char *
weir_changes_only(const WeirChanges *r)
{
	return psprintf("%s%s", r->kind == 'r' ? "ONLY " : "", weir_changes_table(r));
}

char *
weir_changes_to_identify(const WeirChanges *r)
{
	return psprintf("ALTER TABLE %s REPLICA IDENTITY FULL%s", weir_changes_table(r),
					r->kind == 'p' ? ", and the same of each of its partitions" : "");
}

/* The start is another server's, or lies ahead of its WAL. */
void
weir_changes_check_system(WeirChanges *r)
{
	if (r->position.phase == WEIR_CHANGES_NOWHERE)
		return;
	if (r->position.system != r->source_system)
		weir_changes_refuse(r, ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE,
							psprintf("the source of stream %s is another server by now", r->stream->name),
							psprintf("The job had read the one with system identifier " UINT64_FORMAT ", this one has " UINT64_FORMAT ".",
									 (uint64) r->position.system, (uint64) r->source_system),
							"Have the options of the foreign server lead to the one of before, or begin with a new copy by weir.start_job(fresh => true).");
	if (r->position.lsn > r->source_lsn && !r->options.allow_gap)
		weir_changes_refuse(r, ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE,
							psprintf("position in stream %s lies ahead of the source's WAL", r->stream->name),
							psprintf("It is %X/%X, and the source stands at %X/%X.",
									 LSN_FORMAT_ARGS((XLogRecPtr) r->position.lsn), LSN_FORMAT_ARGS((XLogRecPtr) r->source_lsn)),
							"Was the source restored from a backup, or a standby promoted that had not got so far? Begin with a new copy by weir.start_job(fresh => true).");
}

/* Table c, and the partitions that have its rows. */
#define PARTS \
	"SELECT l.oid::pg_catalog.regclass FROM pg_catalog.pg_class l WHERE (l.oid = c.oid OR l.relkind = 'r'" \
	" AND l.oid IN (SELECT t.relid FROM pg_catalog.pg_partition_tree(c.oid) t))"

char *
weir_changes_ask_table(WeirChanges *r)
{
	return psprintf("SELECT current_setting('wal_level'), pg_catalog.pg_is_in_recovery(), c.oid, c.relkind,"
					" CASE WHEN EXISTS (" PARTS " AND l.relreplident <> 'f') THEN 'd' ELSE 'f' END,"
					" (" PARTS " AND l.relkind = 'r' AND (l.relreplident = 'n' OR l.relreplident = 'd' AND NOT EXISTS"
					" (SELECT FROM pg_catalog.pg_index i WHERE i.indrelid = l.oid AND i.indisprimary)) LIMIT 1),"
					" pg_catalog.has_table_privilege(c.oid, 'SELECT') OR pg_catalog.has_any_column_privilege(c.oid, 'SELECT'),"
					" (SELECT s.setting FROM pg_catalog.pg_settings s WHERE s.name = 'wal_sender_timeout')"
					" FROM (VALUES (1)) v LEFT JOIN (pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace)"
					" ON n.nspname = %s AND c.relname = %s",
					weir_remote_literal(r->remote, r->schema), weir_remote_literal(r->remote, r->table));
}

char *
weir_changes_ask_columns(WeirChanges *r)
{
	return psprintf("SELECT a.attname, NOT EXISTS (" PARTS " AND l.relreplident <> 'f' AND NOT EXISTS"
					" (SELECT FROM pg_catalog.pg_index i JOIN pg_catalog.pg_attribute b ON b.attrelid = l.oid AND b.attnum = ANY (i.indkey)"
					" WHERE i.indrelid = l.oid AND b.attname = a.attname"
					" AND CASE l.relreplident WHEN 'i' THEN i.indisreplident WHEN 'd' THEN i.indisprimary END))"
					" FROM pg_catalog.pg_class c JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid"
					" WHERE c.oid = %s::pg_catalog.regclass AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = ''",
					weir_remote_literal(r->remote, weir_changes_table(r)));
}

void
weir_changes_check_source(WeirChanges *r, const char *wal_level)
{
	int			version = weir_remote_version(r->remote);

	if (strcmp(wal_level, "logical") != 0)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("the source of stream %s does not keep changes", r->stream->name),
				 errdetail("Its wal_level is \"%s\".", wal_level),
				 errhint("Set wal_level = logical in the source's postgresql.conf, and restart it.")));
	if (r->in_recovery && version < 160000)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("the source of stream %s is a standby", r->stream->name),
				 errdetail("A standby of PostgreSQL %d does not tell changes.", version / 10000),
				 errhint("Have the foreign server lead to the primary; a standby can be a source from PostgreSQL 16 on.")));
	if (r->wanted->failover && version < 170000)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("option \"failover\" of stream %s is not supported by its source", r->stream->name),
				 errdetail("The source is PostgreSQL %d; standbys keep slots of their primary from 17 on.", version / 10000),
				 errhint("Use PostgreSQL 17 or later there, or set the option failover 'off': after a failover the job then begins with a new copy.")));
}

/* Publishing updates of a table without replica identity, its owner could not update it any more. */
static void
check_identity(WeirChanges *r, const char *unidentified)
{
	if (!r->own_publication || unidentified == NULL)
		return;
	ereport(ERROR,
			(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
			 errmsg("table %s.%s of stream %s has no replica identity", r->schema, r->table, r->stream->name),
			 errdetail("%s has no primary key, or its replica identity is NOTHING.", unidentified),
			 errhint("ALTER TABLE %s REPLICA IDENTITY FULL, or add a primary key; or name a publication of inserts alone by the option publication.",
					 unidentified)));
}

void
weir_changes_check_table(WeirChanges *r, const char *kind, const char *unidentified, bool may_read)
{
	if (kind == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_TABLE),
				 errmsg("the source of stream %s has no table %s.%s", r->stream->name, r->schema, r->table),
				 errhint("The options schema_name and table_name of the foreign table name it.")));
	if (kind[0] != 'r' && kind[0] != 'p')
		ereport(ERROR,
				(errcode(ERRCODE_WRONG_OBJECT_TYPE),
				 errmsg("%s.%s of stream %s is not a table", r->schema, r->table, r->stream->name),
				 errdetail("There are no changes of relations of kind \"%s\".", kind),
				 errhint("Name a table by the options schema_name and table_name.")));
	if (!may_read)
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("permission denied for table %s.%s of stream %s", r->schema, r->table, r->stream->name),
				 errhint("On the source: GRANT SELECT ON %s TO %s.", weir_changes_table(r),
						 quote_identifier(weir_conninfo_get(r->server->info, "user")))));
	check_identity(r, unidentified);
}

/* NULL: the table has no such column; else whether it is in the replica identity. */
static const char *
find(const WeirRemoteRows *rows, const char *name)
{
	for (int i = 0; i < rows->nrows; i++)
	{
		if (strcmp(weir_remote_value(rows, i, 0), name) == 0)
			return weir_remote_value(rows, i, 1);
	}
	return NULL;
}

static void
check_column(WeirChanges *r, const WeirRemoteRows *rows, const WeirChangesColumn *column)
{
	const char *in_identity = find(rows, column->name);

	if (in_identity == NULL && r->position.phase != WEIR_CHANGES_NOWHERE)
		return;
	if (in_identity == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_COLUMN),
				 errmsg("table %s.%s of stream %s has no column \"%s\"", r->schema, r->table, r->stream->name, column->name),
				 errdetail("Column \"%s\" of the stream is read from it.", column->column),
				 errhint("The option column_name of the foreign table's column names it.")));
	weir_changes_check_old(r, column, r->identity == 'f' || in_identity[0] == 't');
}

void
weir_changes_check_columns(WeirChanges *r, const WeirRemoteRows *rows)
{
	for (int i = 0; i < r->ncolumns; i++)
		check_column(r, rows, &r->columns[i]);
	weir_changes_check_pair(r, r->identity);
}

bool
weir_changes_made(const WeirChanges *r)
{
	return r->row && r->row->made && strcmp(r->row->slot, r->slot) == 0;
}

void
weir_changes_check_slot(WeirChanges *r, const char *plugin, const char *database, bool of_database)
{
	if (plugin == NULL || strcmp(plugin, "pgoutput") != 0 || !of_database)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("replication slot \"%s\" of stream %s is none of pgoutput in this database", r->slot, r->stream->name),
				 plugin ? errdetail("Its plugin is \"%s\", its database \"%s\".", plugin, database) :
				 errdetail("It is a physical one."),
				 errhint("Name another by the option slot of the foreign table.")));
	if (r->position.phase == WEIR_CHANGES_NOWHERE && r->wanted->copy && !weir_changes_made(r))
		ereport(ERROR,
				(errcode(ERRCODE_DUPLICATE_OBJECT),
				 errmsg("replication slot \"%s\" of stream %s exists already", r->slot, r->stream->name),
				 errdetail("What is there is copied as of the moment a slot is made."),
				 errhint("Drop the slot for Weir to make it, or set the option copy 'off' of the foreign table to begin where the slot stands.")));
}

/* Of a copy that was begun to be handed out all must be there. */
void
weir_changes_check_copy(WeirChanges *r)
{
	if (r->position.phase == WEIR_CHANGES_COPY && (r->row == NULL || r->row->copied == 0))
		weir_changes_refuse(r, ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE,
							psprintf("the copy of stream %s is no longer kept", r->stream->name),
							psprintf("The start is behind row " INT64_FORMAT " of it.", r->position.copied),
							"Start the job from a later savepoint, or with a new copy by weir.start_job(fresh => true).");
}
