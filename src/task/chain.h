/*
 * task/chain.h
 *		What a task does with the rows and letters that come to it: its operators,
 *		one behind the other, and its sink or the way to the next tasks.
 */
#ifndef WEIR_TASK_CHAIN_H
#define WEIR_TASK_CHAIN_H

#include "postgres.h"

#include "operator/operator.h"
#include "record/channel.h"
#include "sink/isolating.h"
#include "sink/sink.h"
#include "task/letters.h"
#include "task/output.h"
#include "task/task.h"

/* An operator of a task, and where its rows go. */
typedef struct WeirLink
{
	WeirOutput	output;			/* to the next link, or the end */
	struct WeirChain *chain;
	WeirOperator *op;
} WeirLink;

typedef struct WeirChain
{
	WeirTask   *task;
	TupleDesc	in_desc;		/* of the rows that come */
	int			nlinks;			/* 0: the rows that come are the sink's */
	WeirLink   *links;
	WeirRouter *out;			/* to the tasks behind; NULL: this task has the sink */
	WeirSink   *sink;			/* NULL: it is elsewhere, or isolating */
	WeirIsolating *isolating;	/* the sink, where a row may be refused alone */
	WeirLetterBox letters;		/* what this task writes of them */
} WeirChain;

/* Compiled before; opens its stores too.  Outside a transaction. */
extern WeirChain *weir_chain_open(WeirTask *task, WeirRouter *out);

/* Works off a message of rows, returns how many; a letter. */
extern int	weir_chain_rows(WeirChain *chain, WeirReceiver *from, const WeirMessage *message);
extern void weir_chain_letter(WeirChain *chain, const WeirMessage *message);

/* Rows that wait for the sink statement go into the epoch. */
extern void weir_chain_flush(WeirChain *chain);

#endif
