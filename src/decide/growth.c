/*
 * decide/growth.c
 *		Is a record that is not whole yet worth a word?
 */
#include "decide/growth.h"

static int64_t
patience(const WeirGrowth *g)
{
	return g->large ? WEIR_LARGE_PATIENCE : WEIR_RECORD_PATIENCE;
}

bool
weir_growth_look(WeirGrowth *g, int64_t offset, size_t bytes, size_t max_record, int64_t now)
{
	if (bytes == 0)
	{
		g->since = 0;
		return false;
	}
	if (g->since == 0 || g->offset != offset)
	{
		g->offset = offset;
		g->since = now;
		g->said = false;
	}
	g->large = bytes > max_record / 2;
	if (g->said || now - g->since < patience(g))
		return false;
	g->said = true;
	return true;
}

int64_t
weir_growth_due(const WeirGrowth *g)
{
	return g->since == 0 || g->said ? 0 : g->since + patience(g);
}
