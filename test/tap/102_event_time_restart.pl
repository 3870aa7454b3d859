# What was late stays late through a restart, a rescale and a crash, though no operator
# keeps its watermark; and rows that a barrier passed are no later than they were.  Two
# streams come to three tasks, which first hear both.
use strict;
use warnings;

use Test::More;
use Weir::Node;

my $node = Weir::Node->create('event_time_restart');
my $node_tasks = q{FROM weir.tasks WHERE kind = 'keyed'};

$node->sql(q{
	CREATE FOREIGN TABLE a (k int, ts timestamptz OPTIONS (watermark '10 s'), v int) SERVER weir_feed OPTIONS (late 'dead_letter');
	CREATE FOREIGN TABLE b (k int, ts timestamptz OPTIONS (watermark '10 s'), v int) SERVER weir_feed;
	CREATE TABLE counts (k int, w timestamptz, n bigint, v bigint);
	SELECT weir.create_job('j', $$INSERT INTO counts SELECT k, lower(w), count(*), sum(v)
		FROM (TABLE a UNION ALL TABLE b) s, LATERAL weir.tumble(ts, '1 s') w GROUP BY k, w$$, parallelism => 3);
	SELECT weir.enable_checkpointing('j', every => '100 ms', fail_on_errors => false);
	SELECT weir.set_restart_strategy('j', 'fixed_delay', attempts => -1, delay => '10 ms');
	SELECT weir.start_job('j')});

sub reached
{
	my ($time, $tasks) = @_;
	return "SELECT count(*) = $tasks $node_tasks AND watermark = timestamptz '$time'";
}


# ---- late rows ----

my @reached = ('2026-01-01 12:00:00', 3);
$node->sql(qq{INSERT INTO $_ SELECT i, timestamptz '2026-01-01 12:00:10', i FROM generate_series(1, 30) i}) foreach qw(a b);
ok($node->wait_until(reached(@reached)), 'the tasks have the lower of the two watermarks');
is($node->sql(q{SELECT count(*), sum(late_records) FROM weir.tasks WHERE kind = 'keyed'}), '3|0', 'nothing was late');
$node->sql(q{INSERT INTO a VALUES (0, '2026-01-01 12:00:30', 0)});
ok($node->wait_until(q{SELECT count(*) = 3 FROM weir.tasks WHERE kind = 'keyed' AND records_in > 0}), 'each task has rows');

my $late = 0;
foreach my $round (['a task is killed', sub { $node->sql(q{SELECT pg_terminate_backend(pid) FROM weir.tasks WHERE task = 'keyed 1'}) }, 3],
	['the server crashes', sub { $node->kill9; $node->start }, 3],
	['the job is stopped and goes on with two tasks', sub { $node->sql(q{SELECT weir.stop_job('j'); SELECT weir.alter_job('j', parallelism => 2); SELECT weir.start_job('j')}) }, 2])
{
	my ($name, $do, $tasks) = @$round;

	$do->();
	ok($node->wait_status('running', 'j'), "$name: the job goes on");
	ok($node->wait_until(reached($reached[0], $tasks)), "$name: the tasks know how far event time had come");
	$node->sql(q{INSERT INTO a SELECT i, timestamptz '2026-01-01 11:59:59', 0 FROM generate_series(1, 30) i});
	$late += 30;
	ok($node->wait_until("SELECT count(*) >= $late FROM weir.dead_letters"), "$name: late rows of one stream are put aside");
	is($node->sql(qq{SELECT sum(late_records) $node_tasks}), '30', "$name: and counted");
}
is($node->sql(q{SELECT DISTINCT stream, sqlstate, error FROM weir.dead_letters}),
	"public.a|WE001|the record came too late\nThe watermark had come to 2026-01-01 12:00:00+00.", 'dead letters say why');
is($node->sql('SELECT count(*) FROM counts'), '0', 'none of them came out');

# ---- rows that a barrier passed ----

