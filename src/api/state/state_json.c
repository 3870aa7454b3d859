/*
 * api/state/state_json.c
 *		Keys and values of keyed state as jsonb.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "nodes/makefuncs.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/jsonb.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

#include "api/state/state_json.h"
#include "base/compat.h"
#include "state/kinds/aggregating.h"
#include "state/kinds/list.h"
#include "state/kinds/map.h"
#include "state/kinds/ranked.h"
#include "state/kinds/rows.h"
#include "state/kinds/time_window.h"
#include "state/kinds/timers.h"
#include "state/kinds/value.h"
#include "state/kinds/window.h"

/* to_jsonb for one type: it looks its argument's type up in the call's expression. */
typedef struct Converter
{
	Oid			type;
	FmgrInfo	function;
} Converter;

struct WeirStateJson
{
	MemoryContext context;
	List	   *converters;
};

WeirStateJson *
weir_state_json_create(void)
{
	WeirStateJson *json = palloc0(sizeof(WeirStateJson));

	json->context = CurrentMemoryContext;
	return json;
}

static FmgrInfo *
converter(WeirStateJson *json, Oid type)
{
	MemoryContext old;
	Converter  *new;
	ListCell   *lc;

	foreach(lc, json->converters)
	{
		Converter  *known = lfirst(lc);

		if (known->type == type)
			return &known->function;
	}
	old = MemoryContextSwitchTo(json->context);
	new = palloc0(sizeof(Converter));
	new->type = type;
	fmgr_info(F_TO_JSONB, &new->function);
	fmgr_info_set_expr((Node *) makeFuncExpr(F_TO_JSONB, JSONBOID,
											 list_make1(makeNullConst(type, -1, InvalidOid)),
											 InvalidOid, InvalidOid, COERCE_EXPLICIT_CALL),
					   &new->function);
	json->converters = lappend(json->converters, new);
	MemoryContextSwitchTo(old);
	return &new->function;
}

Jsonb *
weir_state_json(WeirStateJson *json, Oid type, Datum value, bool isnull)
{
	if (isnull)
		return NULL;
	return DatumGetJsonbP(FunctionCall1(converter(json, type), value));
}

/* One value, NULL as JSON's, into what is being built. */
static void
push(WeirStateJson *json, WeirJsonBuilder *builder, JsonbIteratorToken token, Oid type,
	 Datum value, bool isnull)
{
	Jsonb	   *part = weir_state_json(json, type, value, isnull);
	JsonbValue	pushed = {.type = jbvNull};

	if (part)
		JsonbToJsonbValue(part, &pushed);
	weir_json_push(builder, token, &pushed);
}

Jsonb *
weir_state_json_array(WeirStateJson *json, int n, const Oid *types, const Datum *values,
					  const bool *nulls)
{
	WeirJsonBuilder builder = {0};

	weir_json_push(&builder, WJB_BEGIN_ARRAY, NULL);
	for (int i = 0; i < n; i++)
		push(json, &builder, WJB_ELEM, types[i], values[i], nulls[i]);
	weir_json_push(&builder, WJB_END_ARRAY, NULL);
	return weir_json_built(&builder);
}

static Jsonb *
list_json(WeirStateJson *json, WeirState *list)
{
	WeirJsonBuilder builder = {0};
	Datum	   *values;
	bool	   *nulls;
	int64		n = weir_list_state_get(list, &values, &nulls);

	weir_json_push(&builder, WJB_BEGIN_ARRAY, NULL);
	for (int64 i = 0; i < n; i++)
		push(json, &builder, WJB_ELEM, weir_state_decl(list)->type, values[i], nulls[i]);
	weir_json_push(&builder, WJB_END_ARRAY, NULL);
	return weir_json_built(&builder);
}

/*
 * A map's keys are text there.  NULL becomes "null"; a key whose text is that, or
 * begins with a quote, is quoted, as in the text of an array.
 */
