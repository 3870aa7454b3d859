/*
 * task/late.c
 *		Rows that come to a task's operators when what they belong to is over, or without a time.
 */
#include "postgres.h"

#include "utils/memutils.h"

#include "operator/late.h"
#include "task/late.h"

/* A job takes up the watermark that its checkpoint has, whatever the bound is by then. */
#define STOP_HINT \
	"Set the stream's option \"late\" to 'drop' or 'dead_letter', and start the job again. " \
	"A larger bound of the watermark helps with weir.start_job(..., fresh => true), or where no checkpoint has come so far."

void
weir_late_open(WeirChain *chain)
{
	chain->late_context = AllocSetContextCreate(CurrentMemoryContext, "weir late records",
												ALLOCSET_SMALL_SIZES);
}

/* The bytes are the batch's, which is gone before the letter. */
static void
add_letter(WeirChain *chain, const WeirBatch *in, int row, WeirUntimely why)
{
	MemoryContext old = MemoryContextSwitchTo(chain->late_context);
	WeirLetter *letter = palloc0(sizeof(WeirLetter));
	WeirRaw		raw = weir_batch_raw(in, row);

	letter->source = weir_letter_box_source(&chain->letters, in->source);
	letter->line = in->lines[row];
	letter->stamp = in->stamps[row];
	letter->sqlstate = WEIR_ERRCODE_LATE;
	letter->error = psprintf("%s %s\n%s", _("the record"), weir_late_problem(why), weir_late_detail(in, row, why));
	if (raw.data)
	{
		letter->raw = memcpy(palloc(Max(raw.len, 1)), raw.data, raw.len);
		letter->raw_len = raw.len;
	}
	chain->late_letters = lappend(chain->late_letters, letter);
	MemoryContextSwitchTo(old);
}

static void
take_late(WeirOperator *op, const WeirBatch *in, int row, WeirUntimely why)
{
	WeirChain  *chain = op->late_arg;
	const WeirStream *stream = chain->letters.streams[weir_letter_box_source(&chain->letters, in->source)];

	chain->task->slot->stats.late_records++;
	switch (stream->late)
	{
		case WEIR_LATE_DROP:
			break;
		case WEIR_LATE_DEAD_LETTER:
			add_letter(chain, in, row, why);
			break;
		case WEIR_LATE_STOP:
			chain->task->line = in->lines[row];
			chain->task->hopeless = true;
			weir_late_raise(stream->name, in, row, why, STOP_HINT, "'drop' or 'dead_letter'");
	}
}

void
weir_late_watch(WeirChain *chain, WeirOperator *op)
{
	op->late = take_late;
	op->late_arg = chain;
}

void
weir_late_undo(WeirChain *chain, int64 records, int letters)
{
	chain->task->slot->stats.late_records = records;
	chain->late_letters = list_truncate(chain->late_letters, letters);
}

void
weir_late_settle(WeirChain *chain)
{
	ListCell   *lc;

	if (chain->late_letters == NIL)
		return;
	foreach(lc, chain->late_letters)
		weir_chain_pass_letter(chain, lfirst(lc));
	chain->late_letters = NIL;
	MemoryContextReset(chain->late_context);
}
