/*
 * decide/layout.c
 *		Boxes and arrows in layers.
 */
#include "decide/layout.h"

#include <assert.h>
#include <stdbool.h>

#define SWEEPS 6
#define POINT_WIDTH 16.0		/* that an arrow takes where it passes a layer */

static int
max(int a, int b)
{
	return a > b ? a : b;
}

static bool
has_input(const WeirLayout *l, int box)
{
	for (int i = 0; i < l->narrows; i++)
	{
		if (l->arrows[i].to == box)
			return true;
	}
	return false;
}

/* Arrows lead from lower to higher numbers, so one pass in their order is enough. */
static void
set_layers(WeirLayout *l)
{
	l->nlayers = 0;
	for (int box = 0; box < l->nboxes; box++)
	{
		WeirLayoutVertex *v = &l->vertices[box];

		v->layer = 0;
		v->box = box;
		v->width = l->boxes[box].width;
		for (int i = 0; i < l->narrows; i++)
		{
			if (l->arrows[i].to == box)
				v->layer = max(v->layer, l->vertices[l->arrows[i].from].layer + 1);
		}
		l->nlayers = max(l->nlayers, v->layer + 1);
	}
	for (int box = 0; box < l->nboxes; box++)
	{
		int			first = l->nlayers;

		for (int i = 0; i < l->narrows; i++)
		{
			if (l->arrows[i].from == box && l->vertices[l->arrows[i].to].layer < first)
				first = l->vertices[l->arrows[i].to].layer;
		}
		if (!has_input(l, box) && first < l->nlayers)
			l->vertices[box].layer = first - 1;
	}
}

static void
place(WeirLayout *l, int vertex)
{
	int			layer = l->vertices[vertex].layer;

	l->order[layer][l->count[layer]++] = vertex;
}

/* A vertex for each layer that an arrow passes; where there are too many, it goes straight. */
static void
add_points(WeirLayout *l)
{
	l->nvertices = l->nboxes;
	for (int layer = 0; layer < l->nlayers; layer++)
		l->count[layer] = 0;
	for (int box = 0; box < l->nboxes; box++)
		place(l, box);
	for (int i = 0; i < l->narrows; i++)
	{
		int			top = l->vertices[l->arrows[i].from].layer;
		int			bottom = l->vertices[l->arrows[i].to].layer;

		l->first_point[i] = l->nvertices;
		if (l->nvertices + bottom - top - 1 > WEIR_LAYOUT_MAX_VERTICES)
			l->first_point[i] = -1;
		for (int layer = top + 1; layer < bottom && l->first_point[i] >= 0; layer++)
		{
			WeirLayoutVertex *v = &l->vertices[l->nvertices];

			v->layer = layer;
			v->box = -1;
			v->width = POINT_WIDTH;
			place(l, l->nvertices++);
		}
	}
}

/* The vertex of an arrow in a layer; -1: it has none. */
static int
vertex_at(const WeirLayout *l, int arrow, int layer)
{
	const WeirLayoutArrow *a = &l->arrows[arrow];
	int			top = l->vertices[a->from].layer;
	int			bottom = l->vertices[a->to].layer;

	if (layer == top)
		return a->from;
	if (layer == bottom)
		return a->to;
	if (layer < top || layer > bottom || l->first_point[arrow] < 0)
		return -1;
	return l->first_point[arrow] + layer - top - 1;
}

/* The mean position of those it is joined to in this layer; its own, if there is none. */
static double
wanted(const WeirLayout *l, int vertex, int layer)
{
	double		sum = 0;
	int			n = 0;

	for (int i = 0; i < l->narrows; i++)
	{
		int			other = vertex_at(l, i, layer);

		if (other < 0 || vertex_at(l, i, l->vertices[vertex].layer) != vertex)
			continue;
		sum += l->vertices[other].x;
		n++;
	}
	return n > 0 ? sum / n : l->vertices[vertex].x;
}

static double
apart(const WeirLayout *l, int left, int right)
{
	return (l->vertices[left].width + l->vertices[right].width) / 2 + l->gap;
}

/* Stable, so that what is equal stays as it was. */
static void
sort_layer(WeirLayout *l, int layer, const double *want)
{
	double		keys[WEIR_LAYOUT_MAX_BOXES + WEIR_LAYOUT_MAX_ARROWS];

	for (int i = 0; i < l->count[layer]; i++)
	{
		int			vertex = l->order[layer][i];
		double		key = want[i];
		int			at = i;

		for (; at > 0 && keys[at - 1] > key; at--)
		{
			keys[at] = keys[at - 1];
			l->order[layer][at] = l->order[layer][at - 1];
		}
		keys[at] = key;
		l->order[layer][at] = vertex;
	}
}

/*
 * The positions nearest to those wanted (least squares) in which vertices keep
 * their order and distance: where they do not, neighbours are moved together.
 */
static void
settle_layer(WeirLayout *l, int layer, const double *want)
{
	double		mean[WEIR_LAYOUT_MAX_BOXES + WEIR_LAYOUT_MAX_ARROWS];
	int			size[WEIR_LAYOUT_MAX_BOXES + WEIR_LAYOUT_MAX_ARROWS];
	double		offset = 0;
	int			nblocks = 0;
	int			at = 0;

	for (int i = 0; i < l->count[layer]; i++)
	{
		if (i > 0)
			offset += apart(l, l->order[layer][i - 1], l->order[layer][i]);
		mean[nblocks] = want[i] - offset;
		size[nblocks++] = 1;
		while (nblocks > 1 && mean[nblocks - 2] > mean[nblocks - 1])
		{
			int			both = size[nblocks - 2] + size[nblocks - 1];

			mean[nblocks - 2] = (mean[nblocks - 2] * size[nblocks - 2] + mean[nblocks - 1] * size[nblocks - 1]) / both;
			size[nblocks - 2] = both;
			nblocks--;
		}
	}
	offset = 0;
	for (int block = 0; block < nblocks; block++)
		for (int n = 0; n < size[block]; n++, at++)
		{
			if (at > 0)
				offset += apart(l, l->order[layer][at - 1], l->order[layer][at]);
			l->vertices[l->order[layer][at]].x = mean[block] + offset;
		}
}