static char *
key_text(Oid output, const WeirMapEntry *entry)
{
	char	   *text;
	StringInfoData quoted;

	if (entry->key_isnull)
		return pstrdup("null");
	text = OidOutputFunctionCall(output, entry->key);
	if (pg_strcasecmp(text, "null") != 0 && text[0] != '"')
		return text;
	initStringInfo(&quoted);
	appendStringInfoChar(&quoted, '"');
	for (const char *c = text; *c != '\0'; c++)
	{
		if (*c == '"' || *c == '\\')
			appendStringInfoChar(&quoted, '\\');
		appendStringInfoChar(&quoted, *c);
	}
	appendStringInfoChar(&quoted, '"');
	return quoted.data;
}

static void
push_name(WeirJsonBuilder *builder, char *name)
{
	JsonbValue	key = {.type = jbvString};

	key.val.string.val = name;
	key.val.string.len = strlen(name);
	weir_json_push(builder, WJB_KEY, &key);
}

static void
push_key(WeirJsonBuilder *builder, Oid type, const WeirMapEntry *entry)
{
	Oid			output;
	bool		is_varlena;

	getTypeOutputInfo(type, &output, &is_varlena);
	push_name(builder, key_text(output, entry));
}

static Jsonb *
map_json(WeirStateJson *json, WeirState *map)
{
	const WeirStateDecl *decl = weir_state_decl(map);
	WeirJsonBuilder builder = {0};
	WeirMapEntry *entries;
	int64		n = weir_map_state_entries(map, &entries);

	weir_json_push(&builder, WJB_BEGIN_OBJECT, NULL);
	for (int64 i = 0; i < n; i++)
	{
		push_key(&builder, decl->key_type, &entries[i]);
		push(json, &builder, WJB_VALUE, decl->type, entries[i].value, entries[i].value_isnull);
	}
	weir_json_push(&builder, WJB_END_OBJECT, NULL);
	return weir_json_built(&builder);
}

static Jsonb *
window_json(WeirStateJson *json, WeirState *window)
{
	Oid		   *types;
	Datum	   *values;
	bool	   *nulls;
	int			n = weir_window_results(window, &types, &values, &nulls);

	return weir_state_json_array(json, n, types, values, nulls);
}

/* An array of moments. */
static Jsonb *
timers_json(WeirStateJson *json, WeirState *state)
{
	WeirJsonBuilder builder = {0};
	int64	   *moments;
	int64		n = weir_timers_get(state, &moments);

	weir_json_push(&builder, WJB_BEGIN_ARRAY, NULL);
	for (int64 i = 0; i < n; i++)
		push(json, &builder, WJB_ELEM, TIMESTAMPTZOID, TimestampTzGetDatum(moments[i]), false);
	weir_json_push(&builder, WJB_END_ARRAY, NULL);
	return weir_json_built(&builder);
}

/* An object. */
static void
push_row(WeirStateJson *json, WeirJsonBuilder *builder, TupleDesc desc, const Datum *values, const bool *nulls)
{
	weir_json_push(builder, WJB_BEGIN_OBJECT, NULL);
	for (int i = 0; i < desc->natts; i++)
	{
		push_name(builder, NameStr(TupleDescAttr(desc, i)->attname));
		push(json, builder, WJB_VALUE, TupleDescAttr(desc, i)->atttypid, values[i], nulls[i]);
	}
	weir_json_push(builder, WJB_END_OBJECT, NULL);
}

static Jsonb *
rows_json(WeirStateJson *json, WeirState *state)
{
	WeirJsonBuilder builder = {0};
	TupleDesc	desc = weir_rows_desc(state);
	const WeirKept *const *rows;
	int			n = weir_rows_all(state, &rows);

	weir_json_push(&builder, WJB_BEGIN_ARRAY, NULL);
	for (int row = 0; row < n; row++)
		push_row(json, &builder, desc, rows[row]->values, weir_kept_nulls(rows[row]));
	weir_json_push(&builder, WJB_END_ARRAY, NULL);
	return weir_json_built(&builder);
}

