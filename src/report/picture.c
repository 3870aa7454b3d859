/*
 * report/picture.c
 *		The dataflow as boxes and arrows: downwards, which a phone shows best; one
 *		that would be wider than a page, from left to right.  Texts are in a font of
 *		fixed width and cut to what fits, so they stay within their boxes in any browser.
 */
#include "postgres.h"

#include "decide/layout.h"
#include "report/page.h"

#define BOX_WIDTH 304.0
#define PADDING 12.0
#define LINE 18.0
#define BAR 12.0
#define MARGIN 6.0				/* round the whole, for thick lines */
#define TEXT_COLUMNS 36			/* of 13 px, 0.6 em each */
#define SMALL_COLUMNS 42		/* of 11 px */
#define MAX_STEPS 6
#define PAGE_WIDTH 1000.0

static int
count_steps(const WeirShownStage *stage)
{
	int			n = stage->steps ? 1 : 0;

	for (const char *at = stage->steps; at && *at != '\0'; at++)
		n += *at == '\n';
	return Min(n, MAX_STEPS);
}

static double
height_of_box(const WeirShownFlow *flow, const WeirShownStage *stage)
{
	double		height = 2 * PADDING + LINE * (1 + count_steps(stage));

	if (flow->running)
		height += 2 * LINE + BAR + 4 + (stage->keyed ? LINE : 0);
	return height;
}

/* The layout knows layers from above to below: across, they stand from left to right. */
static WeirLayout *
lay_out(const WeirShownFlow *flow, bool across)
{
	WeirLayout *l = palloc0(sizeof(WeirLayout));

	l->gap = across ? 16 : 28;
	l->distance = across ? 56 : 40;
	l->nboxes = flow->nstages;
	l->narrows = flow->nexchanges;
	for (int i = 0; i < flow->nstages; i++)
	{
		double		height = height_of_box(flow, &flow->stages[i]);

		l->boxes[i].width = across ? height : BOX_WIDTH;
		l->boxes[i].height = across ? BOX_WIDTH : height;
	}
	for (int i = 0; i < flow->nexchanges; i++)
	{
		l->arrows[i].from = flow->from[i];
		l->arrows[i].to = flow->to[i];
	}
	weir_layout(l);
	return l;
}

static void
swap(double *a, double *b)
{
	double		kept = *a;

	*a = *b;
	*b = kept;
}

static void
turn(WeirLayout *l)
{
	swap(&l->width, &l->height);
	for (int i = 0; i < l->nboxes; i++)
	{
		swap(&l->boxes[i].x, &l->boxes[i].y);
		swap(&l->boxes[i].width, &l->boxes[i].height);
	}
	for (int i = 0; i < l->narrows; i++)
		for (int j = 0; j < l->arrows[i].npoints; j++)
			swap(&l->arrows[i].points[j].x, &l->arrows[i].points[j].y);
}

/* Whichever is not too wide. */
static WeirLayout *
fit(const WeirShownFlow *flow, bool *across)
{
	WeirLayout *down = lay_out(flow, false);
	WeirLayout *side;

	*across = false;
	if (down->width <= PAGE_WIDTH)
		return down;
	side = lay_out(flow, true);
	if (side->height >= down->width)
		return down;
	*across = true;
	turn(side);
	return side;
}

static void
put_rectangle(WeirXml *x, const char *class, double left, double top, double width, double height, double radius)
{
	weir_xml_begin(x, "rect", class);
	weir_xml_attribute(x, "x", "%.1f", left);
	weir_xml_attribute(x, "y", "%.1f", top);
	weir_xml_attribute(x, "width", "%.1f", width);
	weir_xml_attribute(x, "height", "%.1f", height);
	if (radius > 0)
		weir_xml_attribute(x, "rx", "%.1f", radius);
	weir_xml_close(x);
}

static void
put_share(WeirXml *x, const char *class, double *left, double top, double width, double height, double share)
{
	if (share <= 0.001)
		return;
	put_rectangle(x, class, *left, top, width * share, height, 0);
	*left += width * share;
}

void
weir_page_bar(WeirXml *x, double left, double top, double width, double height, const WeirLoad *load)
{
	weir_xml_begin(x, "g", "bar");
	put_rectangle(x, "idle", left, top, width, height, 0);
	put_share(x, "in_sink", &left, top, width, height, load->in_sink);
	put_share(x, "busy", &left, top, width, height, Max(load->busy - load->in_sink, 0));
	put_share(x, "backpressured", &left, top, width, height, load->backpressured);
	weir_xml_close(x);
}

static void
put_text(WeirXml *x, const char *class, double left, double y, int columns, const char *text)
{
	const char *shown = weir_say_within(text, columns);

	weir_xml_begin(x, "text", class);
	weir_xml_attribute(x, "x", "%.1f", left);
	weir_xml_attribute(x, "y", "%.1f", y);
	if (shown != text)
		weir_xml_put(x, "title", NULL, "%s", text);
	weir_xml_text(x, "%s", shown);
	weir_xml_close(x);
}

