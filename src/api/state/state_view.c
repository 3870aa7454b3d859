/*
 * api/state/state_view.c
 *		weir.state(job): the keyed state of a checkpoint, decoded.
 *
 * Chunks are loaded into a store as a task would load them, some key groups at
 * a time, and read from there.  All of it runs as the job's owner: types,
 * aggregates and functions of the owner's are called.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "fmgr.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"
#include "utils/tuplestore.h"
#include "utils/typcache.h"

#include "api/savepoint.h"
#include "api/state/access.h"
#include "api/state/state_json.h"
#include "catalog/checkpoint.h"
#include "catalog/group.h"
#include "catalog/snapshot.h"
#include "decide/keygroup.h"
#include "job/coordinator.h"
#include "operator/node_store.h"
#include "state/kinds/aggregating.h"
#include "state/kinds/list.h"
#include "state/kinds/value.h"

PG_FUNCTION_INFO_V1(weir_state_at_checkpoint);
PG_FUNCTION_INFO_V1(weir_state_at_savepoint);
PG_FUNCTION_INFO_V1(weir_state_typed);

#define RANGES 64				/* of key groups, loaded one after the other */

typedef struct View
{
	const WeirJob *job;
	char	   *savepoint;		/* asked for, NULL: none */
	bool		by_id;			/* a checkpoint is */
	int64		checkpoint;
	const WeirCompleted *at;
	WeirDataflow *dataflow;
	bool		shared;			/* servers of a group have the partitions */
	const WeirNode *node;		/* the keyed step that is shown */
	int			step;			/* which of the query's it is, from 0 */
	ReturnSetInfo *result;
	WeirStateJson *json;
	MemoryContext row_context;	/* reset for each row */
	/* typed */
	const char *only;			/* the state's name; NULL: all, as jsonb */
	Oid			key_type;
	Oid			value_type;
} View;

/* ---- which checkpoint ---- */

static const WeirCompleted *
find_checkpoint(const WeirJob *job, int64 checkpoint)
{
	const WeirCompleted *row = weir_completed_find(weir_completed_visible(job->id), checkpoint);

	if (row == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("checkpoint " INT64_FORMAT " of job \"%s\" is not kept", checkpoint, job->name),
				 errhint("Raise retain with weir.enable_checkpointing, or take a savepoint: weir.checkpoints lists what there was.")));
	return row;
}

/* What the next attempt would restore; NULL: nothing. */
static const WeirCompleted *
newest(const WeirJob *job)
{
	return job->fresh || (job->altered && job->leave_state) ? NULL :
		weir_start_reached(job, weir_completed_visible(job->id));
}

static const WeirCompleted *
find_asked(const View *view)
{
	if (view->savepoint)
		return weir_savepoint_require(view->job, view->savepoint);
	return view->by_id ? find_checkpoint(view->job, view->checkpoint) : newest(view->job);
}

/*
 * Chooses the checkpoint and pushes a snapshot that has all its chunks.  The
 * caller's may be older than the checkpoint.  A newer one has them if they were
 * committed when it was found (visible: decided is not enough), and the
 * checkpoint is still kept after it was taken: chunks are trimmed together with it.
 */
static void
push_snapshot(View *view)
{
	for (;;)
	{
		CHECK_FOR_INTERRUPTS();
		view->at = find_asked(view);
		PushActiveSnapshot(GetTransactionSnapshot());
		if (view->at == NULL ||
			weir_completed_find(weir_completed_all(view->job->id), view->at->checkpoint))
			return;
		PopActiveSnapshot();
	}
}

/* Values that alter_job has a function for go through it; what is not declared is not shown. */
static void
convert(const View *view, WeirStore *store)
{
	bool		drop_state;
	char	   *migrate = NULL;

	if (view->job->altered)
		migrate = view->job->migrate;
	else if (view->at->timeline != view->job->timeline)
		weir_timeline_conversion(view->job->id, view->job->timeline, &drop_state, &migrate);
	weir_store_convert(store, true, migrate);
}

