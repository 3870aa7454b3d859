# Joins of two streams while tasks and the server are killed and the jobs get other
# parallelisms: each pair, and each row without a partner, comes once, as the same
# query over tables has it.
#
# KILLS and WEIR_LINES say how often and how many rows.
use strict;
use warnings;

use Test::More;
use Weir::Node;

my $kills = $ENV{KILLS} || 4;
my $rows = $ENV{WEIR_LINES} || 12_000;

my $node = Weir::Node->create('stream_joins', 'log_min_messages = log', 'max_worker_processes = 128', 'max_prepared_transactions = 128');

# Rows come out of order by less than the bound; some have no key, some no time.
$node->sql(q{
	CREATE FOREIGN TABLE a (k int, v int, ts timestamptz OPTIONS (watermark '5 s'), till timestamptz) SERVER weir_feed;
	CREATE FOREIGN TABLE b (k int, v int, ts timestamptz OPTIONS (watermark '5 s')) SERVER weir_feed;
	CREATE FOREIGN TABLE la (k int, v int, ts timestamptz OPTIONS (watermark '5 s')) SERVER weir_feed OPTIONS (on_error 'dead_letter');
	CREATE FOREIGN TABLE lb (k int, v int, ts timestamptz OPTIONS (watermark '5 s')) SERVER weir_feed OPTIONS (on_error 'dead_letter');
	CREATE SCHEMA stored;
	CREATE TABLE stored.a (k int, v int, ts timestamptz, till timestamptz);
	CREATE TABLE stored.b (k int, v int, ts timestamptz);
	CREATE FUNCTION fill(from_n int, to_n int) RETURNS void LANGUAGE plpgsql AS $$
	DECLARE
		begins timestamptz := '2026-01-01 00:00:00+00';
	BEGIN
		CREATE TEMP TABLE r ON COMMIT DROP AS
			SELECT CASE WHEN n % 97 > 0 THEN n * 7919 % 23 END AS k, n AS v,
			       CASE WHEN n % 89 > 0 THEN begins + n * interval '50 ms' - (n * 31 % 47) * interval '100 ms' END AS ts
			FROM generate_series(from_n, to_n) n;
		INSERT INTO stored.a SELECT k, v, ts, ts + (v % 9) * interval '1 s' FROM r WHERE v % 2 = 0;
		INSERT INTO stored.b SELECT k, v, ts FROM r WHERE v % 2 = 1;
		INSERT INTO a SELECT k, v, ts, ts + (v % 9) * interval '1 s' FROM r WHERE v % 2 = 0;
		INSERT INTO b SELECT k, v, ts FROM r WHERE v % 2 = 1;
		INSERT INTO la SELECT k, v, ts FROM r WHERE v % 2 = 0;
		INSERT INTO lb SELECT k, v, ts FROM r WHERE v % 2 = 1;
	END $$});

my %queries = (
	pairs => 'SELECT a.v, b.v FROM a JOIN b ON a.k = b.k AND b.ts BETWEEN a.ts AND a.till',
	padded => q{SELECT a.v, b.v FROM a FULL JOIN b ON a.k = b.k AND b.ts BETWEEN a.ts - interval '1 s' AND a.ts + interval '1 s' AND (a.v + b.v) % 3 > 0},
	windows => q{SELECT x.v, y.v FROM (SELECT * FROM a, LATERAL weir.tumble(ts, interval '2 s') w) x LEFT JOIN (SELECT * FROM b, LATERAL weir.tumble(ts, interval '2 s') w) y USING (k, w)},
	versions => 'SELECT a.v, r.v FROM a LEFT JOIN LATERAL (SELECT v FROM b AS x WHERE x.k = a.k AND x.ts <= a.ts ORDER BY ts DESC, v DESC LIMIT 1) r ON true');

# Some pairs err: the second of their rows is a dead letter, and has no part in any other.
my $letters = q{SELECT a.v, b.v FROM la a FULL JOIN lb b ON a.k = b.k AND b.ts BETWEEN a.ts - interval '1 s' AND a.ts + interval '1 s'
	AND 10 / (CASE WHEN (a.v + b.v) % 97 = 0 THEN 0 ELSE 1 END) > 0};
