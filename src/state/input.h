/*
 * state/input.h
 *		How values of a declared type come in: from text, and with the type's
 *		modifier enforced.
 */
#ifndef WEIR_STATE_INPUT_H
#define WEIR_STATE_INPUT_H

#include "postgres.h"

#include "fmgr.h"

typedef struct WeirInput
{
	int32		typmod;
	FmgrInfo	function;
	Oid			param;
	bool		coerces;		/* the type's modifier is enforced by */
	FmgrInfo	coercion;
} WeirInput;

extern void weir_input_init(WeirInput *input, Oid type, int32 typmod, MemoryContext context);
extern Datum weir_input_parse(WeirInput *input, char *text);
extern Datum weir_input_coerce(WeirInput *input, Datum value, bool isnull);

#endif
