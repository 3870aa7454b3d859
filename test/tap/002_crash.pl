# Whatever dies, at any parallelism: the result is the batch query's, once, and
# nothing is left prepared.  The load goes on all the time; after each fault
# the sender goes on behind what the journal holds.  WEIR_LINES sets the number of
# lines.
use strict;
use warnings;

use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(usleep);
use Weir::Node;
use Weir::Sender;

my $lines = $ENV{WEIR_LINES} || 60_000;
my $node = Weir::Node->create('crash');
my $sender;
my $data;

# A new job under load in a database of its own.
sub begin
{
	my ($name, $seed, %o) = @_;

	$node->tend(undef);
	$data = Weir::Node::random_lines($lines, 1000, $seed);
	$sender = Weir::Sender->new($data, hold => 1);
	$node->use_database($name);
	$node->load_input($data);
	$node->averaging_job(port => $sender->port,
		checkpointing => "every => '20 ms', max_concurrent => 2, fail_on_errors => false", %o);
	$node->sql(q{SELECT weir.start_job('s3')});
	$sender->rate(int(length($data) / 3));
	$node->tend($sender);
	return;
}

# The job has read beyond this share of the input since the last fault, and more is on its way.
sub reach
{
	my ($share) = @_;
	my $bytes = int($share * length $data);

	$sender->send_to($bytes + int(length($data) / 8));
	ok($node->wait_consumed($bytes), "reached $bytes bytes");
	return;
}

sub finish
{
	my ($name) = @_;

	$sender->rate(0);
	$sender->finish;
	ok($node->wait_status('finished'), "$name: finished");
	$node->is_exact($name);
	return;
}

sub pid_of
{
	my ($kind) = @_;
	my $query = "FROM weir.tasks WHERE kind = '$kind' AND pid IS NOT NULL";

	$node->wait_until("SELECT count(*) > 0 $query");
	return $node->sql("SELECT pid $query ORDER BY subtask LIMIT 1");
}

foreach my $parallelism (1, 2, 4)
{
	my $name = "kill_server_$parallelism";

	begin($name, $parallelism, job => "parallelism => $parallelism");
	foreach my $i (1 .. 5)
	{
		reach($i / 7);
		$node->kill9;
		$node->start;
	}
	finish($name);
	is($node->sql(q{SELECT restarts >= 5 FROM weir.jobs}), 't', "$name: every restart is counted");
}

# One process of the server after the other, by request and by force.
begin('kill_tasks', 11, job => 'parallelism => 2');
my $step = 0;
foreach my $signal ('TERM', 'KILL')
{
	foreach my $kind (qw(source keyed coordinator))
	{
		reach(++$step / 8);
		my $pid = pid_of($kind);
		like($pid, qr/^\d+$/, "there is a $kind process");
		if ($signal eq 'TERM')
		{
			is($node->sql("SELECT pg_terminate_backend($pid)"), 't', "terminated the $kind");
		}
		else
		{
			ok(kill('KILL', $pid), "killed the $kind");
		}
	}
}
finish('kill_tasks');

# With a sink task, which alone holds what is to be prepared.
begin('kill_sink', 12, job => 'parallelism => 2',
	sink => 'CREATE TABLE averages (f0 bigint, average bigint, id bigint GENERATED ALWAYS AS IDENTITY);
		CREATE TABLE seen (f0 bigint PRIMARY KEY);
		CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql AS $$
		BEGIN INSERT INTO seen VALUES (NEW.f0) ON CONFLICT DO NOTHING; RETURN NEW; END $$;
		CREATE TRIGGER note BEFORE INSERT ON averages FOR EACH ROW EXECUTE FUNCTION note();',
	query => 'INSERT INTO averages (f0, average) SELECT a.f0, a.average FROM readings r
		JOIN LATERAL count_window_average(r) a ON weir.key_by(r.f0)');
foreach my $signal ('TERM', 'KILL')
{
	reach(($signal eq 'TERM' ? 1 : 2) / 4);
	my $pid = pid_of('sink');
	like($pid, qr/^\d+$/, 'there is a sink process');
	$signal eq 'TERM' ? $node->sql("SELECT pg_terminate_backend($pid)") : kill('KILL', $pid);
}
finish('kill_sink');

# The server is stopped at once, then politely, then twice while it recovers.
begin('stop_server', 13);
reach(1 / 5);
$node->restart('immediate');
reach(2 / 5);
$node->restart('fast');
reach(3 / 5);
foreach my $i (1 .. 3)
{
	$node->kill9;
	$node->start;
	usleep(100_000 * $i);	# anywhere within the recovery
}
finish('stop_server');

done_testing();
