/*
 * trace.c
 *		What happened, as text: of a schedule that is played once more.
 */
#include <stdarg.h>
#include <stdio.h>

#include "sim.h"

#define LINES 4096
#define WIDTH 120

static char lines[LINES][WIDTH];
static unsigned int nlines;

void
trace_clear(void)
{
	nlines = 0;
}

void
trace_add(World *w, const char *format, ...)
{
	char	   *line = lines[nlines++ % LINES];
	int			n = snprintf(line, WIDTH, "%6d  ", (int) w->now);
	va_list		args;

	va_start(args, format);
	vsnprintf(line + n, (size_t) (WIDTH - n), format, args);
	va_end(args);
}

/* The last n lines; 0: all there are. */
void
trace_print(int n)
{
	unsigned int from = nlines > LINES ? nlines - LINES : 0;

	if (n > 0 && nlines - from > (unsigned int) n)
		from = nlines - (unsigned int) n;
	for (; from < nlines; from++)
		printf("#   %s\n", lines[from % LINES]);
}
