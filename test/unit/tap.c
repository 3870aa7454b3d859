/*
 * tap.c
 *		The harness of the unit tests.
 */
#include "tap.h"

#include <stdarg.h>
#include <stdio.h>

static int	ntests;
static int	nfailed;

bool
ok(bool pass, const char *name, ...)
{
	va_list		args;

	printf("%sok %d - ", pass ? "" : "not ", ++ntests);
	va_start(args, name);
	vprintf(name, args);
	va_end(args);
	printf("\n");
	fflush(stdout);
	if (!pass)
		nfailed++;
	return pass;
}

void
diag(const char *format, ...)
{
	va_list		args;

	printf("# ");
	va_start(args, format);
	vprintf(format, args);
	va_end(args);
	printf("\n");
}

int
done_testing(void)
{
	printf("1..%d\n", ntests);
	if (nfailed > 0)
		diag("%d of %d failed", nfailed, ntests);
	return nfailed > 0;
}

/* splitmix64 */
uint64_t
random_bits(Random *r)
{
	uint64_t	z = r->state += UINT64_C(0x9e3779b97f4a7c15);

	z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
	return z ^ (z >> 31);
}

int
random_below(Random *r, int n)
{
	return (int) (random_bits(r) % (uint64_t) n);
}
