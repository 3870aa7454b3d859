# Which partitions of a topic are read, by which tasks, from where: added ones, chosen ones, where a
# job begins, what the topic does not hold any more, and a topic that was made anew.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/../lib", "$FindBin::RealBin/../../../test/tap/lib";

use KafkaBroker;
use Test::More;
use Weir::Node;

my $kafka = KafkaBroker->start(extra => 'log.retention.check.interval.ms=500');
my $node = Weir::Node->create('kafka');

$node->sql(qq{
	SET client_min_messages = warning;
	CREATE EXTENSION weir_kafka;
	CREATE SERVER kafka FOREIGN DATA WRAPPER weir_kafka OPTIONS (brokers '@{[ $kafka->brokers ]}')});

sub create
{
	my ($name, $options, $mode) = @_;

	$mode //= 'exactly_once';
	$node->sql(qq{
		CREATE FOREIGN TABLE $name (v int, p int OPTIONS (metadata 'partition'), o bigint OPTIONS (metadata 'offset'))
			SERVER kafka OPTIONS (format 'text', $options);
		CREATE TABLE ${name}_copy (v int, p int, o bigint, at timestamptz DEFAULT clock_timestamp());
		SELECT weir.create_job('$name', 'INSERT INTO ${name}_copy (v, p, o) SELECT v, p, o FROM $name');
		SELECT weir.enable_checkpointing('$name', mode => '$mode', every => '100 ms');
		SELECT weir.set_restart_strategy('$name', 'fixed_delay', attempts => -1, delay => '50 ms')});
	return;
}

