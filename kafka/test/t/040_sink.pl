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
my %committed = $kafka->committed($node->sql(q{SELECT concat_ws('.', 'weir-outbox', system_identifier, d.oid, j.id, 'public.held'::regclass::oid) FROM pg_control_system(), pg_database d, weir_internal.job j WHERE d.datname = current_database() AND j.name = 'held'}), 'held');
is($committed{0} > 20000, 1, 'and the last id with them');


# ---- what is told beside the value ----

my $about = q{k text OPTIONS (metadata 'key'), p int OPTIONS (metadata 'partition'), at timestamptz OPTIONS (metadata 'timestamp'),
	h jsonb OPTIONS (metadata 'headers'), id bigint, t text};
my $columns = 'k text, p int, at timestamptz, h jsonb, id bigint, t text';
begin('about', $about, feed => $columns, partitions => 3, table => q{format 'jsonl'});
$node->sql(<<'SQL');
INSERT INTO feed_about VALUES
 ('a', 2, '2020-01-01 00:00:00.5+00', '[{"key": "h", "value": "v"}, {"key": "h", "value": null}, {"key": "b", "bytes": "\\xfffe"}]', 1, 'x'),
 (NULL, 2, NULL, NULL, 2, NULL),
 ('', 2, NULL, '[]', 3, ''),
 ('gone', 2, NULL, NULL, NULL, NULL)
SQL
ok(complete('about'), 'key, partition, timestamp, headers');
my $now = time();
my @about = $kafka->consume('about', partition => 2, format => '%K|%k|%T|%h|%S|%s\n');
is($about[0], qq{1|a|1577836800500|h=v,h=NULL,b=\xff\xfe|16|{"id":1,"t":"x"}}, 'as they were given');
like($about[1], qr/^-1\|\|(\d+)\|\|17\|\{"id":2,"t":null\}$/, 'null is none');
my ($ms) = $about[1] =~ /^-1\|\|(\d+)/;
cmp_ok(abs($ms / 1000 - $now), '<', 60, 'and the time that of sending');
like($about[2], qr/^0\|\|\d+\|\|\d+\|\{"id":3,"t":""\}$/, 'empty is empty');
like($about[3], qr/^4\|gone\|\d+\|\|-1\|$/, 'columns that are all null make a tombstone');

# ... and what another job reads there.
$node->sql(<<"SQL");
CREATE TABLE back ($columns);
SELECT weir.create_job('back', 'INSERT INTO back SELECT k, p, at, h, id, t FROM about');
SELECT weir.start_job('back')
SQL
ok($node->wait_until('SELECT count(*) = 4 FROM back'), 'read back');
is($node->sql(q{SELECT h FROM back WHERE id = 1}), '[{"key": "h", "value": "v"}, {"key": "h", "value": null}, {"key": "b", "bytes": "\\\\xfffe"}]', 'headers');
is($node->sql(q{SELECT string_agg(concat_ws(',', k, p, id, t), ' ' ORDER BY id) FROM back}), 'a,2,1,x 2,2 ,2,3, gone,2', 'the same rows');
$node->sql(q{SELECT weir.stop_job('back')});

# ---- formats ----

my %formats = (
	text => ['id bigint, t text', q{format 'text', delimiter ';', null '-'}, "7;a\\nb"],
	latin => ['id bigint, t text', q{format 'csv', encoding 'LATIN1'}, "7,\"a\nb\""],
	line => ['t text', q{format 'line'}, "a\nb"],
	raw => ['t bytea', q{format 'raw'}, "a\nb"]);
foreach my $name (sort keys %formats)
{
	my ($columns, $table, $expected) = @{ $formats{$name} };

	begin($name, $columns, table => $table);
	$node->sql("INSERT INTO feed_$name (" . ($columns =~ /id/ ? "id, t) VALUES (7, E'a\\nb')" : "t) VALUES (E'a\\nb')"));
	ok(complete($name), "$name: sent");
	is(join("\n", $kafka->consume($name)), $expected, "$name: as the format has it");
	$node->sql("SELECT weir.stop_job('$name')");
}

# ---- what cannot be ----

like($node->sql_error(q{CREATE FOREIGN TABLE o (o bigint OPTIONS (metadata 'offset'), id bigint) SERVER k OPTIONS (topic 't', format 'csv');
	CREATE FOREIGN TABLE feed_o (o bigint, id bigint) SERVER weir_feed;
	SELECT weir.create_job('o', 'INSERT INTO o SELECT * FROM feed_o')}),
	qr/428C9: a job cannot insert into column "o" of "o".*DETAIL:  Its option "metadata" is "offset".*HINT:  Leave the column out/s, 'an offset is not given');

# Rows that no message can be are refused before they are committed.
$node->sql(q{CREATE SERVER small FOREIGN DATA WRAPPER weir_kafka OPTIONS (brokers '} . $kafka->brokers . q{', "message.max.bytes" '2000')});
begin('refused', $about, feed => $columns, server => 'small', stream => q{OPTIONS (on_error 'dead_letter')}, checkpointing => q{every => '50 ms'});
$node->sql(<<'SQL');
INSERT INTO feed_refused VALUES ('big', 0, NULL, NULL, 1, repeat('x', 3000)), ('minus', -1, NULL, NULL, 2, ''),
 ('old', 0, '1969-12-31', NULL, 3, ''), ('odd', 0, NULL, '{"a": 1}', 4, ''), ('good', 0, NULL, NULL, 5, '')
