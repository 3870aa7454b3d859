/*
 * report/page.h
 *		The parts of weir.report's page.
 */
#ifndef WEIR_REPORT_PAGE_H
#define WEIR_REPORT_PAGE_H

#include "postgres.h"

#include "report/dataflow.h"
#include "report/xml.h"

/* style.c */
extern const char *const weir_page_style;

/* words.c: numbers and names as people say them.  "12,345", "1.2 MB", "97 %". */
extern const char *weir_say_count(double n);
extern const char *weir_say_bytes(double bytes);
extern const char *weir_say_share(double share);
/* Cut to so many columns of a fixed font. */
extern const char *weir_say_within(const char *text, int columns);
/* "the keyed step f(r)" */
extern const char *weir_say_stage(const WeirShownStage *stage);
/* The sentence on who holds whom back; NULL: nothing is known. */
extern const char *weir_say_bottleneck(const WeirShownFlow *flow);

/* picture.c: the dataflow as boxes and arrows */
extern void weir_page_picture(WeirXml *x, const WeirShownFlow *flow, const char *job);

/* history.c, tables.c: of a job, between weir_view_enter and leave */
extern void weir_page_checkpoints(WeirXml *x, const char *job);
extern void weir_page_tasks(WeirXml *x, const char *job);
extern void weir_page_sources(WeirXml *x, const char *job);
extern void weir_page_latency(WeirXml *x, const char *job);
extern void weir_page_letters(WeirXml *x, const char *job);

/* The shares of a second as a bar, in the picture and in the table. */
extern void weir_page_bar(WeirXml *x, double left, double top, double width, double height,
						  const WeirLoad *load);
extern const char *weir_say_load(const WeirLoad *load);

#endif
