# What event time has come to outlives whatever dies, and a job that goes by the arrival of
# records comes to what batch SQL makes of their stamps, though it is killed between
# records and while nothing comes.
use strict;
use warnings;

use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(usleep);
use Weir::Node;
use Weir::Sender;

my $lines = 20_000;
my $node = Weir::Node->create('watermarks');
my ($sender, $data);

srand(5);
# "key time": every 10 ms, at most 3 s late
$data = join '', map { sprintf "%d 2026-01-01T00:%02d:%06.3f\n", $_ % 7, time_of($_) } 1 .. $lines;
chomp $data;	# the end of the stream makes the last one a record

sub time_of
{
	my ($i) = @_;
	my $seconds = $i / 100 + 10 - int(rand(3000)) / 1000;

	return (int($seconds / 60), $seconds - 60 * int($seconds / 60));
}

# A job in a database of its own, which takes its checkpoints as it likes.
sub begin
{
	my ($name, $job) = @_;

	$node->tend(undef);
	$sender = Weir::Sender->new($data, hold => 1);
	$node->use_database($name);
	$node->sql(<<"SQL");
CREATE SERVER sensors FOREIGN DATA WRAPPER weir_socket OPTIONS (host '127.0.0.1', port '${\$sender->port}', partial 'join');
CREATE FOREIGN TABLE readings (k int, ts timestamptz OPTIONS (watermark '4 s'), came timestamptz OPTIONS (metadata 'arrival'))
    SERVER sensors OPTIONS (delimiter ' ');
CREATE TABLE raw (k int, ts timestamptz, came timestamptz);
CREATE TABLE windows (k int, began timestamptz, n bigint);
SELECT weir.create_job('$name', \$job\$$job\$job\$, parallelism => 2);
SELECT weir.enable_checkpointing('$name', every => '50 ms', fail_on_errors => false);
SELECT weir.set_restart_strategy('$name', 'fixed_delay', attempts => 1000, delay => '10 ms');
SELECT weir.start_job('$name');
SQL
	$node->tend($sender);
	return;
}

sub reach
{
	my ($share) = @_;
	my $bytes = int($share * length $data);	# within a record, mostly

	$sender->send_to($bytes);
	ok($node->wait_consumed($bytes), "reached $bytes bytes");
	return;
}

sub kill_source
{
	my $pid = $node->sql("SELECT pid FROM weir.tasks WHERE kind = 'source'");

	return kill('KILL', $pid);
}

# Every window once, with what the rows say.
sub is_as_batch
{
	my ($time, $size, $name) = @_;

	is($node->sql("SELECT count(*) FROM raw"), $lines, "$name: every record once");
	is($node->sql(<<"SQL"), '', "$name: the windows are those of batch SQL");
(SELECT k, lower(w), count(*) FROM raw, weir.tumble($time, '$size') w GROUP BY k, w EXCEPT ALL TABLE windows)
UNION ALL (TABLE windows EXCEPT ALL SELECT k, lower(w), count(*) FROM raw, weir.tumble($time, '$size') w GROUP BY k, w)
LIMIT 5
SQL
	return;
}

sub finish
{
	$sender->finish;
	ok($node->wait_until('SELECT status FROM weir.jobs', 'finished'), 'finished');
	return;
}

# By the column: the watermark after a restart is what it was.
begin('by_column', q{INSERT INTO raw SELECT * FROM readings;
	INSERT INTO windows SELECT k, lower(w), count(*) FROM readings, LATERAL weir.tumble(ts, '1 s') w GROUP BY k, w});
foreach my $i (1 .. 3)
{
	reach($i / 4);
	$node->sql(q{SELECT weir.trigger_checkpoint('by_column')});
	my $before = $node->sql('SELECT watermark FROM weir.sources');
	if ($i == 2) { kill_source(); }
	else { $node->kill9; $node->start; }
	ok($node->wait_until("SELECT watermark = '$before' FROM weir.sources"), "the watermark is $before again");
}
finish();
is_as_batch('ts', '1 s', 'by the column');

# Started again, and killed before a checkpoint has completed: it has not ended once more.
$node->tend(undef);
$sender = Weir::Sender->new("1 2026-01-02T00:00:00\n1 2026-01-02T01:00:00\n", hold => 1);
$node->sql(<<"SQL");
ALTER SERVER sensors OPTIONS (SET port '${\$sender->port}');
SELECT weir.enable_checkpointing('by_column', every => '1 h');
SELECT weir.start_job('by_column');
SQL
$node->tend($sender);
ok($node->wait_until('SELECT status FROM weir.jobs', 'running'), 'a job that had finished runs again');
my $attempt = $node->sql('SELECT max(attempt) FROM weir.tasks');
$node->sql(q{SELECT pg_terminate_backend(pid) FROM weir.tasks WHERE kind = 'source'});
ok($node->wait_until("SELECT count(*) = 1 FROM weir.tasks WHERE kind = 'source' AND attempt > $attempt"), 'and once more');
finish();
is($node->sql(q{SELECT sum(n) FROM windows WHERE began >= '2026-01-02'}), '2', 'what came then is not late');

# By arrival: windows are complete while nothing comes, and are so once.
begin('by_arrival', q{INSERT INTO raw SELECT * FROM readings;
	INSERT INTO windows SELECT k, lower(w), count(*) FROM readings, LATERAL weir.tumble(weir.arrival(), '100 ms') w GROUP BY k, w});
foreach my $i (1 .. 5)
{
	reach($i / 6);
	if ($i % 2)
	{
		ok($node->wait_until('SELECT (SELECT sum(n) FROM windows) = (SELECT count(*) FROM raw)'),
			'all windows are complete without another record');
	}
	if ($i == 2) { kill_source(); }
	else { $node->kill9; $node->start; }
}
reach(1);
ok($node->wait_until("SELECT sum(n) = $lines - 1 FROM windows"), 'all windows are complete behind a record that is not whole');
finish();
is_as_batch('came', '100 ms', 'by arrival');

done_testing();
