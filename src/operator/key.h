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
/* Of the rows that come to port 1. */
extern WeirKey *weir_key_create_right(const WeirNode *node);
/* Is a column of the row's key NULL? */
extern bool weir_key_has_null(const WeirKey *key, const WeirBatch *batch, int row);
/* The key of the row becomes the store's current one, until weir_store_leave. */
extern void weir_key_enter(WeirKey *key, WeirStore *store, const WeirBatch *batch, int row);

#endif
