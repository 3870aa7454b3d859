/*
 * base/fault.h
 *		Fault points: places where a test build (make FAULTS=1) can be made to
 *		fail.  In any other build WEIR_FAULT is nothing.
 *
 *	SET weir.fault = 'POINT:KIND:OCCURRENCE[, ...]'
 *
 * arms the first of the list in shared memory, for all processes of the server
 * alike; when it has fired it is disarmed and the next is armed.  OCCURRENCE
 * counts how often any process passes the point, from 1.  Kinds:
 *
 *	error	an error (internal_error) is raised there
 *	kill	the process kills itself with SIGKILL
 *	crash	so it does, and the postmaster first
 *	hold	it waits there until the next of the list fires, or another is armed
 *
 * SHOW weir.fault tells what is armed, "held" while a process waits, and
 * nothing when all has fired.
 */
#ifndef WEIR_BASE_FAULT_H
#define WEIR_BASE_FAULT_H

/* The walk in test/tap takes its points from this list: one a line. */
#define WEIR_FAULT_POINTS(POINT) \
	/* an attempt, from recovery to its first record */ \
	POINT(before_resolve) \
	POINT(after_resolve) \
	POINT(before_restore) \
	POINT(after_restore) \
	POINT(before_attempt) \
	POINT(after_attempt) \
	POINT(before_load) \
	POINT(after_load) \
	/* the journal */ \
	POINT(before_journal_flush) \
	POINT(before_journal_commit) \
	POINT(after_journal_flush) \
	POINT(before_journal_trim) \
	POINT(after_journal_trim) \
	/* what a sender that honours them is told */ \
	POINT(before_resume) \
	POINT(after_resume) \
	POINT(before_ack) \
	POINT(after_ack) \
	/* a checkpoint, from its trigger to the votes */ \
	POINT(before_trigger) \
	POINT(after_trigger) \
	POINT(before_barrier) \
	POINT(after_barrier) \
	POINT(before_output) \
	POINT(after_output) \
	POINT(before_chunk) \
	POINT(after_chunk) \
	POINT(before_marker) \
	POINT(after_marker) \
	POINT(before_vote) \
	POINT(after_vote) \
	POINT(before_abort) \
	POINT(after_abort) \
	/* and to its completion */ \
	POINT(before_completed) \
	POINT(after_completed) \
	POINT(before_prepare) \
	POINT(after_prepare) \
	POINT(before_decision) \
	POINT(after_decision) \
	POINT(before_commit_prepared) \
	POINT(after_commit_prepared) \
	POINT(before_tell) \
	POINT(after_tell) \
	POINT(before_visible) \
	POINT(after_visible) \
	POINT(before_trim) \
	POINT(after_trim) \
	/* output that waits for no checkpoint, or for its commit */ \
	POINT(before_epoch_commit) \
	POINT(after_epoch_commit) \
	POINT(before_emit) \
	POINT(before_emit_commit) \
	POINT(after_emit) \
	/* a transaction of another module's peer */ \
	POINT(before_peer_commit) \
	/* a partition, from another server of the group */ \
	POINT(before_peer_give) \
	POINT(after_peer_give) \
	POINT(after_peer_take)

#ifdef WEIR_FAULTS

#define WEIR_FAULT_ENUM(name) WEIR_FAULT_##name,

typedef enum WeirFaultPoint
{
	WEIR_FAULT_POINTS(WEIR_FAULT_ENUM)
	WEIR_FAULT_COUNT
} WeirFaultPoint;

extern PGDLLEXPORT void weir_fault(WeirFaultPoint point);
/* Called from _PG_init. */
extern void weir_fault_init(void);

#define WEIR_FAULT(name) weir_fault(WEIR_FAULT_##name)

#else

#define WEIR_FAULT(name) ((void) 0)
#define weir_fault_init() ((void) 0)

#endif

#endif
