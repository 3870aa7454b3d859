/*
 * report/page.c
 *		weir.report: one page on all jobs, or on one.
 *
 * It holds what the caller sees in the views, as it is at this moment, and needs
 * nothing beside it: no script, no font, no other file.
 */
#include "postgres.h"

#include "fmgr.h"
#include "miscadmin.h"
#include "utils/builtins.h"

#include "catalog/row.h"
#include "report/page.h"
#include "report/view.h"

PG_FUNCTION_INFO_V1(weir_report);

/* A job as the head of its section has it. */
typedef struct Head
{
	const char *name;
	const char *status;
	const char *reason;			/* NULL: none */
	const char *facts;
	const char *last_error;		/* NULL: none, or not for the reader */
	const char *query;			/* NULL: not for the reader */
} Head;

static Head *
read_heads(const char *job, uint64 *n)
{
	WeirArguments arguments = {0};
	Head	   *heads;

	weir_bind_text(&arguments, job);
	*n = weir_view_read("SELECT name, status, status_reason, last_error, query,"
						"       concat('parallelism ', parallelism, ' of at most ', max_parallelism, ', owner ', owner,"
						"              to_char(started_at, '\", started\" YYYY-MM-DD HH24:MI:SS'), ', restarts ', restarts) AS facts"
						"  FROM weir.jobs WHERE $1 IS NULL OR name = $1 ORDER BY name", &arguments);
	heads = palloc0(sizeof(Head) * Max(*n, 1));
	for (uint64 row = 0; row < *n; row++)
	{
		heads[row].name = weir_view_value(row, "name");
		heads[row].status = weir_view_value(row, "status");
		heads[row].reason = weir_view_value(row, "status_reason");
		heads[row].facts = weir_view_value(row, "facts");
		heads[row].last_error = weir_view_value(row, "last_error");
		heads[row].query = weir_view_value(row, "query");
	}
	return heads;
}

static void
put_status(WeirXml *x, const Head *head)
{
	weir_xml_put(x, "span", psprintf("status %s", head->status), "%s", head->status);
}

static void
put_contents(WeirXml *x, const Head *heads, uint64 n)
{
	weir_xml_open(x, "nav");
	weir_xml_open(x, "ul");
	for (uint64 i = 0; i < n; i++)
	{
		weir_xml_open(x, "li");
		weir_xml_open(x, "a");
		weir_xml_attribute(x, "href", "#job" UINT64_FORMAT, i + 1);
		weir_xml_text(x, "%s", heads[i].name);
		weir_xml_close(x);
		put_status(x, &heads[i]);
		weir_xml_close(x);
	}
	weir_xml_close(x);
	weir_xml_close(x);
}

static void
put_verdict(WeirXml *x, const WeirShownFlow *flow)
{
	const char *verdict = weir_say_bottleneck(flow);

	if (verdict)
		weir_xml_put(x, "p", flow->bottleneck.verdict == WEIR_NOBODY ? "verdict" : "verdict holds", "%s", verdict);
}

static void
put_dataflow(WeirXml *x, const Head *head)
{
	WeirShownFlow *flow = weir_shown_flow(head->name, head->query != NULL);

	put_verdict(x, flow);
	if (flow->failure)
		weir_xml_put(x, "p", "dim", "Its query cannot be compiled: %s", flow->failure);
	else if (flow->nstages == 0)
		weir_xml_put(x, "p", "dim", "It does not run.");
	else
		weir_page_picture(x, flow, head->name);
	pfree(flow);
}

static void
put_query(WeirXml *x, const char *query)
{
	if (query == NULL)
		return;
	weir_xml_open(x, "details");
	weir_xml_put(x, "summary", NULL, "Query");
	weir_xml_put(x, "pre", NULL, "%s", query);
	weir_xml_close(x);
}

static void
put_job(WeirXml *x, const Head *head, uint64 number)
{
	weir_xml_begin(x, "section", "job");
	weir_xml_attribute(x, "id", "job" UINT64_FORMAT, number);
	weir_xml_open(x, "h2");
	weir_xml_text(x, "%s", head->name);
	put_status(x, head);
	weir_xml_close(x);
	weir_xml_put(x, "p", "dim", "%s", head->facts);
	/* the error says it again, in full */
	if (head->reason && (head->last_error == NULL || strncmp(head->last_error, head->reason, strlen(head->reason)) != 0))
		weir_xml_put(x, "p", "reason", "%s", head->reason);
	if (head->last_error)
		weir_xml_put(x, "p", "error", "Last error: %s", head->last_error);
	put_dataflow(x, head);
	weir_page_latency(x, head->name);
	weir_page_tasks(x, head->name);
	weir_page_sources(x, head->name);
	weir_page_checkpoints(x, head->name);
	weir_page_letters(x, head->name);
	put_query(x, head->query);
	weir_xml_close(x);
}

static void
put_head(WeirXml *x, const char *title)
{
	weir_xml_open(x, "head");
	weir_xml_open(x, "meta");
	weir_xml_attribute(x, "charset", "utf-8");
	weir_xml_close(x);
	weir_xml_open(x, "meta");
	weir_xml_attribute(x, "name", "viewport");
	weir_xml_attribute(x, "content", "width=device-width, initial-scale=1");
	weir_xml_close(x);
	weir_xml_put(x, "title", NULL, "%s", title);
	weir_xml_open(x, "style");
	weir_xml_raw(x, weir_page_style);
	weir_xml_close(x);
	weir_xml_close(x);
}

/* When and where it was made. */
static void
put_footer(WeirXml *x)
{
	(void) weir_view_read("SELECT format('%s, database %s, server %s', to_char(clock_timestamp(), 'YYYY-MM-DD HH24:MI:SS TZ'),"
						  "              current_database(), current_setting('server_version')) AS at", NULL);
	weir_xml_put(x, "footer", NULL, "%s", weir_view_value(0, "at"));
}

static void
put_page(WeirXml *x, const Head *heads, uint64 n, const char *job)
{
	weir_xml_raw(x, "<!DOCTYPE html>\n");
	weir_xml_open(x, "html");
	weir_xml_attribute(x, "xmlns", "http://www.w3.org/1999/xhtml");
	weir_xml_attribute(x, "lang", "en");
	put_head(x, job ? psprintf("Weir: %s", job) : "Weir: jobs");
	weir_xml_open(x, "body");
	weir_xml_open(x, "main");
	if (job == NULL)
	{
		weir_xml_put(x, "h1", NULL, "Jobs");
		if (n > 0)
			put_contents(x, heads, n);
		else
			weir_xml_put(x, "p", "dim", "There are no jobs here that you may see.");
	}
	for (uint64 i = 0; i < n; i++)
		put_job(x, &heads[i], i + 1);
	weir_xml_close(x);
	put_footer(x);
	weir_xml_close(x);
	weir_xml_close(x);
}

/* weir.report(job text) */
Datum
weir_report(PG_FUNCTION_ARGS)
{
	char	   *job = PG_ARGISNULL(0) ? NULL : text_to_cstring(PG_GETARG_TEXT_PP(0));
	WeirXml		x = {makeStringInfo(), 0};
	int			guc_nest = weir_view_enter();
	Head	   *heads;
	uint64		n;

	if (job)
		weir_view_must_show(job);
	heads = read_heads(job, &n);
	put_page(&x, heads, n, job);
	weir_view_leave(guc_nest);
	PG_RETURN_TEXT_P(cstring_to_text_with_len(x.text->data, x.text->len));
}
