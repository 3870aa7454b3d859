/*
 * sim.h
 *		The simulator: whole jobs under random schedules, decided by the code of
 *		src/decide, carried out by a model of everything round it.
 *
 * world.c			a schedule: set-up, the scheduler, faults, the calm end
 * job.c			a random job: its options and its input
 * graph.c			a random graph; the topology of an attempt; who sends to whom
 * database.c		what is committed, prepared, open, and lost by a power cut
 * coordinator.c	the coordinator's process: loop, restart
 * recovery.c		what an attempt begins with
 * checkpoint.c		carries out what the checkpointer decides
 * user.c			requests and starts
 * task.c			what all tasks have in common
 * source.c			sender, journal, source task
 * operator.c		tasks with input: alignment, snapshots, epochs
 * row.c			what they do with a row
 * time.c			event time: watermarks, and that no row is late that should not be
 * kept.c			rows that a barrier passed, and what lacks them
 * check.c			the promises, checked after every step
 * trace.c			the last steps as text, of a schedule that is played again
 * mutants.c		mistakes the model can make on purpose
 *
 * A record is (source, index).  It has a key.  Each keyed step counts, per key
 * and lane, and holds the count against the right one, so a state that lost or
 * repeated a record shows in every later row; all that was written is a few bit
 * masks.
 *
 * A lane of a node is one way to it from one source, of which there may be two
 * over the same nodes: a record comes on each of them, once.  Along a lane the records of a key keep their order, since a key
 * decides on the task at every exchange.
 */
#ifndef WEIR_SIM_H
#define WEIR_SIM_H

#include "model.h"

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
	Missing		told_missing;
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
	E_FRESH,
	E_STOPPED,
	E_DRAINED,
	E_OVERTOOK,
	E_KEPT,
	E_GAVE_UP,					/* a schedule too long for the model */
	E_COUNT
} Event;

/* Which jobs are played. */
typedef enum Shape
{
	SHAPE_BOTH,					/* every second schedule is a random graph */
	SHAPE_TODAY,				/* source -> keyed step -> sink */
	SHAPE_GRAPH					/* random graphs */
} Shape;

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

	Shape		shape;
	WeirCheckpointConfig config;
	WeirRestartConfig restart_config;
	Graph		graph;
	uint8_t		width[MAX_NODES];	/* tasks of each node, in this attempt */
	bool		merged[MAX_NODES];
	int			slow_node;		/* MAX_NODES: none */
	int			groups;			/* max_parallelism */
	int			nrecords[MAX_SOURCES];
	bool		ends;			/* the streams end; else they fall silent */
	bool		idles;			/* sources are idle at times */
	bool		segments;		/* the journal's are larger than the input */
	uint8_t		key[MAX_SOURCES][MAX_RECORDS];
	uint8_t		before[MAX_SOURCES][MAX_RECORDS + 1][KEYS];	/* records of a key before this one */
	uint8_t		group[KEYS];
	uint64_t	hash[KEYS];
	int64_t		locked_until;	/* somebody holds a lock on the sink */
	Sender		sender[MAX_SOURCES];

	int			half;			/* attempts[half] is the newest */
	Attempt		attempts[2];
	Coordinator co;
	Oracle		oracle;

	int			ntokens;
	bool		answered[MAX_TOKENS];
	bool		named[MAX_TOKENS];	/* asks for a savepoint */
	int64_t		unaligned_after;	/* from the trigger on; -1: never */
	int64_t		triggered[MAX_IDS];
	int16_t		reached[MAX_IDS][MAX_NODES];	/* the lowest watermark of a node's tasks; MARK_END: it had none */
	bool		full[MAX_IDS];	/* checkpoints to be written in full .. */
	bool		final[MAX_IDS]; /* .. final ones */

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

/* n < 32 */
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

/* The group of a record's key at a node; two nodes have different ones. */
static inline int
group_at(const World *w, int node, int key)
{
	return w->group[(key + node) % KEYS];
}

/* world.c */
extern void world_play(World *w, uint64_t seed, int steps, Shape shape, bool tracing);

/* job.c */
extern void choose_config(World *w);
extern void choose_restart(World *w);
extern void choose_input(World *w);

/* graph.c */
extern void choose_graph(World *w);
extern void place_tasks(World *w, Attempt *a);

/* task.c */
extern void ring_put(Ring *r, Message m);
extern bool ring_get(Ring *r, Message *m);
extern void task_create(World *w, Attempt *a, int index);
extern void task_kill(World *w, Task *t);
extern bool task_step(World *w, Task *t);
extern void task_report(World *w, Task *t, MessageKind kind, int checkpoint, WeirVote vote);
extern void send_row(World *w, Task *t, Message row);
extern void send_all(World *w, Task *t, MessageKind kind, int checkpoint);
extern bool has_room(World *w, const Task *t);

