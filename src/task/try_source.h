/*
 * task/try_source.h
 *		The streams whose lines weir.try_job is given.
 */
#ifndef WEIR_TASK_TRY_SOURCE_H
#define WEIR_TASK_TRY_SOURCE_H

#include "postgres.h"

#include "catalog/job.h"
#include "graph/graph.h"
#include "source/lines.h"
#include "source/stream.h"
#include "task/try.h"

/* One of them, by its node. */
typedef struct WeirTrySource
{
	const WeirNode *node;
	WeirStream *stream;
	WeirLines  *lines;
} WeirTrySource;

typedef struct WeirTrySources
{
	int			n;
	WeirTrySource *sources;		/* those of the graph, in its order */
	WeirTrySource **of;			/* by line: whose it is */
} WeirTrySources;

/* In CurrentMemoryContext.  Error where it is not known whose lines they are. */
extern WeirTrySources *weir_try_sources_open(const WeirJob *job, const WeirGraph *graph,
											 const WeirTryInput *input);
extern void weir_try_sources_close(WeirTrySources *sources);

/* Does this line say that its stream ends? */
extern bool weir_try_line_ends(const WeirTrySource *source, const char *line);

#endif
