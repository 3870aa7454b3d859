/*
 * source/changes/option.h
 *		The options of a stream of changes: those of its wrapper alone.
 */
#ifndef WEIR_SOURCE_CHANGES_OPTION_H
#define WEIR_SOURCE_CHANGES_OPTION_H

#include "postgres.h"

#include "nodes/pg_list.h"

#include "source/stream.h"
#include "source/stream_option.h"

/* WeirStream.own. */
typedef struct WeirChangesOptions
{
	List	   *connection;		/* DefElems of the server, or of a user mapping: libpq's */
	bool		password_not_needed;	/* of a user mapping: password_required 'false' */
	/* table */
	char	   *schema_name;	/* NULL: the foreign table's own */
	char	   *table_name;		/* likewise */
	char	   *slot;			/* NULL: Weir makes the name */
	char	   *publication;	/* NULL: Weir makes one */
	int64		max_slot_lag;	/* bytes of WAL, 0: any number */
	bool		copy;			/* what is there comes first */
	bool		pair;			/* an update is two records */
	bool		failover;		/* standbys of the source keep the slot */
	bool		pass_truncate;	/* a TRUNCATE is no record, and no error */
} WeirChangesOptions;

extern const WeirStreamOption weir_changes_server_options[];
extern const WeirStreamOption weir_changes_table_options[];
extern const WeirStreamOption weir_changes_column_options[];

/* As in WeirSourceOps. */
extern void weir_changes_complete(WeirStream *stream);
extern void weir_changes_authorize(const WeirStream *stream);
extern bool weir_changes_other_option(WeirStream *stream, DefElem *def, Oid catalog);

static inline WeirChangesOptions *
weir_changes_options(const WeirStream *stream)
{
	return stream->own;
}

#endif
