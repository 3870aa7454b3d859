/*
 * report/history.c
 *		Checkpoints as bars over time: how long each took, what it wrote, which failed.
 *
 * The bars have no text, so the chart may be as wide as the page.
 */
#include "postgres.h"

#include "catalog/row.h"
#include "report/page.h"
#include "report/view.h"

#define SHOWN "120"				/* newest checkpoints */
#define SLOT 8.0
#define HEIGHT 80.0
#define LEAST 1.5				/* of a bar */

static double
greatest_of(uint64 rows, const char *column)
{
	double		greatest = 0;

	for (uint64 row = 0; row < rows; row++)
		greatest = Max(greatest, weir_row_float8(row, column));
	return greatest;
}

static void
put_mark(WeirXml *x, uint64 row, const char *class, double height)
{
	const char *failure = weir_view_value(row, "failure");

	weir_xml_begin(x, "g", class);
	weir_xml_put(x, "title", NULL, "%s %s at %s, %s: %s, %s written%s%s", weir_view_value(row, "kind"),
				 weir_view_value(row, "checkpoint_id"), weir_view_value(row, "at"), weir_view_value(row, "status"),
				 weir_view_value(row, "took"), weir_say_bytes(weir_row_float8(row, "written")),
				 failure ? ", " : "", failure ? failure : "");
	weir_xml_open(x, "rect");
	weir_xml_attribute(x, "x", "%.1f", row * SLOT);
	weir_xml_attribute(x, "y", "%.1f", HEIGHT - height);
	weir_xml_attribute(x, "width", "%.1f", SLOT - 2);
	weir_xml_attribute(x, "height", "%.1f", height);
	weir_xml_close(x);
	weir_xml_close(x);
}

static void
put_chart(WeirXml *x, uint64 rows, const char *column, const char *title, const char *most)
{
	double		greatest = greatest_of(rows, column);
	double		slots = Max(rows, 40);

	weir_xml_open(x, "figure");
	weir_xml_put(x, "figcaption", NULL, "%s, at most %s", title, most);
	weir_xml_begin(x, "svg", "checkpoints");
	weir_xml_attribute(x, "xmlns", "http://www.w3.org/2000/svg");
	weir_xml_attribute(x, "viewBox", "0 0 %.0f %.0f", slots * SLOT, HEIGHT);
	weir_xml_attribute(x, "preserveAspectRatio", "none");
	weir_xml_attribute(x, "role", "img");
	weir_xml_attribute(x, "aria-label", "%s of the last checkpoints", title);
	for (uint64 row = 0; row < rows; row++)
	{
		double		share = greatest > 0 ? weir_row_float8(row, column) / greatest : 0;

		put_mark(x, row, weir_view_value(row, "status"), Max(LEAST, share * HEIGHT));
	}
	weir_xml_close(x);
	weir_xml_close(x);
}

static void
put_failures(WeirXml *x, uint64 rows)
{
	int			shown = 0;

	for (uint64 row = rows; row-- > 0 && shown < 3;)
	{
		const char *failure = weir_view_value(row, "failure");

		if (strcmp(weir_view_value(row, "status"), "failed") != 0)
			continue;
		if (shown++ == 0)
			weir_xml_begin(x, "ul", "failures");
		weir_xml_put(x, "li", NULL, "checkpoint %s at %s failed%s%s", weir_view_value(row, "checkpoint_id"),
					 weir_view_value(row, "at"), failure ? ": " : "", failure ? failure : "");
	}
	if (shown > 0)
		weir_xml_close(x);
}

static int
count_failed(uint64 rows)
{
	int			failed = 0;

	for (uint64 row = 0; row < rows; row++)
		failed += strcmp(weir_view_value(row, "status"), "failed") == 0;
	return failed;
}

static const char *
longest(uint64 rows)
{
	uint64		found = 0;

	for (uint64 row = 1; row < rows; row++)
	{
		if (weir_row_float8(row, "duration_ms") > weir_row_float8(found, "duration_ms"))
			found = row;
	}
	return weir_view_value(found, "took");
}

void
weir_page_checkpoints(WeirXml *x, const char *job)
{
	WeirArguments arguments = {0};
	uint64		rows;
	int			failed;

	weir_bind_text(&arguments, job);
	rows = weir_view_read("SELECT * FROM (SELECT checkpoint_id, kind, status, failure,"
						  "       to_char(triggered_at, 'YYYY-MM-DD HH24:MI:SS') AS at,"
						  "       written_bytes::float8 AS written,"
						  "       1e3 * extract(epoch FROM took)::float8 AS duration_ms,"
						  "       CASE WHEN took < '1 s' THEN round((1e3 * extract(epoch FROM took))::numeric, 1) || ' ms'"
						  "            WHEN took < '1 min' THEN round(extract(epoch FROM took), 1) || ' s'"
						  "            ELSE date_trunc('second', took)::text END AS took"
						  "  FROM weir.checkpoints,"
						  "       coalesce(duration, greatest(clock_timestamp() - triggered_at, '0')) took"
						  " WHERE job = $1 ORDER BY checkpoint_id DESC LIMIT " SHOWN ") c ORDER BY checkpoint_id", &arguments);
	if (rows == 0)
		return;
	failed = count_failed(rows);
	weir_xml_put(x, "h3", NULL, "Checkpoints");
	weir_xml_put(x, "p", failed > 0 ? "counts failed" : "counts", "%s shown, from %s to %s; %s failed.",
				 weir_say_count(rows), weir_view_value(0, "at"), weir_view_value(rows - 1, "at"),
				 failed > 0 ? weir_say_count(failed) : "none");
	put_chart(x, rows, "duration_ms", "Duration", longest(rows));
	put_chart(x, rows, "written", "State written", weir_say_bytes(greatest_of(rows, "written")));
	put_failures(x, rows);
}
