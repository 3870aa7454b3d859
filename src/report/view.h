/*
 * report/view.h
 *		How what is shown of jobs is read: from the views of schema weir, as the
 *		caller, who sees what the views let him see.
 *
 * Rows of the last query are read by the names of catalog/row.h until the next.
 */
#ifndef WEIR_REPORT_VIEW_H
#define WEIR_REPORT_VIEW_H

#include "postgres.h"

#include "catalog/arguments.h"

/* Connects SPI, with settings under which values look as they do anywhere. */
extern int	weir_view_enter(void);
extern void weir_view_leave(int guc_nest);

/* Returns rows. args may be NULL. */
extern uint64 weir_view_read(const char *sql, const WeirArguments *args);

/* An error unless the view weir.jobs shows the caller that job. */
extern void weir_view_must_show(const char *job);

/* A value as text, in SPI's memory; NULL is NULL. */
extern char *weir_view_value(uint64 row, const char *column);

#endif
