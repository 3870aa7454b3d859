/*
 * state/kinds/list_array.c
 *		A list as an array.
 */
#include "postgres.h"

#include "utils/array.h"
#include "utils/lsyscache.h"

#include "state/kinds/list.h"

Datum
weir_list_state_array(WeirState *state)
{
	Oid			type = weir_state_decl(state)->type;
	Datum	   *values;
	bool	   *nulls;
	int			size = (int) weir_list_state_get(state, &values, &nulls);
	int			first = 1;
	int16		typlen;
	bool		typbyval;
	char		typalign;

	if (size == 0)
		return PointerGetDatum(construct_empty_array(type));
	get_typlenbyvalalign(type, &typlen, &typbyval, &typalign);
	return PointerGetDatum(construct_md_array(values, nulls, 1, &size, &first, type, typlen,
											  typbyval, typalign));
}
