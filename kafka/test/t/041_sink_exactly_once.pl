# From topic to topic while the server, its tasks and the broker are killed: who reads what
# is committed sees each result once, and those of a key in order.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/../lib";

use KafkaBroker;
use Test::More;
use Time::HiRes qw(usleep);
use Weir::Node;

my $kafka = KafkaBroker->start(extra => "transaction.abort.timed.out.transaction.cleanup.interval.ms=500\n");
my $node = Weir::Node->create('sink_exactly_once');
my $keys = 7;
my $sent = 0;

srand($ENV{SEED} || 41);
$kafka->create_topic('numbers', 3);
$kafka->create_topic('sums', 2);
$node->sql('CREATE EXTENSION weir_kafka');
$node->sql(q{CREATE SERVER k FOREIGN DATA WRAPPER weir_kafka OPTIONS (brokers '} . $kafka->brokers . q{', "transaction.timeout.ms" '10000')});
# Of each two numbers of a key their sum.
$node->sql(<<'SQL');
CREATE FOREIGN TABLE numbers (k text OPTIONS (metadata 'key'), n bigint) SERVER k OPTIONS (topic 'numbers', format 'csv');
CREATE FOREIGN TABLE sums (k text OPTIONS (metadata 'key'), n bigint, total bigint) SERVER k OPTIONS (topic 'sums', format 'csv');
SELECT weir.create_job('j', 'INSERT INTO sums SELECT k, max(n), sum(n) FROM numbers GROUP BY k, weir.count_window(2)', parallelism => 2);
SELECT weir.enable_checkpointing('j', every => '30 ms', tolerable_failures => 100);
SELECT weir.set_restart_strategy('j', 'fixed_delay', attempts => -1, delay => '10 ms');
SELECT weir.start_job('j');
SQL

sub produce
{
	my ($n) = @_;

	$kafka->produce('numbers', [ map { my $i = $sent + $_; 'k' . $i % $keys . " $i" } 1 .. $n ], key => ' ');
	$sent += $n;
	return;
}

# That takes the server with it, and is forgiven if a checkpoint has completed since the last time.
my $completed = 0;

sub kill_task
{
	ok($node->wait_until("SELECT coalesce(max(checkpoint_id), 0) > $completed FROM weir.checkpoints WHERE status = 'completed'"),
		'the job makes progress');
	$completed = $node->sql(q{SELECT max(checkpoint_id) FROM weir.checkpoints});
	my $pid = eval { $node->sql(q{SELECT pid FROM weir.tasks WHERE kind = 'sink' AND pid > 0 LIMIT 1}) };

	kill('KILL', $pid) if $pid;
	return;
}

sub kill_server
{
	$node->kill9;
	$node->start;
	return;
}

sub kill_broker
{
	$kafka->kill9;
	usleep(rand 300_000);
	$kafka->again;
	return;
}

my @kills = (\&kill_task, \&kill_server, \&kill_broker);
foreach my $round (1 .. 9)
{
	produce(3000);
	usleep(rand 700_000);
	$kills[ $round % 3 ]->();
}
produce($keys * 2 * 100);

# Of a key with an odd number the last waits for another.
my %expected;
foreach my $k (0 .. $keys - 1)
{
	my @numbers = grep { $_ % $keys == $k } 1 .. $sent;

	while (@numbers > 1)
	{
		my ($a, $b) = splice(@numbers, 0, 2);
		push @{ $expected{"k$k"} }, "$b," . ($a + $b);
	}
}
my $results = 0;
$results += @$_ foreach values %expected;

my @rows;
my $deadline = time() + $Weir::Node::patience;
while (time() < $deadline)
{
	@rows = $kafka->consume('sums', format => '%k %s\n');
	last if @rows >= $results;
	usleep(200_000);
}
is(scalar(@rows), $results, 'as many results as there are');
my %seen;
foreach (@rows)
{
	my ($k, $row) = split / /;
	push @{ $seen{$k} }, $row;
}
is_deeply(\%seen, \%expected, 'each once, those of a key in order');
ok($node->wait_until('SELECT NOT EXISTS (SELECT FROM weir_internal.outbox)'), 'nothing waits');
cmp_ok($node->sql('SELECT restarts FROM weir.jobs'), '>=', 4, 'the job was restarted');

done_testing();
