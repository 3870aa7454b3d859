/*
 * ownership_test.c
 *		Which server of a group a partition belongs to: decisions one by one,
 *		and servers that run by them, under seeded schedules.
 */
#include <string.h>

#include "decide/ownership.h"
#include "tap.h"

#define OTHERS 2

static const WeirAnswer silent = {false, {WEIR_OWNED_NONE, 0, 0, false, 0, false}};

static WeirAnswer
none(void)
{
	WeirAnswer	answer = {true, {WEIR_OWNED_NONE, 0, WEIR_SERVER_NOBODY, false, WEIR_SERVER_NOBODY, true}};

	return answer;
}

static WeirAnswer
owned(int64_t epoch, bool certain)
{
	WeirAnswer	answer = none();

	answer.claim.state = WEIR_OWNED_OWNED;
	answer.claim.epoch = epoch;
	answer.claim.certain = certain;
	return answer;
}

static WeirAnswer
given(int64_t epoch, int to)
{
	WeirAnswer	answer = owned(epoch, true);

	answer.claim.state = WEIR_OWNED_GIVEN;
	answer.claim.to = to;
	return answer;
}

static WeirAnswer
taking(WeirAnswer answer, int from)
{
	answer.claim.taking = true;
	answer.claim.from = from;
	return answer;
}

static WeirAnswer
uncertain(WeirAnswer answer)
{
	answer.claim.certain = false;
	return answer;
}

static void
decides(const char *name, WeirAnswer own, bool wanted, WeirAnswer a, WeirAnswer b,
		WeirOwnershipKind kind, int server)
{
	WeirAnswer	others[OTHERS];
	WeirOwnership what;

	others[0] = a;
	others[1] = b;
	what = weir_ownership_next(&own.claim, wanted, others, OTHERS);
	if (!ok(what.kind == kind && what.server == server, "ownership: %s", name))
		diag("got %d of %d, expected %d of %d", (int) what.kind, what.server, (int) kind, server);
}

static void
test_begin(void)
{
	const int	nobody = WEIR_SERVER_NOBODY;

	decides("what is not assigned is left alone", none(), false, owned(3, true), none(),
			WEIR_OWNERSHIP_NOTHING, nobody);
	decides("what nobody had is claimed first", none(), true, none(), none(),
			WEIR_OWNERSHIP_CLAIM, nobody);
	decides("then it begins", taking(none(), nobody), true, none(), none(),
			WEIR_OWNERSHIP_BEGIN, nobody);
	decides("one that cannot be asked may have it", taking(none(), nobody), true, none(), silent,
			WEIR_OWNERSHIP_WAIT, 1);
	decides("of two who begin, this one clears the other's claim", taking(none(), nobody), true,
			none(), taking(none(), nobody), WEIR_OWNERSHIP_CLEAR, 1);
	decides("one that takes it from somebody else has it soon", taking(none(), nobody), true,
			none(), taking(none(), WEIR_SERVER_UNKNOWN), WEIR_OWNERSHIP_WAIT, 1);
	decides("a claim is dropped when the partition is another's", taking(none(), nobody), false,
			none(), none(), WEIR_OWNERSHIP_RETRACT, nobody);
}

static void
test_take(void)
{
	const int	self = WEIR_SERVER_SELF;

	decides("its owner is known", none(), true, silent, owned(4, true),
			WEIR_OWNERSHIP_CLAIM, 1);
	decides("and gives it", taking(none(), 1), true, silent, owned(4, true),
			WEIR_OWNERSHIP_TAKE, 1);
	decides("what was given is taken, assigned or not", taking(none(), 1), false, silent, given(4, self),
			WEIR_OWNERSHIP_TAKE, 1);
	decides("what was not given need not be", taking(none(), 1), false, silent, owned(4, true),
			WEIR_OWNERSHIP_RETRACT, 1);
	decides("another was faster", taking(none(), 1), true, none(), given(4, 0),
			WEIR_OWNERSHIP_RETRACT, 1);
	decides("it went from one to the other", none(), true, owned(5, true), given(4, 0),
			WEIR_OWNERSHIP_CLAIM, 0);
	decides("to one that is silent", none(), true, silent, given(4, 0), WEIR_OWNERSHIP_WAIT, 0);
	decides("to one that is about to take it", none(), true, taking(none(), 1), given(4, 0),
			WEIR_OWNERSHIP_WAIT, 0);
	decides("this server gave it away, and wants it again", given(4, 1), true, none(), owned(5, true),
			WEIR_OWNERSHIP_CLAIM, 1);
	decides("to one that is silent now", given(4, 1), true, none(), silent, WEIR_OWNERSHIP_WAIT, 1);
	decides("what it owns it has", owned(4, true), true, silent, silent, WEIR_OWNERSHIP_NOTHING, self);
}

