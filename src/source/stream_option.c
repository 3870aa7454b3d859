/*
 * source/stream_option.c
 *		Values of a stream's options, and the object that an option belongs to.
 */
#include "postgres.h"

#include "catalog/pg_attribute.h"
#include "catalog/pg_foreign_server.h"
#include "catalog/pg_foreign_table.h"
#include "commands/defrem.h"
#include "common/int.h"
#include "nodes/makefuncs.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/timestamp.h"

#include "source/source.h"
#include "source/stream_option.h"

void
weir_stream_option_refuse(DefElem *def, const char *hint)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("invalid value for option \"%s\": \"%s\"", def->defname, defGetString(def)),
			 errhint("%s", hint)));
}

int
weir_stream_option_integer(DefElem *def, int min, int max, const char *hint)
{
	int value;

	if (!parse_int(defGetString(def), &value, 0, NULL) || value < min || value > max)
		weir_stream_option_refuse(def, hint);
	return value;
}

int64
weir_stream_option_bytes(DefElem *def, double min, double max, const char *hint)
{
	double value;

	if (!parse_real(defGetString(def), &value, GUC_UNIT_BYTE, NULL) || value < min || value > max)
		weir_stream_option_refuse(def, hint);
	return (int64) value;
}

static void
name_option(void *arg)
{
	errcontext("option \"%s\"", ((DefElem *) arg)->defname);
}

/* As the type reads it. */
static Interval *
read_interval(DefElem *def)
{
	ErrorContextCallback context = {error_context_stack, name_option, def};
	Interval            *span;

	error_context_stack = &context;
	span = DatumGetIntervalP(DirectFunctionCall3(interval_in, CStringGetDatum(defGetString(def)),
												 ObjectIdGetDatum(InvalidOid), Int32GetDatum(-1)));
	error_context_stack = context.previous;
	return span;
}

int64
weir_stream_option_interval(DefElem *def, int64 min, int64 max, const char *hint)
{
	const Interval *span = read_interval(def);
	double          us;

	us = (double) span->time + (span->day + span->month * (double) DAYS_PER_MONTH) * USECS_PER_DAY;
	if (us < min || us > max)
		weir_stream_option_refuse(def, hint);
	return (int64) us;
}

int64
weir_stream_option_exact_interval(DefElem *def, int64 min, const char *hint)
{
	const Interval *span = read_interval(def);
	int64           us;

	if (span->month != 0 || pg_mul_s64_overflow(span->day, USECS_PER_DAY, &us) || pg_add_s64_overflow(us, span->time, &us) || us < min)
		weir_stream_option_refuse(def, hint);
	return us;
}

bool
weir_stream_option_boolean(DefElem *def)
{
	bool value;

	if (!parse_bool(defGetString(def), &value))
		weir_stream_option_refuse(def, "Give \"on\" or \"off\".");
	return value;
}

bool
weir_stream_option_word(DefElem *def, const char *word, const char *other)
{
	const char *value = defGetString(def);

	if (strcmp(value, word) == 0)
		return true;
	if (strcmp(value, other) != 0)
		weir_stream_option_refuse(def, psprintf("Give \"%s\" or \"%s\".", other, word));
	return false;
}

static const WeirStreamOption *
options_of(const WeirStream *stream, Oid catalog)
{
	static const WeirStreamOption none = {NULL};

	if (catalog == ForeignServerRelationId)
		return stream->source->options;
	if (catalog == AttributeRelationId)
		return weir_column_options;
	return catalog == ForeignTableRelationId ? stream->source->table_options : &none;
}

/* What its source alone has, beside those. */
static const WeirStreamOption *
own_options_of(const WeirStream *stream, Oid catalog)
{
	static const WeirStreamOption none = {NULL};

	return catalog == AttributeRelationId && stream->source->column_options ? stream->source->column_options : &none;
}

static const WeirStreamOption *
find_in(const WeirStreamOption *option, const char *name)
{
	while (option->name != NULL && strcmp(option->name, name) != 0)
		option++;
	return option->name != NULL ? option : NULL;
}

