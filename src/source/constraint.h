/*
 * source/constraint.h
 *		What a stream's foreign table demands of a row: NOT NULL, CHECK,
 *		generated columns.
 */
#ifndef WEIR_SOURCE_CONSTRAINT_H
#define WEIR_SOURCE_CONSTRAINT_H

#include "postgres.h"

#include "access/tupdesc.h"
#include "utils/relcache.h"

typedef struct WeirConstraints WeirConstraints;

/* Is there anything to apply to rows of such a table, beside NOT NULL? */
extern bool weir_constraints_exist(TupleDesc desc);

/* NULL: there are none.  In a transaction, which frees it where it is not ended. */
extern WeirConstraints *weir_constraints_begin(Relation rel);

/*
 * Computes the generated columns, in CurrentMemoryContext, and checks the row:
 * an error as INSERT would raise it.
 */
extern void weir_constraints_apply(WeirConstraints *constraints, Datum *values, bool *nulls);
extern void weir_constraints_end(WeirConstraints *constraints);

#endif
