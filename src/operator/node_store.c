/*
 * operator/node_store.c
 *		What state a keyed step keeps: what its function declares, its window, or
 *		what its aggregates have come to.
 */
#include "postgres.h"

#include "catalog/pg_type.h"

#include "graph/kinds/aggregate.h"
#include "graph/kinds/count_window.h"
#include "graph/kinds/join.h"
#include "graph/kinds/over.h"
#include "graph/kinds/rank.h"
#include "graph/kinds/source.h"
#include "graph/kinds/time_window.h"
#include "graph/number.h"
#include "operator/node_store.h"
#include "source/source.h"
#include "state/declaration.h"
#include "state/kinds/ranked.h"
#include "state/kinds/rows.h"
#include "state/kinds/time_window.h"
#include "state/kinds/window.h"
#include "state/ttl.h"

/* The state that aggregates are: nobody declared it. */
static WeirStateDecl *
aggregates_state(const WeirNode *node, WeirStateKind kind, void *ttl, WeirWindowDecl *window)
{
	WeirStateDecl *state = palloc0(sizeof(WeirStateDecl));

	window->input = node->in;
	state->name = pstrdup(weir_node_ops(node->kind)->state_name(node));
	state->kind = kind;
	state->type = BYTEAOID;
	state->typmod = -1;
	state->ttl = weir_ttl_rule(ttl);
	state->window = window;
	return state;
}

static WeirStateDecl *
window_state(const WeirNode *node)
{
	const WeirCountWindowPlan *plan = weir_count_window_plan(node);
	WeirWindowDecl *window = palloc0(sizeof(WeirWindowDecl));

	window->size = plan->size;
	window->slide = plan->slide;
	window->aggregates = plan->aggregates;
	return aggregates_state(node, WEIR_STATE_WINDOW, plan->ttl, window);
}

static WeirStateDecl *
running_state(const WeirNode *node)
{
	const WeirAggregatePlan *plan = weir_aggregate_plan(node);
	WeirWindowDecl *running = palloc0(sizeof(WeirWindowDecl));

	running->size = running->slide = 1;
	running->aggregates = plan->aggregates;
	running->corrects = plan->corrects;
	running->sign = plan->sign;
	return aggregates_state(node, WEIR_STATE_RUNNING, plan->ttl, running);
}

static WeirKeptSources
kept_sources(const WeirNode *node)
{
	WeirKeptSource *of = palloc(sizeof(WeirKeptSource) * Max(list_length(node->sources), 1));
	int			n = 0;
	ListCell   *lc;

	foreach(lc, node->sources)
	{
		const WeirNode *source = lfirst(lc);

		of[n].source = source->id;
		of[n++].number = source->number;
	}
	return (WeirKeptSources)
	{
		n, of
	};
}

static void
rows_state(WeirStateDecl *state, const char *name, const WeirNode *node, TupleDesc desc)
{
	WeirRowsDecl *rows = palloc(sizeof(WeirRowsDecl));

	rows->desc = desc;
	rows->sources = kept_sources(node);
	state->name = pstrdup(name);
	state->kind = WEIR_STATE_ROWS;
	state->type = BYTEAOID;
	state->typmod = -1;
	state->ttl = weir_ttl_rule(NULL);
	state->rows = rows;
}

/* The rows of each side. */
static WeirStateDecl *
join_states(const WeirNode *node, int *nstates)
{
	const WeirJoinPlan *plan = weir_join_plan(node);
	WeirStateDecl *states = palloc0(sizeof(WeirStateDecl) * 2);

	*nstates = 2;
	rows_state(&states[0], weir_join_state(plan, 0), node, node->in);
	rows_state(&states[1], weir_join_state(plan, 1), node, node->right);
	return states;
}

static WeirTimeWindowForm
window_form(WeirTimeWindowKind kind)
{
	switch (kind)
	{
		case WEIR_TIME_SESSION:
			return WEIR_WINDOWS_SESSION;
		case WEIR_TIME_CALENDAR:
			return WEIR_WINDOWS_CALENDAR;
		case WEIR_TIME_COLUMN:
			return WEIR_WINDOWS_GIVEN;
		default:
			return WEIR_WINDOWS_OF_SHAPE;
	}
}

static bool
is_zoned(Oid type)
{
	return type == TIMESTAMPTZOID || type == TSTZRANGEOID;
}

static WeirStateDecl *
time_window_state(const WeirNode *node)
{
	const WeirTimeWindowPlan *plan = weir_time_window_plan(node);
	WeirStateDecl *state = palloc0(sizeof(WeirStateDecl));
	WeirTimeWindowDecl *window = palloc0(sizeof(WeirTimeWindowDecl));

	window->form = window_form(plan->window);
	if (window->form == WEIR_WINDOWS_OF_SHAPE)
		window->shape = weir_time_window_shape(plan);
	window->gap = plan->size;
	window->unit = plan->unit;
	window->zone = plan->zone;
	window->zoned = is_zoned(plan->range);
	window->lateness = plan->lateness;
	window->again = plan->again;
	window->early = plan->early;
	window->aggregates = plan->aggregates;
	window->input = node->in;
	window->sources = kept_sources(node);
	state->name = pstrdup(plan->state_name);
	state->kind = WEIR_STATE_TIME_WINDOW;
	state->type = BYTEAOID;
	state->typmod = -1;
	state->ttl = weir_ttl_rule(NULL);
	state->time_window = window;
	return state;
}

