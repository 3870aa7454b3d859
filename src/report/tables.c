/*
 * report/tables.c
 *		Tasks, sources and dead letters of a job, a row each.
 */
#include "postgres.h"

#include "catalog/row.h"
#include "report/page.h"
#include "report/view.h"

static void
begin_table(WeirXml *x, const char *class, const char *const *titles, int n)
{
	weir_xml_begin(x, "div", "wide");
	weir_xml_begin(x, "table", class);
	weir_xml_open(x, "thead");
	weir_xml_open(x, "tr");
	for (int i = 0; i < n; i++)
		weir_xml_put(x, "th", NULL, "%s", titles[i]);
	weir_xml_close(x);
	weir_xml_close(x);
	weir_xml_open(x, "tbody");
}

static void
end_table(WeirXml *x)
{
	weir_xml_close(x);
	weir_xml_close(x);
	weir_xml_close(x);
}

/* Null is an empty cell. */
static void
put_cell(WeirXml *x, const char *class, uint64 row, const char *column)
{
	const char *value = weir_view_value(row, column);

	weir_xml_put(x, "td", class, "%s", value ? value : "");
}

static void
put_count(WeirXml *x, uint64 row, const char *column)
{
	if (weir_row_is_null(row, column))
		weir_xml_put(x, "td", "n", "%s", "");
	else
		weir_xml_put(x, "td", "n", "%s", weir_say_count(weir_row_int64(row, column)));
}

static void
put_bytes(WeirXml *x, uint64 row, const char *column)
{
	if (weir_row_is_null(row, column))
		weir_xml_put(x, "td", "n", "%s", "");
	else
		weir_xml_put(x, "td", "n", "%s", weir_say_bytes(weir_row_int64(row, column)));
}

static void
put_load(WeirXml *x, uint64 row)
{
	WeirLoad	load = {0};

	load.busy = weir_row_float8(row, "busy");
	load.backpressured = weir_row_float8(row, "backpressured");
	load.in_sink = weir_row_float8(row, "in_sink");
	weir_xml_open(x, "td");
	weir_xml_begin(x, "svg", "load");
	weir_xml_attribute(x, "xmlns", "http://www.w3.org/2000/svg");
	weir_xml_attribute(x, "width", "120");
	weir_xml_attribute(x, "height", "12");
	weir_xml_attribute(x, "role", "img");
	weir_xml_attribute(x, "aria-label", "%s", weir_say_load(&load));
	weir_xml_put(x, "title", NULL, "%s", weir_say_load(&load));
	weir_page_bar(x, 0, 0, 120, 12, &load);
	weir_xml_close(x);
	weir_xml_close(x);
}

static void
put_task(WeirXml *x, uint64 row)
{
	weir_xml_open(x, "tr");
	put_cell(x, NULL, row, "task");
	put_load(x, row);
	weir_xml_put(x, "td", "n", "%s/s", weir_say_count(weir_row_float8(row, "rate_in")));
	weir_xml_put(x, "td", "n", "%s/s", weir_say_count(weir_row_float8(row, "rate_out")));
	put_count(x, row, "records_in");
	put_count(x, row, "records_out");
	put_bytes(x, row, "state_bytes");
	put_count(x, row, "state_keys");
	put_cell(x, "n", row, "pid");
	weir_xml_close(x);
}

static void
put_legend(WeirXml *x)
{
	static const char *const words[][2] = {
		{"in_sink", "in the sink statement"}, {"busy", "busy with the rest"},
		{"backpressured", "waiting for room in the next step"}, {"idle", "waiting for input"}
	};

	weir_xml_begin(x, "p", "legend");
	for (int i = 0; i < lengthof(words); i++)
	{
		weir_xml_begin(x, "span", NULL);
		weir_xml_begin(x, "i", words[i][0]);
		weir_xml_close(x);
		weir_xml_text(x, "%s", words[i][1]);
		weir_xml_close(x);
	}
	weir_xml_close(x);
}

void
weir_page_tasks(WeirXml *x, const char *job)
{
	static const char *const titles[] = {
		"task", "last second", "rate in", "rate out", "records in", "records out", "state", "keys", "pid"
	};
	WeirArguments arguments = {0};
	uint64		rows;

	weir_bind_text(&arguments, job);
	rows = weir_view_read("SELECT * FROM weir.tasks WHERE job = $1 AND kind <> 'coordinator'"
						  " ORDER BY kind = 'sink', kind = 'keyed', subtask", &arguments);
	if (rows == 0)
		return;
	weir_xml_put(x, "h3", NULL, "Tasks");
	put_legend(x);
	begin_table(x, "tasks", titles, lengthof(titles));
	for (uint64 row = 0; row < rows; row++)
		put_task(x, row);
	end_table(x);
}

