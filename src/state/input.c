/*
 * state/input.c
 *		Values of a declared type: from text, with its modifier.
 */
#include "postgres.h"

#include "parser/parse_coerce.h"
#include "utils/lsyscache.h"

#include "state/input.h"

void
weir_input_init(WeirInput *input, Oid type, int32 typmod, MemoryContext context)
{
	Oid			function;

	memset(input, 0, sizeof(*input));
	input->typmod = typmod;
	getTypeInputInfo(type, &function, &input->param);
	fmgr_info_cxt(function, &input->function, context);
	if (typmod < 0 ||
		find_typmod_coercion_function(getBaseType(type), &function) != COERCION_PATH_FUNC)
		return;
	fmgr_info_cxt(function, &input->coercion, context);
	input->coerces = true;
}

Datum
weir_input_parse(WeirInput *input, char *text)
{
	return InputFunctionCall(&input->function, text, input->param, input->typmod);
}

Datum
weir_input_coerce(WeirInput *input, Datum value, bool isnull)
{
	if (!input->coerces || isnull)
		return value;
	return FunctionCall3(&input->coercion, value, Int32GetDatum(input->typmod),
						 BoolGetDatum(false));
}