static double
put_steps(WeirXml *x, const WeirShownStage *stage, double left, double y)
{
	char	   *rest = stage->steps ? pstrdup(stage->steps) : NULL;

	for (int n = 0; rest && n < MAX_STEPS; n++)
	{
		char	   *step = strsep(&rest, "\n");

		y += LINE;
		put_text(x, "step", left, y, TEXT_COLUMNS, n == MAX_STEPS - 1 && rest ? "and more" : step);
	}
	return y;
}

static void
put_activity(WeirXml *x, const WeirShownStage *stage, double left, double y)
{
	y += LINE;
	put_text(x, "rate", left, y, SMALL_COLUMNS,
			 psprintf("in %s/s, out %s/s", weir_say_count(stage->rate_in), weir_say_count(stage->rate_out)));
	weir_page_bar(x, left, y + 8, BOX_WIDTH - 2 * PADDING, BAR, &stage->load.mean);
	y += LINE + BAR + 4;
	put_text(x, "load", left, y, SMALL_COLUMNS, weir_say_load(&stage->load.mean));
	if (stage->keyed)
		put_text(x, "state", left, y + LINE, SMALL_COLUMNS,
				 psprintf("state %s, %s keys", weir_say_bytes(stage->state_bytes), weir_say_count(stage->state_keys)));
}

static void
put_box(WeirXml *x, const WeirShownFlow *flow, const WeirLayout *l, int number)
{
	const WeirShownStage *stage = &flow->stages[number];
	const WeirLayoutBox *box = &l->boxes[number];
	bool		worst = flow->bottleneck.stage == number;
	double		left = MARGIN + box->x + PADDING;
	double		y = MARGIN + box->y + PADDING + 12;

	weir_xml_begin(x, "g", worst ? "box bottleneck" : "box");
	put_rectangle(x, "frame", MARGIN + box->x, MARGIN + box->y, box->width, box->height, 8);
	put_text(x, "kind", left, y, TEXT_COLUMNS,
			 psprintf("%s, %d %s%s", stage->kind, stage->parallelism, stage->parallelism == 1 ? "task" : "tasks",
					  worst ? flow->bottleneck.verdict == WEIR_HOLDS_BACK ? ": holds back" : ": at its limit" : ""));
	y = put_steps(x, stage, left, y);
	if (flow->running)
		put_activity(x, stage, left, y);
	weir_xml_close(x);
}

/* Bent between layers, straight within them; the head is drawn by itself. */
static void
put_arrow(WeirXml *x, const WeirLayoutArrow *arrow, bool across)
{
	StringInfoData way;

	initStringInfo(&way);
	for (int i = 0; i < arrow->npoints; i++)
	{
		double		before = i == arrow->npoints - 1 ? 7 : 0;
		double		px = MARGIN + arrow->points[i].x - (across ? before : 0);
		double		py = MARGIN + arrow->points[i].y - (across ? 0 : before);

		if (i % 2 == 0)
			appendStringInfo(&way, "%c%.1f %.1f", i == 0 ? 'M' : 'L', px, py);
		else
		{
			double		fx = MARGIN + arrow->points[i - 1].x;
			double		fy = MARGIN + arrow->points[i - 1].y;

			if (across)
				appendStringInfo(&way, "C%.1f %.1f %.1f %.1f %.1f %.1f", (fx + px) / 2, fy, (fx + px) / 2, py, px, py);
			else
				appendStringInfo(&way, "C%.1f %.1f %.1f %.1f %.1f %.1f", fx, (fy + py) / 2, px, (fy + py) / 2, px, py);
		}
	}
	weir_xml_begin(x, "path", "arrow");
	weir_xml_attribute(x, "d", "%s", way.data);
	weir_xml_close(x);
}

static void
put_head(WeirXml *x, const WeirLayoutArrow *arrow, bool across)
{
	const WeirLayoutPoint *end = &arrow->points[arrow->npoints - 1];

	weir_xml_begin(x, "path", "head");
	if (across)
		weir_xml_attribute(x, "d", "M%.1f %.1fl-9 -5v10z", MARGIN + end->x - 1, MARGIN + end->y);
	else
		weir_xml_attribute(x, "d", "M%.1f %.1fl-5 -9h10z", MARGIN + end->x, MARGIN + end->y - 1);
	weir_xml_close(x);
}

void
weir_page_picture(WeirXml *x, const WeirShownFlow *flow, const char *job)
{
	bool		across;
	WeirLayout *l = fit(flow, &across);
	double		width = l->width + 2 * MARGIN;
	double		height = l->height + 2 * MARGIN;

	weir_xml_begin(x, "div", "wide");
	weir_xml_begin(x, "svg", "dataflow");
	weir_xml_attribute(x, "xmlns", "http://www.w3.org/2000/svg");
	weir_xml_attribute(x, "width", "%.0f", width);
	weir_xml_attribute(x, "height", "%.0f", height);
	weir_xml_attribute(x, "viewBox", "0 0 %.0f %.0f", width, height);
	weir_xml_attribute(x, "role", "img");
	weir_xml_attribute(x, "aria-label", "dataflow of job %s", job);
	for (int i = 0; i < l->narrows; i++)
	{
		put_arrow(x, &l->arrows[i], across);
		put_head(x, &l->arrows[i], across);
	}
	for (int i = 0; i < l->nboxes; i++)
		put_box(x, flow, l, i);
	weir_xml_close(x);
	weir_xml_close(x);
	pfree(l);
}
