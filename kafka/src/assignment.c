/*
 * assignment.c
 *		Which partitions of a topic a task reads, and from where.
 *
 * The topic is looked at before anything is read, and again now and then, since a
 * consumer that is assigned its partitions is told of no new ones.  These begin at
 * offset 0, or where the position has them.  A position that the topic does not have is never left to the client to
 * mend: it is an error that says how much is missing.
 */
#include "postgres.h"

#include "base/clock.h"
#include "base/text.h"
#include "gap.h"
#include "reader.h"
#include "record.h"
#include "token.h"
#include "unix_time.h"

#define RETRY_US	INT64CONST(1000000)

bool
weir_kafka_is_mine(const WeirKafkaReader *r, int32 partition)
{
	return partition % r->options.ntasks == r->options.subtask;
}

WeirKafkaQuestion
weir_kafka_question(const WeirKafkaReader *r)
{
	WeirKafkaQuestion question = {0};

	question.topic = r->kafka->topic;
	question.selection = r->kafka->all_partitions ? NULL : &r->kafka->partitions;
	question.subtask = r->options.subtask;
	question.ntasks = r->options.ntasks;
	question.shared = r->options.partitions;
	question.since = -1;
	return question;
}

static void
ask(WeirKafkaReader *r)
{
	WeirKafkaQuestion question = weir_kafka_question(r);

	question.bounds = r->bounds = !r->placed || r->unsure;
	if (!r->placed && r->fresh && r->kafka->start == WEIR_KAFKA_TIME)
		question.since = weir_unix_ms(r->kafka->start_time);
	question.committed = !r->placed && r->options.at_most_once;
	r->enquiry = weir_kafka_enquiry_begin(r->client, &question);
}

static bool
is_lasting(rd_kafka_resp_err_t error)
{
	return error == RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART ||
		error == RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC ||
		error == RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION ||
		error == RD_KAFKA_RESP_ERR_TOPIC_EXCEPTION ||
		error == RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED ||
		error == RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED ||
		error == RD_KAFKA_RESP_ERR_CLUSTER_AUTHORIZATION_FAILED;
}

/* Brokers that are away are waited for. */
static void
note_failure(WeirKafkaReader *r, rd_kafka_resp_err_t error, const char *text)
{
	if (is_lasting(error))
		weir_kafka_refuse_topic(r, error, text);
	r->stats->status = WEIR_SOURCE_CONNECTING;
	if (r->client->last_error[0] == '\0')
		weir_text_copy(r->stats->last_error, text, sizeof(r->stats->last_error));
	r->look_due = weir_now() + RETRY_US;
}

static void
check_selection(const WeirKafkaReader *r, int npartitions)
{
	if (r->kafka->all_partitions || weir_selection_last(&r->kafka->partitions) < npartitions)
		return;
	ereport(ERROR,
			(errcode(ERRCODE_FDW_TABLE_NOT_FOUND),
			 errmsg("topic \"%s\" of stream %s has no partition %d", r->kafka->topic, r->stream->name,
					weir_selection_last(&r->kafka->partitions)),
			 errdetail("It has %d, numbered from 0.", npartitions),
			 errhint("Correct the stream's option \"partitions\", or add partitions to the topic.")));
}

/* Of another topic nothing was read. */
static void
check_topic(WeirKafkaReader *r)
{
	if (r->fresh || r->start.topic == weir_kafka_topic_print(r->kafka->topic))
		return;
	if (!r->options.allow_gap)
	{
		r->hopeless = true;
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("the job's position is not in topic \"%s\" of stream %s", r->kafka->topic, r->stream->name),
				 errdetail("The stream's option \"topic\" was altered."),
				 errhint("Start the job with weir.start_job(fresh => true) to begin anew, or with weir.start_job(allow_gap => true) to go on where the option \"start\" says.")));
	}
	r->fresh = true;
	r->start.n = 0;
}

/* Where a partition of which nothing was read begins. */
static int64
begin_offset(const WeirKafkaReader *r, const WeirKafkaAnswer *a)
{
	if (!r->fresh)
		return 0;
	switch (r->kafka->start)
	{
		case WEIR_KAFKA_LATEST:
			return a->high;
		case WEIR_KAFKA_TIME:
			return a->at >= 0 ? a->at : a->high;
		case WEIR_KAFKA_EARLIEST:
			break;
	}
	return a->low;
}

static WeirKafkaPart
find_place(WeirKafkaReader *r, const WeirKafkaAnswer *a)
{
	const WeirKafkaPart *start = weir_kafka_position_find(&r->start, a->partition);
	WeirKafkaPart part = {a->partition, 0, -1, 0};

	if (start != NULL)
		part = *start;
	else
		part.next = begin_offset(r, a);
	if (part.next == WEIR_KAFKA_FIRST)
		part.next = a->low;
	if (r->options.at_most_once && a->committed > part.next && weir_kafka_token_is_mine(a->token, r->options.job, r->options.ordinal))
	{
		part.next = a->committed;
		part.known = -1;
	}
	return part;
}

static void *
grow(const WeirKafkaReader *r, void *array, Size size)
{
	return array == NULL ? MemoryContextAllocZero(r->context, size) : repalloc(array, size);
}

