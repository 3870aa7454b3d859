# Rows into a topic: when their checkpoint has completed, those of one together, in
# every format, with what columns say beside the value; errors that name the message.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/../lib";

use KafkaBroker;
use Test::More;
use Weir::Node;

my $kafka = KafkaBroker->start;
my $node = Weir::Node->create('kafka_sink');

$node->sql('CREATE EXTENSION weir_kafka');
$node->sql(q{CREATE SERVER k FOREIGN DATA WRAPPER weir_kafka OPTIONS (brokers '} . $kafka->brokers . q{')});

# A job from a feed to a topic of so many partitions.
sub begin
{
	my ($name, $columns, %o) = @_;
	my $names = $o{names} // '*';

	$kafka->create_topic($name, $o{partitions} // 1, @{ $o{settings} // [] });
	$node->sql(<<"SQL");
CREATE FOREIGN TABLE feed_$name (@{[$o{feed} // $columns]}) SERVER weir_feed @{[$o{stream} // '']};
CREATE FOREIGN TABLE $name ($columns) SERVER @{[$o{server} // 'k']} OPTIONS (topic '$name', @{[$o{table} // "format 'csv'"]});
SELECT weir.create_job('$name', 'INSERT INTO $name SELECT $names FROM feed_$name');
SELECT weir.enable_checkpointing('$name', @{[$o{checkpointing} // "every => '1 h'"]});
SELECT weir.start_job('$name')
SQL
	return;
}

# Until nothing waits, after a checkpoint.
sub complete
{
	my ($name) = @_;

	$node->sql("SELECT weir.trigger_checkpoint('$name')");
	return $node->wait_until('SELECT count(*) = 0 FROM weir_internal.outbox');
}

# ---- exactly once: after the checkpoint ----

begin('held', 'id bigint, t text');
$node->sql(q{INSERT INTO feed_held VALUES (1, 'a'), (2, 'b'), (3, NULL)});
ok($node->wait_until(q{SELECT max(records_out) = 3 FROM weir.tasks WHERE kind = 'sink'}), 'rows are with the sink');
is_deeply([ $kafka->consume('held') ], [], 'nothing is sent before the checkpoint');
ok(complete('held'), 'rows are sent with the checkpoint, and deleted');
is_deeply([ $kafka->consume('held') ], [ '1,a', '2,b', '3,' ], 'in order');
like($node->sql(q{SELECT string_agg(e, ' ') FROM weir.explain_job('held') e}), qr/in one sink task:.*as messages of a topic/, 'explained');
$node->sql(q{INSERT INTO feed_held SELECT g, 'x' FROM generate_series(4, 20003) g});
ok(complete('held'), 'many');
is(scalar($kafka->consume('held')), 20003, 'come');
my %committed = $kafka->committed($node->sql(q{SELECT 'weir-outbox.' || system_identifier || '.postgres.held.public.held' FROM pg_control_system()}), 'held');
is($committed{0} > 20000, 1, 'and the last id with them');

done_testing();
