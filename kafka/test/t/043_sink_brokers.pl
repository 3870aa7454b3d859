# Brokers that are away hold a sink back, and lose nothing; a database that was
# restored to an earlier state sends what its topic may have rather than lose it.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/../lib";

use KafkaBroker;
use PostgreSQL::Test::Utils;
use Test::More;
use Weir::Node;

my $kafka = KafkaBroker->start(extra => "transaction.abort.timed.out.transaction.cleanup.interval.ms=500\n");
my $node = Weir::Node->create('sink_brokers');
my $rows = 0;

$kafka->create_topic('t', 3);
$node->sql('CREATE EXTENSION weir_kafka');
$node->sql(q{CREATE SERVER k FOREIGN DATA WRAPPER weir_kafka OPTIONS (brokers '} . $kafka->brokers
	  . q{', "transaction.timeout.ms" '3000', "message.timeout.ms" '2000')});
$node->sql(<<'SQL');
CREATE FOREIGN TABLE feed (id bigint) SERVER weir_feed;
CREATE FOREIGN TABLE t (id bigint) SERVER k OPTIONS (topic 't', format 'csv');
SELECT weir.create_job('j', 'INSERT INTO t SELECT id FROM feed');
SELECT weir.enable_checkpointing('j', every => '50 ms');
SELECT weir.start_job('j');
SQL

sub insert
{
	my ($n) = @_;

	$node->sql("INSERT INTO feed SELECT generate_series($rows + 1, $rows + $n)");
	$rows += $n;
	return;
}

sub is_exact
{
	my ($name) = @_;

	ok($node->wait_until(q{SELECT weir.trigger_checkpoint('j') IS NOT NULL}), "$name: a checkpoint completes");
	ok($node->wait_until('SELECT NOT EXISTS (SELECT FROM weir_internal.outbox)'), "$name: all is sent");
	is(join(' ', sort { $a <=> $b } $kafka->consume('t')), join(' ', 1 .. $rows), "$name: once");
	return;
}

insert(100);
is_exact('all is well');

# Longer than a transaction may last, and a message wait.
$kafka->kill9;
insert(100);
ok($node->wait_until(q{SELECT last_error IS NOT NULL FROM weir.tasks WHERE kind = 'sink'}), 'the sink tells that its brokers are away');
is($node->sql(q{SELECT status || ' ' || restarts FROM weir.jobs}), 'running 0', 'the job goes on');
like(slurp_file($node->logfile), qr/LOG:  sink public.t waits for brokers, "127.0.0.1:\d+": /, 'and so does the log');
is($node->sql('SELECT count(*) >= 100 FROM weir_internal.outbox'), 't', 'rows wait');
$kafka->again;
is_exact('they are back');
is($node->sql(q{SELECT count(*) FROM weir.tasks WHERE last_error IS NOT NULL}), '0', 'and nothing is told any more');

# The server dies while they are away, and comes back before them.
$kafka->kill9;
insert(100);
ok($node->wait_until(q{SELECT last_error IS NOT NULL FROM weir.tasks WHERE kind = 'sink'}), 'away again');
$node->kill9;
$node->start;
insert(100);
ok($node->wait_until(q{SELECT last_error IS NOT NULL FROM weir.tasks WHERE kind = 'sink'}), 'the next server waits, too');
$kafka->again;
is_exact('the server was killed meanwhile');

# Held as by a network that drops everything: the client's connections stay open.
$kafka->pause;
insert(100);
ok($node->wait_until(q{SELECT last_error IS NOT NULL FROM weir.tasks WHERE kind = 'sink'}), 'brokers that say nothing');
$kafka->resume;
is_exact('they go on');

# Killed at any moment.
my $restarts = $node->sql(q{SELECT restarts FROM weir.jobs});
foreach my $round (1 .. 5)
{
	insert(2000);
	$kafka->kill9;
	insert(1000);
	$kafka->again;
	insert(1000);
}
is_exact('the broker is killed now and then');
is($node->sql(q{SELECT restarts FROM weir.jobs}), $restarts, 'without a restart');

# Ids of rows that the topic was told of come again.
$node->sql(q{SELECT weir.stop_job('j'); ALTER SEQUENCE weir_internal.outbox_id_seq RESTART WITH 1});
$kafka->kill9;
$node->sql(q{SELECT weir.start_job('j')});
insert(10);
ok($node->wait_until('SELECT count(*) >= 10 FROM weir_internal.outbox'), 'rows wait with ids that were sent');
$kafka->again;
is_exact('of another history');
like(slurp_file($node->logfile), qr/LOG:  sink public.t sends rows that its topic may have/, 'which is said');

done_testing();
