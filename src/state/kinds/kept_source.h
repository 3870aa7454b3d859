/*
 * state/kinds/kept_source.h
 *		Of which source what a state keeps is: while a job runs by the source's node, in chunks
 *		by the number of the source, which outlives changes of the job.
 */
#ifndef WEIR_STATE_KINDS_KEPT_SOURCE_H
#define WEIR_STATE_KINDS_KEPT_SOURCE_H

#include "postgres.h"

typedef struct WeirKeptSource
{
	int			source;			/* as a batch has it */
	int			number;
} WeirKeptSource;

/* Whose records may be kept; n = 0: chunks have sources as they are. */
typedef struct WeirKeptSources
{
	int			n;
	const WeirKeptSource *of;
} WeirKeptSources;

/* In CurrentMemoryContext. */
static inline WeirKeptSources
weir_kept_sources_copy(const WeirKeptSources *sources)
{
	Size		size = sizeof(WeirKeptSource) * sources->n;
	WeirKeptSource *of = palloc(Max(size, 1));

	if (size > 0)
		memcpy(of, sources->of, size);
	return (WeirKeptSources)
	{
		sources->n, of
	};
}

static inline int
weir_kept_source_number(const WeirKeptSources *sources, int source)
{
	for (int i = 0; i < sources->n; i++)
		if (sources->of[i].source == source)
			return sources->of[i].number;
	return source;
}

/* Of a source that the job has no more, what is kept is said to be of another one. */
static inline int
weir_kept_source_of(const WeirKeptSources *sources, int number)
{
	for (int i = 0; i < sources->n; i++)
		if (sources->of[i].number == number)
			return sources->of[i].source;
	return sources->n > 0 ? sources->of[0].source : number;
}

#endif
