/*
 * model.h
 *		What the simulator's model consists of: messages, the graph, the
 *		database, the processes.
 */
#ifndef WEIR_SIM_MODEL_H
#define WEIR_SIM_MODEL_H

#include <stdbool.h>
#include <stdint.h>

#include "decide/align.h"
#include "decide/checkpointer.h"
#include "decide/clock.h"
#include "decide/participant.h"
#include "decide/recovery.h"
#include "decide/restart.h"
#include "decide/stop.h"
#include "decide/topology.h"
#include "decide/watermark_merge.h"

#define MAX_NODES 8
#define MAX_EDGES 12
#define MAX_WIDTH 3				/* tasks of a node */
#define MAX_TASKS (MAX_NODES * MAX_WIDTH)
#define MAX_CHANNELS (MAX_EDGES * MAX_WIDTH * MAX_WIDTH)
#define MAX_INPUTS 32			/* channels of a task */
#define MAX_SOURCES 4			/* tasks of source nodes */
#define MAX_LANES 6				/* of a node */
#define MAX_SINKS 4
#define MAX_GROUPS 6
#define MAX_RECORDS 12			/* of a source */
#define KEYS 6
#define MAX_CHUNKS 512
#define MAX_PREPARED MAX_TASKS
#define MAX_COMPLETED 96
#define MAX_MARKERS 512
#define MAX_KEPT 256
#define MAX_RESTORED 96			/* kept rows of a task */
#define MAX_IDS 400
#define MAX_TOKENS 64
#define MAX_PENDING 32
#define MAX_TRIGGERS 32
#define RING 128				/* messages of a channel, a power of 2 */
#define RING_BUSY 64			/* who would send more waits */
#define CHANNEL_ROWS 4			/* that wait before its sender stops */
#define CLOCK_STEP 20000		/* the clock is set by up to this much */
#define LONGEST_WAIT 1000		/* more than any span of a job */
#define CLOCK_KEEP 20			/* change of its distance before that is kept again */
#define CALM_ROUNDS 2000		/* within which a job must be done once nothing fails */

#define MARK_NONE INT16_MIN		/* watermarks in messages */
#define MARK_END INT16_MAX

#define COUNT(array) ((int) (sizeof(array) / sizeof((array)[0])))

#if defined(__GNUC__)
#define PRINTF_LIKE(f, a) __attribute__((format(printf, f, a)))
#else
#define PRINTF_LIKE(f, a)
#endif

/* ---- messages ---- */

typedef enum MessageKind
{
	/* in channels of data */
	M_ROW, M_BARRIER, M_CANCEL, M_END, M_WATERMARK,
	/* of the coordinator to a task */
	M_TRIGGER, M_ABORT, M_PREPARE, M_COMPLETE, M_DRAIN,
	/* of a task to the coordinator */
	M_RUNNING, M_VOTE, M_DECLINE, M_PREPARED, M_ENDED
} MessageKind;

typedef struct Message
{
	uint8_t		kind;
	uint8_t		lane;			/* of a row, at who gets it */
	uint8_t		index;			/* of a row's record; a position */
	uint8_t		value;			/* a vote */
	bool		wrong;			/* of a row: a step counted it wrongly */
	uint8_t		node;			/* of a restored row: that is to take it */
	bool		ended;			/* a position's */
	int16_t		checkpoint;
	int16_t		watermark;		/* reached before a row, or now; then value: it is idle */
} Message;

typedef struct Ring
{
	uint8_t		first;
	uint8_t		n;
	Message		m[RING];
} Ring;

/* ---- the graph ---- */

typedef struct Node
{
	bool		source;
	bool		keyed;
	bool		sink;
	bool		single;			/* never more than one task */
	bool		merges;			/* a sink that may be in the stage of the node before it */
	uint8_t		before;			/* that node */
	uint8_t		step;			/* among the keyed nodes */
	uint8_t		output;			/* among the sinks */
	uint8_t		first_source;	/* a source's first task, among those of all */
	uint8_t		nlanes;
	uint8_t		lane[MAX_LANES];	/* source it leads from */
	uint8_t		from[MAX_LANES];	/* node it comes from .. */
	uint8_t		from_lane[MAX_LANES];	/* .. on this lane of it */
} Node;

typedef struct Edge
{
	uint8_t		from;
	uint8_t		to;
	uint8_t		first_lane;		/* at "to", of the first lane of "from" */
	WeirExchangeKind kind;
} Edge;

typedef struct Graph
{
	int			nnodes;
	int			nedges;
	int			nsteps;
	int			nsinks;
	int			nsources;
	Node		nodes[MAX_NODES];
	Edge		edges[MAX_EDGES];
} Graph;

/* ---- the database ---- */

