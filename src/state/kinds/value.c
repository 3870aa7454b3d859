/*
 * state/kinds/value.c
 *		Value state of the current key.
 */
#include "postgres.h"

#include "utils/datum.h"

#include "base/compat.h"
#include "state/entry.h"
#include "state/kinds/value.h"

Datum
weir_value_copy(const WeirState *state, Datum value)
{
	return datumCopy(value, state->type.typbyval, state->type.typlen);
}

/* Expired, but not cleaned up yet: handed out this once, in the caller's memory. */
static Datum
take_expired(WeirState *state, WeirEntry *entry, bool *isnull)
{
	WeirCell	cell = weir_cell_get(state, entry);

	*isnull = (cell.flags & WEIR_CELL_NULL) != 0;
	if (!*isnull)
		cell.value = weir_value_copy(state, weir_flat_datum(&state->type, cell.value));
	weir_cell_remove(state, weir_current_group(state->store), entry, true);
	return cell.value;
}

Datum
weir_value_get(WeirState *state, bool *isnull)
{
	WeirStore  *store = state->store;
	WeirEntry  *entry = weir_entry_find(store);

	if (entry && (*weir_cell_flags(state, entry) & WEIR_CELL_PRESENT))
	{
		WeirTtlRead found = WEIR_TTL_PRESENT;

		if (state->stamp_offset)
			found = weir_ttl_read(&state->decl.ttl, *weir_cell_stamp(state, entry), store->clock);
		switch (found)
		{
			case WEIR_TTL_PRESENT_RENEW:
				weir_cell_renew(state, entry);
				pg_fallthrough;
			case WEIR_TTL_PRESENT:
				*isnull = (*weir_cell_flags(state, entry) & WEIR_CELL_NULL) != 0;
				return *isnull ? (Datum) 0 :
					weir_flat_datum(&state->type, *weir_cell_value(state, entry));
			case WEIR_TTL_EXPIRED_RETURN:
				return take_expired(state, entry, isnull);
			case WEIR_TTL_EXPIRED:
				weir_cell_remove(state, weir_current_group(store), entry, true);
				break;
		}
	}
	*isnull = state->default_isnull;
	return state->default_value;
}

void
weir_value_set(WeirState *state, Datum value, bool isnull)
{
	value = weir_input_coerce(&state->input, value, isnull);
	weir_cell_set(state, weir_entry_make(state->store), value, isnull);
}

void
weir_value_remove(WeirState *state)
{
	WeirEntry  *entry = weir_entry_find(state->store);

	if (entry)
		weir_cell_remove(state, weir_current_group(state->store), entry, true);
}

Datum
weir_value_parse(WeirState *state, char *text)
{
	return weir_input_parse(&state->input, text);
}
