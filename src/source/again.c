/*
 * source/again.c
 *		Records of a stream that come again.
 */
#include "postgres.h"

#include "access/xact.h"
#include "miscadmin.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"

#include "catalog/retry.h"
#include "source/again.h"
#include "source/decode.h"

struct WeirAgain
{
	const WeirStream *stream;
	int64		job;
	WeirDecoder *decoder;
	bool		prepared;
	MemoryContext context;		/* of what was read, until the next batch */
	WeirRetried *records;
	int			nrecords;
	int			next;
	int64		handed;			/* id of the last one handed out */
	int64		settled;		/* up to which they are gone */
};

WeirAgain *
weir_again_open(const WeirStream *stream, int64 job, const WeirSuspects *suspects)
{
	WeirAgain  *again = palloc0(sizeof(WeirAgain));

	again->stream = stream;
	again->job = job;
	again->decoder = weir_decoder_create(stream, suspects);
	again->context = AllocSetContextCreate(CurrentMemoryContext, "weir records that come again",
										   ALLOCSET_DEFAULT_SIZES);
	return again;
}

static void
begin(MemoryContext *caller)
{
	*caller = CurrentMemoryContext;
	SetCurrentStatementStartTimestamp();
	StartTransactionCommand();
	PushActiveSnapshot(GetTransactionSnapshot());
}

static void
end(MemoryContext caller)
{
	PopActiveSnapshot();
	CommitTransactionCommand();
	MemoryContextSwitchTo(caller);
}

static void
read_records(WeirAgain *again, WeirScanInput *scan, bool forget)
{
	MemoryContext caller;

	begin(&caller);
	MemoryContextReset(again->context);
	again->next = 0;
	again->nrecords = weir_retry_read(again->job, again->stream->relid, again->handed, scan->limit,
									  again->context, &again->records);
	if (!again->prepared)
		weir_decoder_prepare(again->decoder, scan->batch);
	again->prepared = true;
	if (forget && again->nrecords > 0)
	{
		again->settled = again->records[again->nrecords - 1].id;
		weir_retry_forget(again->job, again->stream->relid, again->settled);
	}
	end(caller);
}

/*
 * A batch has no line twice, and lines that ascend: whoever looks for one finds it.  By
 * arrival they come at the moment that the stream has come to.
 */
static void
fill(WeirAgain *again, WeirScanInput *scan)
{
	bool		dated = again->stream->by_arrival && scan->watermark != PG_INT64_MIN;
	WeirFramedRecord record = {0};

	while (again->next < again->nrecords && scan->batch->nrows < scan->limit)
	{
		const WeirRetried *r = &again->records[again->next];

		if (record.line > 0 && r->line <= record.line)
			break;
		record.fault = WEIR_RECORD_WHOLE;
		record.data = r->raw;
		record.len = record.size = r->raw_len;
		record.line = r->line;
		record.stamp = dated ? scan->watermark : r->stamp;
		weir_decoder_add(again->decoder, scan, &record);
		again->next++;
	}
}

bool
weir_again_next(WeirAgain *again, WeirScanInput *scan, bool forget, int64 *line)
{
	ErrorData  *error;

	weir_scan_input_reset(scan);
	weir_decoder_reset(again->decoder);
	if (again->next == again->nrecords)
		read_records(again, scan, forget);
	if (again->nrecords == 0)
		return false;
	fill(again, scan);
	error = weir_decoder_run(again->decoder, scan, line);
	if (error)
		ReThrowError(error);
	again->handed = again->records[again->next - 1].id;
	return true;
}

int64
weir_again_position(const WeirAgain *again)
{
	return again->handed > again->settled ? again->handed : 0;
}

void
weir_again_settled(WeirAgain *again, int64 position)
{
	again->settled = Max(again->settled, position);
}

void
weir_again_forget(WeirAgain *again)
{
	MemoryContext caller;
	int64		position = weir_again_position(again);

	if (position == 0)
		return;
	begin(&caller);
	weir_retry_forget(again->job, again->stream->relid, position);
	end(caller);
	again->settled = position;
}
