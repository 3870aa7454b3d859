# A topic into a table: exactly once over a stop, a task's end and a server's crash.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/../lib", "$FindBin::RealBin/../../../test/tap/lib";

use KafkaBroker;
use Test::More;
use Weir::Node;

my $kafka = KafkaBroker->start;
my $node = Weir::Node->create('kafka');

$kafka->create_topic('readings', 3);
$node->sql(qq{
	CREATE EXTENSION weir_kafka;
	CREATE SERVER kafka FOREIGN DATA WRAPPER weir_kafka OPTIONS (brokers '@{[ $kafka->brokers ]}');
	CREATE FOREIGN TABLE readings (sensor text, value int, partition int OPTIONS (metadata 'partition'),
		"offset" bigint OPTIONS (metadata 'offset')) SERVER kafka OPTIONS (topic 'readings', format 'csv');
	CREATE TABLE copied (sensor text, value int, partition int, "offset" bigint);
	SELECT weir.create_job('copy', 'INSERT INTO copied SELECT * FROM readings');
	SELECT weir.enable_checkpointing('copy', every => '100 ms');
	SELECT weir.set_restart_strategy('copy', 'fixed_delay', attempts => -1, delay => '10 ms');
	SELECT weir.start_job('copy')});

my $sent = 0;

sub send_more
{
	my ($n) = @_;
	$kafka->produce('readings', [ map { "k$_:k$_,$_" } $sent + 1 .. $sent + $n ], key => ':');
	$sent += $n;
	return;
}

sub is_whole
{
	my ($name) = @_;

	$node->wait_until('SELECT count(*) >= ' . $sent . ' FROM copied');
	is($node->sql('SELECT count(*), count(DISTINCT value), sum(value), count(DISTINCT (partition, "offset")) FROM copied'),
		join('|', $sent, $sent, $sent * ($sent + 1) / 2, $sent), $name);
	return;
}

send_more(1000);
is_whole('records are read');
$node->sql(q{SELECT weir.stop_job('copy')});
send_more(1000);
$node->sql(q{SELECT weir.start_job('copy')});
is_whole('and those that came while the job stood');
send_more(1000);
$node->sql(q{SELECT pg_terminate_backend(pid) FROM weir.tasks});
send_more(1000);
is_whole('a task that is terminated goes on where it was');
send_more(1000);
$node->kill9;
$node->start;
is_whole('and so does one of a server that was killed');
is($node->sql(q{SELECT status, records FROM weir.sources}), "connected|$sent", 'which is shown');

done_testing();
