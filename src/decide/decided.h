/*
 * decide/decided.h
 *		How far rows that transactions write, in any order of their ends, are
 *		decided: committed, or never to be.
 *
 * A writer says that it writes before it takes a place for a row, and goes on
 * saying so until it has ended; places ascend.  Whoever reads looks at the place
 * that the next row will take, then at who writes.  When all of these are gone,
 * every row before that place is decided, whoever else writes by then: a later
 * writer never holds a reader back.
 */
#ifndef WEIR_DECIDE_DECIDED_H
#define WEIR_DECIDE_DECIDED_H

#include <stdbool.h>
#include <stdint.h>

typedef struct WeirDecided
{
	int64_t		upto;			/* rows before this place are decided */
	int64_t		next;			/* those before this one are, once these are gone; 0: none are waited for */
	int			nwriters;
	int			capacity;
	uint64_t   *writers;		/* malloc'd */
} WeirDecided;

extern void weir_decided_init(WeirDecided *d, int64_t upto);
extern void weir_decided_destroy(WeirDecided *d);

/*
 * A look: the place of the next row, then all who write, each by a number that is
 * nobody else's.
 */
extern void weir_decided_look(WeirDecided *d, int64_t place, const uint64_t *writers, int n);

/* Is somebody waited for? */
extern bool weir_decided_waits(const WeirDecided *d);

#endif
