/*
 * report/words.c
 *		Numbers and names in words.
 */
#include "postgres.h"

#include <math.h>

#include "mb/pg_wchar.h"
#include "nodes/pg_list.h"
#include "nodes/value.h"

#include "report/page.h"

const char *
weir_say_count(double n)
{
	char		digits[64];
	StringInfoData text;
	int			length;

	if (n > 0 && n < 10 && n != rint(n))
		return psprintf("%.1f", n);
	length = snprintf(digits, sizeof(digits), "%.0f", n);
	initStringInfo(&text);
	for (int i = 0; i < length; i++)
	{
		if (i > 0 && (length - i) % 3 == 0 && digits[i - 1] != '-')
			appendStringInfoChar(&text, ',');
		appendStringInfoChar(&text, digits[i]);
	}
	return text.data;
}

const char *
weir_say_bytes(double bytes)
{
	static const char *const units[] = {"B", "kB", "MB", "GB", "TB"};
	int			unit = 0;

	while (bytes >= 1000 && unit < lengthof(units) - 1)
	{
		bytes /= 1024;
		unit++;
	}
	return psprintf(unit == 0 || bytes >= 10 ? "%.0f %s" : "%.1f %s", bytes, units[unit]);
}

const char *
weir_say_share(double share)
{
	return psprintf("%.0f %%", share * 100);
}

const char *
weir_say_within(const char *text, int columns)
{
	int			used = 0;
	const char *cut = text;		/* as far as the dots leave room */

	for (const char *at = text; *at != '\0'; at += pg_mblen(at))
	{
		int			width = Max(pg_dsplen(at), 0);

		if (used + width > columns)
			return psprintf("%.*s..", (int) (cut - text), text);
		used += width;
		if (used <= columns - 2)
			cut = at + pg_mblen(at);
	}
	return text;
}

/* "Function f(r)" -> "f(r)", "Insert on t" -> "t" */
static const char *
name_of(const char *step)
{
	static const char *const kinds[] = {"Source ", "Function ", "Window ", "Insert on "};

	for (int i = 0; i < lengthof(kinds); i++)
	{
		if (strncmp(step, kinds[i], strlen(kinds[i])) == 0)
			return step + strlen(kinds[i]);
	}
	return step;
}

static const char *
first_step(const WeirShownStage *stage)
{
	return name_of(pnstrdup(stage->steps, strcspn(stage->steps, "\n")));
}

/* Each once: "t1, t2". */
static const char *
names_of_sinks(const char *steps)
{
	StringInfoData names;
	List	   *seen = NIL;
	char	   *rest = pstrdup(steps);

	initStringInfo(&names);
	for (char *step; (step = strsep(&rest, "\n")) != NULL;)
	{
		String	   *name = makeString(pstrdup(name_of(step)));

		if (list_member(seen, name))
			continue;
		appendStringInfo(&names, "%s%s", seen == NIL ? "" : ", ", strVal(name));
		seen = lappend(seen, name);
	}
	return psprintf("%s %s", list_length(seen) > 1 ? "sink task of" : "sink", names.data);
}

/* "the sink averages", "the keyed step f(r)", "the source readings" */
const char *
weir_say_stage(const WeirShownStage *stage)
{
	const char *kind = strcmp(stage->kind, "keyed") == 0 ? "keyed step" : stage->kind;

	if (stage->steps == NULL)
		return psprintf("the %s", kind);
	if (strcmp(stage->kind, "sink") == 0)
		return psprintf("the %s", names_of_sinks(stage->steps));
	return psprintf("the %s %s", kind, first_step(stage));
}

static const char *
who(const WeirShownFlow *flow)
{
	const WeirShownStage *stage = &flow->stages[flow->bottleneck.stage];
	const char *last = stage->steps ? strrchr(stage->steps, '\n') : NULL;

	/* A keyed step that writes itself: the statement is meant. */
	if (flow->bottleneck.in_sink && last && strcmp(stage->kind, "sink") != 0)
		return psprintf("the sink %s", name_of(last + 1));
	return weir_say_stage(stage);
}

static const char *
why(const WeirShownFlow *flow)
{
	const WeirLoad *most = &flow->stages[flow->bottleneck.stage].load.most;

	if (flow->bottleneck.in_sink)
		return psprintf("%s of its time in the sink statement", weir_say_share(most->in_sink));
	return psprintf("busy %s of its time", weir_say_share(most->busy));
}

const char *
weir_say_bottleneck(const WeirShownFlow *flow)
{
	const WeirShownStage *stage;
	const char *uneven = "";
	const char *name;

	if (!flow->running)
		return NULL;
	if (flow->bottleneck.verdict == WEIR_NOBODY)
		return "Nobody holds the others back.";
	stage = &flow->stages[flow->bottleneck.stage];
	if (flow->bottleneck.uneven)
		uneven = psprintf(" It is its task %s %d alone: keys are spread unevenly.", stage->kind,
						  stage->first_subtask + stage->load.busiest);
	name = who(flow);			/* it begins with "the" */
	return psprintf("T%s %s: %s.%s", name + 1,
					flow->bottleneck.verdict == WEIR_HOLDS_BACK ? "holds the others back" : "is at its limit",
					why(flow), uneven);
}

static void
add_share(StringInfo text, double share, const char *word)
{
	if (rint(share * 100) > 0)
		appendStringInfo(text, "%s%s %s", text->len > 0 ? ", " : "", weir_say_share(share), word);
}

const char *
weir_say_load(const WeirLoad *load)
{
	StringInfoData text;

	initStringInfo(&text);
	add_share(&text, load->in_sink, "sink");
	add_share(&text, load->busy - load->in_sink, "busy");
	add_share(&text, load->backpressured, "waits");
	add_share(&text, 1 - load->busy - load->backpressured, "idle");
	return text.data;
}