/* ---- rows ---- */

static Datum
expires(int64 at, bool *isnull)
{
	*isnull = at == PG_INT64_MAX;
	return TimestampTzGetDatum(at);
}

static Datum
task_of(const View *view, int group)
{
	return Int32GetDatum(weir_group_task(group, view->at->parallelism, view->at->max_parallelism));
}

static Jsonb *
key_json(const View *view, const WeirScanned *scanned)
{
	const WeirNode *node = view->node;
	Oid		   *types = palloc(sizeof(Oid) * node->nkeys);

	if (node->nkeys == 1)
		return weir_state_json(view->json, node->keys[0].type, scanned->key[0],
							   scanned->key_isnull[0]);
	for (int i = 0; i < node->nkeys; i++)
		types[i] = node->keys[i].type;
	return weir_state_json_array(view->json, node->nkeys, types, scanned->key, scanned->key_isnull);
}

static void
put_json(View *view, const WeirScanned *scanned)
{
	Datum		values[7];
	bool		nulls[7] = {false};
	Jsonb	   *key = key_json(view, scanned);
	Jsonb	   *value = weir_state_json_current(view->json, scanned->state);

	values[0] = Int32GetDatum(view->step);
	values[1] = CStringGetTextDatum(weir_state_decl(scanned->state)->name);
	values[2] = PointerGetDatum(key);
	nulls[2] = key == NULL;
	values[3] = PointerGetDatum(value);
	nulls[3] = value == NULL;
	values[4] = expires(scanned->expires_at, &nulls[4]);
	values[5] = Int32GetDatum(scanned->group);
	values[6] = task_of(view, scanned->group);
	tuplestore_putvalues(view->result->setResult, view->result->setDesc, values, nulls);
}

/* ---- typed ---- */

static void
wrong_type(const View *view, const char *what, Oid is, Oid asked)
{
	ereport(ERROR,
			(errcode(ERRCODE_DATATYPE_MISMATCH),
			 errmsg("the %s of state \"%s\" is of type %s, not %s", what, view->only,
					format_type_be(is), format_type_be(asked)),
			 errhint("Pass NULL::%s.", format_type_be(is))));
}

/* The type that reading a state gives: of a list its array type, of a map jsonb. */
static Oid
result_type(const WeirStateDecl *decl)
{
	switch (decl->kind)
	{
		case WEIR_STATE_LIST:
			return OidIsValid(get_array_type(decl->type)) ? get_array_type(decl->type) : JSONBOID;
		case WEIR_STATE_MAP:
		case WEIR_STATE_WINDOW:
		case WEIR_STATE_RUNNING:
		case WEIR_STATE_ROWS:
		case WEIR_STATE_RANKED:
		case WEIR_STATE_TIME_WINDOW:
		case WEIR_STATE_EVENT_TIMER:
		case WEIR_STATE_ARRIVAL_TIMER:
			return JSONBOID;
		case WEIR_STATE_AGGREGATING:
			return decl->result_type;
		default:
			return decl->type;
	}
}

static Datum
read_typed(View *view, WeirState *state, bool *isnull)
{
	const WeirStateDecl *decl = weir_state_decl(state);
	Jsonb	   *json;

	*isnull = false;
	if (decl->kind == WEIR_STATE_LIST && result_type(decl) != JSONBOID)
		return weir_list_state_array(state);
	if (decl->kind == WEIR_STATE_AGGREGATING)
		return weir_aggregating_get(state, isnull);
	if (decl->kind == WEIR_STATE_VALUE || decl->kind == WEIR_STATE_REDUCING)
		return weir_value_get(state, isnull);
	json = weir_state_json_current(view->json, state);
	*isnull = json == NULL;
	return PointerGetDatum(json);
}

