/*
 * step.c
 *		A step of a transaction, in a thread of its own.
 *
 * What the thread touches is its own until it has said that it is done: memory of
 * malloc, and the client, whose functions any thread may call.  It calls nothing
 * of PostgreSQL's.
 */
#include "postgres.h"

#include <pthread.h>
#include <unistd.h>

#include "lib/ilist.h"
#include "storage/ipc.h"

#include "base/text.h"
#include "step.h"

#define STEP_MS		1000		/* of a call that goes on in the background when it is made again */
#define OFFSET_MS	3000		/* of one that does not */

typedef rd_kafka_error_t *(*StepFunction) (WeirKafkaStep *step);

struct WeirKafkaStep
{
	pthread_t	thread;
	dlist_node	node;
	StepFunction run;
	rd_kafka_t *rk;
	int			ready;			/* the client's */
	bool		done;			/* atomic: error is right */
	rd_kafka_error_t *error;	/* NULL: none */
	rd_kafka_topic_partition_list_t *offsets;
	rd_kafka_consumer_group_metadata_t *group;
};

static dlist_head steps = DLIST_STATIC_INIT(steps);

static rd_kafka_error_t *
init(WeirKafkaStep *step)
{
	return rd_kafka_init_transactions(step->rk, STEP_MS);
}

static rd_kafka_error_t *
send_offset(WeirKafkaStep *step)
{
	return rd_kafka_send_offsets_to_transaction(step->rk, step->offsets, step->group, OFFSET_MS);
}

static rd_kafka_error_t *
commit(WeirKafkaStep *step)
{
	return rd_kafka_commit_transaction(step->rk, STEP_MS);
}

static rd_kafka_error_t *
ask(WeirKafkaStep *step)
{
	rd_kafka_resp_err_t error = rd_kafka_committed(step->rk, step->offsets, OFFSET_MS);

	if (error == RD_KAFKA_RESP_ERR_NO_ERROR)
		error = step->offsets->elems[0].err;
	return error == RD_KAFKA_RESP_ERR_NO_ERROR ? NULL :
		rd_kafka_error_new(error, "%s", rd_kafka_err2str(error));
}

static void *
run(void *arg)
{
	static const uint64 one = 1;
	WeirKafkaStep *step = arg;

	step->error = step->run(step);
	__atomic_store_n(&step->done, true, __ATOMIC_RELEASE);
	if (write(step->ready, &one, sizeof(one)) < 0)
		return step;			/* it is full, and so ready */
	return NULL;
}

static void
free_step(WeirKafkaStep *step)
{
	dlist_delete(&step->node);
	if (step->offsets)
		rd_kafka_topic_partition_list_destroy(step->offsets);
	if (step->group)
		rd_kafka_consumer_group_metadata_destroy(step->group);
	if (step->error)
		rd_kafka_error_destroy(step->error);
	free(step);
}

/* Before their clients go, which are made first. */
static void
end_all(int code, Datum arg)
{
	while (!dlist_is_empty(&steps))
		(void) weir_kafka_step_end(dlist_head_element(WeirKafkaStep, node, &steps));
}

static WeirKafkaStep *
create(WeirKafkaClient *client, StepFunction function)
{
	static bool registered = false;
	WeirKafkaStep *step = calloc(1, sizeof(WeirKafkaStep));

	if (step == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_OUT_OF_MEMORY),
				 errmsg("out of memory")));
	if (!registered)
		on_proc_exit(end_all, (Datum) 0);
	registered = true;
	step->run = function;
	step->rk = client->rk;
	step->ready = client->ready;
	dlist_push_tail(&steps, &step->node);
	return step;
}

static WeirKafkaStep *
start(WeirKafkaStep *step)
{
	int			code;

	weir_kafka_signals_block();
	code = pthread_create(&step->thread, NULL, run, step);
	weir_kafka_signals_unblock();
	if (code == 0)
		return step;
	free_step(step);
	errno = code;
	ereport(ERROR,
			(errcode(ERRCODE_INSUFFICIENT_RESOURCES),
			 errmsg("could not make a thread for a transaction of Kafka: %m")));
}

WeirKafkaStep *
weir_kafka_step_init(WeirKafkaClient *client)
{
	return start(create(client, init));
}

WeirKafkaStep *
weir_kafka_step_offset(WeirKafkaClient *client, const char *group, const char *topic, int64 offset,
					   const char *word)
{
	WeirKafkaStep *step = create(client, send_offset);
	rd_kafka_topic_partition_t *partition;

	step->offsets = rd_kafka_topic_partition_list_new(1);
	partition = rd_kafka_topic_partition_list_add(step->offsets, topic, 0);
	partition->offset = offset;
	partition->metadata = strdup(word);
	partition->metadata_size = partition->metadata ? strlen(word) : 0;
	step->group = rd_kafka_consumer_group_metadata_new(group);
	return start(step);
}

WeirKafkaStep *
weir_kafka_step_commit(WeirKafkaClient *client)
{
	return start(create(client, commit));
}

WeirKafkaStep *
weir_kafka_step_ask(WeirKafkaClient *consumer, WeirKafkaClient *client, const char *topic)
{
	WeirKafkaStep *step = create(consumer, ask);

	step->ready = client->ready;
	step->offsets = rd_kafka_topic_partition_list_new(1);
	(void) rd_kafka_topic_partition_list_add(step->offsets, topic, 0);
	return start(step);
}

const rd_kafka_topic_partition_t *
weir_kafka_step_answer(const WeirKafkaStep *step)
{
	return &step->offsets->elems[0];
}

bool
weir_kafka_step_is_done(const WeirKafkaStep *step)
{
	return __atomic_load_n(&step->done, __ATOMIC_ACQUIRE);
}

WeirKafkaOutcome
weir_kafka_step_end(WeirKafkaStep *step)
{
	WeirKafkaOutcome outcome = {0};

	pthread_join(step->thread, NULL);
	if (step->error)
	{
		outcome.error = rd_kafka_error_code(step->error);
		outcome.retriable = step->run == ask || rd_kafka_error_is_retriable(step->error);
		weir_text_copy(outcome.text, rd_kafka_error_string(step->error), sizeof(outcome.text));
	}
	free_step(step);
	return outcome;
}
