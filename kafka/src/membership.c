/*
 * membership.c
 *		Servers that share a topic's partitions, as members of a consumer group.
 *
 * The group's protocol spreads partitions over members, notices which are gone, and
 * hands partitions on; nothing is read by it, and nothing committed: the partitions that
 * a member is assigned are paused, and their place is where Weir's checkpoints say.
 * They move cooperatively: what is not to move is not revoked.  A revocation is answered
 * when the job has taken a checkpoint and reads them no more (release).
 *
 * A member is static: one that comes back within session.timeout.ms has what it had, and
 * nobody else hears of it.  So it never leaves by itself.
 */
#include "postgres.h"

#include "miscadmin.h"
#include "utils/memutils.h"

#include "base/text.h"
#include "client.h"
#include "membership.h"
#include "option.h"
#include "position.h"
#include "source/source.h"

struct WeirMembership
{
	MemoryContext context;
	WeirKafkaClient *client;
	char	   *group;
	char	   *member;
	char	   *topic;
	bool		known;			/* the group has said at least once what is assigned */
	int			n;
	int			room;
	int32	   *assigned;		/* ascending */
	rd_kafka_topic_partition_list_t *revoked;	/* not answered yet; NULL: nothing is */
	char		trouble[256];
};

static void
describe(const WeirStream *stream, WeirGroupOptions *options)
{
	const WeirKafka *kafka = weir_kafka_of(stream);

	options->group = kafka->group;
	options->member = kafka->member;
	options->peers = kafka->peers;
}

/* ---- what is assigned ---- */

static int
place_of(const WeirMembership *m, int32 partition)
{
	int			i = 0;

	while (i < m->n && m->assigned[i] < partition)
		i++;
	return i;
}

static void
add(WeirMembership *m, int32 partition)
{
	int			at = place_of(m, partition);

	if (at < m->n && m->assigned[at] == partition)
		return;
	if (m->n == m->room)
	{
		m->room = Max(16, m->room * 2);
		m->assigned = m->assigned ? repalloc(m->assigned, sizeof(int32) * m->room) :
			MemoryContextAlloc(m->context, sizeof(int32) * m->room);
	}
	memmove(m->assigned + at + 1, m->assigned + at, sizeof(int32) * (m->n - at));
	m->assigned[at] = partition;
	m->n++;
}

static void
drop(WeirMembership *m, int32 partition)
{
	int			at = place_of(m, partition);

	if (at == m->n || m->assigned[at] != partition)
		return;
	memmove(m->assigned + at, m->assigned + at + 1, sizeof(int32) * (m->n - at - 1));
	m->n--;
}

static void
note_trouble(WeirMembership *m, const char *what)
{
	weir_text_copy(m->trouble, what, sizeof(m->trouble));
}

static void
note_error(WeirMembership *m, rd_kafka_error_t *error)
{
	if (error == NULL)
		return;
	note_trouble(m, rd_kafka_error_string(error));
	rd_kafka_error_destroy(error);
}

/* At its end, and paused: nothing is read by this client. */
static void
take(WeirMembership *m, rd_kafka_topic_partition_list_t *list)
{
	for (int i = 0; i < list->cnt; i++)
	{
		list->elems[i].offset = RD_KAFKA_OFFSET_END;
		add(m, list->elems[i].partition);
	}
	note_error(m, rd_kafka_incremental_assign(m->client->rk, list));
	if (list->cnt > 0)
		(void) rd_kafka_pause_partitions(m->client->rk, list);
	m->known = true;
	m->trouble[0] = '\0';
}

static void
answer(WeirMembership *m)
{
	if (m->revoked == NULL)
		return;
	note_error(m, rd_kafka_incremental_unassign(m->client->rk, m->revoked));
	rd_kafka_topic_partition_list_destroy(m->revoked);
	m->revoked = NULL;
}

/* What is lost is another's already, or about to be: there is nothing to wait for. */
static void
give_up(WeirMembership *m, rd_kafka_topic_partition_list_t *list)
{
	answer(m);
	for (int i = 0; i < list->cnt; i++)
		drop(m, list->elems[i].partition);
	m->revoked = rd_kafka_topic_partition_list_copy(list);
	if (rd_kafka_assignment_lost(m->client->rk))
		answer(m);
}

/* Called while the queue is served, by this process's one thread. */
static void
rebalance(rd_kafka_t *rk, rd_kafka_resp_err_t what, rd_kafka_topic_partition_list_t *list, void *opaque)
{
	WeirMembership *m = ((WeirKafkaClient *) opaque)->owner;

	if (what == RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS)
		take(m, list);
	else if (what == RD_KAFKA_RESP_ERR__REVOKE_PARTITIONS)
		give_up(m, list);
	else
	{
		note_trouble(m, rd_kafka_err2str(what));
		(void) rd_kafka_assign(rk, NULL);
		m->n = 0;
	}
}

