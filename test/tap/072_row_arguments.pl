# Values of a row type reach functions as in a plain call: not packed, whichever way
# they took; a function in C looks at their headers.
use strict;
use warnings;

use PostgreSQL::Test::Utils;
use Test::More;
use Weir::Node;
use Weir::Sender;

my $build = PostgreSQL::Test::Utils::tempdir();
append_to_file("$build/forms.c", <<'C');
#include "postgres.h"

#include "access/htup_details.h"
#include "fmgr.h"
#include "lib/stringinfo.h"
#include "utils/builtins.h"
#if PG_VERSION_NUM >= 160000
#include "varatt.h"
#endif

PG_MODULE_MAGIC;

PG_FUNCTION_INFO_V1(forms);
PG_FUNCTION_INFO_V1(add_form);

static const char *
form(Datum value)
{
	HeapTupleHeader row = (HeapTupleHeader) DatumGetPointer(value);

	if (VARATT_IS_EXTERNAL(row))
		return "external";
	if (VARATT_IS_COMPRESSED(row))
		return "compressed";
	if (VARATT_IS_SHORT(row))
		return "packed";
	if (PointerGetDatum(row) != MAXALIGN(PointerGetDatum(row)))
		return "unaligned";
	return OidIsValid(HeapTupleHeaderGetTypeId(row)) ? "plain" : "untyped";
}

/* Of each argument, in one word. */
Datum
forms(PG_FUNCTION_ARGS)
{
	StringInfoData text;

	initStringInfo(&text);
	for (int i = 0; i < PG_NARGS(); i++)
		appendStringInfo(&text, "%s%s", i > 0 ? " " : "",
						 PG_ARGISNULL(i) ? "null" : form(PG_GETARG_DATUM(i)));
	PG_RETURN_TEXT_P(cstring_to_text(text.data));
}

/* An aggregate's: so far, one more. */
Datum
add_form(PG_FUNCTION_ARGS)
{
	char	   *so_far = PG_ARGISNULL(0) ? "" : text_to_cstring(PG_GETARG_TEXT_PP(0));

	PG_RETURN_TEXT_P(cstring_to_text(psprintf("%s%s%s", so_far, so_far[0] ? " " : "",
											  PG_ARGISNULL(1) ? "null" : form(PG_GETARG_DATUM(1)))));
}
C
append_to_file("$build/Makefile", "MODULES = forms\noverride with_llvm := no\nPG_CONFIG ?= pg_config\nPGXS := \$(shell \$(PG_CONFIG) --pgxs)\ninclude \$(PGXS)\n");
system_or_bail('make', '-s', '-C', $build, 'PG_CONFIG=' . ($ENV{PG_CONFIG} || 'pg_config'));

my $node = Weir::Node->create('row_arguments');
my $sender = Weir::Sender->new("1 (1,x)\n1 (2,y)\n");
$node->sql(<<"SQL");
CREATE SERVER here FOREIGN DATA WRAPPER weir_socket OPTIONS (host '127.0.0.1', port '@{[$sender->port]}', max_retries '-1', retry_delay '100 ms');
CREATE TYPE pair AS (a int, b text);
CREATE DOMAIN known AS pair CHECK ((VALUE).a > 0);
CREATE FOREIGN TABLE r (k int, p pair) SERVER here OPTIONS (delimiter ' ');
CREATE TABLE looked (k int, p pair);
INSERT INTO looked VALUES (1, '(7,seven)');
CREATE FUNCTION forms(r) RETURNS text LANGUAGE c AS '$build/forms';
CREATE FUNCTION forms(pair) RETURNS text LANGUAGE c AS '$build/forms';
CREATE FUNCTION keyed(pair) RETURNS text LANGUAGE c AS '$build/forms', 'forms';
CREATE FUNCTION forms(r, pair, known, pair, looked) RETURNS text LANGUAGE c AS '$build/forms';
CREATE FUNCTION add_form(text, pair) RETURNS text LANGUAGE c AS '$build/forms';
CREATE AGGREGATE forms_of(pair) (SFUNC = add_form, STYPE = text);
CREATE TABLE o (k int, form text);
SQL

