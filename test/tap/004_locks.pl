# Sessions that lock the sink's table while a job writes it, at parallelism 1
# and 2: each goes through within lock_wait and a restart, and no row is lost.
use strict;
use warnings;

use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(time);
use Weir::Node;
use Weir::Sender;

my $lock_wait = 5;
my $within = $lock_wait + 10;	# and a restart on a slow machine
my $node = Weir::Node->create('locks');
my $keys = 50;

# Last average of each key: what an upsert must end with.
my $last_of_batch = q{
	SELECT DISTINCT ON (f0) f0, div(sum(f1), 2)::bigint AS average
	FROM (SELECT f0, f1, line, (row_number() OVER (PARTITION BY f0 ORDER BY line) + 1) / 2 AS pair FROM input) p
	GROUP BY f0, pair HAVING count(*) = 2 ORDER BY f0, pair DESC};

my %upsert = (
	# the key reaches the unique column: each keyed task writes its own
	keyed => 'INSERT INTO averages AS t SELECT r.f0, a.average FROM readings r
		JOIN LATERAL count_window_average(r) a ON weir.key_by(r.f0)
		ON CONFLICT (f0) DO UPDATE SET average = excluded.average',
	# the function's output is anybody's: one sink task
	sink => 'INSERT INTO averages AS t SELECT a.* FROM readings r
		JOIN LATERAL count_window_average(r) a ON weir.key_by(r.f0)
		ON CONFLICT (f0) DO UPDATE SET average = excluded.average');

sub begin
{
	my ($name, %o) = @_;
	my $data = Weir::Node::random_lines(40_000, $keys, 7);
	my $sender = Weir::Sender->new($data, hold => 1);

	$node->tend(undef);
	$node->use_database($name);
	$node->load_input($data);
	$node->averaging_job(port => $sender->port,
		checkpointing => "every => '300 ms', fail_on_errors => false, lock_wait => '$lock_wait s'", %o);
	$node->sql(q{SELECT weir.start_job('s3')});
	$sender->rate(60_000);
	$sender->send_to(length $data);
	$node->tend($sender);
	return $sender;
}

# While records flow the statement ends in time.
sub meddle
{
	my ($name, $sql) = @_;

	ok($node->wait_until(q{SELECT sum(records_in) > 1000 FROM weir.tasks WHERE kind = 'keyed'}), "$name: records flow");
	my $start = time();
	my ($status, undef, $err) = $node->psql($node->{database}, $sql);
	my $took = time() - $start;
	is($status, 0, "$name: goes through") or diag($err);
	cmp_ok($took, '<', $within, "$name: within lock_wait and a restart");
	return;
}

sub finish
{
	my ($sender) = @_;

	$sender->rate(0);
	$sender->finish;
	ok($node->wait_status('finished'), 'finished');
	return;
}

foreach my $parallelism (1, 2)
{
	my $sender = begin("append_$parallelism", job => "parallelism => $parallelism");

	meddle("parallelism $parallelism, ADD COLUMN", 'ALTER TABLE averages ADD COLUMN note text');
	meddle("parallelism $parallelism, CREATE INDEX", 'CREATE INDEX ON averages (average)');
	finish($sender);
	$node->is_exact("parallelism $parallelism");

	foreach my $place (sort keys %upsert)
	{
		my $name = "upsert_${place}_$parallelism";

		$sender = begin($name, job => "parallelism => $parallelism", query => $upsert{$place},
			sink => 'CREATE TABLE averages (f0 bigint PRIMARY KEY, average bigint, touched int);');
		is($node->sql(q{SELECT count(*) FROM weir.tasks WHERE kind = 'sink'}), $place eq 'sink' ? 1 : 0,
			"$name: the sink runs where it should") if $node->wait_status('running');

		# Rows of both tasks, in one statement, then one after the other.
		meddle("$name, two-row UPDATE", '
			UPDATE averages SET touched = 1
			 WHERE f0 IN ((SELECT min(f0) FROM averages), (SELECT max(f0) FROM averages))');
		meddle("$name, two UPDATEs", '
			BEGIN;
			UPDATE averages SET touched = 2 WHERE f0 = (SELECT max(f0) FROM averages);
			SELECT pg_sleep(0.2);
			UPDATE averages SET touched = 2 WHERE f0 = (SELECT min(f0) FROM averages);
			COMMIT;');
		finish($sender);
		is($node->sql("SELECT count(*) FROM (($last_of_batch) EXCEPT SELECT f0, average FROM averages) x"), '0',
			"$name: exactly the last average of each key");
		is($node->sql('SELECT count(*) FROM averages'), $keys, "$name: one row a key");
		is($node->sql('SELECT count(*) FROM pg_prepared_xacts'), '0', "$name: nothing is left prepared");
	}
}

# A table lock held longer than lock_wait: the job waits it out, restart by restart.
my $sender = begin('held', job => 'parallelism => 2');
ok($node->wait_until(q{SELECT sum(records_in) > 1000 FROM weir.tasks WHERE kind = 'keyed'}), 'records flow');
my $session = $node->background_psql($node->{database});
$session->query_safe('BEGIN; LOCK TABLE averages IN SHARE MODE;');
ok($node->wait_until(q{SELECT restarts > 0 AND last_error ~ 'lock' FROM weir.jobs}), 'the job restarts and says why');
my $holder = $session->query_safe('SELECT pg_backend_pid()');
like($node->sql('SELECT last_error FROM weir.jobs'), qr/\b$holder\b/, 'naming who held the lock');
$session->query_safe('COMMIT');
$session->quit;
finish($sender);
$node->is_exact('held');

done_testing();