static WeirStateDecl *
ranked_state(const WeirNode *node)
{
	const WeirRankPlan *plan = weir_rank_plan(node);
	WeirStateDecl *state = palloc0(sizeof(WeirStateDecl));
	WeirRankedDecl *ranked = palloc(sizeof(WeirRankedDecl));

	ranked->input = node->in;
	ranked->columns = plan->columns;
	ranked->ncolumns = plan->ncolumns;
	ranked->limit = plan->limit;
	ranked->last_first = plan->last_first;
	state->name = pstrdup(plan->state_name);
	state->kind = WEIR_STATE_RANKED;
	state->type = BYTEAOID;
	state->typmod = -1;
	state->ttl = weir_ttl_rule(NULL);
	state->ranked = ranked;
	return state;
}

static WeirStateDecl *
window_rank_state(const WeirNode *node)
{
	WeirStateDecl *state = palloc0(sizeof(WeirStateDecl));

	rows_state(state, weir_rank_plan(node)->state_name, node, node->in);
	return state;
}

/* The rows that wait, and how many have been handed on. */
static WeirStateDecl *
ordered_rank_states(const WeirNode *node, int *nstates)
{
	WeirStateDecl *states = palloc0(sizeof(WeirStateDecl) * 2);

	*nstates = 2;
	rows_state(&states[0], weir_rank_plan(node)->state_name, node, node->in);
	states[1].name = weir_rank_done_name(weir_rank_plan(node));
	states[1].kind = WEIR_STATE_VALUE;
	states[1].type = states[1].result_type = INT8OID;
	states[1].typmod = -1;
	states[1].ttl = weir_ttl_rule(NULL);
	return states;
}

/* The rows that wait, and what all before come to. */
static WeirStateDecl *
over_states(const WeirNode *node, int *nstates)
{
	const WeirOverPlan *plan = weir_over_plan(node);
	WeirStateDecl *states = palloc0(sizeof(WeirStateDecl) * 2);
	WeirWindowDecl *all = palloc0(sizeof(WeirWindowDecl));

	*nstates = plan->aggregates == NIL ? 1 : 2;
	rows_state(&states[0], plan->state_name, node, node->in);
	all->size = all->slide = 1;
	all->aggregates = plan->aggregates;
	all->input = node->in;
	states[1].name = weir_over_all_name(plan);
	states[1].kind = WEIR_STATE_RUNNING;
	states[1].type = BYTEAOID;
	states[1].typmod = -1;
	states[1].ttl = weir_ttl_rule(NULL);
	states[1].window = all;
	return states;
}

/* Of a step without a function. */
static WeirStateDecl *
own_state(const WeirNode *node, int *nstates)
{
	if (node->kind == WEIR_NODE_JOIN)
		return join_states(node, nstates);
	if (node->kind == WEIR_NODE_ORDERED_RANK)
		return ordered_rank_states(node, nstates);
	if (node->kind == WEIR_NODE_OVER)
		return over_states(node, nstates);
	*nstates = 1;
	switch (node->kind)
	{
		case WEIR_NODE_AGGREGATE:
			return running_state(node);
		case WEIR_NODE_RANK:
			return ranked_state(node);
		case WEIR_NODE_TIME_WINDOW:
			return time_window_state(node);
		case WEIR_NODE_WINDOW_RANK:
			return window_rank_state(node);
		default:
			return window_state(node);
	}
}

static const char *
step_name(const WeirNode *node)
{
	switch (node->kind)
	{
		case WEIR_NODE_AGGREGATE:
			return "GROUP BY";
		case WEIR_NODE_COUNT_WINDOW:
			return "weir.count_window";
		case WEIR_NODE_JOIN:
			return "JOIN";
		case WEIR_NODE_TIME_WINDOW:
			return weir_time_window_plan(node)->text;
		case WEIR_NODE_RANK:
		case WEIR_NODE_WINDOW_RANK:
		case WEIR_NODE_ORDERED_RANK:
			return weir_rank_plan(node)->distinct ? "DISTINCT ON" : "OVER";
		case WEIR_NODE_OVER:
			return "OVER";
		default:
			return node->identity;
	}
}

WeirStore *
weir_node_store_create(const WeirNode *node, int max_parallelism, int first, int end)
{
	Oid			function = weir_node_object(node);
	WeirStoreKey *keys = palloc(sizeof(WeirStoreKey) * node->nkeys);
	WeirStateDecl *states;
	int			nstates;

	for (int i = 0; i < node->nkeys; i++)
	{
		keys[i].type = node->keys[i].type;
		keys[i].eq_operator = node->keys[i].eq_operator;
		keys[i].collation = node->keys[i].collation;
	}
	states = OidIsValid(function) ? weir_state_declarations(function, &nstates) :
		own_state(node, &nstates);
	return weir_store_create(step_name(node), node->nkeys, keys, nstates, states, max_parallelism, first, end);
}

int64
weir_node_clock(const WeirGraph *graph, const WeirNode *node, WeirPositionOf position, void *arg)
{
	int64		clock = PG_INT64_MIN;
	const WeirNode *source;

	for (int n = 0; (source = weir_graph_source(graph, n)) != NULL; n++)
	{
		const WeirPosition *at = weir_graph_reaches(graph, source, node) ? position(arg, source) : NULL;

		if (at)
			clock = Max(clock, weir_source_of(weir_source_plan(source)->stream)->position_clock(at));
	}
	return clock;
}