static WeirKafkaPartition *
add_partition(WeirKafkaReader *r, int32 number)
{
	WeirKafkaPartition *p = MemoryContextAllocZero(r->context, sizeof(WeirKafkaPartition));

	if (number >= r->nslots)
	{
		int			nslots = Max(number + 1, r->nslots * 2);

		r->partitions = grow(r, r->partitions, nslots * sizeof(WeirKafkaPartition *));
		r->touched = grow(r, r->touched, nslots * sizeof(WeirKafkaPartition *));
		r->assigned = grow(r, r->assigned, nslots * sizeof(int32));
		r->waits = grow(r, r->waits, nslots * sizeof(bool));
		memset(r->partitions + r->nslots, 0, (nslots - r->nslots) * sizeof(WeirKafkaPartition *));
		r->nslots = nslots;
	}
	p->at.partition = number;
	p->at.known = p->verify = -1;
	p->reads = true;
	r->partitions[number] = p;
	r->waits[r->nassigned] = false;
	r->assigned[r->nassigned++] = number;
	return p;
}

rd_kafka_topic_partition_list_t *
weir_kafka_partitions(const WeirKafkaReader *r)
{
	rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(r->nslots);

	for (int i = 0; i < r->nslots; i++)
	{
		const WeirKafkaPartition *p = r->partitions[i];

		if (p != NULL && p->reads)
			rd_kafka_topic_partition_list_add(list, r->kafka->topic, i)->offset =
				p->verify >= 0 ? p->verify : p->at.next;
	}
	return list;
}

static void
refuse_assignment(const char *why)
{
	ereport(ERROR,
			(errcode(ERRCODE_FDW_ERROR),
			 errmsg("could not assign partitions to a client of Kafka"),
			 errdetail("librdkafka %s says: %s.", rd_kafka_version_str(), why)));
}

static void
assign(WeirKafkaReader *r)
{
	rd_kafka_topic_partition_list_t *list = weir_kafka_partitions(r);
	rd_kafka_resp_err_t error = rd_kafka_assign(r->client->rk, list);

	rd_kafka_topic_partition_list_destroy(list);
	if (error != RD_KAFKA_RESP_ERR_NO_ERROR)
		refuse_assignment(rd_kafka_err2str(error));
}

/* A topic never loses partitions: that one is not there means that it is another, or that a broker does not know it yet. */
static void
drop_gone(WeirKafkaReader *r, WeirKafkaGap *gap, int npartitions)
{
	int			kept = 0;

	for (int i = 0; i < r->start.n; i++)
	{
		const WeirKafkaPart *part = &r->start.parts[i];

		if (part->partition < npartitions)
			r->start.parts[kept++] = *part;
		else if (weir_kafka_is_mine(r, part->partition))
			weir_kafka_gap_add_gone(gap, part, npartitions);
	}
	r->start.n = kept;
}

static void
pass_gap(WeirKafkaReader *r, const WeirKafkaGap *gap)
{
	if (gap->npartitions == 0)
		return;
	if (!r->options.allow_gap)
	{
		r->hopeless = gap->npartitions_now == 0;
		weir_kafka_gap_refuse(gap, r->stream->name, r->kafka->topic);
	}
	weir_kafka_gap_tell(gap, r->stream->name, r->kafka->topic);
}

/* Where the known record of a partition is read again. */
static int64
verify_at(const WeirKafkaPart *part, const WeirKafkaAnswer *a)
{
	return part->known >= a->low && part->known < a->high ? part->known : -1;
}

/* The first look: where all its partitions begin. */
static void
begin(WeirKafkaReader *r, const WeirKafkaAnswer *answers, int n)
{
	WeirKafkaGap gap;

	check_topic(r);
	weir_kafka_gap_init(&gap);
	drop_gone(r, &gap, weir_kafka_enquiry_partitions(r->enquiry));
	for (int i = 0; i < n; i++)
	{
		WeirKafkaPart part = find_place(r, &answers[i]);
		WeirKafkaPartition *p;

		weir_kafka_gap_look(&gap, &part, &answers[i]);
		p = add_partition(r, part.partition);
		p->at = part;
		p->low = answers[i].low;
		p->verify = verify_at(&part, &answers[i]);
	}
	pass_gap(r, &gap);
	assign(r);
	r->placed = true;
	r->stats->connected_at = weir_date();
}

/* One that has a place was hidden by a broker that did not know of it. */
static int64
begin_added(WeirKafkaReader *r, WeirKafkaPartition *p)
{
	const WeirKafkaPart *start = weir_kafka_position_find(&r->start, p->at.partition);

	if (start == NULL || start->next == WEIR_KAFKA_FIRST)
		return 0;
	p->at = *start;
	p->verify = start->known;
	return p->verify >= 0 ? p->verify : p->at.next;
}

