/*
 * sent.c
 *		How far a sink's outbox has been sent.
 *
 * The id of a row says which it is only as long as the database is the same: one
 * that was restored, or promoted without what was written last, gives the same ids
 * again.  So the transaction tells with its last id the first one, and a print of
 * the rows between: only an outbox that has these very rows has sent all up to
 * there.
 */
#include "postgres.h"

#include <inttypes.h>

#include "common/hashfn.h"

#include "base/compat.h"
#include "sent.h"

void
weir_kafka_sent_add(WeirKafkaSent *sent, const WeirOutboxLine *row)
{
	if (sent->first == 0)
		sent->first = row->id;
	sent->last = row->id;
	sent->print = hash_bytes_extended((const unsigned char *) &row->id, sizeof(row->id), sent->print);
	if (row->record)
		sent->print = hash_bytes_extended((const unsigned char *) VARDATA_ANY(row->record),
										  (int) VARSIZE_ANY_EXHDR(row->record), sent->print);
}

void
weir_kafka_sent_word(const WeirKafkaSent *sent, char *word)
{
	snprintf(word, WEIR_KAFKA_WORD_SIZE, "1 %" PRId64 " %016" PRIx64, sent->first, sent->print);
}

/* A word that cannot be read, of somebody else, fits no rows. */
static void
read_word(const rd_kafka_topic_partition_t *partition, WeirKafkaSent *sent)
{
	char		word[WEIR_KAFKA_WORD_SIZE] = "";

	if (partition->metadata_size < sizeof(word))
		memcpy(word, partition->metadata, partition->metadata_size);
	if (sscanf(word, "1 %" SCNd64 " %" SCNx64, &sent->first, &sent->print) != 2)
		sent->first = sent->last;
}

void
weir_kafka_sent_read(const rd_kafka_topic_partition_t *committed, WeirKafkaSent *sent)
{
	memset(sent, 0, sizeof(*sent));
	if (committed->offset <= 0)
		return;
	sent->last = committed->offset;
	read_word(committed, sent);
}
