/*
 * report/exposition.h
 *		Metrics as a text: Prometheus's format, or OpenMetrics 1.0.
 *
 * They differ in what a family is called (a counter of the latter lacks its
 * _total), in its types, and in that comments are an error to the latter: so UNIT
 * and EOF stand in both.
 */
#ifndef WEIR_REPORT_EXPOSITION_H
#define WEIR_REPORT_EXPOSITION_H

#include "postgres.h"

#include "lib/stringinfo.h"

typedef enum WeirMetricType
{
	WEIR_GAUGE,
	WEIR_COUNTER,				/* its samples are called NAME_total */
	WEIR_STATE_SET				/* each state a sample, 1 or 0, in the label NAME */
} WeirMetricType;

typedef struct WeirMetric
{
	const char *name;			/* without _total; it ends in its unit */
	WeirMetricType type;
	const char *unit;			/* NULL: none */
	const char *help;
} WeirMetric;

typedef struct WeirExposition
{
	StringInfo	text;
	bool		openmetrics;
	const WeirMetric *metric;	/* whose samples are written */
	bool		labelled;		/* the sample has a label */
} WeirExposition;

extern void weir_metric_begin(WeirExposition *to, const WeirMetric *metric);
/* A sample: begin, its labels, its value, which is written as it is. */
extern void weir_sample_begin(WeirExposition *to);
extern void weir_sample_label(WeirExposition *to, const char *name, const char *value);
extern void weir_sample_end(WeirExposition *to, const char *value);
/* The last line must have its end, and strictly nothing may follow, as what psql adds. */
extern void weir_exposition_end(WeirExposition *to);

#endif
