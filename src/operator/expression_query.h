/*
 * operator/expression_query.h
 *		Queries of the keyed function that only compute: SELECT without FROM.
 */
#ifndef WEIR_OPERATOR_EXPRESSION_QUERY_H
#define WEIR_OPERATOR_EXPRESSION_QUERY_H

#include "postgres.h"

/* From now on this process, a task's, keeps what the executor would set up for each. */
extern void weir_expression_queries_keep(void);

/* A call of the keyed function begins: no such query runs. */
extern void weir_expression_queries_begin_call(void);

#endif
