/*
 * decide/isolate.c
 *		Finding the records at fault in a batch.
 *
 * A guess that is the range's last record says little: so does any statement
 * that reads all its input before it fails.  Such a range is halved, too, lest
 * it be run once for each of its records.
 */
#include "decide/isolate.h"

/* What to try first of the range from .. bad - 1, which fails. */
static void
narrow(WeirIsolate *iso)
{
	if (iso->guess == iso->from)
		iso->to = iso->from + 1;
	else if (iso->guess > iso->from && iso->guess < iso->bad - 1)
		iso->to = iso->guess;
	else
		iso->to = iso->from + (iso->bad - iso->from + 1) / 2;
}

static void
try_the_rest(WeirIsolate *iso)
{
	iso->to = iso->n;
	iso->bad = 0;
	iso->guess = -1;
}

void
weir_isolate_begin(WeirIsolate *iso, int n)
{
	iso->n = n;
	iso->from = 0;
	try_the_rest(iso);
}

bool
weir_isolate_next(const WeirIsolate *iso, int *from, int *to)
{
	*from = iso->from;
	*to = iso->to;
	return iso->from < iso->n;
}

void
weir_isolate_succeeded(WeirIsolate *iso)
{
	iso->from = iso->to;
	if (iso->from < iso->bad)
		narrow(iso);
	else
		try_the_rest(iso);
}

bool
weir_isolate_failed(WeirIsolate *iso, int guess)
{
	if (iso->to - iso->from == 1)
	{
		iso->from = iso->to;
		try_the_rest(iso);
		return true;
	}
	iso->bad = iso->to;
	iso->guess = guess;
	narrow(iso);
	return false;
}
