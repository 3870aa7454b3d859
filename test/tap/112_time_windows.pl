# Windows of event time through crashes of tasks and of the server, and restarts at another
# parallelism: what fires is what plain SQL makes of the same input, once.  Windows that
# are written while they are open, too.
use strict;
use warnings;

use Test::More;
use Weir::Node;

my $lines = $ENV{WEIR_LINES} || 12_000;
my $node = Weir::Node->create('windows');
# of two streams of the same records: one waits for all of them, for the other's many are before the
# watermark, and count in those of their windows that are not over
my %windows = (
	hops => [ q{count(*), sum(v), max(v) FILTER (WHERE v < 0)}, q{weir.hop(ts, '60 s', '5 s')} ],
	steps => [ q{count(*), sum(v), avg(v)}, q{weir.cumulate(ts, '5 s', '2 min')} ],
	others => [ q{sum(n), min(v::text), stddev(v)}, q{weir.hop(ts, '30 s', '7 s')} ],
	days => [ q{count(DISTINCT v), string_agg(v::text, ',' ORDER BY line), NULL}, q{weir.tumble(ts, '1 min')} ],
	sessions => [ q{count(*), sum(n), string_agg(v::text, ',' ORDER BY line)}, q{weir.session(ts, '4 s')} ]);
my %is_far = (hops => 1, steps => 1, others => 1);
my $far = q{(SELECT *, coalesce(max(ts) OVER (ORDER BY line ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) - interval '5 s',
	'-infinity') AS watermark FROM input) i};
my $session = q{
	SELECT k, tstzrange(min(ts), max(ts) + '4 s')::text, ROW(@)::text
	  FROM (SELECT *, count(*) FILTER (WHERE begins) OVER (PARTITION BY k ORDER BY ts, line) AS session
	          FROM (SELECT *, coalesce(ts - lag(ts) OVER (PARTITION BY k ORDER BY ts, line) > '4 s', true) AS begins FROM input) i) s
	 GROUP BY k, session};