$node->sql(q{
	CREATE FUNCTION slow() RETURNS trigger LANGUAGE plpgsql AS $f$
	BEGIN
		PERFORM pg_sleep(0.001);
		RETURN new;
	END $f$;
	CREATE TRIGGER slow BEFORE INSERT ON counts FOR EACH ROW EXECUTE FUNCTION slow();
	SELECT weir.enable_checkpointing('j', unaligned_after => '0');
	SELECT setseed(0.5);
	CREATE TABLE given AS SELECT s, (random() * 20)::int AS k,
		timestamptz '2026-01-01 12:10' + i * interval '50 ms' - random() * interval '9 s' AS ts, i AS v
	FROM generate_series(1, 3000) i, (VALUES ('a'), ('b')) s (s) ORDER BY s, i});
my $expected = q{SELECT k, date_trunc('second', ts), count(*), sum(v)
	FROM (SELECT k, ts, v FROM given UNION ALL SELECT i, timestamptz '2026-01-01 12:00:10', i FROM generate_series(1, 30) i, generate_series(1, 2)
		UNION ALL VALUES (0, timestamptz '2026-01-01 12:00:30', 0)) x (k, ts, v) GROUP BY 1, 2};
my $holds = q{SELECT count(*) > 0 FROM weir_internal.in_flight f WHERE checkpoint = (SELECT max(checkpoint) FROM weir_internal.completed)};
foreach my $part (1 .. 3)
{
	my $from = ($part - 1) * 1000;

	$node->sql("INSERT INTO $_ SELECT k, ts, v FROM given WHERE s = '$_' AND v > $from AND v <= $from + 1000 ORDER BY v") foreach qw(a b);
	ok($node->wait_until($holds), "part $part: a checkpoint holds rows that its barrier passed");
	if ($part == 2)
	{
		$node->sql(q{SELECT weir.alter_job('j', parallelism => 3, restart => true)});
	}
	else
	{
		$node->kill9;
		$node->start;
	}
	ok($node->wait_status('running', 'j'), "part $part: the job goes on");
}
$node->sql('CREATE OR REPLACE FUNCTION slow() RETURNS trigger LANGUAGE plpgsql AS $f$ BEGIN RETURN new; END $f$');
$node->sql(qq{INSERT INTO $_ VALUES (0, '2027-01-01', 0)}) foreach qw(a b);
ok($node->wait_until("SELECT count(*) = (SELECT count(*) FROM ($expected) x) FROM counts"), 'as many windows come as the query has');
is($node->sql("SELECT count(*) FROM ($expected EXCEPT ALL TABLE counts) x"), '0', 'they are the same');
is($node->sql(q{SELECT count(*) FROM weir.dead_letters}), $late, 'none was late');

# ---- a stream that is idle, and one that was ----

$node->sql(q{
	SELECT weir.stop_job('j');
	CREATE FOREIGN TABLE d (k int, ts timestamptz OPTIONS (watermark '0 s'), v int) SERVER weir_feed;
	CREATE FOREIGN TABLE e (k int, ts timestamptz OPTIONS (watermark '0 s'), v int) SERVER weir_feed OPTIONS (idle_timeout '100 ms', late 'dead_letter');
	CREATE TABLE idle_counts (k int, w timestamptz, n bigint);
	SELECT weir.create_job('i', $$INSERT INTO idle_counts SELECT k, lower(w), count(*)
		FROM (TABLE d UNION ALL TABLE e) s, LATERAL weir.tumble(ts, '1 s') w GROUP BY k, w$$, parallelism => 3);
	SELECT weir.enable_checkpointing('i', every => '50 ms');
	SELECT weir.set_restart_strategy('i', 'fixed_delay', attempts => -1, delay => '10 ms');
	SELECT weir.start_job('i');
	INSERT INTO e SELECT i, timestamptz '2026-01-01 12:00', 0 FROM generate_series(1, 10) i;
	INSERT INTO d SELECT i, timestamptz '2026-01-01 13:00', 0 FROM generate_series(1, 10) i});
ok($node->wait_until(reached('2026-01-01 13:00', 3)), 'nobody waits for the stream that is idle');
$node->sql(q{ALTER FOREIGN TABLE e OPTIONS (SET idle_timeout '1 h')});

