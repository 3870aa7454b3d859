/*
 * base/rowdesc.h
 *		Rows within rows.
 */
#ifndef WEIR_BASE_ROWDESC_H
#define WEIR_BASE_ROWDESC_H

#include "postgres.h"

#include "access/tupdesc.h"

/*
 * Tuples of this descriptor hold values of row types as functions get them from
 * PostgreSQL's executor, with their header in full, not packed.  Before
 * TupleDescFinalize.
 */
extern void weir_keep_rows_plain(TupleDesc desc);

#endif
