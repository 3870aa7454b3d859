/*
 * decide/topology.h
 *		The shape of an attempt, without I/O: stages of parallel tasks, the
 *		exchanges between them, and what follows from it: which tasks there are,
 *		which channels, what a task reads and whom it writes to.
 *
 * A stage is what FORWARD edges join, or all sinks that stand alone: its tasks run
 * all of these nodes.  An exchange is an edge that is not FORWARD; two of them may
 * lead from a stage to the same other one.  Stages stand in an order in which every
 * exchange leads from an earlier to a later one, and their tasks are numbered in
 * that order: a task's number says nothing about what it is.
 */
#ifndef WEIR_DECIDE_TOPOLOGY_H
#define WEIR_DECIDE_TOPOLOGY_H

#include <stdbool.h>

#define WEIR_MAX_STAGES 64
#define WEIR_MAX_EXCHANGES 128

typedef enum WeirExchangeKind
{
	WEIR_BY_KEY,				/* each row to the task that owns its key group */
	WEIR_TO_ONE					/* every row to the one task of the stage */
} WeirExchangeKind;

typedef struct WeirStage
{
	bool		source;			/* it begins with a source and has no input */
	bool		keyed;			/* it has a step with keyed state */
	bool		sink;			/* it ends in a sink: its tasks write output */
	int			parallelism;
	int			ordinal;		/* among the stages of its kind, from 0, see weir_stage_kind */
	int			first_task;		/* set by weir_topology_finish, as the rest */
} WeirStage;

typedef struct WeirExchange
{
	int			from;			/* stage */
	int			to;
	WeirExchangeKind kind;
	int			first_channel;	/* from_task * parallelism of "to" + to_task is added */
} WeirExchange;

typedef struct WeirTopology
{
	int			nstages;
	int			nexchanges;
	int			ntasks;
	int			nchannels;
	WeirStage	stages[WEIR_MAX_STAGES];
	WeirExchange exchanges[WEIR_MAX_EXCHANGES];
} WeirTopology;

typedef struct WeirChannelEnds
{
	int			exchange;
	int			from;			/* task */
	int			to;
} WeirChannelEnds;

/* Numbers tasks and channels.  False if it is no topology: an exchange leads back, a stage but a source has no input or one has some, a stage leads nowhere. */
extern bool weir_topology_finish(WeirTopology *t);

extern int	weir_task_stage(const WeirTopology *t, int task);
extern int	weir_task_subtask(const WeirTopology *t, int task);
/* Among the tasks of all stages of its kind, from 0. */
extern int	weir_task_number(const WeirTopology *t, int task);
/* Can what one task does reach the other, over however many channels? */
extern bool weir_task_leads_to(const WeirTopology *t, int from, int to);
extern WeirChannelEnds weir_channel_ends(const WeirTopology *t, int channel);

/*
 * Channels that a task reads, or that it writes to, ascending; returns how many.
 * channels may be NULL.
 */
extern int	weir_task_inputs(const WeirTopology *t, int task, int *channels);
extern int	weir_task_outputs(const WeirTopology *t, int task, int *channels);

/* Tasks that prepare a transaction in exactly_once: those that write output. */
extern int	weir_topology_writers(const WeirTopology *t);

/* "source", "keyed" or "sink": what users know a task by. */
extern const char *weir_stage_kind(const WeirStage *stage);

#endif
