/*
 * state/chunk/convert.c
 *		Values of a snapshot that do not fit what is declared now: what
 *		weir.alter_job said is to become of them.
 *
 *	drop_state	a state that is not declared any more is left behind
 *	migrate		a value of another type, also one in a list or a map, goes
 *				through a function from that type to the declared one; the type
 *				it came from may have another name, as long as its attributes
 *				are those of the snapshot
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "catalog/pg_proc.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/regproc.h"
#include "utils/syscache.h"

#include "base/compat.h"
#include "state/chunk/convert.h"

struct WeirConversion
{
	bool		drop_state;
	bool		migrates;
	FmgrInfo	function;
	MemoryContext scratch;		/* reset after each call */
	WeirFlatType from;
	Oid			result;
};

/* The function of this name or signature. */
static Oid
find_function(const char *text)
{
	bool		signature = strchr(text, '(') != NULL;
	Datum		name = CStringGetDatum(text);

	return DatumGetObjectId(signature ? DirectFunctionCall1(regprocedurein, name) :
							DirectFunctionCall1(regprocin, name));
}

static void
check_function(Oid function, const char *text)
{
	AclResult	acl = weir_function_aclcheck(function, GetUserId(), ACL_EXECUTE);

	if (acl != ACLCHECK_OK)
		aclcheck_error(acl, OBJECT_FUNCTION, text);
	if (get_func_prokind(function) != PROKIND_FUNCTION || get_func_nargs(function) != 1 ||
		get_func_retset(function))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_FUNCTION_DEFINITION),
				 errmsg("function %s cannot migrate state", format_procedure(function)),
				 errhint("Name a function of one argument, of the type that the state had, that returns the type it has now.")));
}

static void
find_migration(WeirConversion *conversion, const char *text, MemoryContext context)
{
	Oid			function = find_function(text);
	Oid		   *types;
	int			n;

	check_function(function, text);
	conversion->result = get_func_signature(function, &types, &n);
	weir_flat_type(&conversion->from, types[0], context);
	if (conversion->from.composite)
		weir_flat_keep_short(&conversion->from, context);
	fmgr_info_cxt(function, &conversion->function, context);
	conversion->scratch = AllocSetContextCreate(context, "weir state migration",
												ALLOCSET_DEFAULT_SIZES);
	conversion->migrates = true;
}

void
weir_store_convert(WeirStore *store, bool drop_state, const char *migrate)
{
	store->conversion = MemoryContextAllocZero(store->context, sizeof(WeirConversion));
	store->conversion->drop_state = drop_state;
	if (migrate)
		find_migration(store->conversion, migrate, store->context);
}

bool
weir_conversion_drops(const WeirStore *store)
{
	return store->conversion && store->conversion->drop_state;
}

bool
weir_conversion_is_for(WeirStateKind kind)
{
	return kind == WEIR_STATE_VALUE || kind == WEIR_STATE_LIST || kind == WEIR_STATE_MAP ||
		kind == WEIR_STATE_REDUCING;
}

bool
weir_conversion_migrates(const WeirState *state, int natts, uint32 fingerprint)
{
	const WeirConversion *conversion = state->store->conversion;

	return conversion && conversion->migrates && weir_conversion_is_for(state->decl.kind) &&
		conversion->result == state->decl.type && natts <= conversion->from.natts &&
		fingerprint == weir_flat_salted(&conversion->from, natts, state->type.salt);
}

const WeirFlatType *
weir_conversion_type(const WeirState *state)
{
	return &state->store->conversion->from;
}

Datum
weir_conversion_apply(WeirState *state, Datum old, bool *isnull)
{
	WeirConversion *conversion = state->store->conversion;
	MemoryContext caller = MemoryContextSwitchTo(conversion->scratch);
	LOCAL_FCINFO(call, 1);
	Datum		result;

	InitFunctionCallInfoData(*call, &conversion->function, 1,
							 get_typcollation(conversion->from.type), NULL, NULL);
	call->args[0].value = old;
	call->args[0].isnull = false;
	result = FunctionCallInvoke(call);
	*isnull = call->isnull;
	result = weir_piece_make(state->store->slab, &state->type,
							 weir_input_coerce(&state->input, result, *isnull), *isnull);
	MemoryContextSwitchTo(caller);
	MemoryContextReset(conversion->scratch);
	return result;
}

Datum
weir_conversion_piece_get(WeirBytes *bytes, WeirState *state, bool *isnull)
{
	WeirSlab   *slab = state->store->slab;
	const WeirFlatType *from;
	Datum		old;
	Datum		value;

	if (!state->converts)
		return weir_piece_get(bytes, slab, &state->type, isnull);
	from = weir_conversion_type(state);
	old = weir_piece_get(bytes, slab, from, isnull);
	if (*isnull)
		return old;
	value = weir_conversion_apply(state, old, isnull);
	weir_piece_free(slab, from, old, false);
	return value;
}
