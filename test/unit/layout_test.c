/*
 * layout_test.c
 *		Boxes and arrows on a page: known graphs, then many random ones, in which
 *		no two boxes touch, arrows lead down and no arrow crosses a box.
 */
#include <string.h>

#include "decide/layout.h"
#include "tap.h"

#define WIDTH 100.0
#define HEIGHT 40.0

static WeirLayout layout;

/* "0>1 1>2": the arrows. */
static void
lay_out(int nboxes, const char *arrows)
{
	memset(&layout, 0, sizeof(layout));
	layout.gap = 20;
	layout.distance = 30;
	layout.nboxes = nboxes;
	for (int i = 0; i < nboxes; i++)
	{
		layout.boxes[i].width = WIDTH;
		layout.boxes[i].height = HEIGHT;
	}
	for (const char *at = arrows; *at != '\0'; at++)
	{
		if (*at != '>')
			continue;
		layout.arrows[layout.narrows].from = at[-1] - '0';
		layout.arrows[layout.narrows++].to = at[1] - '0';
	}
	weir_layout(&layout);
}

static bool
is_at(int box, double x, double y)
{
	const WeirLayoutBox *b = &layout.boxes[box];

	if (b->x - x < 0.01 && x - b->x < 0.01 && b->y == y)
		return true;
	diag("box %d is at %g, %g", box, b->x, b->y);
	return false;
}

static bool
apart(const WeirLayoutBox *a, const WeirLayoutBox *b)
{
	double		gap = layout.gap - 0.01;

	return a->x + a->width + gap <= b->x || b->x + b->width + gap <= a->x ||
		a->y + a->height < b->y || b->y + b->height < a->y;
}

static bool
boxes_apart(void)
{
	for (int i = 0; i < layout.nboxes; i++)
	{
		const WeirLayoutBox *box = &layout.boxes[i];

		if (box->x < -0.01 || box->y < 0 || box->x + box->width > layout.width + 0.01 || box->y + box->height > layout.height + 0.01)
			return false;
		for (int j = 0; j < i; j++)
		{
			if (!apart(box, &layout.boxes[j]))
				return false;
		}
	}
	return true;
}

/* Does this part of an arrow pass through a box, which is where it is straight down? */
static bool
crosses(const WeirLayoutPoint *p, const WeirLayoutBox *b)
{
	return p[0].x == p[1].x && p[0].x > b->x && p[0].x < b->x + b->width && p[0].y < b->y + b->height && p[1].y > b->y;
}

static bool
arrow_is_well(const WeirLayoutArrow *a)
{
	const WeirLayoutBox *from = &layout.boxes[a->from];
	const WeirLayoutBox *to = &layout.boxes[a->to];

	if (a->points[0].y != from->y + from->height || a->points[a->npoints - 1].y != to->y)
		return false;
	for (int i = 1; i < a->npoints; i++)
	{
		if (a->points[i].y < a->points[i - 1].y)
			return false;
		for (int box = 0; box < layout.nboxes; box++)
		{
			if (i % 2 == 0 && crosses(&a->points[i - 1], &layout.boxes[box]))
				return false;
		}
	}
	return true;
}

static bool
is_well(void)
{
	for (int i = 0; i < layout.narrows; i++)
	{
		if (!arrow_is_well(&layout.arrows[i]))
			return false;
	}
	return boxes_apart();
}

static void
lay_out_random(Random *random)
{
	memset(&layout, 0, sizeof(layout));
	layout.gap = 10;
	layout.distance = 30;
	layout.nboxes = 1 + random_below(random, WEIR_LAYOUT_MAX_BOXES);
	for (int i = 0; i < layout.nboxes; i++)
	{
		layout.boxes[i].width = 50 + random_below(random, 100);
		layout.boxes[i].height = 10 + random_below(random, 50);
	}
	while (layout.nboxes > 1 && layout.narrows < WEIR_LAYOUT_MAX_ARROWS && random_below(random, 100) > 0)
	{
		int			to = 1 + random_below(random, layout.nboxes - 1);

		layout.arrows[layout.narrows].from = random_below(random, to);
		layout.arrows[layout.narrows++].to = to;
	}
	weir_layout(&layout);
}

void
test_layout(void)
{
	Random		random = {7};
	bool		well = true;

	lay_out(0, "");
	ok(layout.width == 0 && layout.height == 0, "layout: nothing takes no room");
	lay_out(3, "0>1 1>2");
	ok(is_at(0, 0, 0) && is_at(1, 0, 70) && is_at(2, 0, 140) && layout.height == 180, "layout: a chain stands straight");
	lay_out(3, "0>2 1>2");
	ok(is_at(0, 0, 0) && is_at(1, 120, 0) && is_at(2, 60, 70), "layout: two inputs stand side by side, their reader between");
	ok(layout.arrows[0].points[1].x < layout.arrows[1].points[1].x, "layout: their arrows do not cross");
	lay_out(4, "0>1 1>3 2>3");
	ok(layout.boxes[2].y == layout.boxes[1].y, "layout: a source stands right above its first reader");
	lay_out(4, "0>3 1>2");
	ok(is_well() && layout.boxes[0].y == layout.boxes[1].y, "layout: two parts stand side by side");
	lay_out(4, "0>1 1>2 2>3 0>3");
	ok(layout.arrows[3].npoints == 6 && is_well(), "layout: an arrow goes round the boxes it passes");
	lay_out(4, "0>3 1>2 0>2 1>3");
	ok(is_well(), "layout: arrows that have to cross");
	lay_out(4, "0>2 0>2");
	ok(layout.arrows[0].points[0].x != layout.arrows[1].points[0].x, "layout: two ways between the same boxes are two arrows");
	for (int i = 0; i < 300 && well; i++)
	{
		lay_out_random(&random);
		well = is_well();
	}
	ok(well, "layout: any graph: boxes apart, arrows downwards and round them");
}
