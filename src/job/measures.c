/*
 * job/measures.c
 *		What running jobs have measured since they were started: for the view
 *		weir.measures.
 */
#include "postgres.h"

#include "funcapi.h"
#include "utils/builtins.h"
#include "utils/tuplestore.h"

#include "decide/histogram.h"
#include "job/attempts.h"

PG_FUNCTION_INFO_V1(weir_measures);

static void
put_count(ReturnSetInfo *rsinfo, int64 job, const char *metric, int64 count)
{
	Datum		values[8];
	bool		nulls[8];

	memset(nulls, true, sizeof(nulls));
	values[0] = Int64GetDatum(job);
	values[1] = CStringGetTextDatum(metric);
	values[3] = Int64GetDatum(count);
	nulls[0] = nulls[1] = nulls[3] = false;
	tuplestore_putvalues(rsinfo->setResult, rsinfo->setDesc, values, nulls);
}

static Datum
seconds(double us)
{
	return Float8GetDatum(us / 1e6);
}

static void
put_times(ReturnSetInfo *rsinfo, int64 job, const char *metric, const WeirHistogram *h)
{
	Datum		values[8];
	bool		nulls[8] = {false};

	values[0] = Int64GetDatum(job);
	values[1] = CStringGetTextDatum(metric);
	values[2] = CStringGetTextDatum("seconds");
	values[3] = Int64GetDatum(h->count);
	values[4] = seconds(h->least);
	values[5] = seconds(weir_histogram_quantile(h, 0.5));
	values[6] = seconds(weir_histogram_quantile(h, 0.99));
	values[7] = seconds(h->greatest);
	if (h->count == 0)
		memset(&nulls[4], true, 4);
	tuplestore_putvalues(rsinfo->setResult, rsinfo->setDesc, values, nulls);
}

static void
put_job(ReturnSetInfo *rsinfo, const WeirAttempt *attempt)
{
	const WeirJobSlot *slot = &weir_registry->slots[attempt->job_slot];
	WeirHistogram handed_over = {0};
	WeirHistogram committed = {0};

	for (int i = 0; i < attempt->topology.ntasks; i++)
	{
		weir_histogram_merge(&handed_over, &attempt->tasks[i].handed_over);
		weir_histogram_merge(&committed, &attempt->tasks[i].committed);
	}
	put_times(rsinfo, attempt->job, "latency until sink", &handed_over);
	put_times(rsinfo, attempt->job, "latency until commit", &committed);
	put_times(rsinfo, attempt->job, "restore time", &slot->restores);
	put_count(rsinfo, attempt->job, "checkpoints completed", slot->checkpoints_completed);
	put_count(rsinfo, attempt->job, "checkpoints failed", slot->checkpoints_failed);
}

/* weir_internal.measures() */
Datum
weir_measures(PG_FUNCTION_ARGS)
{
	InitMaterializedSRF(fcinfo, 0);
	weir_for_each_attempt((ReturnSetInfo *) fcinfo->resultinfo, NULL, put_job);
	return (Datum) 0;
}
