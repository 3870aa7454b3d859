# Timers of a keyed function through kills, restarts from checkpoints and another
# parallelism: each fires once, at the place in the stream where its moment has come.
use strict;
use warnings;

use Test::More;
use Weir::Node;

my $rows = $ENV{WEIR_LINES} || 3000;
my $node = Weir::Node->create('timers');

# f sets a timer five seconds after each event; a handler tells how many events the key
# had had by then.  An event is up to four seconds behind others, two of them allowed.
$node->sql(q{
	CREATE FOREIGN TABLE events (n bigint, k int, at timestamptz OPTIONS (watermark '2 s')) SERVER weir_feed;
	CREATE TABLE input (n bigint, k int, at timestamptz);
	CREATE TABLE fired (k int, moment timestamptz, seen bigint);
	CREATE TYPE firing AS (moment timestamptz, seen bigint);
	CREATE FUNCTION f(r events) RETURNS SETOF firing LANGUAGE plpgsql AS $$
	BEGIN
		PERFORM weir.state_update('seen', coalesce(weir.state_value('seen', NULL::bigint), 0) + 1);
		PERFORM weir.timer_set('t', r.at + interval '5 s');
	END $$;
	CREATE FUNCTION f_t(k int, moment timestamptz) RETURNS SETOF firing LANGUAGE sql
		AS $$ SELECT moment, weir.state_value('seen', NULL::bigint) $$;
	SELECT weir.create_value_state('f(events)', 'seen', 'bigint');
	SELECT weir.create_timer('f(events)', 't', 'f_t(int, timestamptz)');
	SELECT weir.create_job('timers', 'INSERT INTO fired SELECT e.k, a.moment, a.seen FROM events e JOIN LATERAL f(e) a ON weir.key_by(e.k)',
		parallelism => 1);
	SELECT weir.enable_checkpointing('timers', every => '20 ms', fail_on_errors => false);
	SELECT weir.set_restart_strategy('timers', 'fixed_delay', attempts => -1, delay => '10 ms');
	SELECT setseed(0.5);
	INSERT INTO input SELECT n, floor(random() * 50), '2026-01-01'::timestamptz + n * interval '50 ms' - random() * interval '4 s'
		FROM generate_series(1, } . $rows . q{) n;
	SELECT weir.start_job('timers')});

# The place at which a moment's time has come is the first event behind which the highest
# time is two seconds later; the handler runs behind that event and before the next.
$node->sql(q{
	CREATE TABLE reached AS SELECT min(n) AS n, watermark
		FROM (SELECT n, max(at) OVER (ORDER BY n) - interval '2 s' AS watermark FROM input) w GROUP BY watermark;
	CREATE INDEX ON reached (watermark);
	CREATE TABLE expected AS
	SELECT t.k, t.moment, (SELECT count(*) FROM input i WHERE i.k = t.k AND i.n <= p.n) AS seen
	  FROM (SELECT DISTINCT k, at + interval '5 s' AS moment FROM input) t,
		LATERAL (SELECT n FROM reached WHERE watermark >= t.moment ORDER BY watermark LIMIT 1) p});

sub feed
{
	my ($from, $to) = @_;
	$node->sql("INSERT INTO events SELECT * FROM input WHERE n BETWEEN $from AND $to ORDER BY n");
}

sub some_fired
{
	my ($before) = @_;
	ok($node->wait_until("SELECT count(*) > $before FROM fired"), 'timers fire');
	return $node->sql('SELECT count(*) FROM fired');
}

my $third = int($rows / 3);
my $n = 0;

feed(1, $third);
$n = some_fired($n);
$node->kill9;
$node->start;
feed($third + 1, $third * 2);
$n = some_fired($n);
is($node->sql(q{SELECT count(*) > 0 FROM weir.state('timers') WHERE state = 't' AND jsonb_array_length(value) > 0}), 't',
	'weir.state shows those that wait');

# with the state of a checkpoint, in three tasks
$node->sql(q{SELECT weir.alter_job('timers', parallelism => 3, restart => true)});
ok($node->wait_until(q{SELECT count(*) = 3 FROM weir.tasks WHERE kind = 'keyed'}), 'three tasks');
feed($third * 2 + 1, $rows - 100);
$n = some_fired($n);
$node->kill9;
$node->start;
feed($rows - 99, $rows);

