/*
 * enquiry.c
 *		What the brokers know of a topic.
 *
 * What the thread touches is its own until it has said that it is done: memory of
 * malloc, and the client, whose functions any thread may call.  It calls nothing
 * of PostgreSQL's.
 */
#include "postgres.h"

#include <pthread.h>
#include <unistd.h>

#include "decide/keygroup.h"
#include "enquiry.h"
#include "lib/ilist.h"

#define STEP_MS		1000		/* of one call: so long a thread may be waited for */
#define STEPS		10

struct WeirKafkaEnquiry
{
	pthread_t	thread;
	dlist_node	node;
	rd_kafka_t *rk;
	int			ready;			/* the client's */
	char	   *topic;
	bool		all;
	WeirSelection selection;
	WeirKafkaQuestion question;
	bool		stop;			/* atomic: nobody waits for the answer */
	bool		done;			/* atomic: what follows is right */
	rd_kafka_resp_err_t error;
	char		text[256];
	int			npartitions;
	int			n;
	WeirKafkaAnswer *answers;
};

static dlist_head enquiries = DLIST_STATIC_INIT(enquiries);

static bool
failed(WeirKafkaEnquiry *e, rd_kafka_resp_err_t error, const char *what)
{
	if (error == RD_KAFKA_RESP_ERR_NO_ERROR)
		return false;
	e->error = error;
	snprintf(e->text, sizeof(e->text), "%s: %s", what, rd_kafka_err2str(error));
	return true;
}

static bool
is_passing(rd_kafka_resp_err_t error)
{
	return error == RD_KAFKA_RESP_ERR__TIMED_OUT || error == RD_KAFKA_RESP_ERR__TRANSPORT ||
		error == RD_KAFKA_RESP_ERR_LEADER_NOT_AVAILABLE ||
		error == RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION ||
		error == RD_KAFKA_RESP_ERR_COORDINATOR_LOAD_IN_PROGRESS ||
		error == RD_KAFKA_RESP_ERR_COORDINATOR_NOT_AVAILABLE ||
		error == RD_KAFKA_RESP_ERR_NOT_COORDINATOR ||
		error == RD_KAFKA_RESP_ERR__WAIT_COORD ||
		error == RD_KAFKA_RESP_ERR_REQUEST_TIMED_OUT;
}

/* A step is repeated while it fails by what passes; false: nobody waits for it, or it was tried often enough. */
static bool
goes_on(WeirKafkaEnquiry *e, rd_kafka_resp_err_t error, int step)
{
	return is_passing(error) && step + 1 < STEPS && !__atomic_load_n(&e->stop, __ATOMIC_ACQUIRE);
}

/* The bits end where the job's key groups do: the partition behind them is the coordinator's error. */
static bool
is_this_servers(const WeirKafkaEnquiry *e, int32 partition)
{
	const uint8 *bits = e->question.shared;

	return bits == NULL ||
		(partition < WEIR_MAX_MAX_PARALLELISM && (bits[partition / 8] >> partition % 8 & 1) != 0);
}

static bool
is_asked(const WeirKafkaEnquiry *e, int32 partition)
{
	return partition % e->question.ntasks == e->question.subtask && is_this_servers(e, partition) &&
		(e->all || weir_selection_has(&e->selection, partition));
}

static int
compare_answers(const void *a, const void *b)
{
	return ((const WeirKafkaAnswer *) a)->partition - ((const WeirKafkaAnswer *) b)->partition;
}

static void
take_partitions(WeirKafkaEnquiry *e, const rd_kafka_metadata_topic_t *topic)
{
	e->npartitions = topic->partition_cnt;
	e->answers = calloc(topic->partition_cnt + 1, sizeof(WeirKafkaAnswer));
	for (int i = 0; e->answers != NULL && i < topic->partition_cnt; i++)
	{
		if (!is_asked(e, topic->partitions[i].id))
			continue;
		e->answers[e->n].partition = topic->partitions[i].id;
		e->answers[e->n].at = e->answers[e->n].committed = -1;
		e->n++;
	}
	if (e->answers != NULL)
		qsort(e->answers, e->n, sizeof(WeirKafkaAnswer), compare_answers);
}

