/*
 * state/chunk/convert.h
 *		Values of a snapshot that do not fit what is declared now.  For the
 *		files of state/ only; store.h has the way in.
 */
#ifndef WEIR_STATE_CHUNK_CONVERT_H
#define WEIR_STATE_CHUNK_CONVERT_H

#include "postgres.h"

#include "state/chunk/piece.h"
#include "state/entry.h"

typedef struct WeirConversion WeirConversion;

/* May a state that is not declared be left behind? */
extern bool weir_conversion_drops(const WeirStore *store);

/* Can values of a state of this kind go through a function? */
extern bool weir_conversion_is_for(WeirStateKind kind);

/* Is there a function to the state's type from one that looks like this? */
extern bool weir_conversion_migrates(const WeirState *state, int natts, uint32 fingerprint);

/* That type, and a piece of the state's type for one of its values. */
extern const WeirFlatType *weir_conversion_type(const WeirState *state);
extern Datum weir_conversion_apply(WeirState *state, Datum old, bool *isnull);

/* weir_piece_get of a value in a list or a map, converted if its state's are. */
extern Datum weir_conversion_piece_get(WeirBytes *bytes, WeirState *state, bool *isnull);

#endif