/* ---- life ---- */

static void
subscribe(WeirMembership *m)
{
	rd_kafka_topic_partition_list_t *topics = rd_kafka_topic_partition_list_new(1);
	rd_kafka_resp_err_t error;

	rd_kafka_topic_partition_list_add(topics, m->topic, RD_KAFKA_PARTITION_UA);
	error = rd_kafka_subscribe(m->client->rk, topics);
	rd_kafka_topic_partition_list_destroy(topics);
	if (error != RD_KAFKA_RESP_ERR_NO_ERROR)
		ereport(ERROR,
				(errcode(ERRCODE_FDW_ERROR),
				 errmsg("could not join group \"%s\"", m->group),
				 errdetail("librdkafka %s says: %s.", rd_kafka_version_str(), rd_kafka_err2str(error))));
}

static WeirMembership *
join(const WeirStream *stream, const char *job, const char *member)
{
	const WeirKafka *kafka = weir_kafka_of(stream);
	WeirMembership *m = palloc0(sizeof(WeirMembership));
	rd_kafka_conf_t *conf = weir_kafka_conf(stream, RD_KAFKA_CONSUMER, GetUserId());

	m->context = CurrentMemoryContext;
	m->group = psprintf("%s.%s", kafka->group, job);
	m->member = pstrdup(member);
	m->topic = pstrdup(kafka->topic);
	weir_kafka_conf_set(conf, "group.id", m->group);
	weir_kafka_conf_set(conf, "group.instance.id", m->member);
	weir_kafka_conf_set(conf, "partition.assignment.strategy", "cooperative-sticky");
	rd_kafka_conf_set_rebalance_cb(conf, rebalance);
	m->client = weir_kafka_client_create(conf, RD_KAFKA_CONSUMER);
	m->client->owner = m;
	subscribe(m);
	return m;
}

static pgsocket
news(WeirMembership *m)
{
	return m->client->ready;
}

static void
check_alive(const WeirMembership *m)
{
	if (m->client->fatal == RD_KAFKA_RESP_ERR_NO_ERROR)
		return;
	ereport(ERROR,
			(errcode(ERRCODE_OBJECT_IN_USE),
			 errmsg("member \"%s\" is out of group \"%s\"", m->member, m->group),
			 errdetail("librdkafka %s says: %s.", rd_kafka_version_str(), m->client->fatal_text),
			 errhint("Another server has joined by the same name: give each its own option \"member\". After a standby was promoted, stop the server that it replaces.")));
}

static void
hear(WeirMembership *m)
{
	rd_kafka_message_t *message;

	weir_kafka_client_clear_ready(m->client);
	while ((message = rd_kafka_consumer_poll(m->client->rk, 0)) != NULL)
	{
		if (message->err)
			note_trouble(m, rd_kafka_message_errstr(message));
		rd_kafka_message_destroy(message);
	}
	check_alive(m);
}

static bool
is_known(const WeirMembership *m)
{
	return m->known;
}

static int
assigned(const WeirMembership *m, const int32 **partitions)
{
	*partitions = m->assigned;
	return m->n;
}

static const char *
trouble(const WeirMembership *m)
{
	if (m->trouble[0] != '\0')
		return m->trouble;
	return m->client->last_error[0] != '\0' ? m->client->last_error : NULL;
}

/* ---- positions ---- */

/* What is taken away leaves room. */
static void
keep(WeirPosition *position, int32 partition, bool only)
{
	WeirKafkaPosition at;
	int			n = 0;

	if (position->len == 0)
		return;
	if (!weir_kafka_position_decode(position, &at))
		weir_position_refuse(position, "weir_kafka");
	for (int i = 0; i < at.n; i++)
	{
		if ((at.parts[i].partition == partition) == only)
			at.parts[n++] = at.parts[i];
	}
	at.n = n;
	if (only)
		at.records = 0;
	position->len = 0;
	(void) weir_kafka_position_encode(&at, position);
}

static void
only(WeirPosition *position, int32 partition)
{
	keep(position, partition, true);
	position->nmarks = 0;
	position->retried = 0;
}

static void
without(WeirPosition *position, int32 partition)
{
	keep(position, partition, false);
}

const WeirMembershipOps weir_kafka_membership = {
	.options = describe,
	.join = join,
	.wait = news,
	.hear = hear,
	.is_known = is_known,
	.assigned = assigned,
	.release = answer,
	.trouble = trouble,
	.only = only,
	.without = without,
};
