/*
 * mutants.c
 *		Mistakes that the model makes on purpose, to see that they are caught.
 *		Mistakes of the decision code itself are in the script "mutants".
 */
#include <string.h>

#include "sim.h"

Mutant		mutant = MUTANT_NONE;

static struct
{
	const char *name;
	const char *text;
}			mutants[MUTANT_COUNT] = {
	[MUTANT_NONE] = {"none", "no mistake"},
	[MUTANT_PREPARE_EARLY] = {"prepare-early", "prepare before all are ready"},
	[MUTANT_TELL_EARLY] = {"tell-early", "tell before the completed row is committed"},
	[MUTANT_COMPLETE_BEFORE_COMMIT] = {"tell-undone", "tell before the prepared transactions are committed"},
	[MUTANT_DELETE_ABORTED] = {"delete-aborted", "delete the chunks of an aborted checkpoint"},
	[MUTANT_TRIM_UNDECIDED] = {"trim-undecided", "trim chunks not yet decided"},
	[MUTANT_REUSE_ID] = {"reuse-id", "reuse an id without deleting newer chunks"},
	[MUTANT_RECOVER_TRIGGERED] = {"recover-triggered", "recover the highest triggered id"},
	[MUTANT_ACK_BEFORE_CHUNK] = {"ack-before-chunk", "acknowledge before the chunk commits"},
	[MUTANT_VOTE_BEFORE_JOURNAL] = {"vote-before-journal", "acknowledge a position before the journal is durable"},
	[MUTANT_ACK_SENDER_EARLY] = {"ack-sender-early", "let the sender forget before the journal is durable"},
	[MUTANT_TRIM_JOURNAL_EARLY] = {"trim-journal-early", "trim the journal at the trigger"},
	[MUTANT_LATE_ACK_CLEARS] = {"late-ack-clears", "clear the failure counter on a late ack"},
	[MUTANT_SKIP_OPEN] = {"skip-open", "skip a checkpoint while output is open"},
	[MUTANT_BARRIER_BEHIND_END] = {"barrier-behind-end", "queue barriers behind the end of stream"},
	[MUTANT_RESTART_EARLY] = {"restart-early", "restart before the old attempt is gone"},
	[MUTANT_LOCK_IS_POISON] = {"lock-is-poison", "count a lock wait as a record's failure"},
	[MUTANT_ABORT_LOSES_EPOCH] = {"abort-loses-epoch", "roll the epoch back when its checkpoint is aborted"},
	[MUTANT_KEEP_MARKER] = {"keep-marker", "keep the marker of an aborted checkpoint"},
	[MUTANT_DROP_IN_DOUBT] = {"roll-back-decided", "roll back what is decided when the attempt ends"},
	[MUTANT_ROW_UNSYNCED] = {"row-unsynced", "commit the completed row without a sync"},
	[MUTANT_OTHER_TIMELINE] = {"other-timeline", "recover the highest completed id, whatever its timeline"},
	[MUTANT_DELTA_FIRST] = {"delta-first", "begin a timeline without a full snapshot"},
	[MUTANT_FRESH_KEEPS_STATE] = {"fresh-keeps-state", "keep the state at a fresh start"},
	[MUTANT_END_EARLY] = {"end-early", "pass the end on when one of several inputs has ended"},
	[MUTANT_BARRIER_FIRST] = {"barrier-first", "send the barrier on before the snapshot, in the middle of a chain"},
	[MUTANT_ONE_EDGE_CANCELLED] = {"one-edge-cancelled", "pass a cancel on over the first edge only"},
	[MUTANT_ONE_EDGE_BARRIER] = {"one-edge-barrier", "send a barrier over the first edge only"},
	[MUTANT_DRAIN_JOURNALED] = {"drain-journaled", "write a drain's end into the journal"},
	[MUTANT_DRAIN_KEPT] = {"drain-kept", "keep a drain's end with a checkpoint that is not the final one"},
	[MUTANT_FIRST_STEP] = {"first-step", "restore every keyed step with the first one's state"},
	[MUTANT_FINAL_EARLY] = {"final-early", "take the final checkpoint while a source has not ended"},
	[MUTANT_ONE_POSITION] = {"one-position", "keep the position of the first source only"},
	[MUTANT_PASSED_LOST] = {"passed-lost", "do not keep the rows that a barrier passed"},
	[MUTANT_PASSED_TWICE] = {"passed-twice", "feed the rows that a barrier passed twice"},
	[MUTANT_PASSED_LAST] = {"passed-last", "feed them after what the channels bring"},
	[MUTANT_PASSED_BEHIND] = {"passed-behind", "keep rows from behind the barrier, too"},
	[MUTANT_RESTORED_LOST] = {"restored-lost", "do not keep again what was restored and waits"},
	[MUTANT_PASSED_ANYWHERE] = {"passed-anywhere", "feed them to tasks that do not own their key"},
	[MUTANT_SAVEPOINT_OVERTAKES] = {"savepoint-overtakes", "let the barriers of savepoints and stops overtake"},
	[MUTANT_BEGIN_UNHEARD] = {"begin-unheard", "take rows before all inputs have said their watermarks"},
	[MUTANT_KEPT_LATE] = {"kept-late", "judge the rows that a barrier passed by what was reached behind them"},
	[MUTANT_DECIDE] = {"decide-", "linked with a changed copy of the decision code"},
	[MUTANT_POSITION_RECEIVED] = {"position-received", "note what was received, not what was handed out"},
};

const char *
mutant_name(Mutant m)
{
	return mutants[m].name;
}

const char *
mutant_text(Mutant m)
{
	return mutants[m].text;
}

/* One of the decision code has the name it was built with.  MUTANT_COUNT if there is none of this name. */
Mutant
mutant_find(const char *name)
{
	int			m;

	if (strncmp(name, "decide-", 7) == 0)
	{
		mutants[MUTANT_DECIDE].name = name;
		return MUTANT_DECIDE;
	}
	for (m = 0; m < MUTANT_COUNT; m++)
	{
		if (strcmp(mutants[m].name, name) == 0)
			break;
	}
	return (Mutant) m;
}