static rd_kafka_resp_err_t
look_at_topic(WeirKafkaEnquiry *e, rd_kafka_topic_t *topic)
{
	const struct rd_kafka_metadata *metadata;
	rd_kafka_resp_err_t error = rd_kafka_metadata(e->rk, 0, topic, &metadata, STEP_MS);

	if (error != RD_KAFKA_RESP_ERR_NO_ERROR)
		return error;
	if (metadata->topic_cnt != 1)
		error = RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART;
	else
		error = metadata->topics[0].err;
	if (error == RD_KAFKA_RESP_ERR_NO_ERROR)
		take_partitions(e, &metadata->topics[0]);
	rd_kafka_metadata_destroy(metadata);
	if (error == RD_KAFKA_RESP_ERR_NO_ERROR && e->answers == NULL)
		error = RD_KAFKA_RESP_ERR__CRIT_SYS_RESOURCE;
	return error;
}

static bool
find_partitions(WeirKafkaEnquiry *e)
{
	rd_kafka_topic_t *topic = rd_kafka_topic_new(e->rk, e->topic, NULL);
	rd_kafka_resp_err_t error = RD_KAFKA_RESP_ERR_NO_ERROR;

	if (topic == NULL)
		return !failed(e, rd_kafka_last_error(), "the topic");
	for (int step = 0; step == 0 || goes_on(e, error, step); step++)
		error = look_at_topic(e, topic);
	rd_kafka_topic_destroy(topic);
	return !failed(e, error, "the topic's partitions");
}

static bool
find_bounds(WeirKafkaEnquiry *e)
{
	for (int i = 0; i < e->n; i++)
	{
		WeirKafkaAnswer *a = &e->answers[i];
		rd_kafka_resp_err_t error = RD_KAFKA_RESP_ERR_NO_ERROR;

		for (int step = 0; step == 0 || goes_on(e, error, step); step++)
			error = rd_kafka_query_watermark_offsets(e->rk, e->topic, a->partition, &a->low, &a->high, STEP_MS);
		if (failed(e, error, "the offsets of a partition"))
			return false;
	}
	return true;
}

static rd_kafka_topic_partition_list_t *
list_of(const WeirKafkaEnquiry *e)
{
	rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(e->n);

	for (int i = 0; i < e->n; i++)
		rd_kafka_topic_partition_list_add(list, e->topic, e->answers[i].partition)->offset = e->question.since;
	return list;
}

/* Of all partitions one that failed counts. */
static rd_kafka_resp_err_t
list_error(const rd_kafka_topic_partition_list_t *list, rd_kafka_resp_err_t error)
{
	for (int i = 0; i < list->cnt && error == RD_KAFKA_RESP_ERR_NO_ERROR; i++)
		error = list->elems[i].err;
	return error;
}

typedef rd_kafka_resp_err_t (*Call) (rd_kafka_t *rk, rd_kafka_topic_partition_list_t *list, int timeout_ms);

/* What the call makes of the partitions; the caller destroys it. */
static rd_kafka_topic_partition_list_t *
find(WeirKafkaEnquiry *e, Call call, rd_kafka_resp_err_t *error)
{
	rd_kafka_topic_partition_list_t *list = NULL;

	*error = RD_KAFKA_RESP_ERR_NO_ERROR;
	for (int step = 0; step == 0 || goes_on(e, *error, step); step++)
	{
		if (list != NULL)
			rd_kafka_topic_partition_list_destroy(list);
		list = list_of(e);
		*error = list_error(list, call(e->rk, list, STEP_MS));
	}
	return list;
}

static bool
find_times(WeirKafkaEnquiry *e)
{
	rd_kafka_resp_err_t error;
	rd_kafka_topic_partition_list_t *list = find(e, rd_kafka_offsets_for_times, &error);

	for (int i = 0; i < list->cnt && error == RD_KAFKA_RESP_ERR_NO_ERROR; i++)
		e->answers[i].at = list->elems[i].offset < 0 ? -1 : list->elems[i].offset;
	rd_kafka_topic_partition_list_destroy(list);
	return !failed(e, error, "the offsets of a time");
}

