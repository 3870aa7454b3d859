/*
 * api/retry.c
 *		weir.retry_dead_letters: dead letters into their job again.
 *
 * The condition is the caller's SQL, run with the caller's rights over the letters
 * as an ephemeral relation, so that nothing but weir.dead_letters' columns and
 * what the caller may read is in its reach.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "fmgr.h"
#include "utils/builtins.h"

#include "api/option.h"
#include "api/state/access.h"
#include "catalog/group.h"
#include "catalog/retry.h"
#include "graph/kinds/source.h"
#include "job/attempts.h"
#include "server/registry.h"

#define LETTERS "dead_letters"

PG_FUNCTION_INFO_V1(weir_retry_dead_letters);

/* Ids of the letters. */
typedef struct Chosen
{
	int64	   *ids;			/* NULL: all */
	int			n;
} Chosen;

static void
no_select(int code)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("\"where\" is not a condition over dead letters"),
			 errdetail("SPI says %s.", SPI_result_code_string(code)),
			 errhint("Give what could stand behind WHERE in SELECT * FROM weir.dead_letters.")));
}

/* The column "weir_id" of the last query's rows, in the context. */
static Chosen
read_ids(MemoryContext context)
{
	Chosen		chosen;

	chosen.n = (int) SPI_processed;
	chosen.ids = MemoryContextAllocHuge(context, sizeof(int64) * Max(chosen.n, 1));
	for (int i = 0; i < chosen.n; i++)
	{
		bool		isnull;

		chosen.ids[i] = DatumGetInt64(SPI_getbinval(SPI_tuptable->vals[i], SPI_tuptable->tupdesc, 1, &isnull));
	}
	return chosen;
}

static Chosen
choose(const WeirJob *job, const char *where)
{
	MemoryContext context = CurrentMemoryContext;
	EphemeralNamedRelation letters = palloc0(sizeof(EphemeralNamedRelationData));
	char	   *query = psprintf("SELECT weir_id FROM " LETTERS " WHERE (%s\n)", where);
	Chosen		chosen;
	int			code;

	letters->md.name = LETTERS;
	letters->md.enrtype = ENR_NAMED_TUPLESTORE;
	letters->reldata = weir_retry_letters(job->id, &letters->md.tupdesc);
	letters->md.enrtuples = tuplestore_tuple_count(letters->reldata);
	SPI_connect();
	SPI_register_relation(letters);
	code = SPI_execute(query, true, 0);
	if (code != SPI_OK_SELECT || SPI_gettypeid(SPI_tuptable->tupdesc, 1) != INT8OID)
		no_select(code);
	chosen = read_ids(context);
	SPI_finish();
	tuplestore_end(letters->reldata);
	return chosen;
}

static bool
reads(const WeirGraph *graph, Oid stream)
{
	const WeirNode *node;

	for (int n = 0; (node = weir_graph_source(graph, n)) != NULL; n++)
	{
		if (weir_source_plan(node)->stream == stream)
			return true;
	}
	return false;
}

/* Letters go in between two batches of their stream: then there are none. */
static void
tell_if_ended(const WeirJob *job, const char *stream)
{
	if (weir_stream_has_ended(job->id, stream))
		ereport(NOTICE,
				(errcode(ERRCODE_SUCCESSFUL_COMPLETION),
				 errmsg("dead letters of stream %s wait until job \"%s\" is started again", stream, job->name),
				 errdetail("The stream has ended, while the job goes on with others."),
				 errhint("Stop the job with weir.stop_job(), and start it.")));
}

static void
check_streams(const WeirJob *job, const Chosen *chosen)
{
	WeirDataflow *dataflow = weir_job_compile(job);
	ListCell   *lc;

	foreach(lc, weir_retry_streams(job->id, chosen->ids, chosen->n))
	{
		const WeirLetterStream *stream = lfirst(lc);

		if (!reads(dataflow->graph, stream->relid))
			ereport(ERROR,
					(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
					 errmsg("job \"%s\" does not read stream %s any more", job->name, stream->name),
					 errdetail("Dead letters of that stream are among those to be tried again."),
					 errhint("Choose others with \"where\", such as stream <> %s, or delete them from weir.dead_letters.",
							 quote_literal_cstr(stream->name))));
		tell_if_ended(job, stream->name);
	}
	weir_dataflow_free(dataflow);
}

Datum
weir_retry_dead_letters(PG_FUNCTION_ARGS)
{
	char	   *name = weir_arg_required(fcinfo, 0, "job name");
	char	   *where = weir_arg_text(fcinfo, 1);
	WeirJob    *job = weir_job_for_change(name, "weir.retry_dead_letters()");
	Chosen		chosen = {NULL, 0};
	int64		letters;

	if (weir_group_is_of(job->id))
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("dead letters of job \"%s\" cannot come again", job->name),
				 errdetail("Servers of a group share its stream, and the records' partitions may be at another one by now."),
				 errhint("Send the records to the topic again, and delete them from weir.dead_letters.")));
	if (where)
		chosen = choose(job, where);
	check_streams(job, &chosen);
	letters = weir_retry_take(job->id, chosen.ids, chosen.n);
	if (letters > 0)
		weir_registry_notify_at_commit(job->id, WEIR_REQUEST_CONFIGURE);
	PG_RETURN_INT64(letters);
}
