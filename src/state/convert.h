/*
 * state/convert.h
 *		Values of a snapshot that do not fit what is declared now.  For the
 *		files of state/ only; store.h has the way in.
 */
#ifndef WEIR_STATE_CONVERT_H
#define WEIR_STATE_CONVERT_H

#include "postgres.h"

#include "state/entry.h"

typedef struct WeirConversion WeirConversion;

/* May a state that is not declared be left behind? */
extern bool weir_conversion_drops(const WeirStore *store);

/* Is there a function to the state's type from one that looks like this? */
extern bool weir_conversion_migrates(const WeirState *state, int natts, uint32 fingerprint);

/* That type, and the conversion of one of its values into the cell. */
extern const WeirFlatType *weir_conversion_type(const WeirState *state);
extern void weir_conversion_apply(WeirState *state, Datum old, WeirCell *cell);

#endif
