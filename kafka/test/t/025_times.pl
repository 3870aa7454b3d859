# Event time of a topic: each partition has its own watermark, one that is silent holds the others back
# until it is idle, and a restart changes nothing.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/../lib", "$FindBin::RealBin/../../../test/tap/lib";

use KafkaBroker;
use Test::More;
use Weir::Node;

my $kafka = KafkaBroker->start;
my $node = Weir::Node->create('kafka');

$kafka->create_topic('t', 3);
$node->sql(qq{
	SET client_min_messages = warning;
	CREATE EXTENSION weir_kafka;
	CREATE SERVER kafka FOREIGN DATA WRAPPER weir_kafka OPTIONS (brokers '@{[ $kafka->brokers ]}')});

# Records: [partition, seconds].
sub put
{
	my @records = @_;
	return $kafka->put('t', [ map { [ $_->[0], 0, undef, sprintf("2026-01-01 00:%02d:%02d+00", $_->[1] / 60, $_->[1] % 60) ] } @records ]);
}

# Of four tasks one has no partition.
foreach my $parallelism (1, 2, 4)
{
	foreach my $kind ('waits', 'idles')
	{
		my $name = "$kind$parallelism";
		my $idle = $kind eq 'idles' ? q{, idle_timeout '3 s'} : '';

		$node->sql(qq{
			CREATE FOREIGN TABLE $name (ts timestamptz OPTIONS (watermark '0 s'))
				SERVER kafka OPTIONS (topic 't', format 'text', source_parallelism '$parallelism' $idle);
			CREATE TABLE ${name}_windows (w text, n bigint);
			SELECT weir.create_job('$name', 'INSERT INTO ${name}_windows SELECT lower(w)::text, count(*) FROM $name, LATERAL weir.tumble(ts, ''10 s'') w GROUP BY w');
			SELECT weir.enable_checkpointing('$name', every => '50 ms');
			SELECT weir.set_restart_strategy('$name', 'fixed_delay', attempts => -1, delay => '10 ms');
			SELECT weir.start_job('$name')});
	}
}

sub windows_are
{
	my ($kind, $expected, $what) = @_;
	my $n = () = $expected =~ /=/g;

	foreach my $name (map { "$kind$_" } 1, 2, 4)
	{
		$node->wait_until("SELECT count(*) >= $n FROM ${name}_windows");
		is($node->sql("SELECT coalesce(string_agg(to_char(w::timestamptz, 'MI:SS') || '=' || n, ' ' ORDER BY w), '') FROM ${name}_windows"),
			$expected, "$name: $what");
	}
	return;
}

# partition 0 is far ahead: records of partition 1 are late by it, not by their own
put([ 0, 5 ], [ 0, 15 ], [ 0, 100 ], [ 1, 1 ], [ 1, 12 ]);
windows_are('idles', '00:00=2 00:10=2', 'a partition of which nothing came is not waited for when it is idle');
is($node->sql(qq{SELECT count(*) FROM waits${_}_windows}), 0, 'and else it is') foreach 1, 2, 4;
put([ 1, 25 ], [ 2, 26 ], [ 2, 31 ]);
windows_are('waits', '00:00=2 00:10=2', 'the lowest of the partitions counts');
$node->sql(q{SELECT pg_terminate_backend(pid) FROM weir.tasks WHERE kind = 'source'});
put([ 1, 41 ]);
windows_are('waits', '00:00=2 00:10=2 00:20=2', 'after a restart, too');

done_testing();