static const WeirStreamOption *
find_option(const WeirStream *stream, Oid catalog, const char *name)
{
	const WeirStreamOption *option = find_in(options_of(stream, catalog), name);

	return option ? option : find_in(own_options_of(stream, catalog), name);
}

/* Where an option that was given to the wrong object belongs. */
static const char *
other_place(const WeirStream *stream, DefElem *def, Oid catalog)
{
	static const struct
	{
		Oid			catalog;
		const char *name;
	}			places[] = {
		{ForeignServerRelationId, "server"},
		{ForeignTableRelationId, "foreign table"},
		{AttributeRelationId, "foreign table's columns"}
	};

	for (int i = 0; i < lengthof(places); i++)
	{
		if (places[i].catalog != catalog && find_option(stream, places[i].catalog, def->defname))
			return places[i].name;
	}
	return NULL;
}

static void
append_names(StringInfo valid, const WeirStreamOption *option)
{
	for (; option->name != NULL; option++)
		appendStringInfo(valid, "%s%s", valid->len > 0 ? ", " : "", option->name);
}

static char *
valid_options(const WeirStream *stream, Oid catalog)
{
	StringInfoData valid;

	initStringInfo(&valid);
	append_names(&valid, options_of(stream, catalog));
	append_names(&valid, own_options_of(stream, catalog));
	return valid.data;
}

static void
refuse_option(const WeirStream *stream, DefElem *def, Oid catalog)
{
	const char *place = other_place(stream, def, catalog);
	const char *valid = valid_options(stream, catalog);

	/* who has heard of it may look for it here */
	if (strcmp(def->defname, "lateness") == 0)
		ereport(ERROR,
				(errcode(ERRCODE_FDW_INVALID_OPTION_NAME),
				 errmsg("invalid option \"%s\"", def->defname),
				 errhint("Lateness is an argument of a window, to be given by name: weir.tumble(ts, size, lateness => '1 min').")));
	ereport(ERROR, (errcode(ERRCODE_FDW_INVALID_OPTION_NAME),
					errmsg("invalid option \"%s\"", def->defname),
					place      ? errhint("\"%s\" is an option of the %s.", def->defname, place)
					: valid[0] ? errhint("Valid options in this context are: %s.", valid)
							   : errhint("There are no valid options in this context.")));
}

/* Does its source take it, though it is in no list? */
static bool
takes_other(WeirStream *stream, DefElem *def, Oid catalog)
{
	return stream->source->other_option != NULL && catalog != AttributeRelationId &&
		stream->source->other_option(stream, def, catalog);
}

void
weir_stream_options_apply(WeirStream *stream, List *options, Oid catalog)
{
	ListCell *lc;

	foreach (lc, options)
	{
		DefElem                *def = lfirst_node(DefElem, lc);
		const WeirStreamOption *option = find_option(stream, catalog, def->defname);

		if (option != NULL)
			option->set(stream, def);
		else if (!takes_other(stream, def, catalog))
			refuse_option(stream, def, catalog);
		if (catalog == ForeignServerRelationId)
			stream->given = lappend(stream->given, def->defname);
	}
}

bool
weir_stream_option_given(const WeirStream *stream, const char *name)
{
	ListCell *lc;

	foreach (lc, stream->given)
	{
		if (strcmp(lfirst(lc), name) == 0)
			return true;
	}
	return false;
}

static void
apply_initial(WeirStream *stream, const WeirStreamOption *option)
{
	for (; option->name != NULL; option++)
	{
		if (option->initial != NULL)
			option->set(stream, makeDefElem(pstrdup(option->name),
											(Node *) makeString(pstrdup(option->initial)), -1));
	}
}

void
weir_stream_set_source(WeirStream *stream, const WeirSourceOps *source)
{
	stream->source = source;
	if (source->own_size > 0)
		stream->own = palloc0(source->own_size);
	apply_initial(stream, stream->source->options);
	apply_initial(stream, stream->source->table_options);
}
