/*
 * operator/key.h
 *		The key of a row, made current in a store.
 */
#ifndef WEIR_OPERATOR_KEY_H
#define WEIR_OPERATOR_KEY_H

#include "postgres.h"

#include "graph/graph.h"
#include "record/batch.h"
#include "state/store.h"

/* Room for a key; in CurrentMemoryContext. */
typedef struct WeirKey WeirKey;

extern WeirKey *weir_key_create(const WeirNode *node);
/* The key of the row becomes the store's current one, until weir_store_leave. */
extern void weir_key_enter(WeirKey *key, WeirStore *store, const WeirBatch *batch, int row);

#endif
