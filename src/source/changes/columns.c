/*
 * source/changes/columns.c
 *		The columns of a stream of changes: which of the other table's they are,
 *		and a change's tuples as a line that has them.
 */
#include "postgres.h"

#include "access/table.h"
#include "commands/defrem.h"
#include "foreign/foreign.h"
#include "utils/builtins.h"
#include "utils/rel.h"

#include "source/changes/reader_int.h"

static void
read_column(WeirChangesColumn *column, Oid relid, Form_pg_attribute att)
{
	ListCell   *lc;

	column->column = pstrdup(NameStr(att->attname));
	column->name = column->column;
	column->at = -1;
	foreach(lc, GetForeignColumnOptions(relid, att->attnum))
	{
		DefElem    *def = lfirst_node(DefElem, lc);

		if (strcmp(def->defname, "column_name") == 0)
			column->name = pstrdup(defGetString(def));
		else if (strcmp(def->defname, "old") == 0)
		{
			column->name = pstrdup(defGetString(def));
			column->old = true;
		}
	}
}

void
weir_changes_read_columns(WeirChanges *r)
{
	Relation	rel = table_open(r->stream->relid, AccessShareLock);
	TupleDesc	desc = RelationGetDescr(rel);

	r->columns = palloc0(sizeof(WeirChangesColumn) * Max(desc->natts, 1));
	for (int i = 0; i < desc->natts; i++)
	{
		if (weir_stream_has_column(r->stream, desc, i))
			read_column(&r->columns[r->ncolumns++], r->stream->relid, TupleDescAttr(desc, i));
	}
	table_close(rel, AccessShareLock);
}

static int
find(const WeirPgoutput *relation, const char *name)
{
	for (int i = 0; i < relation->ncolumns; i++)
	{
		if (strcmp(relation->columns[i].name, name) == 0)
			return i;
	}
	return -1;
}

void
weir_changes_check_old(WeirChanges *r, const WeirChangesColumn *column, bool known)
{
	if (!column->old || known)
		return;
	weir_changes_refuse(r, ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE,
						psprintf("the changes of stream %s do not have the old value of column \"%s\"", r->stream->name, column->name),
						psprintf("Column \"%s\" of the stream has the option \"old\", and the column is not in the replica identity of table %s.%s.",
								 column->column, r->schema, r->table),
						psprintf("Have the source send old rows: %s.", weir_changes_to_identify(r)));
}

void
weir_changes_check_pair(WeirChanges *r, char identity)
{
	if (!r->wanted->pair || identity == 'f')
		return;
	weir_changes_refuse(r, ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE,
						psprintf("updates 'pair' of stream %s needs the old rows", r->stream->name),
						psprintf("The replica identity of table %s.%s does not have all of a row.", r->schema, r->table),
						psprintf("Have the source send them: %s.", weir_changes_to_identify(r)));
}

bool
weir_changes_knows_old(const WeirChanges *r, const WeirPgoutput *partition)
{
	if (partition->replica_identity == 'f')
		return true;
	for (int i = 0; i < r->ncolumns; i++)
	{
		int			at = r->columns[i].old ? find(partition, r->columns[i].name) : -1;

		if (at >= 0 && !partition->columns[at].key)
			return false;
	}
	return !r->wanted->pair;
}

static void
match_column(WeirChanges *r, const WeirPgoutput *relation, WeirChangesColumn *column)
{
	column->at = find(relation, column->name);
	if (column->at < 0)
		weir_changes_refuse(r, ERRCODE_UNDEFINED_COLUMN,
							psprintf("the changes of stream %s have no column \"%s\"", r->stream->name, column->name),
							psprintf("Column \"%s\" of the stream is read from it. Was it dropped or renamed in table %s.%s, or is it not published?",
									 column->column, r->schema, r->table),
							"Alter the foreign table to the columns that there are, or set the option column_name of its column; then start the job again.");
	weir_changes_check_old(r, column, relation->replica_identity == 'f' || relation->columns[column->at].key);
}

void
weir_changes_match(WeirChanges *r, const WeirPgoutput *relation)
{
	for (int i = 0; i < r->ncolumns; i++)
		match_column(r, relation, &r->columns[i]);
	weir_changes_check_pair(r, relation->replica_identity);
}

/* What COPY would take for something else. */
static void
append_escaped(StringInfo line, const char *data, Size len)
{
	const char *end = data + len;
	const char *from = data;

	for (const char *c = data; c < end; c++)
	{
		char		letter;

		switch (*c)
		{
			case '\\':
				letter = '\\';
				break;
			case '\t':
				letter = 't';
				break;
			case '\n':
				letter = 'n';
				break;
			case '\r':
				letter = 'r';
				break;
			default:
				continue;
		}
		appendBinaryStringInfo(line, from, (int) (c - from));
		appendStringInfoChar(line, '\\');
		appendStringInfoChar(line, letter);
		from = c + 1;
	}
	appendBinaryStringInfo(line, from, (int) (end - from));
}

static void
refuse_unchanged(WeirChanges *r, const WeirChangesColumn *column)
{
	weir_changes_refuse(r, ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE,
						psprintf("an update in stream %s does not have the value of column \"%s\"", r->stream->name, column->name),
						"The value is kept out of line, and the update left it as it was: the source does not send it.",
						psprintf("Have it sent with the old row: ALTER TABLE %s REPLICA IDENTITY FULL; then start the job with weir.start_job(fresh => true). Or leave the column out of the stream.",
								 weir_changes_table(r)));
}

void
weir_changes_line(WeirChanges *r, const WeirChangedTuple *row, const WeirChangedTuple *old)
{
	resetStringInfo(&r->line);
	for (int i = 0; i < r->ncolumns; i++)
	{
		const WeirChangesColumn *column = &r->columns[i];
		const WeirChangedTuple *tuple = column->old ? old : row;
		const WeirChangedColumn *value = tuple && column->at < tuple->ncolumns ? &tuple->columns[column->at] : NULL;

		if (i > 0)
			appendStringInfoChar(&r->line, '\t');
		if (value == NULL || value->kind == WEIR_COLUMN_NULL)
			appendBinaryStringInfo(&r->line, "\\N", 2);
		else if (value->kind == WEIR_COLUMN_UNCHANGED)
			refuse_unchanged(r, column);
		else
			append_escaped(&r->line, value->data, value->len);
	}
}