/* Partitions that were added to the topic. */
static void
extend(WeirKafkaReader *r, const WeirKafkaAnswer *answers, int n)
{
	rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
	rd_kafka_error_t *error = NULL;
	char		why[256] = "";

	for (int i = 0; i < n; i++)
	{
		int32		number = answers[i].partition;

		if (number < r->nslots && r->partitions[number] != NULL)
			continue;
		rd_kafka_topic_partition_list_add(list, r->kafka->topic, number)->offset = begin_added(r, add_partition(r, number));
		ereport(LOG,
				(errmsg("stream %s: partition %d was added to topic \"%s\"", r->stream->name, number, r->kafka->topic)));
	}
	if (list->cnt > 0)
		error = rd_kafka_incremental_assign(r->client->rk, list);
	rd_kafka_topic_partition_list_destroy(list);
	if (error == NULL)
		return;
	weir_text_copy(why, rd_kafka_error_string(error), sizeof(why));
	rd_kafka_error_destroy(error);
	refuse_assignment(why);
}

/* A further look, after which all partitions are read again from the record that each knows. */
static void
go_on(WeirKafkaReader *r, const WeirKafkaAnswer *answers, int n)
{
	WeirKafkaGap gap;

	weir_kafka_gap_init(&gap);
	for (int i = weir_kafka_enquiry_partitions(r->enquiry); i < r->nslots; i++)
	{
		if (r->partitions[i] != NULL)
			weir_kafka_gap_add_gone(&gap, &r->partitions[i]->at, weir_kafka_enquiry_partitions(r->enquiry));
	}
	if (gap.npartitions > 0)
		weir_kafka_gap_refuse(&gap, r->stream->name, r->kafka->topic);
	for (int i = 0; i < n; i++)
	{
		WeirKafkaPartition *p = answers[i].partition < r->nslots ? r->partitions[answers[i].partition] : NULL;

		if (p == NULL)
			continue;
		weir_kafka_gap_look(&gap, &p->at, &answers[i]);
		p->low = answers[i].low;
		p->verify = verify_at(&p->at, &answers[i]);
		p->moved = true;
	}
	pass_gap(r, &gap);
	assign(r);
	r->unsure = false;
}

static void
settle(WeirKafkaReader *r)
{
	const char *text;
	const WeirKafkaAnswer *answers;
	rd_kafka_resp_err_t error = weir_kafka_enquiry_error(r->enquiry, &text);
	int			n;

	if (error != RD_KAFKA_RESP_ERR_NO_ERROR)
	{
		note_failure(r, error, text);
		return;
	}
	check_selection(r, weir_kafka_enquiry_partitions(r->enquiry));
	n = weir_kafka_enquiry_answers(r->enquiry, &answers);
	if (!r->placed)
		begin(r, answers, n);
	else if (r->unsure && r->bounds && !(r->held && r->commits))
		go_on(r, answers, n);
	extend(r, answers, n);
	r->client->down = false;
	r->stats->status = WEIR_SOURCE_CONNECTED;
	r->look_due = weir_now() + (r->unsure ? RETRY_US : r->kafka->discovery_interval);
}

void
weir_kafka_doubt(WeirKafkaReader *r)
{
	if (!r->placed)
		return;
	r->unsure = true;
	r->bounds = false;
	r->look_due = 0;
}

void
weir_kafka_look(WeirKafkaReader *r)
{
	if (r->enquiry == NULL && weir_now() >= r->look_due)
		ask(r);
	if (r->enquiry == NULL || !weir_kafka_enquiry_is_done(r->enquiry))
		return;
	settle(r);
	weir_kafka_enquiry_end(r->enquiry);
	r->enquiry = NULL;
}

void
weir_kafka_reassign(WeirKafkaReader *r)
{
	bool		any = false;

	if (r->next < r->nmessages)
		return;
	for (int i = 0; i < r->nslots; i++)
	{
		WeirKafkaPartition *p = r->partitions[i];

		if (p == NULL || !p->differs)
			continue;
		ereport(LOG,
				(errmsg("stream %s: partition %d of topic \"%s\" is another one than was read, and begins anew",
						r->stream->name, i, r->kafka->topic)));
		p->at.next = p->low;
		p->at.known = p->verify = -1;
		p->differs = false;
		p->moved = true;
		any = true;
	}
	if (any)
		assign(r);
}

/* As far as the client has been told by the brokers of late. */
static bool
waits(const WeirKafkaReader *r, const WeirKafkaPartition *p)
{
	int64_t		low = RD_KAFKA_OFFSET_INVALID;
	int64_t		high = RD_KAFKA_OFFSET_INVALID;

	return rd_kafka_get_watermark_offsets(r->client->rk, r->kafka->topic, p->at.partition, &low, &high) == RD_KAFKA_RESP_ERR_NO_ERROR &&
		high >= 0 && p->at.next >= high;
}

void
weir_kafka_tell_partitions(WeirKafkaReader *r, WeirScanInput *scan)
{
	static const int32 none = -1;

	if (!r->placed)
		return;
	scan->nassigned = r->nassigned;
	scan->assigned = r->assigned != NULL ? r->assigned : &none;
	if (r->stream->idle_timeout == 0)
		return;
	weir_kafka_pass_gaps(r);
	for (int i = 0; i < r->nassigned; i++)
		r->waits[i] = waits(r, r->partitions[r->assigned[i]]);
	scan->waits = r->waits;
}
