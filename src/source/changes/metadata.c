/*
 * source/changes/metadata.c
 *		What columns of a stream of changes may tell of a change.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/pg_lsn.h"
#include "utils/timestamp.h"

#include "source/changes/reader_int.h"
#include "source/metadata.h"

static const char *const operations[WEIR_CHANGE_OPERATIONS] = {
	[WEIR_CHANGE_COPY] = "copy",
	[WEIR_CHANGE_INSERT] = "insert",
	[WEIR_CHANGE_UPDATE] = "update",
	[WEIR_CHANGE_UPDATE_BEFORE] = "update_before",
	[WEIR_CHANGE_UPDATE_AFTER] = "update_after",
	[WEIR_CHANGE_DELETE] = "delete",
};

/* They serve all rows. */
static Datum words[WEIR_CHANGE_OPERATIONS];

static bool
operation(const WeirRecordAbout *record, Oid type, Datum *value)
{
	const WeirChangeAbout *about = record->about;

	if (about == NULL)
		return false;
	if (words[about->operation] == (Datum) 0)
	{
		MemoryContext caller = MemoryContextSwitchTo(TopMemoryContext);

		words[about->operation] = CStringGetTextDatum(operations[about->operation]);
		MemoryContextSwitchTo(caller);
	}
	*value = words[about->operation];
	return true;
}

static bool
lsn(const WeirRecordAbout *record, Oid type, Datum *value)
{
	const WeirChangeAbout *about = record->about;

	if (about == NULL)
		return false;
	*value = LSNGetDatum((XLogRecPtr) about->lsn);
	return true;
}

static bool
xid(const WeirRecordAbout *record, Oid type, Datum *value)
{
	const WeirChangeAbout *about = record->about;

	if (about == NULL || about->xid == 0)
		return false;
	*value = type == XIDOID ? TransactionIdGetDatum(about->xid) : Int64GetDatum((int64) about->xid);
	return true;
}

static bool
committed_at(const WeirRecordAbout *record, Oid type, Datum *value)
{
	const WeirChangeAbout *about = record->about;

	if (about == NULL || about->xid == 0)
		return false;
	*value = TimestampTzGetDatum(about->committed_at);
	return true;
}

static const WeirMetadata metadata_operation = {
	"operation", {TEXTOID}, WEIR_METADATA_OF_ABOUT, true, operation
};
static const WeirMetadata metadata_lsn = {
	"lsn", {PG_LSNOID}, WEIR_METADATA_OF_ABOUT, true, lsn
};
static const WeirMetadata metadata_xid = {
	"xid", {XIDOID, INT8OID}, WEIR_METADATA_OF_ABOUT, true, xid
};
static const WeirMetadata metadata_committed_at = {
	"committed_at", {TIMESTAMPTZOID}, WEIR_METADATA_OF_ABOUT, true, committed_at
};

const WeirMetadata *const weir_changes_metadata[] = {
	&weir_metadata_line_number,
	&weir_metadata_arrival,
	&weir_metadata_stream,
	&metadata_operation,
	&metadata_lsn,
	&metadata_xid,
	&metadata_committed_at,
	NULL
};
