/*
 * reader.c
 *		Reads a task's part of a topic.
 *
 * Its partitions are assigned to a client that prefetches them; their messages come
 * in one queue, those of a partition in their order.  A position is of what was
 * handed out.  Before a partition goes on, the record that was handed out last is read
 * again, and must be what it was.
 */
#include "postgres.h"

#include "access/xact.h"
#include "commands/dbcommands.h"
#include "miscadmin.h"
#include "utils/memutils.h"

#include "base/clock.h"
#include "base/text.h"
#include "commit.h"
#include "consumer.h"
#include "reader.h"
#include "record.h"
#include "topic.h"

#define LAST_COMMIT_MS	500		/* so long the last commit is waited for */

static void
give_back(WeirKafkaReader *r)
{
	for (; r->gone < r->nmessages; r->gone++)
		rd_kafka_message_destroy(r->messages[r->gone]);
}

/* Of a client that goes. */
static void
release(WeirKafkaClient *client)
{
	WeirKafkaReader *r = client->owner;

	give_back(r);
	if (r->answers != NULL)
		rd_kafka_queue_destroy(r->answers);
	r->answers = NULL;
}

/* A job may read a topic by several streams, whose offsets are not to be mixed up. */
static char *
group_name(const WeirKafkaReader *r)
{
	char	   *name = psprintf("weir.%s.%s", get_database_name(MyDatabaseId), r->options.job_name);

	if (r->kafka->group_id != NULL)
		return r->kafka->group_id;
	return r->options.ordinal == 0 ? name : psprintf("%s.%d", name, r->options.ordinal + 1);
}

static void
open_client(WeirKafkaReader *r)
{
	MemoryContext caller = CurrentMemoryContext;
	rd_kafka_conf_t *conf;

	StartTransactionCommand();
	r->group = MemoryContextStrdup(r->context, group_name(r));
	conf = weir_kafka_conf(r->stream, RD_KAFKA_CONSUMER, r->options.owner);
	weir_kafka_conf_set(conf, "group.id", r->group);
	MemoryContextSwitchTo(r->context);
	r->client = weir_kafka_client_create(conf, RD_KAFKA_CONSUMER);
	r->client->owner = r;
	r->client->release = release;
	CommitTransactionCommand();
	MemoryContextSwitchTo(caller);
}

static void
read_start(WeirKafkaReader *r, const WeirPosition *start)
{
	if (!weir_kafka_position_decode(start, &r->start))
		weir_position_refuse(start, "weir_kafka");
	r->fresh = start->len == 0;
	r->clock = r->start.clock;
	r->records = r->options.subtask == 0 ? r->start.records : 0;
	r->began_ended = r->ended = r->start.ended && !r->options.pass_end;
}

WeirKafkaReader *
weir_kafka_reader_open(const WeirStream *stream, const WeirSourceOptions *options,
					   const WeirPosition *start, WeirSourceStats *stats)
{
	MemoryContext context = AllocSetContextCreate(TopMemoryContext, "weir kafka reader",
												  ALLOCSET_DEFAULT_SIZES);
	MemoryContext caller = MemoryContextSwitchTo(context);
	WeirKafkaReader *r = palloc0(sizeof(WeirKafkaReader));

	r->source.ops = &weir_kafka_source;
	r->context = context;
	r->stream = stream;
	r->kafka = weir_kafka_of(stream);
	r->options = *options;
	r->options.ntasks = Max(options->ntasks, 1);
	r->stats = stats ? stats : palloc0(sizeof(WeirSourceStats));
	r->decoder = weir_decoder_create(stream, options->suspects);
	read_start(r, start);
	open_client(r);
	weir_text_copy(r->stats->peer, r->kafka->brokers, sizeof(r->stats->peer));
	r->stats->status = WEIR_SOURCE_CONNECTING;
	r->stats->records = r->stats->records_before = r->records;
	MemoryContextSwitchTo(caller);
	return r;
}

void
weir_kafka_reader_close(WeirKafkaReader *r)
{
	if (!r->client->down)
		weir_kafka_commit_hear(r, LAST_COMMIT_MS);
	weir_kafka_client_destroy(r->client);
	r->stats->status = WEIR_SOURCE_CLOSED;
	MemoryContextDelete(r->context);
}