/* time.c */
extern void time_begin_source(World *w, Task *t);
extern void time_of_source(World *w, Task *t, bool idle);
extern void time_load(World *w, Task *t);
extern bool time_begin(World *w, Task *t);
extern void time_set(World *w, Task *t, int input, const Message *m);
extern void time_end(World *w, Task *t, int input);
extern void time_passed(World *w, Task *t);
extern void time_of_row(World *w, Task *t, int input, Message *row);
extern void time_of_restored(World *w, Task *t, Message *row);
extern void time_keep(const Task *t, Message *row);
extern void time_snapshot(World *w, Task *t, int checkpoint);

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
extern void db_commit(World *w, int owner, int sink, Output *output);
extern void db_abort(World *w, int owner);
extern void db_prepare(World *w, Task *t, int checkpoint);
extern void db_finish_prepared(World *w, int i, bool commit);
extern int	db_find_prepared(const World *w, const char *name);
extern const Completed *db_completed(const World *w, int checkpoint);
extern const Completed *db_newest(const World *w);
extern int	db_base_of(const Database *db, int timeline, int step, int group, int checkpoint);
extern void db_read(World *w, int step, int timeline, int checkpoint, uint8_t groups,
					uint8_t count[KEYS][MAX_LANES]);
extern bool db_is_savepoint(World *w, int checkpoint);

/* coordinator.c */
extern bool coordinator_step(World *w);
extern void coordinator_crash(World *w);
extern int64_t coordinator_deadline(World *w);
extern void coordinator_fail(World *w, Outcome outcome);
extern void coordinator_stop_act(World *w);

/* recovery.c */
extern bool lives(const Attempt *a);
extern bool recovery_wait_gone(World *w);
extern bool recovery_resolve_one(World *w);
extern bool recovery_choose(World *w);

/* user.c */
extern void forget_requests(World *w);
extern void answer(World *w, uint64_t token, bool ok);
extern void answer_stops(World *w, bool ok);
extern void user_request(World *w, WeirCheckpointKind kind);
extern void user_stop(World *w, WeirStopKind kind);
extern void user_start(World *w);
extern void user_start_from_savepoint(World *w);
extern void user_start_fresh(World *w);
extern void user_drop_savepoint(World *w);

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

/* kept.c */
extern void keep_rows(World *w, Task *t, int checkpoint);
extern void restore_rows(World *w, Task *t);
extern void look_ahead(World *w, Task *t);
extern void find_missing(World *w, int checkpoint, Missing *missing);
extern void drop_kept(World *w, bool (*condemned) (World *w, const Kept *k, int arg), int arg);

/* row.c */
extern void process_row(World *w, Task *t, Message row);
extern void process_restored(World *w, Task *t);
extern bool state_changed(World *w, const Task *t, int checkpoint);
extern void write_state(World *w, Task *t, int checkpoint);
extern uint8_t keys_of_group(const World *w, int node, int group);

/* check.c */
extern void violate(World *w, const char *promise);
extern void give_up(World *w);
extern bool gave_up(const World *w);
extern void check_step(World *w);
extern void check_end(World *w);
extern void check_visible(World *w, int sink, const Output *output);
extern void check_state(World *w, int node, const uint8_t *from, const uint8_t *position,
						const Missing *missing, uint8_t groups, uint8_t count[KEYS][MAX_LANES]);
extern void check_said(World *w, const Task *t);
extern void check_ending(World *w);
extern bool all_visible(const World *w);
extern void check_trigger(World *w, const WeirAction *a);
extern void check_told(World *w, int checkpoint);
extern void check_action(World *w, const WeirAction *a);
extern void check_failures(World *w);
extern void check_deadline(World *w);
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
	MUTANT_FRESH_KEEPS_STATE,
	MUTANT_END_EARLY,
	MUTANT_BARRIER_FIRST,
	MUTANT_ONE_EDGE_CANCELLED,
	MUTANT_ONE_EDGE_BARRIER,
	MUTANT_DRAIN_JOURNALED,
	MUTANT_DRAIN_KEPT,
	MUTANT_FIRST_STEP,
	MUTANT_FINAL_EARLY,
	MUTANT_ONE_POSITION,
	MUTANT_PASSED_LOST,
	MUTANT_PASSED_TWICE,
	MUTANT_PASSED_LAST,
	MUTANT_PASSED_BEHIND,
	MUTANT_RESTORED_LOST,
	MUTANT_PASSED_ANYWHERE,
	MUTANT_SAVEPOINT_OVERTAKES,
	MUTANT_BEGIN_UNHEARD,
	MUTANT_KEPT_LATE,
	MUTANT_DECIDE,
	MUTANT_COUNT
} Mutant;

extern Mutant mutant;
extern const char *mutant_name(Mutant m);
extern const char *mutant_text(Mutant m);
extern Mutant mutant_find(const char *name);

#endif
