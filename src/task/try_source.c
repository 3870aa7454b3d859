/*
 * task/try_source.c
 *		The streams whose lines weir.try_job is given.
 */
#include "postgres.h"

#include "catalog/namespace.h"
#include "lib/stringinfo.h"
#include "utils/builtins.h"
#include "utils/varlena.h"

#include "graph/kinds/source.h"
#include "task/try_source.h"

/* The streams that the job reads, for a message. */
static char *
stream_names(const WeirTrySources *sources)
{
	StringInfoData names;

	initStringInfo(&names);
	for (int i = 0; i < sources->n; i++)
		appendStringInfo(&names, "%s%s", i > 0 ? ", " : "", sources->sources[i].stream->name);
	return names.data;
}

static WeirTrySource *
only_source(const WeirJob *job, const WeirTrySources *sources)
{
	if (sources->n > 1)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("job \"%s\" reads several streams", job->name),
				 errdetail("It reads %s.", stream_names(sources)),
				 errhint("Say in the argument stream whose lines they are.")));
	return &sources->sources[0];
}

static WeirTrySource *
find_source(const WeirJob *job, const WeirTrySources *sources, const char *name)
{
	RangeVar   *range = makeRangeVarFromNameList(textToQualifiedNameList(cstring_to_text(name)));
	Oid			stream = RangeVarGetRelid(range, NoLock, true);

	for (int i = 0; i < sources->n; i++)
	{
		if (sources->sources[i].stream->relid == stream)
			return &sources->sources[i];
	}
	ereport(ERROR,
			(errcode(ERRCODE_UNDEFINED_OBJECT),
			 errmsg("job \"%s\" does not read stream \"%s\"", job->name, name),
			 errdetail("It reads %s.", stream_names(sources)),
			 sources->n > 1 ? errhint("Name one of these.") :
			 errhint("Leave the argument stream out: a job reads one stream.")));
	return NULL;
}

static void
find_sources(WeirTrySources *sources, const WeirJob *job, const WeirTryInput *input)
{
	WeirTrySource *same = NULL;

	sources->of = palloc(sizeof(WeirTrySource *) * Max(input->nlines, 1));
	if (input->streams == NULL)
		same = input->stream ? find_source(job, sources, input->stream) : only_source(job, sources);
	for (int i = 0; i < input->nlines; i++)
	{
		/* most lines are of the stream of the line before */
		if (same)
			sources->of[i] = same;
		else if (i > 0 && strcmp(input->streams[i], input->streams[i - 1]) == 0)
			sources->of[i] = sources->of[i - 1];
		else
			sources->of[i] = find_source(job, sources, input->streams[i]);
	}
}

WeirTrySources *
weir_try_sources_open(const WeirJob *job, const WeirGraph *graph, const WeirTryInput *input)
{
	WeirTrySources *sources = palloc0(sizeof(WeirTrySources));

	sources->n = weir_graph_nsources(graph);
	sources->sources = palloc0(sizeof(WeirTrySource) * sources->n);
	for (int i = 0; i < sources->n; i++)
	{
		WeirTrySource *source = &sources->sources[i];

		source->node = weir_graph_source(graph, i);
		source->stream = weir_stream_get(weir_source_plan(source->node)->stream);
		source->stream->by_arrival = weir_source_plan(source->node)->by_arrival;
	}
	find_sources(sources, job, input);
	for (int i = 0; i < sources->n; i++)
		sources->sources[i].lines = weir_lines_open(sources->sources[i].stream);
	return sources;
}

void
weir_try_sources_close(WeirTrySources *sources)
{
	for (int i = 0; i < sources->n; i++)
		weir_lines_close(sources->sources[i].lines);
}

/* In the format "line" it is a record like any other. */
bool
weir_try_line_ends(const WeirTrySource *source, const char *line)
{
	return source->stream->format != WEIR_FORMAT_LINE && strcmp(line, "\\.") == 0;
}