/* What the client had to say while its queue was read. */
static void
note_errors(WeirKafkaReader *r)
{
	if (r->client->fatal != RD_KAFKA_RESP_ERR_NO_ERROR)
		ereport(ERROR,
				(errcode(ERRCODE_FDW_ERROR),
				 errmsg("client of stream %s cannot go on", r->stream->name),
				 errdetail("librdkafka %s says: %s.", rd_kafka_version_str(), r->client->fatal_text)));
	if (r->client->errors == r->errors)
		return;
	r->errors = r->client->errors;
	weir_text_copy(r->stats->last_error, r->client->last_error, sizeof(r->stats->last_error));
	if (!r->client->down)
		return;
	weir_kafka_doubt(r);
	if (r->stats->status == WEIR_SOURCE_CONNECTING)
		return;
	r->stats->status = WEIR_SOURCE_CONNECTING;
	ereport(LOG,
			(errmsg("stream %s: no broker answers", r->stream->name),
			 errdetail("librdkafka says: %s.", r->client->last_error)));
}

/* True: there are messages that were not handed out. */
static bool
fetch(WeirKafkaReader *r, int limit)
{
	ssize_t		n;

	if (r->next < r->nmessages)
		return true;
	give_back(r);
	n = rd_kafka_consume_batch_queue(r->client->queue, 0, r->messages, Min(limit, WEIR_KAFKA_MESSAGES));
	r->nmessages = n > 0 ? (int) n : 0;
	r->next = r->gone = 0;
	r->told = false;
	note_errors(r);
	return r->nmessages > 0 && !r->unsure;
}

static WeirKafkaPartition *
partition_of(const WeirKafkaReader *r, const rd_kafka_message_t *message)
{
	WeirKafkaPartition *p = message->partition < r->nslots ? r->partitions[message->partition] : NULL;

	return p != NULL && p->reads && !p->differs ? p : NULL;
}

/* It was handed out before: is it still the same? */
static void
verify(WeirKafkaReader *r, WeirKafkaPartition *p, const rd_kafka_message_t *message)
{
	if (message->offset == p->verify && weir_kafka_print(message) != p->at.print)
		weir_kafka_topic_differs(r, p);
}

static void
add(WeirKafkaReader *r, WeirScanInput *scan, const rd_kafka_message_t *message)
{
	WeirFramedRecord record = {0};

	record.data = message->payload;
	record.len = record.size = message->len;
	record.line = weir_kafka_line(message->partition, message->offset);
	record.stamp = r->clock;
	record.fault = message->len > r->stream->max_record ? WEIR_RECORD_TOO_LONG : WEIR_RECORD_WHOLE;
	if (record.fault == WEIR_RECORD_TOO_LONG)
		weir_kafka_too_long(r, &record);
	scan->batch->partitions[scan->batch->nrows] = message->partition;
	weir_decoder_describe(r->decoder, message);
	weir_decoder_add(r->decoder, scan, &record);
}

static void
take(WeirKafkaReader *r, WeirScanInput *scan, const rd_kafka_message_t *message)
{
	WeirKafkaPartition *p;

	if (message->err != RD_KAFKA_RESP_ERR_NO_ERROR)
	{
		weir_kafka_message_error(r, message);
		return;
	}
	p = partition_of(r, message);
	if (p == NULL)
		return;
	p->moved = false;
	if (message->offset < p->at.next)
	{
		verify(r, p, message);
		return;
	}
	if (p->last == NULL)
		r->touched[r->ntouched++] = p;
	p->last = message;
	p->at.next = message->offset + 1;
	p->verify = -1;
	r->records++;
	r->stats->bytes += message->len + message->key_len;
	if (message->len > 0 || message->payload == NULL || !r->stream->skip_empty)
		add(r, scan, message);
}

/* Of each partition the last record is remembered, while there still are its bytes. */
static void
remember(WeirKafkaReader *r)
{
	for (int i = 0; i < r->ntouched; i++)
	{
		WeirKafkaPartition *p = r->touched[i];

		p->at.known = p->last->offset;
		p->at.print = weir_kafka_print(p->last);
		p->last = NULL;
	}
	r->ntouched = 0;
}

static void
fill(WeirKafkaReader *r, WeirScanInput *scan)
{
	r->clock = Max(r->clock, weir_arrival_time());
	weir_batch_keep_partitions(scan->batch);
	while (scan->batch->nrows == 0 && fetch(r, scan->limit) && weir_kafka_commit_taken(r))
	{
		r->client->down = false;
		r->stats->status = WEIR_SOURCE_CONNECTED;
		while (r->next < r->nmessages && scan->batch->nrows < scan->limit && !weir_decoder_full(r->decoder))
			take(r, scan, r->messages[r->next++]);
		remember(r);
		weir_kafka_reassign(r);
		CHECK_FOR_INTERRUPTS();
	}
}

