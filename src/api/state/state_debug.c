/*
 * api/state/state_debug.c
 *		Keyed state without a job: weir_internal.with_state and its like.
 *
 * A session has a private store for each function it asks for.  A statement is
 * run with a key of it current and the clock at a moment that the caller names,
 * so that time to live can be played through without waiting.  Inside a
 * subtransaction state follows it; an error outside of any empties the store.
 */
#include "postgres.h"

#include "access/xact.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "fmgr.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/regproc.h"
#include "utils/timestamp.h"
#include "utils/tuplestore.h"

#include "base/keytype.h"
#include "base/session.h"
#include "catalog/name.h"
#include "state/declaration.h"
#include "state/function.h"

PG_FUNCTION_INFO_V1(weir_with_state);
PG_FUNCTION_INFO_V1(weir_snapshot_state);
PG_FUNCTION_INFO_V1(weir_load_state);
PG_FUNCTION_INFO_V1(weir_measure_state);
PG_FUNCTION_INFO_V1(weir_forget_state);

#define GROUPS 4

typedef struct PrivateStore
{
	struct PrivateStore *next;
	Oid			function;
	Oid			key_type;
	WeirKeyHash hash;
	WeirStore  *store;
} PrivateStore;

static PrivateStore *stores = NULL;

/* The function of the first argument; nobody but superusers gets that far. */
static Oid
function_argument(FunctionCallInfo fcinfo)
{
	if (!superuser())
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("must be superuser to work on keyed state without a job"),
				 errhint("Let a job run the function.")));
	return weir_function_of(text_to_cstring(PG_GETARG_TEXT_PP(0)), "function");
}

static PrivateStore *
find(Oid function)
{
	for (PrivateStore *store = stores; store; store = store->next)
		if (store->function == function)
			return store;
	return NULL;
}

static PrivateStore *
require(Oid function)
{
	PrivateStore *store = find(function);

	if (store == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("this session holds no state of function %s", format_procedure(function)),
				 errhint("weir_internal.with_state() makes it hold some.")));
	return store;
}

static void
destroy(PrivateStore *store)
{
	for (PrivateStore **link = &stores; *link; link = &(*link)->next)
	{
		if (*link == store)
		{
			*link = store->next;
			break;
		}
	}
	if (store->store)
		weir_store_destroy(store->store);
	pfree(store);
}

static void
create_store(PrivateStore *private)
{
	WeirStoreKey key = {private->key_type, InvalidOid, get_typcollation(private->key_type)};
	WeirKeyType found;
	WeirStateDecl *states;
	int			nstates;
	MemoryContext old;
	int			guc_nest = weir_session_guard();

	states = weir_state_declarations(private->function, &nstates);
	weir_key_hash_init(&private->hash, key.type, key.collation, TopMemoryContext);
	(void) weir_key_type_find(key.type, &found);
	key.eq_operator = found.eq_operator;
	old = MemoryContextSwitchTo(TopMemoryContext);
	private->store = weir_store_create(weir_function_name(private->function), 1, &key,
									   nstates, states, GROUPS, 0, GROUPS);
	MemoryContextSwitchTo(old);
	weir_session_unguard(guc_nest);
}

static PrivateStore *
find_or_create(Oid function, Oid key_type)
{
	PrivateStore *private = find(function);

	if (private == NULL)
	{
		private = MemoryContextAllocZero(TopMemoryContext, sizeof(PrivateStore));
		private->function = function;
		private->key_type = key_type;
		create_store(private);
		private->next = stores;
		stores = private;
	}
	if (private->key_type != key_type)
		ereport(ERROR,
				(errcode(ERRCODE_DATATYPE_MISMATCH),
				 errmsg("the key is of type %s, not %s", format_type_be(private->key_type),
						format_type_be(key_type)),
				 errhint("Cast it, or begin again with weir_internal.forget_state().")));
	return private;
}