/* Chunks, markers and rows belong to a transaction: an open one, a prepared one, or none. */
#define COMMITTED 0
#define OPEN(slot) (1 + (slot))
#define PREPARED(i) (64 + (i))

typedef struct Chunk
{
	int16_t		checkpoint;
	int8_t		timeline;
	int8_t		step;
	int8_t		group;
	uint8_t		owner;
	bool		full;
	uint8_t		keys;			/* mask */
	uint8_t		count[KEYS][MAX_LANES];
} Chunk;

typedef struct Marker
{
	int16_t		attempt;
	int16_t		checkpoint;
	int8_t		task;
	uint8_t		owner;
} Marker;

/* Records that a checkpoint does not hold in its state and output, but as rows. */
typedef struct Missing
{
	uint16_t	rows[MAX_NODES][MAX_LANES]; /* mask */
} Missing;

/* A row that a barrier passed, in its order. */
typedef struct Kept
{
	int16_t		checkpoint;
	uint8_t		owner;
	Message		row;
} Kept;

/* Rows a transaction has written. */
typedef struct Output
{
	uint16_t	rows[MAX_LANES];	/* mask of records */
	bool		repeated;		/* one of them more than once */
	bool		wrong;			/* one of them with a wrong count */
	bool		open;
} Output;

typedef struct PreparedTransaction
{
	char		name[WEIR_GID_SIZE];
	Output		output;
	uint8_t		sink;
	uint8_t		owner;
	int16_t		attempt;
	int16_t		checkpoint;
} PreparedTransaction;

typedef struct Completed
{
	int16_t		checkpoint;
	int16_t		attempt;
	int8_t		timeline;
	bool		savepoint;
	uint32_t	listed;			/* mask of tasks with a prepared transaction */
	uint8_t		position[MAX_SOURCES];
	bool		ended[MAX_SOURCES];
	uint8_t		from[MAX_SOURCES];	/* where its state begins to count */
	Missing		missing;
	int64_t		at;				/* the date */
	int64_t		moment;			/* when it really was */
} Completed;

typedef struct Journal
{
	uint8_t		start;
	uint8_t		end;
	bool		ended;			/* the end of the stream is in it */
	bool		passed;			/* an end was taken back .. */
	uint8_t		passed_at;		/* .. here, last */
	int64_t		stamp;			/* of the last record .. */
	int64_t		stamped_at;		/* .. and when it really was */
} Journal;

typedef struct Database
{
	int			nchunks;
	int			nprepared;
	int			ncompleted;
	int			nmarkers;
	int			nkept;
	int			attempt;
	int			next_checkpoint;	/* above every row of weir.checkpoints */
	int			timeline;
	int			base;			/* savepoint it began with; 0: none */
	int			base_timeline;
	uint8_t		base_position[MAX_SOURCES];
	bool		base_ended[MAX_SOURCES];
	uint8_t		from[MAX_SOURCES];	/* where state begins to count: a fresh start's position */
	bool		finished;
	bool		was_finished;	/* the start passes the ends of the streams */
	uint16_t	visible[MAX_SINKS][MAX_LANES];
	Journal		journal[MAX_SOURCES];
	PreparedTransaction prepared[MAX_PREPARED];
	Completed	completed[MAX_COMPLETED];
	Marker		markers[MAX_MARKERS];
	Kept		kept[MAX_KEPT];
	Chunk		chunks[MAX_CHUNKS];
} Database;

/* ---- processes ---- */

/* A snapshot takes several steps, between which anything may happen. */
typedef enum Phase
{
	P_IDLE,
	P_WRITE,					/* write the chunks; a source: make the journal durable */
	P_COMMIT,
	P_FORWARD,					/* send the barrier on */
	P_VOTE,
	P_PREPARED					/* tell that it is prepared */
} Phase;

/* An exchange a task writes to. */
typedef struct Out
{
	uint8_t		node;			/* that reads it */
	uint8_t		first;			/* channel */
	uint8_t		width;
	uint8_t		first_lane;
	bool		by_key;
} Out;

