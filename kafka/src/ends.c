/*
 * ends.c
 *		Has a reader come to where its partitions ended when it was asked?
 *
 * A mark is a number.  Where the partitions end is asked for all marks that were given by
 * then; it is no sooner than any of them, so it serves them.  Of a topic that nobody
 * answers for nothing is waited for.
 */
#include "postgres.h"

#include "ends.h"

int64
weir_kafka_ends_mark(WeirKafkaReader *r)
{
	return ++r->marks;
}

static void
ask(WeirKafkaReader *r)
{
	WeirKafkaQuestion question = weir_kafka_question(r);

	question.bounds = true;
	r->ends = weir_kafka_enquiry_begin(r->client, &question);
	r->ends_asked = r->marks;
}

static void
note_end(WeirKafkaReader *r, const WeirKafkaAnswer *answer)
{
	if (answer->partition < r->nslots && r->partitions[answer->partition] != NULL)
		r->partitions[answer->partition]->end = answer->high;
	else if (answer->high > answer->low)
	{
		r->look_due = 0;		/* it was added, and is to be found */
		r->ends_known = r->ends_asked - 1;
	}
}

static void
take_answer(WeirKafkaReader *r)
{
	const WeirKafkaAnswer *answers;
	const char *text;
	int			n = weir_kafka_enquiry_answers(r->ends, &answers);

	r->ends_known = r->ends_asked;
	if (weir_kafka_enquiry_error(r->ends, &text) != RD_KAFKA_RESP_ERR_NO_ERROR)
		n = 0;
	for (int i = 0; i < n; i++)
		note_end(r, &answers[i]);
	weir_kafka_enquiry_end(r->ends);
	r->ends = NULL;
}

static bool
is_behind(const WeirKafkaReader *r)
{
	for (int i = 0; i < r->nslots; i++)
	{
		if (r->partitions[i] != NULL && r->partitions[i]->at.next < r->partitions[i]->end)
			return true;
	}
	return false;
}

bool
weir_kafka_ends_reached(WeirKafkaReader *r, int64 mark)
{
	if (r->ended)
		return true;
	if (!r->placed)
		return false;
	if (r->ends == NULL && r->ends_known < mark)
		ask(r);
	if (r->ends != NULL && weir_kafka_enquiry_is_done(r->ends))
		take_answer(r);
	if (r->ends_known < mark)
		return false;
	weir_kafka_pass_gaps(r);
	return !is_behind(r);
}