/* The first column of the statement's first row, as text; NULL if there is none. */
static char *
run(const char *statement)
{
	MemoryContext caller = CurrentMemoryContext;
	char	   *result = NULL;
	int			code;

	SPI_connect();
	code = SPI_execute(statement, false, 0);
	if (code < 0)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("this statement cannot be run with a key's state"),
				 errdetail("SPI says %s.", SPI_result_code_string(code)),
				 errhint("Give a query that calls accessors of keyed state.")));
	if (SPI_tuptable && SPI_processed > 0)
		result = SPI_getvalue(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1);
	if (result)
		result = MemoryContextStrdup(caller, result);
	SPI_finish();
	return result;
}

static char *
run_with_key(PrivateStore *private, Datum key, bool isnull, TimestampTz at, const char *statement)
{
	uint64		hash = weir_key_hash(1, &private->hash, &key, &isnull);
	char	   *result;

	weir_store_enter(private->store, &key, &isnull, hash, at);
	PG_TRY();
	{
		result = run(statement);
	}
	PG_CATCH();
	{
		weir_current_store = NULL;
		if (GetCurrentTransactionNestLevel() == 1)
			destroy(private);
		PG_RE_THROW();
	}
	PG_END_TRY();
	weir_store_leave(private->store);
	return result;
}

Datum
weir_with_state(PG_FUNCTION_ARGS)
{
	Oid			key_type = get_fn_expr_argtype(fcinfo->flinfo, 1);
	PrivateStore *private;
	char	   *result;

	if (PG_ARGISNULL(0) || PG_ARGISNULL(2) || PG_ARGISNULL(3))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("function, at and statement must not be null"),
				 errhint("Only the key may be.")));
	if (key_type == UNKNOWNOID || weir_current_store != NULL)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg(key_type == UNKNOWNOID ? "the key must have a type" :
						"a key is current already"),
				 errhint("Cast the key, and do not nest calls.")));
	private = find_or_create(function_argument(fcinfo), key_type);
	result = run_with_key(private, PG_GETARG_DATUM(1), PG_ARGISNULL(1), PG_GETARG_TIMESTAMPTZ(2),
						  text_to_cstring(PG_GETARG_TEXT_PP(3)));
	if (result == NULL)
		PG_RETURN_NULL();
	PG_RETURN_TEXT_P(cstring_to_text(result));
}

static void
return_chunk(void *arg, int group, bool is_full, int seq, bytea *payload)
{
	ReturnSetInfo *result = arg;
	Datum		values[4] = {Int32GetDatum(group), BoolGetDatum(is_full), Int32GetDatum(seq),
	PointerGetDatum(payload)};
	bool		nulls[4] = {0};

	tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
}

static void
require_no_subtransaction(void)
{
	if (GetCurrentTransactionNestLevel() > 1)
		ereport(ERROR,
				(errcode(ERRCODE_ACTIVE_SQL_TRANSACTION),
				 errmsg("state cannot be saved inside a subtransaction"),
				 errhint("Call it outside a savepoint and a block with EXCEPTION.")));
}

Datum
weir_snapshot_state(PG_FUNCTION_ARGS)
{
	PrivateStore *private = require(function_argument(fcinfo));
	WeirSnapshotStats stats;

	require_no_subtransaction();
	InitMaterializedSRF(fcinfo, 0);
	weir_store_snapshot(private->store, PG_GETARG_BOOL(1), return_chunk, fcinfo->resultinfo,
						&stats);
	return (Datum) 0;
}

Datum
weir_load_state(PG_FUNCTION_ARGS)
{
	PrivateStore *private = require(function_argument(fcinfo));

	weir_store_load(private->store, PG_GETARG_INT32(1), PG_GETARG_BOOL(2), PG_GETARG_BYTEA_P(3));
	PG_RETURN_VOID();
}

Datum
weir_measure_state(PG_FUNCTION_ARGS)
{
	PrivateStore *private = require(function_argument(fcinfo));
	TupleDesc	desc;
	Datum		values[2] = {Int64GetDatum(weir_store_keys(private->store)),
	Int64GetDatum(weir_store_memory(private->store))};
	bool		nulls[2] = {0};

	(void) get_call_result_type(fcinfo, NULL, &desc);
	PG_RETURN_DATUM(HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(desc), values, nulls)));
}

Datum
weir_forget_state(PG_FUNCTION_ARGS)
{
	PrivateStore *private = find(function_argument(fcinfo));

	if (private)
		destroy(private);
	PG_RETURN_VOID();
}
