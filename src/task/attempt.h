/*
 * task/attempt.h
 *		An attempt: one life of a job's tasks.  Its DSM segment holds what the
 *		tasks share: its topology, which says which tasks and channels there are,
 *		their counters, the control queues to the coordinator and the channels.
 */
#ifndef WEIR_TASK_ATTEMPT_H
#define WEIR_TASK_ATTEMPT_H

#include "postgres.h"

#include "storage/dsm.h"
#include "storage/proc.h"
#include "storage/shm_mq.h"

#include "decide/checkpointer.h"
#include "decide/histogram.h"
#include "decide/keygroup.h"
#include "decide/recovery.h"
#include "decide/topology.h"
#include "record/gauge.h"
#include "source/source.h"

#define WEIR_ATTEMPT_MAGIC 0x57454952
#define WEIR_CONTROL_QUEUE_SIZE 16384
#define WEIR_STEPS_SIZE 256

/* Written by the task alone, read by anyone; torn reads do no harm. */
typedef struct WeirTaskStats
{
	int64		records_in;
	int64		records_out;
	int64		bytes_in;
	int64		busy_us;		/* accumulated */
	int64		idle_us;
	int64		backpressured_us;
	int64		in_sink_us;
	int64		dead_letters[WEIR_MAX_STAGES];	/* written by this task, by their sources' stages */
	int64		watermark;		/* us since 2000-01-01; PG_INT64_MIN: none */
	int64		late_records;
	bool		epoch_open;		/* output not yet committed */
	int64		state_bytes;	/* memory of keyed state */
	int64		state_keys;
	/* shares and rates of the last full second, set by the task once a second
	 * while it works; a task that waits does not wake up for it */
	int64		rolled_at;		/* us */
	bool		waits;			/* at this moment */
	bool		waits_for_room; /* waits because the next task is slow */
	bool		writes;			/* is in the sink statement at this moment */
	float8		rate_in;
	float8		rate_out;
	float8		busy;
	float8		idle;
	float8		backpressured;
	float8		in_sink;
} WeirTaskStats;

/* Why a task's process ended, for the coordinator.  Valid once "set". */
typedef struct WeirTaskError
{
	bool		set;
	bool		hopeless;		/* no restart would help */
	int			sqlstate;
	int64		line;			/* record it was at, 0: none */
	char		place[96];		/* that for people */
	char		message[1024];
	char		detail[1024];	/* "": none */
	char		hint[1024];		/* "": none */
} WeirTaskError;

typedef struct WeirTaskSlot
{
	PGPROC	   *proc;			/* set by the task when it is attached */
	int			pid;
	int			source_number;	/* what its position and journal go by; -1: no source */
	WeirPosition start;			/* sources: where to begin */
	bool		reaches;		/* sources: it knows what is committed and not handed out */
	Oid			relid;			/* sources: the stream */
	char		stream[2 * NAMEDATALEN + 8]; /* its name */
	volatile bool emits;		/* a sink: rows for peers wait, or are being sent */
	char		sink_error[256];	/* why they wait for their peer; "": they do not */
	WeirSourceStats source;
	WeirTaskStats stats;
	WeirHistogram handed_over;	/* us from a record's arrival until a sink had its row .. */
	WeirHistogram committed;	/* .. and until that was committed */
	WeirTaskError error;
} WeirTaskSlot;

typedef struct WeirAttempt
{
	uint32		magic;
	Oid			database;
	int64		job;
	Oid			owner;			/* the job's */
	int			job_slot;		/* in the registry */
	int64		attempt;
	int64		timeline;
	int64		restore;		/* checkpoint to load, 0: none */
	int64		restore_timeline;
	bool		begins;			/* event time is taken up where the checkpoint has it (begin.h) */
	bool		write_full;		/* no checkpoint of the timeline has completed */
	bool		checkpointing;	/* state is written, journal kept as the mode says */
	bool		pass_end;		/* the job had finished: go on behind the end */
	bool		allow_gap;		/* go on without what a sender has lost */
	WeirMode	mode;
	int64		sink_flush;		/* us */
	int64		lock_wait;		/* us */
	int64		unaligned_after;	/* us; -1: barriers never overtake */
	int64		max_state_memory;	/* bytes, all tasks together; 0: unlimited */
	int			max_parallelism;
	bool		grouped;		/* servers share the stream's partitions, whose key groups have their numbers: */
	uint8		read[WEIR_MAX_MAX_PARALLELISM / 8]; /* a bit each, those that are read here .. */
	uint8		owned[WEIR_MAX_MAX_PARALLELISM / 8];	/* .. and those whose state is kept here */
	WeirTopology topology;
	char		steps[WEIR_MAX_STAGES][WEIR_STEPS_SIZE];	/* for people: what each stage does, a line a step */
	PGPROC	   *coordinator;
	Size		control_offset; /* 2 queues a task: to it, from it */
	Size		channel_offset; /* a queue a channel, in the topology's order */
	Size		channel_size;
	Size		gauge_offset;	/* a gauge a channel */
	volatile bool stopping;		/* the attempt ends: leave */
	WeirTaskSlot tasks[FLEXIBLE_ARRAY_MEMBER];
} WeirAttempt;

/* Of attempt->read and attempt->owned. */
static inline bool
weir_partition_is_set(const uint8 *bits, int partition)
{
	return (bits[partition / 8] >> partition % 8 & 1) != 0;
}

extern Size weir_attempt_size(const WeirTopology *topology, Size channel_size);
extern void weir_attempt_init(WeirAttempt *attempt, const WeirTopology *topology,
							  Size channel_size);

/* Maps a segment; checks the magic.  NULL if it is gone. */
extern WeirAttempt *weir_attempt_attach(dsm_handle handle, dsm_segment **segment);

/* Control queues of a task. */
extern shm_mq *weir_attempt_to_task(WeirAttempt *attempt, int task);
extern shm_mq *weir_attempt_from_task(WeirAttempt *attempt, int task);

/* The queue of a channel, its gauge. */
extern shm_mq *weir_attempt_channel(WeirAttempt *attempt, int channel);
extern WeirGauge *weir_attempt_gauge(WeirAttempt *attempt, int channel);

/* The stage of a task; is it a source's? */
extern const WeirStage *weir_attempt_stage(const WeirAttempt *attempt, int task);
extern bool weir_attempt_is_source(const WeirAttempt *attempt, int task);

/* The name of the stream that a source's stage reads. */
extern const char *weir_attempt_stream(const WeirAttempt *attempt, int stage);

/* The transaction that a task prepares for a checkpoint. */
extern void weir_attempt_prepared_name(const WeirAttempt *attempt, int task, int64 checkpoint,
									   char name[WEIR_GID_SIZE]);

/* Records its tasks have worked off or passed over: while it does not move, nothing happens. */
extern int64 weir_attempt_activity(const WeirAttempt *attempt);

/* "source 0", "keyed 1", "sink 0": counted over all stages of the kind. */
extern void weir_task_name(const WeirAttempt *attempt, int task, char *buf, Size size);

#endif
