/*
 * source/source.c
 *		The sources there are.
 */
#include "postgres.h"

#include "base/wrapper.h"
#include "source/source.h"

#define MAX_SOURCES	8			/* of this library and of others */

static const WeirSourceOps *sources[MAX_SOURCES] = {
	&weir_socket_source,
	&weir_feed_source,
	&weir_changes_source,
};

static int
count_sources(void)
{
	int			n = 0;

	while (n < MAX_SOURCES && sources[n] != NULL)
		n++;
	return n;
}

void
weir_source_register(const WeirSourceOps *source, int magic)
{
	int			n = count_sources();

	if (magic != WEIR_SOURCE_MAGIC)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("the library of the wrapper with handler %s does not fit that of weir", source->handler),
				 errdetail("It was built for version %d of how they work together, weir has version %d.",
						   magic, WEIR_SOURCE_MAGIC),
				 errhint("Install both of one release.")));
	if (n == MAX_SOURCES)
		elog(ERROR, "there are more than %d sources", MAX_SOURCES);
	sources[n] = source;
}

const WeirSourceOps *
weir_source_by_handler(const char *symbol)
{
	for (int i = 0; i < count_sources(); i++)
	{
		if (strcmp(sources[i]->handler, symbol) == 0)
			return sources[i];
	}
	return NULL;
}

/* Another module registers its sources when it is loaded. */
#define IS_WEIRS(handler)	(strncmp(handler, "weir_", 5) == 0)

const WeirSourceOps *
weir_source_of(Oid relid)
{
	char	   *handler = weir_wrapper_handler(relid);
	const WeirSourceOps *source;

	if (handler == NULL)
		return NULL;
	source = weir_source_by_handler(handler);
	if (source == NULL && IS_WEIRS(handler))
	{
		weir_wrapper_load(relid);
		source = weir_source_by_handler(handler);
	}
	return source;
}

void
weir_source_keep(int64 job, List *streams)
{
	for (int i = 0; i < count_sources(); i++)
	{
		List	   *mine = NIL;
		ListCell   *lc;

		if (sources[i]->keep == NULL)
			continue;
		foreach(lc, streams)
		{
			if (weir_source_of(lfirst_oid(lc)) == sources[i])
				mine = lappend_oid(mine, lfirst_oid(lc));
		}
		sources[i]->keep(job, mine);
	}
}

void
weir_source_forget(int64 job)
{
	for (int i = 0; i < count_sources(); i++)
		sources[i]->forget(job);
}

char *
weir_record_place(const WeirSourceOps *source, int64 line)
{
	return source && source->place ? source->place(line) : psprintf("line " INT64_FORMAT, line);
}

void
weir_position_refuse(const WeirPosition *position, const char *extension)
{
	ereport(ERROR,
			(errcode(ERRCODE_DATA_CORRUPTED),
			 errmsg("position of a stream cannot be read"),
			 errdetail("It has %u bytes, of version %d.", position->len, position->bytes[0]),
			 errhint("Was the checkpoint written by a later version of %s?", extension)));
}
