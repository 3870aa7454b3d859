/*
 * task/chain.h
 *		What a task does with the rows and letters that come to it: its operators,
 *		one behind the other, and its sinks or the way to the next tasks.
 */
#ifndef WEIR_TASK_CHAIN_H
#define WEIR_TASK_CHAIN_H

#include "postgres.h"

#include "operator/operator.h"
#include "record/channel.h"
#include "task/input.h"
#include "task/letters.h"
#include "task/output.h"
#include "task/sinks.h"
#include "task/task.h"

/* A node of a task. */
typedef struct WeirLink
{
	WeirOutput	output;			/* to the next link */
	struct WeirChain *chain;
	WeirOperator *op;			/* or it is a sink */
	WeirTaskSink *sink;
	WeirOutput *to;				/* of the operator's rows: the next link, or other tasks */
} WeirLink;

typedef struct WeirChain
{
	WeirTask   *task;
	int			nlinks;
	WeirLink   *links;			/* a path from the one that rows come to, or sinks side by side */
	WeirLink  **entries;		/* by exchange: what its rows come to; NULL: none here */
	WeirRouter *out;			/* to the tasks behind; NULL: this task has sinks */
	WeirTaskSinks sinks;
	WeirLetterBox letters;		/* what this task writes of them */
	int64		held_since;		/* operators hold rows since (us); 0: they do not */
	int64		watermark;		/* that the links have seen .. */
	bool		idle;			/* .. and that those behind them are told */
	bool		waits;			/* it stands until what a restore brought is worked off */
	List	   *late_letters;	/* WeirLetters, see late.h */
	MemoryContext late_context;	/* of these */
} WeirChain;

/* Compiled before; opens its stores too.  Outside a transaction. */
extern WeirChain *weir_chain_open(WeirTask *task, WeirRouter *out);

/* Works off a message of rows that an input, or a restore, has brought, returns how many; a letter. */
extern int	weir_chain_rows(WeirChain *chain, WeirInputs *inputs, int input, bool restored,
							const WeirMessage *message);
extern void weir_chain_letter(WeirChain *chain, const WeirMessage *message);

/* In the epoch's transaction, or on to the task that has one. */
extern void weir_chain_pass_letter(WeirChain *chain, const WeirLetter *letter);

/* A transaction in which operators may be called, as they are now; its end, with what they handed on. */
extern void weir_chain_enter(WeirChain *chain);
extern void weir_chain_leave(WeirChain *chain);

/* Rows that operators hold until they are told go their way. */
extern void weir_chain_emit(WeirChain *chain);
/* Rows that wait for the sink statement go into the epoch. */
extern void weir_chain_flush(WeirChain *chain);

#endif