static void
want_layer(const WeirLayout *l, int layer, int neighbour, double *want)
{
	for (int i = 0; i < l->count[layer]; i++)
		want[i] = wanted(l, l->order[layer][i], neighbour);
}

/* Downwards each layer follows the one above, upwards the one below. */
static void
sweep(WeirLayout *l, bool down)
{
	double		want[WEIR_LAYOUT_MAX_BOXES + WEIR_LAYOUT_MAX_ARROWS];

	for (int n = 1; n < l->nlayers; n++)
	{
		int			layer = down ? n : l->nlayers - 1 - n;
		int			neighbour = down ? layer - 1 : layer + 1;

		want_layer(l, layer, neighbour, want);
		sort_layer(l, layer, want);
		want_layer(l, layer, neighbour, want);
		settle_layer(l, layer, want);
	}
}

/* Side by side, to begin with. */
static void
line_up(WeirLayout *l)
{
	for (int layer = 0; layer < l->nlayers; layer++)
	{
		double		x = 0;

		for (int i = 0; i < l->count[layer]; i++)
		{
			if (i > 0)
				x += apart(l, l->order[layer][i - 1], l->order[layer][i]);
			l->vertices[l->order[layer][i]].x = x;
		}
	}
}

static double
layer_height(const WeirLayout *l, int layer)
{
	double		height = 0;

	for (int box = 0; box < l->nboxes; box++)
	{
		if (l->vertices[box].layer == layer && l->boxes[box].height > height)
			height = l->boxes[box].height;
	}
	return height;
}

/* From vertices to boxes, from 0 on. */
static void
set_boxes(WeirLayout *l)
{
	double		left = 0;
	double		right = 0;
	double		y = 0;

	for (int i = 0; i < l->nvertices; i++)
	{
		const WeirLayoutVertex *v = &l->vertices[i];

		if (i == 0 || v->x - v->width / 2 < left)
			left = v->x - v->width / 2;
		if (i == 0 || v->x + v->width / 2 > right)
			right = v->x + v->width / 2;
	}
	for (int i = 0; i < l->nvertices; i++)
		l->vertices[i].x -= left;
	for (int layer = 0; layer < l->nlayers; layer++)
	{
		for (int box = 0; box < l->nboxes; box++)
		{
			if (l->vertices[box].layer != layer)
				continue;
			l->boxes[box].x = l->vertices[box].x - l->boxes[box].width / 2;
			l->boxes[box].y = y;
		}
		y += layer_height(l, layer) + l->distance;
	}
	l->width = right - left;
	l->height = l->nlayers > 0 ? y - l->distance : 0;
}

static double
layer_top(const WeirLayout *l, int layer)
{
	double		y = 0;

	for (int i = 0; i < layer; i++)
		y += layer_height(l, i) + l->distance;
	return y;
}

/* Where it leaves or enters a box: ends are spread over the side, in the order of where they lead. */
static double
port(const WeirLayout *l, int arrow, bool out)
{
	const WeirLayoutArrow *a = &l->arrows[arrow];
	int			box = out ? a->from : a->to;
	int			layer = l->vertices[box].layer + (out ? 1 : -1);
	int			n = 0;
	int			before = 0;

	for (int i = 0; i < l->narrows; i++)
	{
		int			other = vertex_at(l, i, layer);
		int			mine = vertex_at(l, arrow, layer);

		if ((out ? l->arrows[i].from : l->arrows[i].to) != box)
			continue;
		n++;
		if (i == arrow || other < 0 || mine < 0)
			continue;
		if (l->vertices[other].x < l->vertices[mine].x || (l->vertices[other].x == l->vertices[mine].x && i < arrow))
			before++;
	}
	return l->boxes[box].x + l->boxes[box].width * (before + 1) / (n + 1);
}

static void
add_point(WeirLayoutArrow *a, double x, double y)
{
	assert(a->npoints < 2 * WEIR_LAYOUT_MAX_BOXES);
	a->points[a->npoints].x = x;
	a->points[a->npoints++].y = y;
}

static void
set_arrow(WeirLayout *l, int arrow)
{
	WeirLayoutArrow *a = &l->arrows[arrow];
	int			bottom = l->vertices[a->to].layer;

	a->npoints = 0;
	add_point(a, port(l, arrow, true), l->boxes[a->from].y + l->boxes[a->from].height);
	for (int layer = l->vertices[a->from].layer + 1; layer < bottom; layer++)
	{
		int			vertex = vertex_at(l, arrow, layer);

		if (vertex < 0)
			continue;
		add_point(a, l->vertices[vertex].x, layer_top(l, layer));
		add_point(a, l->vertices[vertex].x, layer_top(l, layer) + layer_height(l, layer));
	}
	add_point(a, port(l, arrow, false), l->boxes[a->to].y);
}

void
weir_layout(WeirLayout *l)
{
	assert(l->nboxes <= WEIR_LAYOUT_MAX_BOXES && l->narrows <= WEIR_LAYOUT_MAX_ARROWS);
	set_layers(l);
	add_points(l);
	line_up(l);
	for (int i = 0; i < SWEEPS; i++)
		sweep(l, i % 2 == 0);
	set_boxes(l);
	for (int i = 0; i < l->narrows; i++)
		set_arrow(l, i);
}
