/*
 * decide/layout.h
 *		Where boxes and arrows of a dataflow stand on a page: in layers, downwards,
 *		each box below all that lead to it, with few crossings and short ways.
 *
 * A box stands in the layer below the lowest of those it reads; one that reads
 * nothing, right above the first that reads it.  An arrow that passes layers goes
 * through a point in each, which has its place among the layer's boxes, so that no
 * box hides it.  The order within a layer follows the neighbours' mean position
 * (some sweeps up and down), and so do the positions themselves, as far as boxes
 * keep their distance.
 */
#ifndef WEIR_DECIDE_LAYOUT_H
#define WEIR_DECIDE_LAYOUT_H

#define WEIR_LAYOUT_MAX_BOXES 64
#define WEIR_LAYOUT_MAX_ARROWS 128
#define WEIR_LAYOUT_MAX_VERTICES 1024	/* boxes, and points where arrows pass layers */

typedef struct WeirLayoutBox
{
	double		width;			/* given */
	double		height;
	double		x;				/* of its upper left corner */
	double		y;
} WeirLayoutBox;

typedef struct WeirLayoutPoint
{
	double		x;
	double		y;
} WeirLayoutPoint;

typedef struct WeirLayoutArrow
{
	int			from;			/* given: boxes, from < to */
	int			to;
	int			npoints;		/* its way, ends included; a point in each layer's top and bottom */
	WeirLayoutPoint points[2 * WEIR_LAYOUT_MAX_BOXES];
} WeirLayoutArrow;

typedef struct WeirLayoutVertex
{
	int			layer;
	int			box;			/* -1: a point of an arrow */
	double		width;
	double		x;				/* its middle */
} WeirLayoutVertex;

typedef struct WeirLayout
{
	double		gap;			/* given: between boxes of a layer */
	double		distance;		/* given: between layers */
	int			nboxes;
	WeirLayoutBox boxes[WEIR_LAYOUT_MAX_BOXES];
	int			narrows;
	WeirLayoutArrow arrows[WEIR_LAYOUT_MAX_ARROWS];
	double		width;			/* of the whole */
	double		height;

	int			nlayers;
	int			nvertices;		/* a box's vertex has its number */
	WeirLayoutVertex vertices[WEIR_LAYOUT_MAX_VERTICES];
	int			first_point[WEIR_LAYOUT_MAX_ARROWS];	/* vertices of an arrow between its boxes */
	int			count[WEIR_LAYOUT_MAX_BOXES];	/* vertices in each layer, from left to right */
	int			order[WEIR_LAYOUT_MAX_BOXES][WEIR_LAYOUT_MAX_BOXES + WEIR_LAYOUT_MAX_ARROWS];
} WeirLayout;

/* Fills in what is not given. */
extern void weir_layout(WeirLayout *l);

#endif