static void
test_promoted(void)
{
	const int	self = WEIR_SERVER_SELF;

	decides("a promoted one asks all", owned(4, false), true, silent, none(), WEIR_OWNERSHIP_WAIT, 0);
	decides("and goes on", owned(4, false), true, given(3, self), none(), WEIR_OWNERSHIP_CONFIRM, self);
	decides("it was taken from it", owned(4, false), true, silent, owned(5, true), WEIR_OWNERSHIP_LOSE, 1);
	decides("it is being taken from it", owned(4, false), true, silent, taking(none(), self),
			WEIR_OWNERSHIP_LOSE, 1);
	decides("it was given to it, which it does not know any more", none(), false, given(4, self), none(),
			WEIR_OWNERSHIP_CLAIM, 0);
	decides("one that cannot be asked may have taken it since", none(), true, given(4, self), silent,
			WEIR_OWNERSHIP_WAIT, 1);
	decides("another is about to", none(), true, given(4, self), taking(none(), self),
			WEIR_OWNERSHIP_WAIT, 1);
	decides("its take may have been finished", uncertain(taking(none(), 0)), true, given(4, self), silent,
			WEIR_OWNERSHIP_WAIT, 1);
	decides("was, and went on", uncertain(taking(none(), 0)), true, given(4, self), owned(6, true),
			WEIR_OWNERSHIP_RETRACT, 0);
	decides("was not", uncertain(taking(none(), 0)), true, given(4, self), none(),
			WEIR_OWNERSHIP_TAKE, 0);
	decides("an owner that is not certain is one if no other can be", none(), true, owned(4, false), silent,
			WEIR_OWNERSHIP_WAIT, 1);
	decides("if none is", none(), true, owned(4, false), none(), WEIR_OWNERSHIP_CLAIM, 0);
	decides("one that was promoted may have given it since", taking(none(), 0), true, owned(4, false), silent,
			WEIR_OWNERSHIP_WAIT, 1);
	decides("has, to who owns it", taking(none(), 0), true, owned(4, false), owned(5, true),
			WEIR_OWNERSHIP_RETRACT, 0);
	decides("to another that takes it", taking(none(), 0), true, owned(4, false), taking(none(), 0),
			WEIR_OWNERSHIP_WAIT, 1);
	decides("has not", taking(none(), 0), true, owned(4, false), none(), WEIR_OWNERSHIP_TAKE, 0);
	decides("what it knows that it gave is taken", taking(none(), 0), true, uncertain(given(4, self)), silent,
			WEIR_OWNERSHIP_TAKE, 0);
}

static void
test_rows(void)
{
	WeirClaim	row = owned(7, true).claim;

	ok(weir_ownership_may_complete(&row, 7) && !weir_ownership_may_complete(&row, 6),
	   "ownership: checkpoints of the epoch complete");
	ok(weir_ownership_give(&row, 1) && row.state == WEIR_OWNED_GIVEN && row.epoch == 7,
	   "ownership: the owner gives it");
	ok(!weir_ownership_may_complete(&row, 7), "ownership: no checkpoint completes behind that");
	ok(weir_ownership_give(&row, 1) && !weir_ownership_give(&row, 0),
	   "ownership: the same may take it again, nobody else");
	row = none().claim;
	ok(!weir_ownership_give(&row, 1), "ownership: who has nothing gives nothing");
	ok(weir_ownership_must_ask(&row, true) && !weir_ownership_must_ask(&row, false),
	   "ownership: nobody is asked about what is another's");
}

void
test_ownership(void)
{
	test_begin();
	test_take();
	test_promoted();
	test_rows();
}
