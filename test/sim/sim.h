/*
 * sim.h
 *		The simulator: whole jobs under random schedules, decided by the code of
 *		src/decide, carried out by a model of everything round it.
 *
 * world.c			a schedule: set-up, the scheduler, faults, the calm end
 * database.c		what is committed, prepared, open, and lost by a power cut
 * coordinator.c	the coordinator's process: loop, restart
 * recovery.c		what an attempt begins with
 * checkpoint.c		carries out what the checkpointer decides
 * user.c			requests and starts
 * source.c			sender, journal, source task
 * operator.c		keyed tasks and the sink task
 * check.c			the promises, checked after every step
 * trace.c			the last steps as text, of a schedule that is played again
 * mutants.c		mistakes the model can make on purpose
 *
 * A record is (source, index).  It has a key; f counts, per key and source,
 * and gives a row with the count, so a state that lost or repeated a record
 * shows in every later row, and all that was written is a few bit masks.
 */
#ifndef WEIR_SIM_H
#define WEIR_SIM_H

#include <stdbool.h>
#include <stdint.h>

#include "decide/align.h"
#include "decide/checkpointer.h"
#include "decide/clock.h"
#include "decide/recovery.h"
#include "decide/restart.h"

#define MAX_SOURCES 2
#define MAX_KEYED 3
#define MAX_TASKS (MAX_SOURCES + MAX_KEYED + 1)
#define MAX_INPUTS MAX_KEYED
#define MAX_RECORDS 12			/* of a source */
#define KEYS 6
#define MAX_CHUNKS 256
#define MAX_PREPARED 8
#define MAX_COMPLETED 96
#define MAX_MARKERS 128
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
	M_ROW, M_BARRIER, M_CANCEL, M_END,
	/* of the coordinator to a task */
	M_TRIGGER, M_ABORT, M_PREPARE, M_COMPLETE,
	/* of a task to the coordinator */
	M_RUNNING, M_VOTE, M_DECLINE, M_PREPARED, M_ENDED
} MessageKind;

typedef struct Message
{
	uint8_t		kind;
	uint8_t		source;			/* of a row's record */
	uint8_t		index;			/* of a row's record; a position */
	uint8_t		value;			/* of a row; a vote */
	bool		ended;			/* a position's */
	int16_t		checkpoint;
} Message;

typedef struct Ring
{
	uint8_t		first;
	uint8_t		n;
	Message		m[RING];
} Ring;

/* ---- the database ---- */

/* Chunks, markers and rows belong to a transaction: an open one, a prepared one, or none. */
#define COMMITTED 0
#define OPEN(slot) (1 + (slot))
#define PREPARED(i) (64 + (i))

typedef struct Chunk
{
	int16_t		checkpoint;
	int8_t		timeline;
	int8_t		group;
	uint8_t		owner;
	bool		full;
	uint8_t		keys;			/* mask */
	uint8_t		count[KEYS][MAX_SOURCES];
} Chunk;

typedef struct Marker
{
	int16_t		attempt;
	int16_t		checkpoint;
	int8_t		task;
	uint8_t		owner;
} Marker;

/* Rows a transaction has written. */
typedef struct Output
{
	uint32_t	rows[MAX_SOURCES];	/* mask of records */
	bool		repeated;		/* one of them more than once */
	bool		wrong;			/* one of them with a wrong count */
	bool		open;
} Output;

typedef struct PreparedTransaction
{
	char		name[WEIR_GID_SIZE];
	Output		output;
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
	uint8_t		listed;			/* mask of tasks with a prepared transaction */
	uint8_t		position[MAX_SOURCES];
	bool		ended[MAX_SOURCES];
	int64_t		at;				/* the date */
	int64_t		moment;			/* when it really was */
} Completed;

typedef struct Journal
{
	uint8_t		start;
	uint8_t		end;
	bool		ended;			/* the end of the stream is in it */
	int64_t		stamp;			/* of the last record .. */
	int64_t		stamped_at;		/* .. and when it really was */
} Journal;