# A record of each key every 3 s or so, of fewer then, out of order by less than 20 s.
$node->sql(qq{
	SET client_min_messages = warning;
	CREATE TABLE input (line bigint, k int, v int, n numeric, ts timestamptz);
	INSERT INTO input SELECT i, i * 7919 % 47 % 31, i * 104729 % 1001 - 500, i / 7.0, '2026-01-01 00:00+00'::timestamptz
		+ (i * 0.1 + i * 7919 % 19) * interval '1 s' FROM generate_series(1, $lines) i;
	CREATE FOREIGN TABLE readings (line bigint, k int, v int, n numeric, ts timestamptz OPTIONS (watermark '20 s')) SERVER weir_feed;
	CREATE FOREIGN TABLE far (line bigint, k int, v int, n numeric, ts timestamptz OPTIONS (watermark '5 s')) SERVER weir_feed;
	CREATE TABLE open (k int, w tstzrange, n bigint, total bigint, PRIMARY KEY (k, w));
	CREATE FUNCTION feed(share float, upto float) RETURNS void LANGUAGE sql AS
		'INSERT INTO readings SELECT * FROM input WHERE line > share * $lines AND line <= upto * $lines ORDER BY line;
		 INSERT INTO far SELECT * FROM input WHERE line > share * $lines AND line <= upto * $lines ORDER BY line'});
foreach my $table (sort keys %windows)
{
	$node->sql("CREATE TABLE $table (k int, w text, a text)");
}

sub statement
{
	my ($table) = @_;
	my ($list, $window) = @{ $windows{$table} };

	my $stream = $is_far{$table} ? 'far' : 'readings';

	return "INSERT INTO $table SELECT k, w::text, ROW($list)::text FROM $stream, LATERAL $window w GROUP BY k, w";
}

sub create
{
	my ($job, $query, $more) = @_;

	$node->sql("SELECT weir.create_job('$job', \$q\$$query\$q\$, parallelism => 2$more);
		SELECT weir.enable_checkpointing('$job', every => '20 ms', max_concurrent => 2, fail_on_errors => false);
		SELECT weir.set_restart_strategy('$job', 'fixed_delay', attempts => -1, delay => '10 ms');
		SELECT weir.start_job('$job')");
	return;
}

# On to this share of the input, which a checkpoint of each job has seen some of.
my $fed = 0;

sub feed
{
	my ($upto) = @_;

	$node->sql("SELECT feed($fed, $upto)");
	$fed = $upto;
	$node->wait_until("SELECT count(*) >= (SELECT count(*) FROM input WHERE line <= $upto * $lines) / 300 FROM steps");
	return;
}

sub end_task
{
	my ($signal) = @_;
	my $query = q{FROM weir.tasks WHERE kind = 'keyed' AND pid IS NOT NULL AND job = 'once'};

	$node->wait_until("SELECT count(*) > 0 $query");
	my $pid = $node->sql("SELECT pid $query ORDER BY subtask LIMIT 1");
	kill($signal, $pid);
	$node->wait_until("SELECT count(*) > 0 AND bool_and(pid <> $pid) $query");
	return;
}

sub rescale
{
	my ($parallelism) = @_;

	$node->sql("SELECT weir.stop_job('once'); SELECT weir.alter_job('once', parallelism => $parallelism); SELECT weir.start_job('once')");
	return;
}

sub check
{
	my ($table, $plain) = @_;

	is($node->sql(qq{SELECT count(*) FROM ((SELECT * FROM $table EXCEPT ALL ($plain)) UNION ALL (($plain) EXCEPT ALL SELECT * FROM $table)) d}),
		0, "$table: exactly the rows of plain SQL");
	return;
}

create('once', join('; ', map { statement($_) } sort keys %windows), '');
create('open', q{INSERT INTO open SELECT k, w, count(*), sum(v) FROM readings, LATERAL weir.tumble(ts, '1 h') w GROUP BY k, w
	ON CONFLICT (k, w) DO UPDATE SET n = excluded.n, total = excluded.total}, q{, emit => 'update'});
feed(1 / 6);
$node->wait_until(qq{SELECT sum(n) = $lines / 6 FROM open});
pass('windows that are open are written');
ok($node->wait_until(q{SELECT count(*) > 0 FROM weir.state('once')}), 'what is kept of windows is shown');
like($node->sql(q{SELECT string_agg(value::text, ' ') FROM weir.state('once') WHERE state LIKE '%session%'}),
	qr/"from": "2026-01-01T.*"to": "2026-01-01T.*"results": \[/, 'with their times and results');
end_task('TERM');
feed(2 / 6);
rescale(3);
feed(3 / 6);
end_task('KILL');
feed(4 / 6);
rescale(1);
feed(5 / 6);
$node->kill9;
$node->start;
feed(1);
$node->sql("INSERT INTO $_ VALUES (0, -1, 0, 0, '2026-02-01 00:00+00')") foreach ('readings', 'far');
foreach my $table (sort keys %windows)
{
	my ($list, $window) = @{ $windows{$table} };
	my $from = $is_far{$table} ? "$far, LATERAL $window w WHERE upper(w) > watermark" : "input, LATERAL $window w";
	my $plain = $table eq 'sessions' ? $session =~ s/\@/$list/r : "SELECT k, w::text, ROW($list)::text FROM $from GROUP BY k, w";

	$node->wait_until("SELECT (SELECT count(*) FROM $table) >= (SELECT count(*) FROM ($plain) p)");
	check($table, $plain);
}
$node->wait_until(qq{SELECT sum(n) = $lines + 1 FROM open});
check('open', q{SELECT k, weir.tumble(ts, '1 h'), count(*), sum(v) FROM (SELECT k, ts, v FROM input UNION ALL SELECT -1, '2026-02-01 00:00+00', 0) i GROUP BY 1, 2});
done_testing();