ok($node->wait_until("SELECT (SELECT count(*) FROM fired) >= (SELECT count(*) FROM expected)"), 'all that are due have fired');
$node->sql(q{SELECT weir.stop_job('timers')});
is($node->sql("SELECT count(*) FROM (TABLE fired EXCEPT ALL TABLE expected) x"), 0, 'none that is not due, or twice, or elsewhere in the stream');
is($node->sql("SELECT count(*) FROM (TABLE expected EXCEPT ALL TABLE fired) x"), 0, '.. and none is missing');
cmp_ok($node->sql('SELECT count(*) FROM fired'), '>', $rows / 2, 'they are many');

# by the arrival of records, while none arrives
$node->sql(q{
	CREATE FOREIGN TABLE calls (k int, at timestamptz OPTIONS (metadata 'arrival')) SERVER weir_feed;
	CREATE TABLE called (k int, late interval);
	CREATE FUNCTION later(r calls) RETURNS SETOF interval LANGUAGE plpgsql
		AS $$ BEGIN PERFORM weir.timer_set('t', r.at + interval '500 ms'); PERFORM weir.state_update('at', r.at); END $$;
	CREATE FUNCTION later_t(k int, moment timestamptz) RETURNS interval LANGUAGE sql
		AS $$ SELECT moment - weir.state_value('at', NULL::timestamptz) $$;
	SELECT weir.create_value_state('later(calls)', 'at', 'timestamptz');
	SELECT weir.create_timer('later(calls)', 't', 'later_t(int, timestamptz)', clock => 'arrival');
	SELECT weir.create_job('later', 'INSERT INTO called SELECT c.k, a FROM calls c JOIN LATERAL later(c) a ON weir.key_by(c.k)');
	SELECT weir.enable_checkpointing('later', every => '20 ms');
	SELECT weir.start_job('later');
	INSERT INTO calls VALUES (1), (2)});
ok($node->wait_until(q{SELECT count(*) = 2 FROM called WHERE late = '500 ms'}), 'timers by arrival fire while nothing arrives');
$node->sql(q{SELECT weir.stop_job('later')});

# a handler's error is not the next record's
$node->sql(q{
	CREATE FOREIGN TABLE letters (k int, at timestamptz OPTIONS (watermark '0 s')) SERVER weir_feed OPTIONS (on_error 'dead_letter');
	CREATE FUNCTION fails(r letters) RETURNS int LANGUAGE plpgsql AS $$ BEGIN PERFORM weir.timer_set('t', r.at + interval '1 s'); RETURN 10 / r.k; END $$;
	CREATE FUNCTION fails_t(k int, moment timestamptz) RETURNS int LANGUAGE plpgsql AS $$ BEGIN RETURN 10 / (k - 1); END $$;
	SELECT weir.create_timer('fails(letters)', 't', 'fails_t(int, timestamptz)');
	CREATE TABLE passed (v int);
	SELECT weir.create_job('fails', 'INSERT INTO passed SELECT a FROM letters l JOIN LATERAL fails(l) a ON weir.key_by(l.k)');
	SELECT weir.enable_checkpointing('fails', every => '20 ms');
	SELECT weir.start_job('fails');
	INSERT INTO letters VALUES (2, '2026-01-01 00:00:00'), (3, '2026-01-01 00:01:00'), (4, '2026-01-01 00:02:00'), (0, '2026-01-01 00:02:00')});
ok($node->wait_until(q{SELECT array_agg(v ORDER BY v) = '{2,3,5,5,10}' FROM passed}), 'of a record that fails nothing is set, and what had fired before it fires again');
is($node->sql('SELECT string_agg(error, \', \') FROM weir.dead_letters'), 'division by zero', '.. and it is put aside');
$node->sql(q{INSERT INTO letters VALUES (1, '2026-01-01 00:02:00'), (5, '2026-01-01 00:03:00'), (6, '2026-01-01 00:04:00')});
ok($node->wait_until(q{SELECT last_error LIKE '%division by zero%' FROM weir.jobs WHERE name = 'fails'}),
	'a handler that fails ends the attempt');
is($node->sql('SELECT count(*) FROM weir.dead_letters'), 1, '.. and puts no record aside');

$node->stop;
done_testing();