/* A key of one column as it is, of several as a row. */
static Datum
key_datum(View *view, const WeirScanned *scanned, bool *isnull)
{
	TupleDesc	desc;
	HeapTuple	row;

	*isnull = false;
	if (view->node->nkeys == 1)
	{
		*isnull = scanned->key_isnull[0];
		return scanned->key[0];
	}
	desc = lookup_rowtype_tupdesc(view->key_type, -1);
	row = heap_form_tuple(desc, (Datum *) scanned->key, (bool *) scanned->key_isnull);
	ReleaseTupleDesc(desc);
	return HeapTupleGetDatum(row);
}

static void
put_typed(View *view, const WeirScanned *scanned)
{
	Datum		values[5];
	bool		nulls[5] = {false};

	values[0] = key_datum(view, scanned, &nulls[0]);
	values[1] = read_typed(view, scanned->state, &nulls[1]);
	values[2] = expires(scanned->expires_at, &nulls[2]);
	values[3] = Int32GetDatum(scanned->group);
	values[4] = task_of(view, scanned->group);
	tuplestore_putvalues(view->result->setResult, view->result->setDesc, values, nulls);
}

static void
check_row_key(const View *view)
{
	const WeirNode *node = view->node;
	TupleDesc	desc = lookup_rowtype_tupdesc_noerror(view->key_type, -1, true);
	bool		same = desc && desc->natts == node->nkeys;

	for (int i = 0; same && i < node->nkeys; i++)
		same = TupleDescAttr(desc, i)->atttypid == node->keys[i].type;
	if (desc)
		ReleaseTupleDesc(desc);
	if (!same)
		ereport(ERROR,
				(errcode(ERRCODE_DATATYPE_MISMATCH),
				 errmsg("the key of job \"%s\" has %d columns, whose types are not those of %s",
						view->job->name, node->nkeys, format_type_be(view->key_type)),
				 errhint("Pass NULL of a composite type with these columns.")));
}

static void
check_types(const View *view, WeirStore *store)
{
	WeirState  *state = weir_store_state(store, view->only, strlen(view->only));

	if (state == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("%s has no state \"%s\"", weir_store_function(store), view->only),
				 errhint("weir.state('%s') shows what there is.", view->job->name)));
	if (result_type(weir_state_decl(state)) != view->value_type)
		wrong_type(view, "value", result_type(weir_state_decl(state)), view->value_type);
	if (view->node->nkeys != 1)
		check_row_key(view);
	else if (view->node->keys[0].type != view->key_type)
		wrong_type(view, "key", view->node->keys[0].type, view->key_type);
}

/* ---- the scan ---- */

static void
visit(void *arg, const WeirScanned *scanned)
{
	View	   *view = arg;
	MemoryContext old = MemoryContextSwitchTo(view->row_context);

	if (view->only == NULL)
		put_json(view, scanned);
	else if (strcmp(view->only, weir_state_decl(scanned->state)->name) == 0)
		put_typed(view, scanned);
	MemoryContextSwitchTo(old);
	MemoryContextReset(view->row_context);
}

static void
load_chunk(void *arg, int group, bool is_full, bytea *payload)
{
	CHECK_FOR_INTERRUPTS();
	weir_store_load(arg, group, is_full, payload);
}

static const WeirPosition *
stood(void *arg, const WeirNode *source)
{
	const WeirCompleted *at = ((const View *) arg)->at;

	return source->number < at->npositions ? &at->positions[source->number] : NULL;
}

static WeirStore *
create_store(const View *view, int first, int end)
{
	return weir_node_store_create(view->node, view->at->max_parallelism, first, end);
}

/* Of partitions that other servers have, what is still kept is theirs. */
static void
load_owned(const View *view, WeirStore *store, int first, int end)
{
	ListCell   *lc;

	foreach(lc, weir_partitions(view->job->id))
	{
		const WeirPartition *row = lfirst(lc);

		if (row->state == WEIR_OWNED_OWNED && row->partition >= first && row->partition < end)
			weir_snapshot_read(view->job->id, view->at->timeline, view->node->number, view->at->checkpoint,
							   row->partition, row->partition + 1, load_chunk, store);
	}
}

