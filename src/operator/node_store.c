/*
 * operator/node_store.c
 *		What state a keyed step keeps: what its function declares, or its window.
 */
#include "postgres.h"

#include "catalog/pg_type.h"

#include "graph/kinds/count_window.h"
#include "graph/kinds/source.h"
#include "graph/number.h"
#include "operator/node_store.h"
#include "source/source.h"
#include "state/declaration.h"
#include "state/kinds/window.h"
#include "state/ttl.h"

/* The state that a window is: nobody declared it. */
static WeirStateDecl *
window_state(const WeirNode *node, int *nstates)
{
	const WeirCountWindowPlan *plan = weir_count_window_plan(node);
	WeirStateDecl *state = palloc0(sizeof(WeirStateDecl));
	WeirWindowDecl *window = palloc(sizeof(WeirWindowDecl));

	window->size = plan->size;
	window->slide = plan->slide;
	window->aggregates = plan->aggregates;
	window->input = node->in;
	state->name = pstrdup(plan->state_name);
	state->kind = WEIR_STATE_WINDOW;
	state->type = BYTEAOID;
	state->typmod = -1;
	state->ttl = weir_ttl_rule(plan->ttl);
	state->window = window;
	*nstates = 1;
	return state;
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
		window_state(node, &nstates);
	return weir_store_create(OidIsValid(function) ? node->identity : "weir.count_window",
							 node->nkeys, keys, nstates, states, max_parallelism, first, end);
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