sub start { my ($name, $more) = @_; return $node->sql("SELECT weir.start_job('$name'" . ($more // '') . ')'); }

sub stop { my ($name) = @_; return $node->sql("SELECT weir.stop_job('$name')"); }

sub values_are
{
	my ($name, $expected, $what) = @_;
	my $n = () = $expected =~ /\d+/g;

	$node->wait_until("SELECT count(*) >= $n FROM ${name}_copy");
	is($node->sql("SELECT string_agg(v::text, ' ' ORDER BY v) FROM ${name}_copy"), $expected, $what);
	return;
}

# Why a job has failed for good.
sub failure
{
	my ($name) = @_;

	$node->wait_until("SELECT status = 'failed' FROM weir.jobs WHERE name = '$name'");
	return $node->sql("SELECT last_error FROM weir.jobs WHERE name = '$name'");
}

# ---- several tasks, partitions that are added ----

$kafka->create_topic('grows', 2);
$kafka->put('grows', [ map { [ $_ % 2, 0, undef, $_ ] } 1 .. 6 ]);
create('grows', q{topic 'grows', source_parallelism '3', discovery_interval '200 ms'});
start('grows');
values_are('grows', '1 2 3 4 5 6', 'partitions are divided among tasks');
is($node->sql(q{SELECT count(*) FROM weir.tasks WHERE kind = 'source'}), 3, 'so many as there are to be');
$kafka->set_partitions('grows', 5);
$kafka->put('grows', [ map { [ $_ % 5, 0, undef, $_ ] } 7 .. 11 ]);
values_are('grows', join(' ', 1 .. 11), 'partitions that are added are read from their first record');
stop('grows');
$kafka->set_partitions('grows', 6);
$kafka->put('grows', [ map { [ 5, 0, undef, $_ ] } 12 .. 13 ]);
$node->sql(q{ALTER FOREIGN TABLE grows OPTIONS (SET source_parallelism '2')});
start('grows');
values_are('grows', join(' ', 1 .. 13), 'and those that were added while the job stood, by another number of tasks');
is($node->sql(q{SELECT count(*) FROM (SELECT o, lag(o) OVER (PARTITION BY p ORDER BY at, o) AS before FROM grows_copy) s
	WHERE before > o}), 0, 'each in its order');
is($node->sql(q{SELECT records FROM weir.sources}), 13, 'records are counted over all tasks');
stop('grows');

# ---- some of the partitions, and none that is not there ----

create('chosen', q{topic 'grows', partitions '0,4-5'});
start('chosen');
values_are('chosen', '2 4 6 9 10 12 13', 'only the partitions that are named');
stop('chosen');
create('none', q{topic 'grows', partitions '0,9'});
$node->sql(q{SELECT weir.set_restart_strategy('none', 'none')});
eval { start('none') };
like(failure('none'), qr/topic "grows" of stream public\."none" has no partition 9/, 'a partition that is not there');
create('missing', q{topic 'nowhere'});
$node->sql(q{SELECT weir.set_restart_strategy('missing', 'none')});
eval { start('missing') };
like(failure('missing'), qr/topic "nowhere" of stream public\.missing does not exist/, 'a topic that is not there');

# ---- where a job begins ----

$kafka->create_topic('old', 1, 'retention.ms=-1');
$kafka->put('old', [ map { [ 0, 1767225600000 + $_ * 1000, undef, $_ ] } 1 .. 5 ]);
create('latest', q{topic 'old', start 'latest'});
create('since', q{topic 'old', start '2026-01-01 00:00:03+00'});
start($_) foreach 'latest', 'since';
$node->wait_until(q{SELECT count(*) = 2 FROM weir.sources WHERE status = 'connected'});
$kafka->put('old', [ [ 0, 1767225609000, undef, 9 ] ]);
values_are('since', '3 4 5 9', 'from a time on');
values_are('latest', '9', 'from the end on');
stop($_) foreach 'latest', 'since';
$kafka->put('old', [ [ 0, 1767225610000, undef, 10 ] ]);
start($_) foreach 'latest', 'since';
values_are('latest', '9 10', 'and only the first time');
values_are('since', '3 4 5 9 10', 'and only the first time');

# ---- what is committed for whoever watches ----

$node->wait_until(q{SELECT bool_and(status = 'connected') FROM weir.sources});
my %committed;
for (1 .. 100)
{
	%committed = $kafka->committed('weir.postgres.since', 'old');
	last if ($committed{0} // 0) == 7;
	$node->sql(q{SELECT weir.trigger_checkpoint('since')});
}
is($committed{0}, 7, 'offsets are committed for whoever watches');

# ---- what the topic does not hold any more ----

stop('since');
$kafka->put('old', [ map { [ 0, 1767225620000, undef, $_ ] } 11 .. 20 ]);
$kafka->forget('old', 0, 12);
eval { start('since') };
like(failure('since') . $node->sql(q{SELECT status_reason FROM weir.jobs WHERE name = 'since'}),
	qr/Up to 5 records of 1 partitions are missing: partition 0 is to go on at offset 7, and holds what begins at offset 12/,
	'records that are gone are an error, and counted');
start('since', ', allow_gap => true');
values_are('since', '3 4 5 9 10 16 17 18 19 20', 'which can be passed over');
stop($_) foreach 'since', 'latest';

# ---- a topic that was made anew ----

$kafka->create_topic('anew');
$kafka->put('anew', [ map { [ 0, 0, undef, $_ ] } 1 .. 3 ]);
create('anew', q{topic 'anew'});
start('anew');
values_are('anew', '1 2 3', 'a topic');
stop('anew');
$kafka->drop_topic('anew');
for (1 .. 100) { last if eval { $kafka->create_topic('anew'); 1 } }
$kafka->put('anew', [ map { [ 0, 0, undef, $_ ] } 11 .. 15 ]);
eval { start('anew') };
like(failure('anew'), qr/topic "anew" is not the one that stream public\.anew was read of/, 'that is made anew under its name');
start('anew', ', allow_gap => true');
values_are('anew', '1 2 3 11 12 13 14 15', 'can be read from its begin');
stop('anew');
$kafka->drop_topic('anew');
for (1 .. 100) { last if eval { $kafka->create_topic('anew'); 1 } }
$kafka->put('anew', [ [ 0, 0, undef, 21 ] ]);
eval { start('anew') };
like(failure('anew'), qr/ends at offset 1: it was deleted and made anew/, 'and so can one that is shorter');

$kafka->create_topic('fewer', 2);
$kafka->put('fewer', [ [ 1, 0, undef, 1 ] ]);
create('fewer', q{topic 'fewer'});
$node->sql(q{SELECT weir.set_restart_strategy('fewer', 'none')});
start('fewer');
values_are('fewer', '1', 'a topic of two partitions');
stop('fewer');
$kafka->drop_topic('fewer');
for (1 .. 100) { last if eval { $kafka->create_topic('fewer', 1); 1 } }
eval { start('fewer') };
like(failure('fewer') . $node->sql(q{SELECT status_reason FROM weir.jobs WHERE name = 'fewer'}),
	qr/Partition 1 is to go on at offset 1, and the topic has 1 partitions/, 'that has one is another');
$kafka->put('fewer', [ [ 0, 0, undef, 2 ] ]);
start('fewer', ', allow_gap => true');
values_are('fewer', '1 2', 'and can be read, too');
stop('fewer');

# ---- another topic ----

$kafka->create_topic('other');
$kafka->put('other', [ [ 0, 0, undef, 31 ] ]);
$node->sql(q{ALTER FOREIGN TABLE fewer OPTIONS (SET topic 'other')});
eval { start('fewer') };
like(failure('fewer'), qr/the job's position is not in topic "other"/, 'another topic has not the position');
start('fewer', ', fresh => true');
values_are('fewer', '1 2 31', 'and is begun afresh');
stop('fewer');
$kafka->put('other', [ [ 0, 0, undef, 32 ] ]);
start('fewer', ', fresh => true');
values_are('fewer', '1 2 31 32', 'while the same one goes on');
stop('fewer');

# ---- what was compacted ----

$kafka->create_topic('keys', 1, 'cleanup.policy=compact', 'segment.ms=300', 'min.cleanable.dirty.ratio=0.01', 'max.compaction.lag.ms=300');
$kafka->put('keys', [ map { [ 0, 0, 'k' . $_ % 2, $_ ] } 1 .. 10 ]);
create('compacted', q{topic 'keys'});
start('compacted');
values_are('compacted', join(' ', 1 .. 10), 'a topic that is compacted');
stop('compacted');
$kafka->put('keys', [ map { [ 0, 0, 'k' . $_ % 2, $_ ] } 11 .. 14 ]);
start('compacted');
values_are('compacted', join(' ', 1 .. 14), 'goes on');
stop('compacted');
for (1 .. 1000)
{
	$kafka->put('keys', [ map { [ 0, 0, "k$_", 20 + $_ ] } 0 .. 1 ]);
	last unless grep { $_ == 14 } $kafka->consume('keys');
}
ok(!(grep { $_ == 14 } $kafka->consume('keys')), 'the record that was read last is compacted away');
start('compacted');
$node->wait_until(q{SELECT bool_or(v = 20) AND bool_or(v = 21) FROM compacted_copy});
is($node->sql(q{SELECT count(*) - count(DISTINCT o) FROM compacted_copy}), 0, 'which is no other topic');

# ---- at most once ----

$kafka->create_topic('once', 2);
$kafka->put('once', [ map { [ $_ % 2, 0, undef, $_ ] } 1 .. 10 ]);
create('once', q{topic 'once'}, 'at_most_once');
start('once');
values_are('once', join(' ', 1 .. 10), 'at most once');
$node->sql(q{SELECT pg_terminate_backend(pid) FROM weir.tasks WHERE kind = 'source'});
$kafka->put('once', [ map { [ $_ % 2, 0, undef, $_ ] } 11 .. 14 ]);
values_are('once', join(' ', 1 .. 14), 'what was handed out does not come again');
stop('once');

# Two streams of a topic keep their offsets apart: each is handed out its part of what came while neither ran.
$kafka->create_topic('both');
$kafka->put('both', [ map { [ 0, 0, undef, $_ ] } 1 .. 4 ]);
create('first', q{topic 'both'}, 'at_most_once');
$node->sql(q{
	CREATE FOREIGN TABLE second (v int, p int OPTIONS (metadata 'partition'), o bigint OPTIONS (metadata 'offset'))
		SERVER kafka OPTIONS (format 'text', topic 'both');
	SELECT weir.drop_job('first');
	SELECT weir.create_job('first', 'INSERT INTO first_copy (v, p, o)
		SELECT v, p, o FROM first UNION ALL SELECT v + 100, p, o FROM second');
	SELECT weir.enable_checkpointing('first', mode => 'at_most_once', every => '100 ms')});
start('first');
values_are('first', '1 2 3 4 101 102 103 104', 'a topic that is read twice');
%committed = $kafka->committed('weir.postgres.first', 'both');
is($committed{0}, 4, 'has the offset of the first stream');
%committed = $kafka->committed('weir.postgres.first.2', 'both');
is($committed{0}, 4, 'and one of the second');
stop('first');

# ---- records of no bytes ----

$kafka->create_topic('beats');
$kafka->put('beats', [ map { [ 0, 0, undef, '' ] } 1 .. 20000 ]);
$kafka->put('beats', [ [ 0, 0, undef, 1 ] ]);
create('beats', q{topic 'beats', skip_empty 'on'});
start('beats');
values_are('beats', '1', 'many records of no bytes are passed over');
stop('beats');
start('beats');
$kafka->put('beats', [ [ 0, 0, undef, 2 ] ]);
values_are('beats', '1 2', 'and their place is kept');

done_testing();
