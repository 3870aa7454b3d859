/*
 * source/source.c
 *		The sources there are.
 */
#include "postgres.h"

#include "base/wrapper.h"
#include "source/source.h"

static const WeirSourceOps *const sources[] = {
	&weir_socket_source,
	&weir_feed_source,
};

const WeirSourceOps *
weir_source_by_handler(const char *symbol)
{
	for (int i = 0; i < lengthof(sources); i++)
	{
		if (strcmp(sources[i]->handler, symbol) == 0)
			return sources[i];
	}
	return NULL;
}

const WeirSourceOps *
weir_source_of(Oid relid)
{
	char	   *handler = weir_wrapper_handler(relid);

	return handler != NULL ? weir_source_by_handler(handler) : NULL;
}

void
weir_source_keep(int64 job, List *streams)
{
	for (int i = 0; i < lengthof(sources); i++)
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
	for (int i = 0; i < lengthof(sources); i++)
		sources[i]->forget(job);
}
