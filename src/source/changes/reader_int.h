/*
 * source/changes/reader_int.h
 *		The reader of changes, for the files that make it up.
 *
 *	dialling --> setting up ---> copying --> following
 *				 (setup.c)		 (copy.c)	 (follow.c)
 *
 * A connection that is lost is dialled again, and set up for where the reader
 * stands.  Beside it, over another one, the source is asked about the slot (watch.c).
 */
#ifndef WEIR_SOURCE_CHANGES_READER_INT_H
#define WEIR_SOURCE_CHANGES_READER_INT_H

#include "postgres.h"

#include "access/xlogdefs.h"
#include "lib/stringinfo.h"

#include "catalog/change_slot.h"
#include "decide/dialer.h"
#include "decide/pgoutput.h"
#include "decide/walsender.h"
#include "source/changes/option.h"
#include "source/changes/reader.h"
#include "source/changes/target.h"
#include "source/decode.h"
#include "source/metadata.h"

typedef enum WeirChangesState
{
	WEIR_CHANGES_AWAY,			/* there is no connection */
	WEIR_CHANGES_DIALLING,
	WEIR_CHANGES_SETTING_UP,
	WEIR_CHANGES_COPYING,		/* rows come, and go to the journal of the copy */
	WEIR_CHANGES_FOLLOWING
} WeirChangesState;

/* What the wrapper's metadata say of a record. */
typedef struct WeirChangeAbout
{
	int			operation;		/* WeirChangeOperation */
	int64		lsn;
	int64		committed_at;	/* us since 2000 */
	uint32		xid;			/* 0: it was copied */
} WeirChangeAbout;

typedef enum WeirChangeOperation
{
	WEIR_CHANGE_COPY,
	WEIR_CHANGE_INSERT,
	WEIR_CHANGE_UPDATE,
	WEIR_CHANGE_UPDATE_BEFORE,
	WEIR_CHANGE_UPDATE_AFTER,
	WEIR_CHANGE_DELETE
} WeirChangeOperation;

#define WEIR_CHANGE_OPERATIONS	6

extern const WeirMetadata *const weir_changes_metadata[];

/* A column of the stream's table that records have a value for, in their order. */
typedef struct WeirChangesColumn
{
	char	   *column;			/* of the stream's table */
	char	   *name;			/* of the other table */
	bool		old;			/* its value before the change */
	int			at;				/* in tuples; -1: not known yet */
} WeirChangesColumn;

struct WeirChanges
{
	WeirSource	source;			/* first */
	MemoryContext context;
	MemoryContext scratch;		/* of a step */
	const WeirStream *stream;
	const WeirChangesOptions *wanted;
	WeirSourceOptions options;
	WeirSourceStats *stats;
	WeirSourceStats own_stats;

	WeirChangesServer *server;
	char	   *schema;
	char	   *table;
	char	   *slot;
	char	   *publication;
	bool		own_publication;
	int			ncolumns;
	WeirChangesColumn *columns;
	WeirChangeSlot *row;		/* of the catalog; NULL: there is none */

	WeirChangesPosition position;	/* behind what was handed out */
	bool		began_ended;
	bool		draining;
	int64		passed;			/* ends of the stream that were passed */
	bool		hopeless;
	int64		failed_line;

	WeirChangesState state;
	WeirDialer	dialer;
	WeirRemote *remote;			/* NULL: away */
	bool		known;			/* it was connected before */
	int			step;			/* of the setup */
	bool		sent;			/* its command */
	bool		busy;			/* more is there at once */
	int64		again_at;		/* the step is tried again; 0: it is not waited for */
	bool		anew;			/* the setup makes the slot */
	bool		copies;			/* .. and has what is there copied */
	int64		source_system;
	int64		source_lsn;		/* where the source's WAL stood */
	bool		in_recovery;	/* the source is a standby */
	char		kind;			/* of the table: pg_class.relkind */
	char		identity;		/* 'f': it, and each of its partitions, has all of a row as its replica identity */
	char	   *filter;			/* the publication's, of its rows; NULL: none */

	/* the copy */
	StringInfoData piece;		/* lines that are to be kept */
	int			piece_rows;
	int64		copied;			/* rows before them */
	int64		copy_stamp;
	char	   *lines;			/* a piece that is handed out */
	int			lines_len;
	int			line_at;

	/* following */
	WeirPgoutput *message;
	WeirWalMessage wal;
	bool		waits;			/* message is a change whose records are not all taken */
	int			half;			/* of it, next */
	bool		in_transaction;
	WeirChangeAbout transaction;
	int64		commit_lsn;		/* of the transaction */
	int64		skip;			/* halves of it that were handed out before */
	uint32		relation;		/* of the table, as last described; 0: not yet */
	bool		described;		/* just now: what is described next may be a partition of it */
	char	   *partition;		/* was described then, and lacks old values; NULL: none */
	int64		received;		/* up to here the source has sent */
	int64		moved;			/* the position, when that was worth a checkpoint last */
	int64		confirmed;		/* up to here it may forget */
	int64		told_at;		/* of that, on the clock of weir_now */
	int64		pulse;			/* us after which it is told again */
	bool		tell;			/* at once */
	int64		quiet_at;		/* the source's clock when it had nothing more; PG_INT64_MIN: none */

