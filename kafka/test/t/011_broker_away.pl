# The broker is killed while a job reads and commits, and comes back: the job goes on
# without a restart, has each message once, and stops when it is told to.
use strict;
use warnings;

use KafkaBroker;
use Test::More;
use Weir::Node;

my $kafka = KafkaBroker->start;
my $node = Weir::Node->create('broker_away');
my $produced = 0;

$kafka->create_topic('readings', 4);
$node->sql('CREATE EXTENSION weir_kafka');
$node->sql(sprintf(q{CREATE SERVER kafka FOREIGN DATA WRAPPER weir_kafka OPTIONS (brokers '%s', "reconnect.backoff.max.ms" '200')}, $kafka->brokers));
$node->sql(<<'SQL');
CREATE FOREIGN TABLE readings (n bigint) SERVER kafka OPTIONS (topic 'readings', source_parallelism '2');
CREATE TABLE seen (n bigint);
SELECT weir.create_job('away', 'INSERT INTO seen SELECT n FROM readings');
SELECT weir.enable_checkpointing('away', every => '20 ms');
SELECT weir.start_job('away');
SQL

sub produce
{
	my ($n) = @_;

	$kafka->produce('readings', [ $produced + 1 .. $produced + $n ]);
	$produced += $n;
	return;
}

sub has_all
{
	my ($what) = @_;
	return ok($node->wait_until('SELECT count(*) FROM seen', $produced), $what);
}

foreach my $round (1 .. 2)
{
	produce(1000);
	has_all("$round: what was produced is read");
	produce(1000);
	$kafka->kill9;
	$kafka->again;
	produce(1000);
	has_all("$round: after the broker was killed, too");
	is($node->sql("SELECT attempt FROM weir.jobs WHERE name = 'away'"), $round, "$round: without a restart");
	$node->sql("SELECT weir.stop_job('away')");
	is($node->sql("SELECT status FROM weir.jobs WHERE name = 'away'"), 'stopped', "$round: the job stops");
	$node->sql("SELECT weir.start_job('away')");
}
is($node->sql('SELECT count(*) - count(DISTINCT n) FROM seen'), 0, 'no message came twice');

done_testing();