static Jsonb *
ranked_json(WeirStateJson *json, WeirState *ranked)
{
	TupleDesc	desc = weir_ranked_desc(ranked);
	Datum	   *values = palloc(sizeof(Datum) * desc->natts);
	bool	   *nulls = palloc(sizeof(bool) * desc->natts);
	WeirJsonBuilder builder = {0};
	int			n = weir_ranked_count(ranked);

	weir_json_push(&builder, WJB_BEGIN_ARRAY, NULL);
	for (int i = 0; i < n; i++)
	{
		weir_ranked_row(ranked, i, values, nulls);
		push_row(json, &builder, desc, values, nulls);
	}
	weir_json_push(&builder, WJB_END_ARRAY, NULL);
	return weir_json_built(&builder);
}

/* A time of a type that is as long as a bigint. */
static void
push_time(WeirStateJson *json, WeirJsonBuilder *builder, char *name, Oid type, int64 time)
{
	push_name(builder, name);
	push(json, builder, WJB_VALUE, type, Int64GetDatum(time), false);
}

/* An object a window, or pane of some, in their order. */
static Jsonb *
time_window_json(WeirStateJson *json, WeirState *state)
{
	WeirJsonBuilder builder = {0};
	List	   *types = weir_time_window_types(state);
	int			naggs = list_length(types);
	Datum	   *values = palloc(sizeof(Datum) * Max(naggs, 1));
	bool	   *nulls = palloc(sizeof(bool) * Max(naggs, 1));
	WeirSpan	span;
	bool		has_end;

	weir_json_push(&builder, WJB_BEGIN_ARRAY, NULL);
	for (int n = 0; weir_time_window_piece(state, n, &span, &has_end, values, nulls); n++)
	{
		weir_json_push(&builder, WJB_BEGIN_OBJECT, NULL);
		push_time(json, &builder, "from", weir_time_window_time_type(state), span.start);
		if (has_end)
			push_time(json, &builder, "to", weir_time_window_time_type(state), span.end);
		push_name(&builder, "results");
		weir_json_push(&builder, WJB_BEGIN_ARRAY, NULL);
		for (int i = 0; i < naggs; i++)
			push(json, &builder, WJB_ELEM, list_nth_oid(types, i), values[i], nulls[i]);
		weir_json_push(&builder, WJB_END_ARRAY, NULL);
		weir_json_push(&builder, WJB_END_OBJECT, NULL);
	}
	weir_json_push(&builder, WJB_END_ARRAY, NULL);
	return weir_json_built(&builder);
}

Jsonb *
weir_state_json_current(WeirStateJson *json, WeirState *state)
{
	const WeirStateDecl *decl = weir_state_decl(state);
	Datum		value;
	bool		isnull;

	switch (decl->kind)
	{
		case WEIR_STATE_LIST:
			return list_json(json, state);
		case WEIR_STATE_MAP:
			return map_json(json, state);
		case WEIR_STATE_AGGREGATING:
			value = weir_aggregating_get(state, &isnull);
			return weir_state_json(json, decl->result_type, value, isnull);
		case WEIR_STATE_WINDOW:
		case WEIR_STATE_RUNNING:
			return window_json(json, state);
		case WEIR_STATE_ROWS:
			return rows_json(json, state);
		case WEIR_STATE_TIME_WINDOW:
			return time_window_json(json, state);
		case WEIR_STATE_RANKED:
			return ranked_json(json, state);
		case WEIR_STATE_EVENT_TIMER:
		case WEIR_STATE_ARRIVAL_TIMER:
			return timers_json(json, state);
		default:
			value = weir_value_get(state, &isnull);
			return weir_state_json(json, decl->type, value, isnull);
	}
}
