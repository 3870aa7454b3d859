/*
 * source/decode_jsonl.c
 *		Format jsonl: a record is a JSON object, its keys are columns.
 *
 * A row is what jsonb_populate_record makes of the record and the stream's row
 * type, by calling it.  A stream whose one column is json or jsonb has the
 * whole record in it, which need not be an object.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "catalog/pg_type.h"
#include "funcapi.h"
#include "nodes/makefuncs.h"
#include "utils/builtins.h"
#include "utils/datum.h"
#include "utils/fmgroids.h"
#include "utils/fmgrprotos.h"
#include "utils/jsonb.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/rel.h"

#include "base/compat.h"
#include "source/decoder.h"

/* Of a record's memory that the next one uses, without asking the system for it. */
#define KEPT_BYTES (64 * 1024)

typedef struct JsonState
{
	MemoryContext context;		/* of a transaction */
	MemoryContext record;		/* of a record */
	int			whole;			/* column that has all of it, -1: none */
	FmgrInfo	input;			/* of its type */
	Oid			ioparam;
	FmgrInfo	populate;
} JsonState;

/* jsonb_populate_record learns the row type from the expression that calls it. */
static void
prepare_populate(JsonState *json, FmgrInfo *flinfo, Oid type)
{
	Node	   *row = (Node *) makeNullConst(type, -1, InvalidOid);
	Node	   *value = (Node *) makeNullConst(JSONBOID, -1, InvalidOid);

	fmgr_info_cxt(F_JSONB_POPULATE_RECORD, flinfo, json->context);
	fmgr_info_set_expr((Node *) makeFuncExpr(F_JSONB_POPULATE_RECORD, type, list_make2(row, value),
											 InvalidOid, InvalidOid, COERCE_EXPLICIT_CALL),
					   flinfo);
}

static HeapTupleHeader
populate(FmgrInfo *flinfo, HeapTupleHeader base, Datum value)
{
	LOCAL_FCINFO(fcinfo, 2);
	Datum		row;

	InitFunctionCallInfoData(*fcinfo, flinfo, 2, InvalidOid, NULL, NULL);
	fcinfo->args[0].value = PointerGetDatum(base);
	fcinfo->args[0].isnull = base == NULL;
	fcinfo->args[1].value = value;
	fcinfo->args[1].isnull = false;
	row = FunctionCallInvoke(fcinfo);
	if (fcinfo->isnull)
		ereport(ERROR, (errcode(ERRCODE_INTERNAL_ERROR), errmsg("a record became no row")));
	return DatumGetHeapTupleHeader(row);
}

/* The column that has the whole record: the only one, if that is JSON. */
static int
find_whole(const WeirStream *stream, TupleDesc desc)
{
	int			whole = -1;
	Oid			type;

	for (int i = 0; i < desc->natts; i++)
	{
		if (!weir_stream_has_column(stream, desc, i))
			continue;
		if (whole >= 0)
			return -1;
		whole = i;
	}
	if (whole < 0)
		return -1;
	type = getBaseType(TupleDescAttr(desc, whole)->atttypid);
	return type == JSONOID || type == JSONBOID ? whole : -1;
}

/* What input functions keep may not outlive a transaction. */
static void
begin_json(WeirDecoder *d)
{
	MemoryContext context = AllocSetContextCreate(CurTransactionContext, "weir jsonl",
												  ALLOCSET_DEFAULT_SIZES);
	MemoryContext caller = MemoryContextSwitchTo(context);
	JsonState  *json = palloc0(sizeof(JsonState));

	json->context = context;
	json->record = AllocSetContextCreate(context, "weir jsonl record", 0, KEPT_BYTES,
										 ALLOCSET_DEFAULT_MAXSIZE);
	json->whole = find_whole(d->stream, d->desc);
	if (json->whole >= 0)
	{
		Oid			input;

		getTypeInputInfo(TupleDescAttr(d->desc, json->whole)->atttypid, &input, &json->ioparam);
		fmgr_info_cxt(input, &json->input, context);
	}
	else
		prepare_populate(json, &json->populate, d->rel->rd_rel->reltype);
	MemoryContextSwitchTo(caller);
	d->state = json;
}

/* Its value is copied, so that nothing else is left of the record in the caller's memory. */
static void
read_whole(WeirDecoder *d, Datum *values, bool *nulls)
{
	JsonState  *json = d->state;
	Form_pg_attribute att = TupleDescAttr(d->desc, json->whole);
	MemoryContext caller = MemoryContextSwitchTo(json->record);
	char	   *string = weir_decoder_string(d, d->current);
	Datum		value;

	memset(nulls, true, d->desc->natts * sizeof(bool));
	d->column = NameStr(att->attname);
	d->in_input = true;
	value = InputFunctionCall(&json->input, string, json->ioparam, att->atttypmod);
	d->in_input = false;
	MemoryContextSwitchTo(caller);
	values[json->whole] = datumCopy(value, false, -1);
	nulls[json->whole] = false;
	MemoryContextReset(json->record);
}

