/*
 * source/stream_option.h
 *		The options of a stream's server and table: name, parser, default.
 */
#ifndef WEIR_SOURCE_STREAM_OPTION_H
#define WEIR_SOURCE_STREAM_OPTION_H

#include "postgres.h"

#include "nodes/parsenodes.h"

#include "base/compat.h"
#include "source/stream.h"

typedef struct WeirStreamOption
{
	const char *name;
	void (*set)(WeirStream *stream, DefElem *def); /* judges the value and keeps it */
	const char *initial;                           /* set unless another is given; NULL: none */
} WeirStreamOption;

/* Each ends with a nameless one. */
extern const WeirStreamOption weir_server_options[];
extern const WeirStreamOption weir_table_options[];
extern const WeirStreamOption weir_column_options[];

/* Of a stream that is zeroed; its options are those that nobody gives. */
extern void weir_stream_set_source(WeirStream *stream, const struct WeirSourceOps *source);
/* catalog: of the object that has them; an error names what is wrong and where it belongs. */
extern void weir_stream_options_apply(WeirStream *stream, List *options, Oid catalog);

/* After all of a server's: what they mean together, and what is missing. */
extern void weir_server_options_complete(WeirStream *stream);
/* The options of the columns of a stream's table; an error if they do not fit them. */
extern void weir_column_options_read(WeirStream *stream);
/* May the current user have a server with them? */
extern void weir_server_options_authorize(const WeirStream *stream);

/* Was the server's option given? */
extern bool weir_stream_option_given(const WeirStream *stream, const char *name);

/* Of a server on which Weir listens, or that must not have its options. */
extern void weir_set_listen(WeirStream *stream, DefElem *def);
extern void weir_set_max_connections(WeirStream *stream, DefElem *def);
extern void weir_set_allow(WeirStream *stream, DefElem *def);
extern void weir_listen_options_complete(WeirStream *stream);

/* Setters of options that streams of several sources have. */
extern void weir_set_max_journal(WeirStream *stream, DefElem *def);
extern PGDLLEXPORT void weir_set_format(WeirStream *stream, DefElem *def);
extern PGDLLEXPORT void weir_set_skip_empty(WeirStream *stream, DefElem *def);
extern PGDLLEXPORT void weir_set_delimiter(WeirStream *stream, DefElem *def);
extern PGDLLEXPORT void weir_set_copy_option(WeirStream *stream, DefElem *def);
extern PGDLLEXPORT void weir_set_encoding(WeirStream *stream, DefElem *def);
extern PGDLLEXPORT void weir_set_max_record(WeirStream *stream, DefElem *def);
extern PGDLLEXPORT void weir_set_on_error(WeirStream *stream, DefElem *def);
extern PGDLLEXPORT void weir_set_max_dead_letters(WeirStream *stream, DefElem *def);
extern PGDLLEXPORT void weir_set_late(WeirStream *stream, DefElem *def);
extern PGDLLEXPORT void weir_set_idle_timeout(WeirStream *stream, DefElem *def);

/* For setters: the value, or an error with this hint. */
pg_noreturn extern PGDLLEXPORT void weir_stream_option_refuse(DefElem *def, const char *hint);
extern PGDLLEXPORT int   weir_stream_option_integer(DefElem *def, int min, int max, const char *hint);
extern int64 weir_stream_option_bytes(DefElem *def, double min, double max, const char *hint);
extern PGDLLEXPORT int64
weir_stream_option_interval(DefElem *def, int64 min, int64 max, const char *hint); /* us */
extern PGDLLEXPORT bool weir_stream_option_boolean(DefElem *def);
/* One without months, whose length nobody knows. */
extern int64 weir_stream_option_exact_interval(DefElem *def, int64 min, const char *hint);	/* us */
/* Does it say this word?  Else it must be the other one. */
extern bool weir_stream_option_word(DefElem *def, const char *word, const char *other);

#endif