SQL
ok($node->wait_until(q{SELECT count(*) = 4 FROM weir.dead_letters}), 'rows that cannot be messages are dead letters');
is($node->sql(q{SELECT string_agg(sqlstate, ' ' ORDER BY sqlstate) FROM weir.dead_letters}), '22001 22003 22008 22023', 'each for its reason');
ok(complete('refused'), 'the others are sent');
is_deeply([ $kafka->consume('refused', format => '%k\n') ], ['good'], 'alone');

# What the broker refuses ends attempts, and after the second the job; nothing is lost.
sub is_refused
{
	my ($name, $row, $pattern, @settings) = @_;

	begin($name, $about, feed => $columns, checkpointing => q{every => '50 ms'}, settings => \@settings);
	$node->sql("SELECT weir.set_restart_strategy('$name', 'fixed_delay', attempts => -1, delay => '10 ms')");
	$node->sql("INSERT INTO feed_$name VALUES ('a', 0, NULL, NULL, 1, 'before'), $row, ('b', 0, now(), NULL, 3, 'behind')");
	ok($node->wait_status('failed', $name), "$name: the job fails");
	like($node->sql("SELECT last_error FROM weir.jobs WHERE name = '$name'"), $pattern, "$name: by the message");
	is($node->sql("SELECT restarts FROM weir.jobs WHERE name = '$name'"), '1', "$name: when it was refused twice");
	is_deeply([ $kafka->consume($name) ], [], "$name: nothing of its transaction is seen");
	is($node->sql(q{SELECT count(*) >= 3 FROM weir_internal.outbox}), 't', "$name: and all of it waits");
	return;
}

my $ahead = q{('ahead', 0, now() + interval '3 hours', NULL, 2, 'x')};
is_refused('ahead', $ahead, qr/message \d+ of the outbox cannot be sent to topic "ahead".*Its timestamp is 20.*HINT: Raise message.timestamp.after.max.ms/s);
$node->sql(q{SELECT weir.drop_job('ahead')});
is_refused('late', q{('late', 0, '2020-01-01', NULL, 2, 'x')}, qr/topic "late".*Its timestamp is 2020-01-01.*or message.timestamp.before.max.ms/s, 'message.timestamp.before.max.ms=86400000');
$node->sql(q{SELECT weir.drop_job('late')});
is_refused('large', q{('large', 0, NULL, NULL, 2, repeat('x', 1600))}, qr/cannot be sent to topic "large".*have 16\d\d bytes/s, 'max.message.bytes=1500');
$node->sql(q{SELECT weir.drop_job('large')});
is_refused('far', q{('far', 17, NULL, NULL, 2, 'x')}, qr/cannot be sent to topic "far".*Its partition is 17.*HINT: Add partitions/s);
$kafka->set_partitions('far', 18);
$node->sql(q{SELECT weir.start_job('far')});
ok($node->wait_until('SELECT count(*) = 0 FROM weir_internal.outbox'), 'far: once the topic has it, all is sent');
is(scalar($kafka->consume('far')), 3, 'far: once');

# A topic that is not there.
$node->sql(q{CREATE FOREIGN TABLE nowhere (id bigint) SERVER k OPTIONS (topic 'nowhere', format 'csv'); CREATE FOREIGN TABLE feed_nowhere (id bigint) SERVER weir_feed;
	SELECT weir.create_job('nowhere', 'INSERT INTO nowhere SELECT id FROM feed_nowhere');
	SELECT weir.enable_checkpointing('nowhere', every => '50 ms');
	SELECT weir.set_restart_strategy('nowhere', 'none');
	SELECT weir.start_job('nowhere'); INSERT INTO feed_nowhere VALUES (1)});
ok($node->wait_status('failed', 'nowhere'), 'without a topic the job fails');
like($node->sql(q{SELECT last_error FROM weir.jobs WHERE name = 'nowhere'}), qr/topic "nowhere" does not exist.*HINT: Create it/s, 'which is said');
$kafka->create_topic('nowhere');
$node->sql(q{SELECT weir.start_job('nowhere')});
ok($node->wait_until('SELECT count(*) = 0 FROM weir_internal.outbox'), 'once it is there, rows are sent');

# At least once, and without checkpoints.
begin('often', 'id bigint', checkpointing => q{every => '1 h', mode => 'at_least_once', sink_flush => '10 ms'});
$node->sql('INSERT INTO feed_often VALUES (1)');
ok($node->wait_until(q{SELECT sum(records_out) = 1 FROM weir.tasks WHERE job = 'often' AND kind = 'sink'}), 'at least once: a row');
ok($node->wait_until('SELECT count(*) = 0 FROM weir_internal.outbox'), 'waits for no checkpoint');
is_deeply([ $kafka->consume('often') ], ['1'], 'and is seen');

done_testing();