typedef struct Database
{
	int			nchunks;
	int			nprepared;
	int			ncompleted;
	int			nmarkers;
	int			attempt;
	int			next_checkpoint;	/* above every row of weir.checkpoints */
	int			timeline;
	int			base;			/* savepoint it began with; 0: none */
	int			base_timeline;
	uint8_t		base_position[MAX_SOURCES];
	uint32_t	visible[MAX_SOURCES];
	Journal		journal[MAX_SOURCES];
	PreparedTransaction prepared[MAX_PREPARED];
	Completed	completed[MAX_COMPLETED];
	Marker		markers[MAX_MARKERS];
	Chunk		chunks[MAX_CHUNKS];
} Database;

/* ---- processes ---- */

typedef enum TaskKind
{
	T_SOURCE,
	T_KEYED,
	T_SINK
} TaskKind;

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

typedef struct Task
{
	bool		alive;
	bool		loaded;
	uint8_t		kind;
	uint8_t		index;			/* in the attempt */
	uint8_t		slot;			/* over both halves */
	Phase		phase;
	int			checkpoint;		/* of the phase */
	uint8_t		vote;
	int			records_in;

	/* a source */
	uint8_t		next;			/* record to hand out */
	uint8_t		received;		/* records, those of the journal included */
	uint8_t		position;		/* noted at the trigger */
	bool		connected;
	bool		ended;			/* end of the stream sent on */
	int			paused_for;		/* a final checkpoint, 0: none */
	WeirClock	clock;			/* of the stream */
	int64_t		stamp;			/* as in the journal */
	int64_t		stamped_at;

	/* keyed, sink */
	WeirAlign  *align;
	uint8_t		ninputs;
	bool		has_sink;
	bool		held;
	int			held_for;
	int			triggers[MAX_TRIGGERS];
	int			ntriggers;
	bool		marked;
	bool		completed;		/* a checkpoint has, in this attempt */
	bool		end_told;
	uint8_t		dirty;			/* mask of keys */
	uint8_t		owned;			/* mask of groups */
	uint8_t		count[KEYS][MAX_SOURCES];
	Output		output;

	/* why it left */
	bool		lock_wait;
	int			failed_record;	/* -1: no record's */

	Ring		control;		/* from the coordinator */
	Ring		report;			/* to it */
	Ring		in[MAX_INPUTS];
} Task;

