/*
 * operator/keyed_state.h
 *		The keyed state of an operator: its store, and the key of a row made
 *		current in it.
 */
#ifndef WEIR_OPERATOR_KEYED_STATE_H
#define WEIR_OPERATOR_KEYED_STATE_H

#include "postgres.h"

#include "compile/dataflow.h"
#include "record/batch.h"
#include "state/store.h"

/*
 * A store, empty, for some key groups of a dataflow's keyed step.  Where that is
 * a window the dataflow must outlive it.  In a transaction.
 */
extern WeirStore *weir_keyed_store_create(const WeirDataflow *dataflow, int max_parallelism,
										  int first, int end);

/* Room for a key; in CurrentMemoryContext. */
typedef struct WeirKey WeirKey;

extern WeirKey *weir_key_create(const WeirDataflow *dataflow);
/* The key of the row becomes the store's current one, until weir_store_leave. */
extern void weir_key_enter(WeirKey *key, WeirStore *store, const WeirBatch *batch, int row);

#endif
