/*
 * report/dataflow.h
 *		A job's stages and what its tasks do: of one that runs as weir.stages and
 *		weir.tasks tell, of any other as its query is cut.
 */
#ifndef WEIR_REPORT_DATAFLOW_H
#define WEIR_REPORT_DATAFLOW_H

#include "postgres.h"

#include "decide/bottleneck.h"
#include "decide/topology.h"

typedef struct WeirShownStage
{
	const char *kind;
	const char *steps;			/* a line each; NULL: not for the reader */
	int			parallelism;
	int			first_subtask;
	WeirStageLoad load;			/* of its tasks */
	double		rate_in;		/* all of them together */
	double		rate_out;
	bool		keyed;
	int64		state_bytes;
	int64		state_keys;
} WeirShownStage;

typedef struct WeirShownFlow
{
	bool		running;		/* what is said of tasks is known */
	int			nstages;
	WeirShownStage stages[WEIR_MAX_STAGES];
	int			nexchanges;
	int			from[WEIR_MAX_EXCHANGES];
	int			to[WEIR_MAX_EXCHANGES];
	WeirBottleneck bottleneck;
	const char *failure;		/* why nothing can be shown; NULL: something is */
} WeirShownFlow;

/* Between weir_view_enter and leave. mine: the reader may see the query. */
extern WeirShownFlow *weir_shown_flow(const char *job, bool mine);

#endif