# What tried lines write, one job a query.
sub tried
{
	my ($query, $expected, $what) = @_;
	return is($node->sql("SELECT weir.create_job('t', \$q\$$query\$q\$) \\g /dev/null
		BEGIN; SELECT string_agg(t.form, ', ') FROM weir.try_job('t', ARRAY['1 (1,x)', '1 (2,y)'], NULL::o) t; ROLLBACK;
		SELECT weir.drop_job('t') \\g /dev/null"), $expected, $what);
}

is($node->sql(q{SELECT forms(ROW(1, 'x')::pair)}), 'plain', 'in a plain call');
is($node->sql('SELECT forms(p) FROM looked'), 'packed', 'as a table stores it');
tried('INSERT INTO o SELECT 1, a FROM r JOIN LATERAL forms(r) a ON weir.key_by(r.k)', 'plain, plain', 'the row of the stream');
tried('INSERT INTO o SELECT 1, a FROM r JOIN LATERAL forms(p) a ON weir.key_by(r.k)', 'plain, plain', 'a column of it');
tried('INSERT INTO o SELECT 1, a FROM r JOIN looked l USING (k) JOIN LATERAL
	forms(r, r.p, r.p::known, ROW(r.k, $$z$$)::pair, l) a ON weir.key_by(r)',
	'plain plain plain plain plain, plain plain plain plain plain', 'several, of a domain, a lookup, made there');
tried('INSERT INTO o SELECT 1, a FROM r LEFT JOIN looked l ON l.k = 2 JOIN LATERAL
	forms(r, NULL, r.p::known, l.p, l) a ON weir.key_by(r.p)', 'plain null plain null null, plain null plain null null', 'nulls');
tried('INSERT INTO o SELECT 1, forms(r) || $$ $$ || forms(p) FROM r', 'plain plain, plain plain', 'in the sink statement');
tried('INSERT INTO o SELECT 1, forms(r) || $$ $$ || forms(r.p) || $$ $$ || a FROM r JOIN LATERAL keyed(p) a ON weir.key_by(r.k)
	WHERE a <> forms(r) OR forms(r.p) = a', 'plain plain plain, plain plain plain', 'behind a keyed step');
tried('INSERT INTO o SELECT k, forms_of(p) || $$; $$ || forms_of(p ORDER BY p DESC) || $$; $$ || forms_of(DISTINCT p) FROM r
	GROUP BY k, weir.count_window(2)', 'plain plain; plain plain; plain plain', 'in a window');

# ---- values that come out of state, and what its functions get ----

$node->sql(<<"SQL");
CREATE FUNCTION later(pair, pair) RETURNS pair LANGUAGE sql AS \$\$ SELECT ROW(2, forms(\$1) || ' ' || forms(\$2))::pair \$\$;
CREATE FUNCTION f(r) RETURNS text LANGUAGE sql AS \$\$
	SELECT weir.state_update('v', \$1.p), weir.list_add('l', \$1.p), weir.map_put('m', \$1.p, \$1.p),
		weir.reducing_add('r', ROW((\$1.p).a, 'x')::pair), weir.aggregating_add('a', ROW((\$1.p).a, 'x')::pair);
	SELECT concat_ws(', ', forms(weir.state_value('v', NULL::pair)), forms((weir.list_get('l', NULL::pair))[1]),
		forms(weir.map_get('m', \$1.p, NULL::pair)), (weir.reducing_get('r', NULL::pair)).b, weir.aggregating_get('a', NULL::text)) \$\$;
SELECT weir.create_value_state('f(r)', 'v', 'pair', default_value => '(1,)'), weir.create_list_state('f(r)', 'l', 'pair'),
	weir.create_map_state('f(r)', 'm', 'pair', 'pair'), weir.create_reducing_state('f(r)', 'r', 'pair', 'later(pair,pair)'),
	weir.create_aggregating_state('f(r)', 'a', 'pair', 'forms_of(pair)');
SQL
tried('INSERT INTO o SELECT 1, a FROM r JOIN LATERAL f(r) a ON weir.key_by(r.k)',
	'plain, plain, plain, x, plain, plain, plain, plain, plain plain, plain plain', 'out of state');

# ---- through the channels of a job that runs, to a sink task of its own ----

$node->sql(q{CREATE TABLE alone (k int UNIQUE, form text);
	SELECT weir.create_job('live', 'INSERT INTO alone SELECT (r.p).a, forms(r) || $$ $$ || forms(r.p) || $$ $$ || a FROM r JOIN LATERAL keyed(p) a ON weir.key_by(r.k)', parallelism => 2);
	SELECT weir.enable_checkpointing('live', every => '50 ms'), weir.start_job('live')});
$sender->send_to(16);
ok($node->wait_until('SELECT count(*) = 2 FROM alone'), 'a job runs');
is($node->sql(q{SELECT count(*) FROM weir.tasks WHERE kind = 'sink'}), '1', 'with a sink task');
is($node->sql('SELECT DISTINCT form FROM alone'), 'plain plain plain', 'which gets plain rows, too');

$node->stop;
done_testing();