static void
show_groups(View *view, int first, int end)
{
	WeirStore  *store = create_store(view, first, end);
	int64		clock = weir_node_clock(view->dataflow->graph, view->node, stood, view);

	if (clock != PG_INT64_MIN)
		weir_store_set_clock(store, clock);
	convert(view, store);
	if (view->shared)
	{
		weir_store_group_by_partition(store);
		load_owned(view, store, first, end);
	}
	else
		weir_snapshot_read(view->job->id, view->at->timeline, view->node->number, view->at->checkpoint,
						   first, end, load_chunk, store);
	weir_store_scan(store, visit, view);
	weir_store_destroy(store);
}

static void
show_step(View *view)
{
	int			groups = view->at->max_parallelism;
	int			range = Max(groups / RANGES, 1);

	for (int first = 0; first < groups; first += range)
		show_groups(view, first, Min(first + range, groups));
}

/* Does the step keep the state that is asked for?  last: another one must not be asked. */
static bool
keeps_asked(View *view, bool last)
{
	WeirStore  *store;
	bool		keeps;

	if (view->only == NULL)
		return true;
	store = create_store(view, 0, 0);
	keeps = weir_store_state(store, view->only, strlen(view->only)) != NULL;
	if (keeps || last)
		check_types(view, store);
	weir_store_destroy(store);
	return keeps;
}

static void
show(View *view)
{
	int			nkeyed = weir_graph_nkeyed(view->dataflow->graph);
	bool		found = false;

	view->shared = weir_group_is_of(view->job->id);
	view->json = weir_state_json_create();
	view->row_context = AllocSetContextCreate(CurrentMemoryContext, "weir state row",
											  ALLOCSET_DEFAULT_SIZES);
	for (int n = 0; n < nkeyed; n++)
	{
		view->step = n;
		view->node = weir_graph_keyed(view->dataflow->graph, n);
		if (!keeps_asked(view, !found && n == nkeyed - 1))
			continue;
		found = true;
		show_step(view);
	}
	MemoryContextDelete(view->row_context);
}

static Datum
show_as_owner(FunctionCallInfo fcinfo, View *view)
{
	WeirSession before;

	InitMaterializedSRF(fcinfo, 0);
	view->result = (ReturnSetInfo *) fcinfo->resultinfo;
	push_snapshot(view);
	if (view->at != NULL)
	{
		view->dataflow = weir_job_compile(view->job);
		weir_job_become_owner(view->job, &before);
		show(view);
		weir_job_become_caller(&before);
		weir_dataflow_free(view->dataflow);
	}
	PopActiveSnapshot();
	return (Datum) 0;
}

Datum
weir_state_at_checkpoint(PG_FUNCTION_ARGS)
{
	View		view = {weir_job_for_owner(weir_arg_required(fcinfo, 0, "job name"))};

	view.by_id = !PG_ARGISNULL(1);
	view.checkpoint = view.by_id ? PG_GETARG_INT64(1) : 0;
	return show_as_owner(fcinfo, &view);
}

Datum
weir_state_at_savepoint(PG_FUNCTION_ARGS)
{
	View		view = {weir_job_for_owner(weir_arg_required(fcinfo, 0, "job name"))};

	view.savepoint = weir_arg_required(fcinfo, 1, "savepoint");
	return show_as_owner(fcinfo, &view);
}

Datum
weir_state_typed(PG_FUNCTION_ARGS)
{
	View		view = {weir_job_for_owner(weir_arg_required(fcinfo, 0, "job name"))};

	view.only = weir_arg_required(fcinfo, 1, "state");
	view.key_type = get_fn_expr_argtype(fcinfo->flinfo, 2);
	view.value_type = get_fn_expr_argtype(fcinfo->flinfo, 3);
	return show_as_owner(fcinfo, &view);
}
