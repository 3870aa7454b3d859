/*
 * task/letters.c
 *		The dead letters that a task with a sink writes in its epochs.
 *
 * A letter is written in the epoch that holds the record's place in the stream,
 * so that it is there exactly once, as the output of the records round it is.
 * Its checkpoint is not known then, since that may be aborted: it is entered
 * when the task votes, and again if it votes for another.
 *
 * More letters a minute than max_dead_letters would mean that something else is
 * wrong than a record: the job fails (decide/letter_rate.h).  Each task counts
 * those it can see, which are the committed ones and its own.
 */
#include "postgres.h"

#include "utils/memutils.h"

#include "graph/kinds/source.h"
#include "source/excerpt.h"
#include "task/letters.h"

#define LINE_CHARS (1024 * 1024)	/* of a letter's text; its bytes are kept whole */

/* Those of a stream, which must outlive it. */
typedef struct WeirLetters
{
	WeirLetterOrigin origin;
	const WeirSourceOps *source;
	int			encoding;		/* of the records' bytes */
	int64		max;			/* that may be kept of a minute */
	int64		first;			/* id of the open epoch's first, 0: it has none */
	WeirLetterRate rate;		/* as far as this task knows, once it has one */
	int64	   *written;		/* in this attempt */
	bool	   *hopeless;		/* set before the error that there are too many */
} WeirLetters;

static void
init(WeirLetters *letters, WeirTask *task, const WeirStream *stream, int64 *written)
{
	letters->origin.job = task->attempt->job;
	letters->origin.attempt = task->attempt->attempt;
	letters->origin.task = task->index;
	letters->origin.relid = stream->relid;
	letters->origin.stream = stream->name;
	letters->source = stream->source;
	letters->encoding = stream->encoding;
	letters->max = stream->max_dead_letters;
	letters->hopeless = &task->hopeless;
	letters->written = written;
}

static void
count_again(WeirLetters *letters, int64 stamp)
{
	weir_dead_letters_recent(letters->origin.job, letters->origin.relid, stamp, &letters->rate);
}

/* Is there room for one more?  The owner may have made some meanwhile. */
static void
take_room(WeirLetters *letters, const WeirLetter *letter)
{
	if (letters->first == 0 || weir_letter_rate_at(&letters->rate, letter->stamp) >= letters->max)
		count_again(letters, letter->stamp);
	if (weir_letter_rate_at(&letters->rate, letter->stamp) < letters->max)
	{
		weir_letter_rate_add(&letters->rate, letter->stamp, 1);
		return;
	}
	*letters->hopeless = true;
	ereport(ERROR,
			(errcode(ERRCODE_CONFIGURATION_LIMIT_EXCEEDED),
			 errmsg("stream %s has more than " INT64_FORMAT " dead letters within a minute",
					letters->origin.stream, letters->max),
			 letters->source->place ?
			 errdetail("The record of %s is one more: %s", letters->source->place(letter->line), letter->error) :
			 errdetail("Line " INT64_FORMAT " is one more: %s", letter->line, letter->error),
			 errhint("Raise the stream's option \"max_dead_letters\", or delete what was dealt with of that minute from weir.dead_letters; then start the job again.")));
}

/* Where a line is not what people know a record by, its letter says what is. */
static const char *
error_text(const WeirLetters *letters, const WeirLetter *letter)
{
	if (letters->source->place == NULL)
		return letter->error;
	return psprintf("%s\n%s", letter->error, letters->source->place(letter->line));
}

static void
write_letter(WeirLetters *letters, const WeirLetter *letter)
{
	WeirLetter	told = *letter;
	MemoryContext scratch = AllocSetContextCreate(CurrentMemoryContext, "weir dead letter",
												  ALLOCSET_DEFAULT_SIZES);
	MemoryContext old = MemoryContextSwitchTo(scratch);
	char	   *text = NULL;
	int64		id;

	take_room(letters, letter);
	if (letter->raw)
		text = weir_record_text(letter->raw, letter->raw_len, letters->encoding, LINE_CHARS);
	told.error = error_text(letters, letter);
	id = weir_dead_letter_insert(&letters->origin, &told, text);
	MemoryContextSwitchTo(old);
	MemoryContextDelete(scratch);
	if (letters->first == 0)
		letters->first = id;
	(*letters->written)++;
}

/* Do records of this source come to the task? */
static bool
reaches(const WeirTask *task, const WeirNode *source)
{
	for (int i = 0; i < weir_task_nnodes(task); i++)
	{
		if (weir_graph_reaches(task->dataflow->graph, source, weir_task_node(task, i)))
			return true;
	}
	return false;
}

void
weir_letter_box_open(WeirLetterBox *box, WeirTask *task)
{
	const WeirGraph *graph = task->dataflow->graph;

	box->n = graph->nnodes;
	box->streams = palloc0(sizeof(WeirStream *) * box->n);
	box->letters = palloc0(sizeof(WeirLetters) * box->n);
	for (int i = 0; i < box->n; i++)
	{
		const WeirNode *node = graph->nodes[i];

		if (!weir_node_ops(node->kind)->source || !reaches(task, node))
			continue;
		box->streams[i] = weir_stream_get(weir_source_plan(node)->stream);
		init(&box->letters[i], task, box->streams[i],
			 &task->slot->stats.dead_letters[task->stages->stage_of[i]]);
		box->kept = box->kept || box->streams[i]->dead_letter;
	}
}

int
weir_letter_box_source(const WeirLetterBox *box, int source)
{
	if (source >= 0 && source < box->n && box->streams[source] != NULL)
		return source;
	for (int i = 0; i < box->n; i++)
	{
		if (box->streams[i] != NULL)
			return i;
	}
	elog(ERROR, "no stream comes to the task");
}

void
weir_letter_box_write(WeirLetterBox *box, const WeirLetter *letter)
{
	Assert(box->streams[letter->source] != NULL);
	write_letter(&box->letters[letter->source], letter);
}

void
weir_letter_box_claim(WeirLetterBox *box, int64 checkpoint)
{
	for (int i = 0; i < box->n; i++)
	{
		const WeirLetters *letters = &box->letters[i];

		if (letters->first > 0)
			weir_dead_letters_claim(&letters->origin, letters->first, checkpoint);
	}
}

void
weir_letter_box_end_epoch(WeirLetterBox *box)
{
	for (int i = 0; i < box->n; i++)
		box->letters[i].first = 0;
}

bool
weir_letter_box_is_open(const WeirLetterBox *box)
{
	for (int i = 0; i < box->n; i++)
	{
		if (box->letters[i].first > 0)
			return true;
	}
	return false;
}