static void
put_source(WeirXml *x, uint64 row, bool watermarks)
{
	weir_xml_open(x, "tr");
	put_cell(x, NULL, row, "stream");
	put_cell(x, NULL, row, "status");
	put_cell(x, NULL, row, "peer");
	put_count(x, row, "records");
	put_bytes(x, row, "bytes");
	put_cell(x, "n", row, "last_record");
	if (watermarks)
		put_cell(x, "n", row, "watermark_lag");
	put_bytes(x, row, "journal_bytes");
	put_count(x, row, "retries");
	put_count(x, row, "dead_letters");
	put_cell(x, "error", row, "last_error");
	weir_xml_close(x);
}

/* A view of a later version may have a watermark. */
static bool
any_watermark(uint64 rows)
{
	for (uint64 row = 0; row < rows; row++)
	{
		if (!weir_row_is_null(row, "watermark_lag"))
			return true;
	}
	return false;
}

void
weir_page_sources(WeirXml *x, const char *job)
{
	static const char *const titles[] = {
		"stream", "status", "peer", "records", "bytes", "last record", "journal", "retries", "dead letters", "last error"
	};
	static const char *const with_watermark[] = {
		"stream", "status", "peer", "records", "bytes", "last record", "watermark lag", "journal", "retries",
		"dead letters", "last error"
	};
	WeirArguments arguments = {0};
	uint64		rows;
	bool		watermarks;

	weir_bind_text(&arguments, job);
	rows = weir_view_read("SELECT *, to_char(last_record_at, 'YYYY-MM-DD HH24:MI:SS') AS last_record,"
						  "       date_trunc('second', clock_timestamp() - (to_jsonb(s) ->> 'watermark')::timestamptz) AS watermark_lag"
						  "  FROM weir.sources s WHERE job = $1 ORDER BY stream", &arguments);
	if (rows == 0)
		return;
	watermarks = any_watermark(rows);
	weir_xml_put(x, "h3", NULL, "Sources");
	if (watermarks)
		begin_table(x, "sources", with_watermark, lengthof(with_watermark));
	else
		begin_table(x, "sources", titles, lengthof(titles));
	for (uint64 row = 0; row < rows; row++)
		put_source(x, row, watermarks);
	end_table(x);
}

/* Those that the reader may see: who may read the stream. */
void
weir_page_letters(WeirXml *x, const char *job)
{
	WeirArguments arguments = {0};

	weir_bind_text(&arguments, job);
	if (weir_view_read("SELECT count(*) OVER () AS all, stream, line_number, error, sqlstate,"
					   "       to_char(at, 'YYYY-MM-DD HH24:MI:SS') AS at"
					   "  FROM weir.dead_letters WHERE job = $1"
					   " ORDER BY weir.dead_letters.at DESC, line_number DESC LIMIT 1", &arguments) == 0)
		return;
	weir_xml_put(x, "h3", NULL, "Dead letters");
	weir_xml_begin(x, "p", "letters");
	weir_xml_put(x, "strong", NULL, "%s", weir_say_count(weir_row_int64(0, "all")));
	weir_xml_text(x, " %s could not be processed. The last one, at %s, is line %s of %s, %s: ",
				  weir_row_int64(0, "all") == 1 ? "record" : "records", weir_view_value(0, "at"), weir_say_count(weir_row_int64(0, "line_number")),
				  weir_view_value(0, "stream"), weir_view_value(0, "sqlstate"));
	weir_xml_put(x, "q", NULL, "%s", weir_view_value(0, "error"));
	weir_xml_close(x);
}

static const char *
time_of(const char *column)
{
	double		seconds = weir_row_float8(0, column);

	return seconds < 1 ? psprintf("%.1f ms", seconds * 1000) : psprintf("%.1f s", seconds);
}

/* How old records are when what became of them is to be seen. */
void
weir_page_latency(WeirXml *x, const char *job)
{
	WeirArguments arguments = {0};

	weir_bind_text(&arguments, job);
	if (weir_view_read("SELECT * FROM weir.measures WHERE job = $1 AND metric = 'latency until commit' AND count > 0",
					   &arguments) == 0)
		return;
	weir_xml_put(x, "p", "latency dim", "From a record's arrival until its output is committed: median %s, 99 %% within %s, at most %s.",
				 time_of("median"), time_of("p99"), time_of("max"));
}