static void
prepare(WeirKafkaReader *r, WeirScanInput *scan)
{
	MemoryContext caller = CurrentMemoryContext;

	if (r->prepared)
		return;
	StartTransactionCommand();
	weir_decoder_prepare(r->decoder, scan->batch);
	CommitTransactionCommand();
	MemoryContextSwitchTo(caller);
	r->prepared = true;
}

/* Those of the batch before are not needed any more. */
static void
give_back_batch(WeirKafkaReader *r)
{
	for (; r->gone < r->next; r->gone++)
		rd_kafka_message_destroy(r->messages[r->gone]);
}

static void
decode(WeirKafkaReader *r, WeirScanInput *scan)
{
	ErrorData  *error = weir_decoder_run(r->decoder, scan, &r->failed_line);

	if (error != NULL)
		ReThrowError(error);
	r->stats->records = r->records;
	r->stats->last_record_at = r->clock;
}

/* Before it is known what they are of; they come again.  A commit that is under way is waited for. */
static void
drop_messages(WeirKafkaReader *r)
{
	if (r->held && r->commits)
		return;
	r->next = r->nmessages;
	r->held = false;
	r->commit_due = 0;
}

WeirReadResult
weir_kafka_reader_next(WeirKafkaReader *r, WeirScanInput *scan)
{
	weir_scan_input_reset(scan);
	weir_decoder_reset(r->decoder);
	give_back_batch(r);
	r->ended = r->ended || r->draining;
	if (r->ended)
		return WEIR_READ_ENDED;
	weir_kafka_client_clear_ready(r->client);
	weir_kafka_look(r);
	weir_kafka_commit_hear(r, 0);
	if (!r->placed || r->unsure)
	{
		(void) fetch(r, scan->limit);
		drop_messages(r);
		return WEIR_READ_WAIT;
	}
	prepare(r, scan);
	fill(r, scan);
	weir_kafka_tell_partitions(r, scan);
	if (scan->batch->nrows == 0)
		return WEIR_READ_WAIT;
	decode(r, scan);
	return WEIR_READ_BATCH;
}

long
weir_kafka_reader_timeout(const WeirKafkaReader *r)
{
	int64		due = PG_INT64_MAX;

	if (r->ended)
		return -1;
	if (r->draining || (r->next < r->nmessages && !r->held))
		return 0;
	if (r->enquiry == NULL)
		due = r->look_due;
	if (r->commit_due > 0)
		due = Min(due, r->commit_due);
	return due == PG_INT64_MAX ? -1 : weir_ms_until(due);
}

/* The client's place is ahead of messages that wait here. */
void
weir_kafka_pass_gaps(WeirKafkaReader *r)
{
	rd_kafka_topic_partition_list_t *list;

	if (!r->placed || r->unsure || r->next < r->nmessages)
		return;
	list = weir_kafka_partitions(r);
	if (rd_kafka_position(r->client->rk, list) == RD_KAFKA_RESP_ERR_NO_ERROR)
	{
		for (int i = 0; i < list->cnt; i++)
		{
			WeirKafkaPartition *p = r->partitions[list->elems[i].partition];

			if (list->elems[i].err == RD_KAFKA_RESP_ERR_NO_ERROR && !p->differs && !p->moved)
				p->at.next = Max(p->at.next, list->elems[i].offset);
		}
	}
	rd_kafka_topic_partition_list_destroy(list);
}

static bool
add_parts(const WeirKafkaReader *r, WeirKafkaPosition *position)
{
	for (int i = 0; i < r->start.n; i++)
	{
		if (weir_kafka_is_mine(r, r->start.parts[i].partition) &&
			!weir_kafka_position_set(position, &r->start.parts[i]))
			return false;
	}
	for (int i = 0; i < r->nslots; i++)
	{
		if (r->partitions[i] != NULL && !weir_kafka_position_set(position, &r->partitions[i]->at))
			return false;
	}
	return true;
}

/* Partitions that are not read now keep their place. */
void
weir_kafka_reader_position(WeirKafkaReader *r, bool final, WeirPosition *out)
{
	WeirKafkaPosition position;

	if (!r->placed && r->fresh)
		return;
	weir_kafka_pass_gaps(r);
	weir_kafka_position_init(&position);
	position.topic = weir_kafka_topic_print(r->kafka->topic);
	position.clock = r->clock;
	position.records = r->records;
	position.ended = r->ended && (final || r->began_ended);
	if (!add_parts(r, &position) || !weir_kafka_position_encode(&position, out))
		weir_kafka_position_full(r->stream);
}
