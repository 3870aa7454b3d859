/*
 * operator/changes.h
 *		The keys that have changed since they were last handed on, of an operator that
 *		holds them until it is told.
 */
#ifndef WEIR_OPERATOR_CHANGES_H
#define WEIR_OPERATOR_CHANGES_H

#include "operator/operator.h"

extern bool weir_changed_are_held(const WeirState *state);
/* As WeirOperatorOps.held: a row a key, which has the key and the record that changed it first. */
extern WeirBatch *weir_changed_rows(WeirOperator *op, WeirState *state);

#endif
