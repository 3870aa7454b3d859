# A plain sender that serves one connection only, under load: whatever ends an
# attempt, the next one reads on where it left, and the result is exact.
use strict;
use warnings;

use PostgreSQL::Test::Utils;
use Test::More;
use Weir::Node;
use Weir::Sender;

my $node = Weir::Node->create('handover');
my $keys = 40;
my $seed = 1;
my ($sender, $data);

# Last average of each key: what an upsert must end with.
my $last_of_batch = q{
	SELECT DISTINCT ON (f0) f0, div(sum(f1), 2)::bigint AS average
	FROM (SELECT f0, f1, line, (row_number() OVER (PARTITION BY f0 ORDER BY line) + 1) / 2 AS pair FROM input) p
	GROUP BY f0, pair HAVING count(*) = 2 ORDER BY f0, pair DESC};

sub begin
{
	my ($name, %o) = @_;

	$data = '';
	$sender = Weir::Sender->new($data, once => 1);
	$node->use_database($name);
	$node->averaging_job(port => $sender->port,
		checkpointing => "every => '200 ms', fail_on_errors => false, lock_wait => '300 ms'", %o);
	$node->sql(q{SELECT weir.start_job('s3')});
	flow('at the start');
	return;
}

# More input.
sub feed
{
	my $more = Weir::Node::random_lines(12_000, $keys, $seed++);

	$sender->append($more);
	$data .= $more;
	$sender->rate(80_000);
	$sender->send_to(length $data);
	return;
}

# Records of it reach the keyed tasks of the running attempt.
sub flow
{
	my ($name) = @_;

	feed();
	ok($node->wait_until(q{
		SELECT j.status = 'running' AND sum(records_in) > 500 FROM weir.jobs j, weir.tasks t
		WHERE t.kind = 'keyed' GROUP BY j.status}), "$name: records flow");
	return;
}

# What ends the attempt; the next one shows the connection as if nothing had been.
sub meddle
{
	my ($name, $end_attempt) = @_;
	my $restarts = $node->sql('SELECT restarts FROM weir.jobs');
	my $connection = "SELECT concat_ws(' ', status, peer, retries, connected_at) FROM weir.sources";
	my $before = $node->sql($connection);

	$end_attempt->("SELECT restarts > $restarts FROM weir.jobs");
	ok($node->wait_until("SELECT restarts > $restarts AND status = 'running' FROM weir.jobs"), "$name: a restart");
	flow($name);
	ok($node->wait_until($connection, $before), "$name: the same connection");
	return;
}

# A session keeps its locks until the job has given way; input comes while it has them.
sub lock_out
{
	my ($name, @sql) = @_;

	meddle($name, sub {
		my ($gave_way) = @_;
		my $session = $node->background_psql($node->{database});

		$session->query_safe($_) foreach 'BEGIN', @sql;
		feed();
		ok($node->wait_until($gave_way), "$name: the job gives way");
		$session->query_safe('COMMIT');
		pass("$name: goes through");
		$session->quit;
	});
	return;
}

sub terminate
{
	my ($kind) = @_;

	meddle("$node->{database}, $kind terminated", sub {
		$node->sql("SELECT pg_terminate_backend(pid) FROM weir.tasks WHERE kind = '$kind' ORDER BY subtask LIMIT 1");
	});
	return;
}

sub finish
{
	$sender->rate(0);
	$sender->finish;
	ok($node->wait_status('finished'), "$node->{database}: finished");
	is($sender->accepts, 1, "$node->{database}: one connection");
	$node->load_input($data);
	return;
}

foreach my $parallelism (1, 2)
{
	my $name = "append_$parallelism";

	begin($name, job => "parallelism => $parallelism");
	lock_out("$name, ADD COLUMN", 'ALTER TABLE averages ADD COLUMN note text');
	lock_out("$name, CREATE INDEX", 'CREATE INDEX ON averages (average)');
	terminate('source');
	terminate('keyed');
	finish();
	$node->is_exact($name);

	# The function's output is anybody's row: one sink task writes it.
	$name = "upsert_$parallelism";
	begin($name, job => "parallelism => $parallelism",
		query => 'INSERT INTO averages AS t SELECT a.* FROM readings r
			JOIN LATERAL count_window_average(r) a ON weir.key_by(r.f0)
			ON CONFLICT (f0) DO UPDATE SET average = excluded.average',
		sink => 'CREATE TABLE averages (f0 bigint PRIMARY KEY, average bigint, touched int);');
	ok($node->wait_until('SELECT count(*) > 1 FROM averages'), "$name: output");
	lock_out("$name, two-row UPDATE",
		'UPDATE averages SET touched = 1 WHERE f0 = (SELECT max(f0) FROM averages)',
		'UPDATE averages SET touched = 1 WHERE f0 = (SELECT min(f0) FROM averages)');
	terminate('source');
	terminate('keyed');
	terminate('sink');
	finish();
	is($node->sql("SELECT count(*) FROM (($last_of_batch) EXCEPT SELECT f0, average FROM averages) x"), '0',
		"$name: exactly the last average of each key");
	is($node->sql('SELECT count(*) FROM averages'), $keys, "$name: one row a key");
	is($node->sql('SELECT count(*) FROM pg_prepared_xacts'), '0', "$name: nothing is left prepared");
}

# A job that ends leaves its connection to nobody.
begin('ended');
$node->sql(q{SELECT weir.stop_job('s3')});
ok($node->wait_status('stopped'), 'stopped');
ok(eval { $sender->wait_disconnected }, 'and the sender sees the connection closed');

done_testing();