static void
take_committed(WeirKafkaEnquiry *e, const rd_kafka_topic_partition_list_t *list)
{
	for (int i = 0; i < list->cnt; i++)
	{
		const rd_kafka_topic_partition_t *p = &list->elems[i];

		if (p->offset < 0)
			continue;
		e->answers[i].committed = p->offset;
		if (p->metadata_size > 0 && p->metadata_size < WEIR_KAFKA_TOKEN)
			memcpy(e->answers[i].token, p->metadata, p->metadata_size);
	}
}

static bool
find_committed(WeirKafkaEnquiry *e)
{
	rd_kafka_resp_err_t error;
	rd_kafka_topic_partition_list_t *list = find(e, rd_kafka_committed, &error);

	if (error == RD_KAFKA_RESP_ERR_NO_ERROR)
		take_committed(e, list);
	rd_kafka_topic_partition_list_destroy(list);
	return !failed(e, error, "the committed offsets");
}

static void *
ask(void *arg)
{
	static const uint64 one = 1;
	WeirKafkaEnquiry *e = arg;

	if (find_partitions(e) && e->n > 0 &&
		(!e->question.bounds || find_bounds(e)) &&
		(e->question.since < 0 || find_times(e)) && e->question.committed)
		(void) find_committed(e);
	__atomic_store_n(&e->done, true, __ATOMIC_RELEASE);
	if (write(e->ready, &one, sizeof(one)) < 0)
		return e;				/* it is full, and so ready */
	return NULL;
}

static void
free_enquiry(WeirKafkaEnquiry *e)
{
	free(e->topic);
	free(e->answers);
	free(e);
}

static void
start(WeirKafkaEnquiry *e)
{
	int			code;

	weir_kafka_signals_block();
	code = pthread_create(&e->thread, NULL, ask, e);
	weir_kafka_signals_unblock();
	if (code == 0)
		return;
	free_enquiry(e);
	errno = code;
	ereport(ERROR,
			(errcode(ERRCODE_INSUFFICIENT_RESOURCES),
			 errmsg("could not make a thread to ask brokers: %m")));
}

WeirKafkaEnquiry *
weir_kafka_enquiry_begin(WeirKafkaClient *client, const WeirKafkaQuestion *question)
{
	WeirKafkaEnquiry *e = calloc(1, sizeof(WeirKafkaEnquiry));
	char	   *topic = strdup(question->topic);

	if (e == NULL || topic == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_OUT_OF_MEMORY),
				 errmsg("out of memory")));
	e->rk = client->rk;
	e->ready = client->ready;
	e->topic = topic;
	e->question = *question;
	e->all = question->selection == NULL;
	if (!e->all)
		e->selection = *question->selection;
	start(e);
	dlist_push_tail(&enquiries, &e->node);
	return e;
}

bool
weir_kafka_enquiry_is_done(const WeirKafkaEnquiry *e)
{
	return __atomic_load_n(&e->done, __ATOMIC_ACQUIRE);
}

rd_kafka_resp_err_t
weir_kafka_enquiry_error(const WeirKafkaEnquiry *e, const char **text)
{
	*text = e->text;
	return e->error;
}

int
weir_kafka_enquiry_partitions(const WeirKafkaEnquiry *e)
{
	return e->npartitions;
}

int
weir_kafka_enquiry_answers(const WeirKafkaEnquiry *e, const WeirKafkaAnswer **answers)
{
	*answers = e->answers;
	return e->n;
}

void
weir_kafka_enquiry_end(WeirKafkaEnquiry *e)
{
	__atomic_store_n(&e->stop, true, __ATOMIC_RELEASE);
	pthread_join(e->thread, NULL);
	dlist_delete(&e->node);
	free_enquiry(e);
}

void
weir_kafka_enquiries_end(rd_kafka_t *rk)
{
	dlist_mutable_iter i;

	dlist_foreach_modify(i, &enquiries)
	{
		WeirKafkaEnquiry *e = dlist_container(WeirKafkaEnquiry, node, i.cur);

		if (e->rk == rk)
			weir_kafka_enquiry_end(e);
	}
}