# A checkpoint that began after this, then a crash of a task.
sub crash
{
	$node->sql(q{SELECT weir.trigger_checkpoint('i')});
	my $attempt = $node->sql(q{SELECT max(attempt) FROM weir.tasks});
	$node->sql(q{SELECT pg_terminate_backend(pid) FROM weir.tasks WHERE task = 'keyed 1'});
	return $node->wait_until("SELECT count(*) = 3 FROM weir.tasks WHERE kind = 'keyed' AND attempt > $attempt");
}

crash();
ok($node->wait_until(reached('2026-01-01 13:00', 3)), 'nor is it after a restart');
foreach my $round (1 .. 2)
{
	$node->sql(qq{INSERT INTO e SELECT i, timestamptz '2026-01-01 12:10' + $round * interval '1 min', 0 FROM generate_series(1, 10) i});
	ok($node->wait_until("SELECT count(*) = $round * 10 FROM weir.dead_letters WHERE job = 'i'"), "round $round: when it comes again it is behind");
	crash();
	ok($node->wait_until(reached('2026-01-01 13:00', 3)), "round $round: and so it is after a restart");
}
is($node->sql('SELECT count(*), sum(n) FROM idle_counts'), '10|10', 'no window comes twice');
$node->sql(q{SELECT weir.stop_job('i'); SELECT weir.start_job('j')});

# ---- the end ----

my $open = $node->sql('SELECT count(*) FROM counts');
$node->sql(q{SELECT weir.stop_job('j')});
is($node->sql('SELECT count(*) FROM counts'), $open, 'a stop completes no window');
$node->sql(q{SELECT weir.start_job('j')});
$node->wait_status('running', 'j');
$node->sql(q{SELECT weir.stop_job('j', drain => true)});
is($node->sql(q{SELECT n FROM counts WHERE w = '2027-01-01'}), '2', 'a drain completes them');
is($node->sql('SELECT count(*) FROM counts'), $open + 1, 'each once');
$node->sql(q{SELECT weir.enable_checkpointing('j', every => '1 h'); SELECT weir.start_job('j')});
$node->wait_status('running', 'j');
my $attempt = $node->sql(q{SELECT max(attempt) FROM weir.tasks});
$node->sql(q{SELECT pg_terminate_backend(pid) FROM weir.tasks WHERE task = 'keyed 1'});
ok($node->wait_until("SELECT count(*) = 3 FROM weir.tasks WHERE kind = 'keyed' AND attempt > $attempt"), 'one that was drained, started and killed before a checkpoint goes on');
$node->sql(qq{INSERT INTO $_ VALUES (1, '2027-01-01', 1), (0, '2028-01-01', 0)}) foreach qw(a b);
$node->sql(q{SELECT weir.trigger_checkpoint('j')});
is($node->sql(q{SELECT n FROM counts WHERE w = '2027-01-01' AND k = 1}), '2', 'where event time was');
$node->sql(q{SELECT weir.stop_job('j')});

# ---- late 'stop' ----

$node->sql(q{
	CREATE FOREIGN TABLE c (k int, ts timestamptz OPTIONS (watermark '0 s'), v int) SERVER weir_feed OPTIONS (late 'stop', on_error 'dead_letter');
	SELECT weir.create_job('s', $$INSERT INTO counts SELECT k, lower(w), count(*), sum(v) FROM c, LATERAL weir.tumble(ts, '1 s') w GROUP BY k, w$$);
	SELECT weir.enable_checkpointing('s', every => '100 ms');
	SELECT weir.start_job('s');
	INSERT INTO c VALUES (1, '2026-01-01 12:00', 1), (1, '2026-01-01 11:00', 2)});
ok($node->wait_status('failed', 's'), q{late 'stop': the job fails at once});
like($node->sql(q{SELECT last_error FROM weir.jobs WHERE name = 's'}), qr/a record of stream public\.c came too late/, 'and says why');
$node->stop('fast');
done_testing();
