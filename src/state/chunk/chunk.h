/*
 * state/chunk/chunk.h
 *		Chunks: entries of one key group, packed for a row of
 *		weir_internal.snapshot.  For the files of state/ only.
 */
#ifndef WEIR_STATE_CHUNK_CHUNK_H
#define WEIR_STATE_CHUNK_CHUNK_H

#include "postgres.h"

#include "lib/stringinfo.h"

#include "state/entry.h"

/* A payload's size, its varlena header included; only one large entry goes beyond. */
#define WEIR_CHUNK_SIZE 8000
/* What a row of weir_internal.snapshot and its index entry take beside the payload. */
#define WEIR_CHUNK_ROW_OVERHEAD 100

typedef struct WeirChunkBuilder
{
	WeirStore  *store;
	WeirChunkWriter writer;
	void	   *arg;
	StringInfoData buffer;		/* the payload being built */
	int			header_end;		/* entries begin here */
	int			group;			/* its number in the job */
	bool		is_full;
	int			seq;			/* of the next chunk */
	uint32		nentries;		/* in the buffer */
	int64		bytes;			/* of the group's chunks so far */
} WeirChunkBuilder;

extern void weir_chunk_init(WeirChunkBuilder *builder, WeirStore *store,
							WeirChunkWriter writer, void *arg);
extern void weir_chunk_free(WeirChunkBuilder *builder);

/* One group: begin, add each entry (an empty one is a tombstone), end. */
extern void weir_chunk_begin(WeirChunkBuilder *builder, int group, bool is_full);
extern void weir_chunk_add(WeirChunkBuilder *builder, WeirEntry *entry);
/* write_empty: one chunk without entries, if none was added. */
extern void weir_chunk_end(WeirChunkBuilder *builder, bool write_empty);

#endif
