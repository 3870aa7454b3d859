/*
 * task/letters.h
 *		The dead letters that a task with a sink writes in its epochs.
 */
#ifndef WEIR_TASK_LETTERS_H
#define WEIR_TASK_LETTERS_H

#include "postgres.h"

#include "catalog/dead_letter.h"
#include "source/stream.h"
#include "task/task.h"

/* Those of all streams whose records come to a task, by the streams' nodes. */
typedef struct WeirLetterBox
{
	int			n;				/* nodes */
	WeirStream **streams;		/* NULL: no source, or none of this task's */
	struct WeirLetters *letters;
	bool		kept;			/* one of the streams has dead letters */
} WeirLetterBox;

/* In a transaction, in CurrentMemoryContext. */
extern void weir_letter_box_open(WeirLetterBox *box, WeirTask *task);
/* The source whose policy holds for a row of this one: another that comes to the task, if it does not. */
extern int	weir_letter_box_source(const WeirLetterBox *box, int source);
/* In a step of the epoch, not in a subtransaction. */
extern void weir_letter_box_write(WeirLetterBox *box, const WeirLetter *letter);
/* The checkpoint is about to hold the open epoch.  In a step of the epoch. */
extern void weir_letter_box_claim(WeirLetterBox *box, int64 checkpoint);
/* It does: what follows belongs to the next. */
extern void weir_letter_box_end_epoch(WeirLetterBox *box);
/* Does the open epoch hold any? */
extern bool weir_letter_box_is_open(const WeirLetterBox *box);

#endif
