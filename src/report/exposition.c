/*
 * report/exposition.c
 *		The text format of metrics.
 */
#include "postgres.h"

#include "report/exposition.h"

static const char *
suffix(const WeirMetric *metric)
{
	return metric->type == WEIR_COUNTER ? "_total" : "";
}

static const char *
type_name(const WeirExposition *to, WeirMetricType type)
{
	if (type == WEIR_COUNTER)
		return "counter";
	return type == WEIR_STATE_SET && to->openmetrics ? "stateset" : "gauge";
}

static void
append_escaped(StringInfo text, const char *value, bool quoted)
{
	for (const char *at = value; *at != '\0'; at++)
	{
		if (*at == '\n')
			appendStringInfoString(text, "\\n");
		else if (*at == '\\' || (*at == '"' && quoted))
			appendStringInfo(text, "\\%c", *at);
		else
			appendStringInfoChar(text, *at);
	}
}

void
weir_metric_begin(WeirExposition *to, const WeirMetric *metric)
{
	const char *end = to->openmetrics ? "" : suffix(metric);

	to->metric = metric;
	appendStringInfo(to->text, "# HELP %s%s ", metric->name, end);
	append_escaped(to->text, metric->help, to->openmetrics);
	appendStringInfo(to->text, "\n# TYPE %s%s %s\n", metric->name, end, type_name(to, metric->type));
	if (metric->unit)
		appendStringInfo(to->text, "# UNIT %s%s %s\n", metric->name, end, metric->unit);
}

void
weir_sample_begin(WeirExposition *to)
{
	appendStringInfo(to->text, "%s%s", to->metric->name, suffix(to->metric));
	to->labelled = false;
}

void
weir_sample_label(WeirExposition *to, const char *name, const char *value)
{
	appendStringInfo(to->text, "%s%s=\"", to->labelled ? "," : "{", name);
	append_escaped(to->text, value, true);
	appendStringInfoChar(to->text, '"');
	to->labelled = true;
}

void
weir_sample_end(WeirExposition *to, const char *value)
{
	appendStringInfo(to->text, "%s %s\n", to->labelled ? "}" : "", value);
}

void
weir_exposition_end(WeirExposition *to)
{
	appendStringInfo(to->text, "# EOF%s", to->openmetrics ? "" : "\n");
}