typedef struct Task
{
	bool		alive;
	bool		loaded;
	uint8_t		index;			/* in the attempt */
	uint8_t		slot;			/* over both halves */
	uint8_t		node;
	bool		is_source;
	bool		is_keyed;
	bool		has_sink;
	uint8_t		sink;			/* among the sinks */
	Phase		phase;
	int			checkpoint;		/* of the phase */
	uint8_t		vote;
	bool		overtakes;		/* its barrier does */
	bool		forwarded;		/* a mistake: before the snapshot */
	int			records_in;

	/* a source */
	uint8_t		source;			/* among all */
	uint8_t		next;			/* record to hand out */
	uint8_t		received;		/* records, those of the journal included */
	uint8_t		position;		/* noted at the trigger */
	bool		connected;
	bool		drained;		/* its start position is an end */
	bool		draining;
	bool		idle;			/* and has said so; any task */
	bool		ended;			/* end of the stream sent on */
	bool		ended_at_vote;	/* as its vote says */
	int			paused_for;		/* a final checkpoint, 0: none */
	WeirClock	clock;			/* of the stream */
	int64_t		stamp;			/* as in the journal */
	int64_t		stamped_at;

	/* with input */
	WeirAlign  *align;
	WeirWatermarkMerge *watermarks;
	bool		begun;			/* each input has said its own, where there is a restore */
	int16_t		told;			/* of it */
	int16_t		floor;			/* the lowest of restored rows */
	bool		held;
	int			held_for;
	int			triggers[MAX_TRIGGERS];
	int			ntriggers;
	bool		marked;
	bool		completed;		/* a checkpoint has, in this attempt */
	bool		end_told;
	uint32_t	ended_inputs;	/* mask */
	uint8_t		dirty;			/* mask of keys */
	uint8_t		owned;			/* mask of groups */
	uint8_t		count[KEYS][MAX_LANES];
	Output		output;

	/* why it left */
	bool		lock_wait;
	int			failed_record;	/* -1: no record's */

	uint8_t		nrestored;
	uint8_t		next_restored;
	Message		restored[MAX_RESTORED];	/* rows to be worked off first */

	uint8_t		nin;
	uint8_t		nout;
	uint8_t		in[MAX_INPUTS];	/* channels */
	Out			out[MAX_EDGES];
	Ring		control;		/* from the coordinator */
	Ring		report;			/* to it */
} Task;

/* An attempt; the one before may still have tasks alive. */
typedef struct Attempt
{
	int			id;
	bool		stopping;
	bool		write_full;
	bool		pass_end;
	bool		some_ended;		/* streams; a drain's end is not kept */
	int			restore;		/* checkpoint, 0: none */
	int			restore_timeline;
	uint8_t		position[MAX_SOURCES];
	bool		ended[MAX_SOURCES];
	uint8_t		from[MAX_SOURCES];
	Missing		missing;
	int			ntasks;
	uint8_t		edge[MAX_EDGES];	/* of each exchange */
	uint8_t		node[MAX_NODES];	/* of each stage */
	uint8_t		sink[MAX_NODES];	/* node of its sink; MAX_NODES: none */
	WeirTopology topology;
	Task		tasks[MAX_TASKS];
	Ring		channels[MAX_CHANNELS];
	uint32_t	said[MAX_CHANNELS]; /* all but rows, as a hash */
} Attempt;

typedef struct Sender
{
	uint8_t		made;			/* records there are so far */
	uint8_t		forgotten;		/* records it no longer holds */
	uint8_t		ack;			/* on its way; 0: none */
} Sender;

typedef struct Pending
{
	int			checkpoint;
	WeirCheckpointKind kind;
	uint64_t	token;
	bool		named;			/* written in full, kept until dropped */
	int			activity;
	uint8_t		position[MAX_SOURCES];
	bool		ended[MAX_SOURCES];
} Pending;

typedef enum CoordinatorState
{
	C_NONE,						/* no process: the launcher starts one */
	C_WAIT_GONE,				/* until nothing of the old attempt lives */
	C_RESOLVE,
	C_CHOOSE,
	C_START,
	C_RUN,
	C_END,						/* the tasks are leaving */
	C_RESOLVE_END,				/* what the attempt left prepared */
	C_DELAY,
	C_IDLE						/* the job does not run */
} CoordinatorState;

typedef enum Outcome
{
	O_NONE,
	O_FINISHED,
	O_STOPPED,
	O_CANCELLED,
	O_FAILED
} Outcome;

typedef struct Coordinator
{
	CoordinatorState state;
	WeirCheckpointer *checkpointer;
	bool		acting;			/* an action is being carried out .. */
	int			progress;		/* .. and this is its next part */
	WeirAction	action;
	Completed	row;			/* inserted, not committed */
	bool		deciding;
	int			npending;
	Pending		pending[MAX_PENDING];
	uint32_t	running;		/* masks of tasks */
	uint32_t	ended;
	bool		started;
	WeirStop	stop;
	bool		has_stops;		/* somebody waits for the job's end .. */
	bool		stops[MAX_TOKENS];	/* .. by these requests */
	bool		reconfigure;	/* the user has changed the configuration */
	bool		lock_wait;		/* the failure was one */
	int			failed_record;
	int			previous_record;
	int			activity_completed;
	Outcome		outcome;
	int64_t		failures;
	int64_t		doubtful;
	WeirCheckpointKind doubtful_kind;
	uint64_t	doubtful_token;
	int			next_checkpoint;
	int			restore;
	WeirRestart restart;
} Coordinator;

#endif