	/* beside it */
	WeirChangesServer *watch_server;
	WeirRemote *watch;			/* NULL: away */
	bool		watch_open;
	bool		watch_asks;		/* and has no answer yet */
	int64		watch_since;	/* it dials, or asks */
	int64		watch_at;		/* it is to be asked; 0: when it has answered */
	MemoryContext watch_scratch;
	List	   *marks;			/* of who asked what was committed */
	int64		nmarks;
	int64		drain_mark;		/* a drain ends the stream behind it; 0: none */

	WeirDecoder *decoder;
	bool		prepared;
	StringInfoData line;
	WeirChangeAbout *abouts;	/* of the batch's records */
	int			max_abouts;
};

/* ---- reader.c ---- */
/* An error that no restart mends. */
pg_noreturn extern void weir_changes_refuse(WeirChanges *r, int code, char *message, char *detail, const char *hint);
/* The connection is lost: why. */
extern void weir_changes_lost(WeirChanges *r);
extern void weir_changes_note(WeirChanges *r, const char *problem);
extern void weir_changes_hang_up(WeirChanges *r);
/* Its command has failed: could not .. of the stream. */
pg_noreturn extern void weir_changes_raise(WeirChanges *r, const char *doing, const char *hint);

/* A drain: all that was to come before the end has been handed out. */
extern bool weir_changes_is_drained(WeirChanges *r);

/* ---- setup.c ---- */
/* 0: it is none. */
extern int64 weir_changes_parse_lsn(const char *text);
extern void weir_changes_begin_setup(WeirChanges *r);
/* True: it goes on at once. */
extern bool weir_changes_set_up(WeirChanges *r);
/* The copy is kept: the transaction that it was made in ends. */
extern void weir_changes_copied(WeirChanges *r);

/* ---- check.c ---- */
/* The other table, as its statements name it. */
extern char *weir_changes_table(const WeirChanges *r);
/* .. without what inherits from it, whose changes are not its own. */
extern char *weir_changes_only(const WeirChanges *r);
/* What has the table's replica identity, for hints. */
extern char *weir_changes_to_identify(const WeirChanges *r);
extern void weir_changes_check_system(WeirChanges *r);
extern void weir_changes_check_copy(WeirChanges *r);
/* Of it, of its columns: what the checks below have to know. */
extern char *weir_changes_ask_table(WeirChanges *r);
extern char *weir_changes_ask_columns(WeirChanges *r);
/* Errors if changes are not to be had; kind as pg_class has it, NULL: there is no table; unidentified NULL, or what of it has no identity. */
extern void weir_changes_check_source(WeirChanges *r, const char *wal_level);
extern void weir_changes_check_table(WeirChanges *r, const char *kind, const char *unidentified, bool may_read);
/* rows: the columns that the table has, and whether they are in its replica identity. */
extern void weir_changes_check_columns(WeirChanges *r, const WeirRemoteRows *rows);
/* plugin NULL: it is a physical slot; of_database: it is one of that which is connected to. */
extern void weir_changes_check_slot(WeirChanges *r, const char *plugin, const char *database, bool of_database);

/* Weir has made the slot that is read. */
extern bool weir_changes_made(const WeirChanges *r);

/* ---- columns.c ---- */
/* In a transaction. */
extern void weir_changes_read_columns(WeirChanges *r);
/* Errors if the source does not send what was: of this column, of whole rows. */
extern void weir_changes_check_old(WeirChanges *r, const WeirChangesColumn *column, bool known);
extern void weir_changes_check_pair(WeirChanges *r, char identity);
/* A partition sends what was, as far as it is asked for. */
extern bool weir_changes_knows_old(const WeirChanges *r, const WeirPgoutput *partition);
/* The table has these columns. */
extern void weir_changes_match(WeirChanges *r, const WeirPgoutput *relation);
/* As a line of COPY's text format; old: what was before it, NULL: nothing. */
extern void weir_changes_line(WeirChanges *r, const WeirChangedTuple *row, const WeirChangedTuple *old);

/* ---- follow.c ---- */
extern void weir_changes_begin_follow(WeirChanges *r);
/* Takes records into the batch while there are any and there is room. */
extern void weir_changes_follow(WeirChanges *r, WeirScanInput *scan);
extern void weir_changes_tell(WeirChanges *r);
/* The batch's next record; whether there is room for one. */
extern bool weir_changes_has_room(const WeirChanges *r, const WeirScanInput *scan);
extern void weir_changes_take(WeirChanges *r, WeirScanInput *scan, const WeirChangeAbout *about, int64 stamp,
							  const char *data, int len);

/* ---- watch.c ---- */
/* Goes on with what is asked; the slot is looked after. */
extern void weir_changes_watch(WeirChanges *r);
/* Milliseconds until that is to be done again; -1: there is nothing to ask. */
extern long weir_changes_watch_due(const WeirChanges *r);
extern void weir_changes_watch_at(WeirChanges *r, int64 at);
extern void weir_changes_end_watch(WeirChanges *r);

/* ---- forget.c ---- */
/* Whoever has it now is ended. */
extern void weir_change_slot_drop_there(WeirRemote *remote, const char *slot);

/* ---- copy.c ---- */
extern char *weir_changes_copy_command(WeirChanges *r);
extern void weir_changes_begin_copy(WeirChanges *r, int64 lsn);
/* Keeps what has come; true: it goes on at once. */
extern bool weir_changes_copy(WeirChanges *r);
/* Hands out what was kept; false: all of it was. */
extern bool weir_changes_hand_out_copy(WeirChanges *r, WeirScanInput *scan);

#endif