static const char *
kind_of(Jsonb *value)
{
	if (!JB_ROOT_IS_SCALAR(value))
		return "an array";
	return psprintf("of type %s", text_to_cstring(DatumGetTextPP(
		DirectFunctionCall1(jsonb_typeof, JsonbPGetDatum(value)))));
}

static Datum
parse_object(WeirDecoder *d)
{
	Datum		value = DirectFunctionCall1(jsonb_in,
											CStringGetDatum(weir_decoder_string(d, d->current)));
	Jsonb	   *jsonb = DatumGetJsonbP(value);

	if (!JB_ROOT_IS_OBJECT(jsonb))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("record is not a JSON object"),
				 errdetail("It is %s.", kind_of(jsonb)),
				 errhint("The keys of an object are columns; a stream with one column of type json or jsonb takes any JSON.")));
	return value;
}

/* Keys with the name of a column that is not in the record say nothing. */
static Datum
without_metadata(const WeirDecoder *d, Datum object)
{
	for (int i = 0; i < d->stream->nmetadata; i++)
	{
		Form_pg_attribute att = TupleDescAttr(d->desc, d->stream->metadata[i].column);
		Datum		key = CStringGetTextDatum(NameStr(att->attname));

		if (DatumGetBool(DirectFunctionCall2(jsonb_exists, object, key)))
			object = DirectFunctionCall2(jsonb_delete, object, key);
	}
	return object;
}

/* The values lie in a copy of the row, in the caller's memory. */
static void
read_json(WeirDecoder *d, Datum *values, bool *nulls)
{
	JsonState  *json = d->state;
	MemoryContext caller;
	HeapTupleHeader row;
	HeapTupleData tuple;

	if (json->whole >= 0)
	{
		read_whole(d, values, nulls);
		return;
	}
	caller = MemoryContextSwitchTo(json->record);
	d->in_input = true;
	row = populate(&json->populate, NULL, without_metadata(d, parse_object(d)));
	d->in_input = false;
	MemoryContextSwitchTo(caller);
	tuple.t_len = HeapTupleHeaderGetDatumLength(row);
	tuple.t_data = palloc(tuple.t_len);
	memcpy(tuple.t_data, row, tuple.t_len);
	ItemPointerSetInvalid(&tuple.t_self);
	tuple.t_tableOid = InvalidOid;
	heap_deform_tuple(&tuple, d->desc, values, nulls);
	MemoryContextReset(json->record);
}

static void
end_json(WeirDecoder *d)
{
	JsonState  *json = d->state;

	MemoryContextDelete(json->context);
	d->state = NULL;
}

static bool
json_is_in_input(const WeirDecoder *d)
{
	return d->in_input;
}

/* Makes a row of this column alone. */
static void
read_column(WeirDecoder *d, Form_pg_attribute att, Datum value)
{
	TupleDesc	desc = CreateTemplateTupleDesc(1);
	FmgrInfo	flinfo;
	Datum		none = (Datum) 0;
	bool		null = true;

	TupleDescInitEntry(desc, 1, NameStr(att->attname), att->atttypid, att->atttypmod,
					   att->attndims);
	TupleDescFinalize(desc);
	TupleDescFinalize(desc);
	BlessTupleDesc(desc);
	prepare_populate(d->state, &flinfo, RECORDOID);
	(void) populate(&flinfo, heap_form_tuple(desc, &none, &null)->t_data, value);
}

/* The value of a key as text; NULL if it is not there or null. */
static char *
value_of(Datum object, const char *key)
{
	LOCAL_FCINFO(fcinfo, 2);
	Datum		value;

	InitFunctionCallInfoData(*fcinfo, NULL, 2, InvalidOid, NULL, NULL);
	fcinfo->args[0].value = object;
	fcinfo->args[0].isnull = false;
	fcinfo->args[1].value = CStringGetTextDatum(key);
	fcinfo->args[1].isnull = false;
	value = jsonb_object_field_text(fcinfo);
	return fcinfo->isnull ? NULL : TextDatumGetCString(value);
}

/* Reads the record column by column: the one that fails is left set. */
static void
locate_column(WeirDecoder *d)
{
	Datum		object;

	if (d->column != NULL)
	{
		d->value = weir_decoder_string(d, d->current);
		return;
	}
	object = parse_object(d);
	begin_json(d);
	for (int i = 0; i < d->desc->natts; i++)
	{
		Form_pg_attribute att = TupleDescAttr(d->desc, i);

		if (att->attisdropped || weir_stream_is_metadata(d->stream, i))
			continue;
		d->value = value_of(object, NameStr(att->attname));
		d->column = NameStr(att->attname);
		read_column(d, att, object);
	}
	d->column = NULL;
	d->value = NULL;
	end_json(d);
}

static void
close_json(WeirDecoder *d)
{
	d->state = NULL;
}

const WeirFormat weir_format_jsonl = {
	'\0', weir_decoder_append, begin_json, read_json, end_json, json_is_in_input,
	locate_column, close_json,
};
