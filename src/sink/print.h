/*
 * sink/print.h
 *		Rows as lines, which wait in the outbox for the server log, or for a
 *		peer, or as what else the peer wants of them.
 */
#ifndef WEIR_SINK_PRINT_H
#define WEIR_SINK_PRINT_H

#include "postgres.h"

#include "executor/tuptable.h"

/* Lines that were collected of a table. */
typedef struct WeirLinesOut WeirLinesOut;

/* In CurrentMemoryContext. */
extern WeirLinesOut *weir_lines_out_create(Oid table);
/* Adds a row; what that takes for a moment is of CurrentMemoryContext. */
extern void weir_lines_out_add(WeirLinesOut *lines, TupleTableSlot *row);
/* Puts them into the outbox. */
extern void weir_lines_out_flush(WeirLinesOut *lines);

#endif