$queries{letters} = $letters;

# Ties are a batch's to break as it likes; the stream's order is that of v.
(my $versions = $queries{versions}) =~ s/, v DESC//;

foreach my $job (sort keys %queries)
{
	my $query = $job eq 'versions' ? $versions : $queries{$job};
	my $unaligned = $job =~ /^p/ ? "'0'" : 'NULL';	# of half of them a barrier overtakes rows

	$node->sql(qq{
		CREATE TABLE $job (av int, bv int);
		SELECT weir.create_job('$job', \$\$INSERT INTO $job $query\$\$, parallelism => 2);
		SELECT weir.enable_checkpointing('$job', every => '50 ms', fail_on_errors => false, unaligned_after => $unaligned);
		SELECT weir.set_restart_strategy('$job', 'fixed_delay', attempts => -1, delay => '10 ms');
		SELECT weir.start_job('$job')});
}

my $each = int($rows / ($kills + 2));
my $n = 1;

sub fill
{
	$node->sql(sprintf('SELECT fill(%d, %d)', $n, $n + $each - 1));
	$n += $each;
	return;
}

fill();
foreach my $kill (1 .. $kills)
{
	fill();
	$node->wait_until('SELECT count(*) > ' . int($n / 8) . ' FROM padded');
	if ($kill % 4 == 1)
	{
		$node->kill9;
		$node->start;
	}
	elsif ($kill % 4 == 2)
	{
		$node->sql(q{SELECT pg_terminate_backend(pid) FROM weir.tasks WHERE kind = 'keyed'});
	}
	elsif ($kill % 4 == 3)
	{
		$node->wait_until(q{SELECT bool_and(status = 'running') FROM weir.jobs});
		$node->sql("SELECT weir.alter_job('$_', parallelism => 3, restart => true)") foreach sort keys %queries;
	}
	else
	{
		$node->sql(q{SELECT pg_terminate_backend(pid) FROM weir.tasks WHERE kind = 'source'});
	}
	ok($node->wait_status('running', $_), "kill $kill: $_ goes on") foreach sort keys %queries;
}
# What is kept is of no use to a join with another key or other bounds.
foreach my $on ('a.v = b.v AND b.ts BETWEEN a.ts AND a.till', q{a.k = b.k AND b.ts BETWEEN a.ts - interval '1 s' AND a.till})
{
	like($node->sql_error(qq{SELECT weir.alter_job('pairs', restart => true, query => \$\$INSERT INTO pairs SELECT a.v, b.v FROM a JOIN b ON $on\$\$)}),
		qr/drop_state/, "kept rows are not for a join on $on");
}
foreach my $job (sort keys %queries)
{
	$node->sql("SELECT weir.stop_job('$job', drain => true)");
	if ($job eq 'letters')
	{
		$node->sql(q{CREATE VIEW gone AS SELECT split_part(convert_from(raw, 'UTF8'), E'\t', 2)::int AS v FROM weir.dead_letters;
			CREATE VIEW stored.la AS SELECT * FROM stored.a WHERE v NOT IN (TABLE gone);
			CREATE VIEW stored.lb AS SELECT * FROM stored.b WHERE v NOT IN (TABLE gone)});
		cmp_ok($node->sql('SELECT count(*) FROM gone'), '>', 10, 'there are dead letters');
	}
	$node->sql("SET search_path = stored, public, pg_catalog; CREATE TABLE public.${job}_batch AS SELECT * FROM ($queries{$job}) q(av, bv)");
	cmp_ok($node->sql("SELECT count(*) FROM ${job}_batch"), '>', $rows / 10, "$job: there is something to compare");
	is($node->sql("SELECT count(*) FROM (TABLE ${job}_batch EXCEPT ALL TABLE $job) missing"), '0', "$job: each row is there");
	is($node->sql("SELECT count(*) FROM (TABLE $job EXCEPT ALL TABLE ${job}_batch) surplus"), '0', "$job: once, and no other");
}
is($node->sql('SELECT sum(late_records) FROM weir.tasks'), '', 'no task is left');
$node->stop('fast');
done_testing();