/* An attempt; the one before may still have tasks alive. */
typedef struct Attempt
{
	int			id;
	int			nsources;
	int			nkeyed;
	int			nsinks;
	int			ntasks;
	bool		stopping;
	bool		write_full;
	int			restore;		/* checkpoint, 0: none */
	int			restore_timeline;
	uint8_t		position[MAX_SOURCES];
	Task		tasks[MAX_TASKS];
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
	uint8_t		running;		/* masks of tasks */
	uint8_t		ended;
	bool		started;
	bool		final_asked;
	bool		stopping;
	uint64_t	stop_token;
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

/* What the promises are held against; the model decides nothing by it. */
typedef struct Oracle
{
	int64_t		failures;		/* consecutive, by the rules */
	int64_t		last_success;
	bool		job_must_fail;
	bool		has_completion;
	int64_t		completion;		/* when it was, for min_pause */
	int			told;			/* highest id told complete */
	uint8_t		told_position[MAX_SOURCES];
} Oracle;

/* What came about, over all schedules: to see that the faults are there. */
typedef enum Event
{
	E_ATTEMPT,
	E_COMPLETED,
	E_ABORTED,
	E_TASK_CRASH,
	E_COORDINATOR_CRASH,
	E_SERVER_CRASH,
	E_POWER_CUT,
	E_CLOCK_STEP,
	E_FROM_SAVEPOINT,
	E_GAVE_UP,					/* a schedule too long for the model */
	E_COUNT
} Event;

typedef struct World
{
	long		events[E_COUNT];
	uint64_t	random;
	bool		tracing;
	bool		calm;			/* no faults any more .. */
	int64_t		calm_from;		/* .. since then */
	int			fault_rate;		/* one in this many steps; 0: none */
	const char *violation;
	int64_t		now;			/* the monotonic clock */
	int64_t		wall;			/* what has to be added for the date */
	int64_t		stepped_at;		/* when somebody last set the clock */
	WeirClock	arrivals;
	int64_t		kept;			/* its distance, as it outlives the server */
	bool		rebooted;		/* stamps began with the date once more */

	WeirCheckpointConfig config;
	WeirRestartConfig restart_config;
	int			nsources;
	int			groups;			/* max_parallelism */
	int			nrecords[MAX_SOURCES];
	bool		ends;			/* the streams end; else they fall silent */
	bool		segments;		/* the journal's are larger than the input */
	uint8_t		key[MAX_SOURCES][MAX_RECORDS];
	uint8_t		ordinal[MAX_SOURCES][MAX_RECORDS];	/* right count of its row */
	uint8_t		group[KEYS];
	uint64_t	hash[KEYS];
	int64_t		locked_until;	/* somebody holds a lock on the sink */
	Sender		sender[MAX_SOURCES];

	int			half;			/* attempts[half] is the newest */
	Attempt		attempts[2];
	Coordinator co;
	bool		finished;
	Oracle		oracle;

	int			ntokens;
	bool		answered[MAX_TOKENS];
	uint8_t		kind[MAX_IDS];	/* of each checkpoint */

	Database	db;
	Database	safe;			/* what a power cut leaves, while .. */
	bool		unsynced;		/* .. there are commits it would lose */
} World;

/* ---- random numbers ---- */

static inline uint32_t
random_bits(World *w)
{
	uint64_t	x = (w->random += UINT64_C(0x9e3779b97f4a7c15));

	x = (x ^ (x >> 32)) * UINT64_C(0xd6e8feb86659fd93);
	return (uint32_t) (x >> 32);
}

static inline int
below(World *w, int n)
{
	return (int) (((uint64_t) random_bits(w) * (uint64_t) n) >> 32);
}

/* True once in n, while there are faults. */
static inline bool
fault(World *w, int n)
{
	return !w->calm && w->fault_rate > 0 && below(w, n) == 0;
}

static inline uint32_t
prefix(int n)
{
	return (UINT32_C(1) << n) - 1;
}

static inline bool
exactly_once(const World *w)
{
	return w->config.mode == WEIR_EXACTLY_ONCE;
}

static inline Attempt *
current(World *w)
{
	return &w->attempts[w->half];
}

static inline Attempt *
attempt_of(World *w, const Task *t)
{
	return &w->attempts[t->slot / MAX_TASKS];
}

/* world.c */
extern void world_play(World *w, uint64_t seed, int steps, bool tracing);
extern void ring_put(Ring *r, Message m);
extern bool ring_get(Ring *r, Message *m);
extern void task_report(World *w, Task *t, Message m);
extern void task_kill(World *w, Task *t);
extern void task_create(World *w, Attempt *a, int index, TaskKind kind);
extern bool task_step(World *w, Task *t);

/* database.c */
extern void db_commit_async(World *w);
extern void db_commit_sync(World *w);
extern void db_power_cut(World *w);
extern void db_lose(World *w);
extern void db_add_chunk(World *w, const Chunk *chunk);
extern void db_delete_chunks(World *w, bool (*condemned) (World *w, const Chunk *c, int arg), int arg);
extern void db_add_marker(World *w, int attempt, int checkpoint, int task, int owner);
extern void db_delete_marker(World *w, int attempt, int task, int owner);
extern void db_forget_completed(World *w, int from);
extern void db_commit(World *w, int owner, Output *output);
extern void db_abort(World *w, int owner);
extern void db_prepare(World *w, Task *t, int checkpoint);
extern void db_finish_prepared(World *w, int i, bool commit);
extern int	db_find_prepared(const World *w, const char *name);
extern const Completed *db_completed(const World *w, int checkpoint);
extern const Completed *db_newest(const World *w);
extern void db_read(World *w, int timeline, int checkpoint, uint8_t groups,
					uint8_t count[KEYS][MAX_SOURCES]);
extern bool db_is_savepoint(World *w, int checkpoint);

/* coordinator.c */
extern bool coordinator_step(World *w);
extern void coordinator_crash(World *w);
extern int64_t coordinator_deadline(World *w);
extern void coordinator_fail(World *w, Outcome outcome);

/* recovery.c */
extern bool lives(const Attempt *a);
extern bool recovery_wait_gone(World *w);
extern bool recovery_resolve_one(World *w);
extern bool recovery_choose(World *w);

/* user.c */
extern void forget_requests(World *w);
extern void answer(World *w, uint64_t token, bool ok);
extern void user_request(World *w, WeirCheckpointKind kind);
extern void user_cancel(World *w);
extern void user_start(World *w);
extern void user_start_from_savepoint(World *w);

/* checkpoint.c */
extern void checkpoints_begin(World *w);
extern void checkpoints_end(World *w);
extern void checkpoints_message(World *w, int task, const Message *m);
extern void checkpoints_tick(World *w);
extern bool checkpoints_act(World *w);
extern void gid_of(WeirGid *gid, int attempt, int checkpoint, int task);

/* source.c */
extern void clock_start(World *w, bool reboot);
extern void source_load(World *w, Task *t);
extern bool source_step(World *w, Task *t);
extern bool sender_step(World *w, int source);

/* operator.c */
extern void operator_load(World *w, Task *t);
extern bool operator_step(World *w, Task *t);

/* check.c */
extern void violate(World *w, const char *promise);
extern void give_up(World *w);
extern bool gave_up(const World *w);
extern void check_step(World *w);
extern void check_end(World *w);
extern void check_visible(World *w, const Output *output);
extern void check_state(World *w, const uint8_t *position, uint8_t groups,
						uint8_t count[KEYS][MAX_SOURCES]);
extern void check_trigger(World *w, const WeirAction *a);
extern void check_told(World *w, int checkpoint);
extern void check_action(World *w, const WeirAction *a);
extern void check_failures(World *w);
extern void check_failure(World *w, int64_t checkpoint, WeirCheckpointKind kind,
						  WeirCheckpointFailure reason);
extern bool job_done(World *w);

/* trace.c */
extern void trace_clear(void);
extern void trace_print(int n);
extern void trace_add(World *w, const char *format, ...) PRINTF_LIKE(2, 3);

#define TRACE(w, ...) do { if ((w)->tracing) trace_add((w), __VA_ARGS__); } while (0)

/* mutants.c */
typedef enum Mutant
{
	MUTANT_NONE,
	MUTANT_PREPARE_EARLY,
	MUTANT_TELL_EARLY,
	MUTANT_COMPLETE_BEFORE_COMMIT,
	MUTANT_DELETE_ABORTED,
	MUTANT_TRIM_UNDECIDED,
	MUTANT_REUSE_ID,
	MUTANT_RECOVER_TRIGGERED,
	MUTANT_ACK_BEFORE_CHUNK,
	MUTANT_VOTE_BEFORE_JOURNAL,
	MUTANT_ACK_SENDER_EARLY,
	MUTANT_TRIM_JOURNAL_EARLY,
	MUTANT_LATE_ACK_CLEARS,
	MUTANT_SKIP_OPEN,
	MUTANT_BARRIER_BEHIND_END,
	MUTANT_RESTART_EARLY,
	MUTANT_LOCK_IS_POISON,
	MUTANT_ABORT_LOSES_EPOCH,
	MUTANT_KEEP_MARKER,
	MUTANT_DROP_IN_DOUBT,
	MUTANT_ROW_UNSYNCED,
	MUTANT_POSITION_RECEIVED,
	MUTANT_OTHER_TIMELINE,
	MUTANT_DELTA_FIRST,
	MUTANT_DECIDE,
	MUTANT_COUNT
} Mutant;

extern Mutant mutant;
extern const char *mutant_name(Mutant m);
extern const char *mutant_text(Mutant m);
extern Mutant mutant_find(const char *name);

#endif
