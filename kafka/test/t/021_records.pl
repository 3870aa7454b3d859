# What becomes of messages: formats, metadata, tombstones, what cannot be decoded, transactions.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/../lib", "$FindBin::RealBin/../../../test/tap/lib";

use KafkaBroker;
use Test::More;
use Weir::Node;

my $kafka = KafkaBroker->start;
my $node = Weir::Node->create('kafka');

$node->sql(qq{
	SET client_min_messages = warning;
	CREATE EXTENSION weir_kafka;
	CREATE SERVER kafka FOREIGN DATA WRAPPER weir_kafka OPTIONS (brokers '@{[ $kafka->brokers ]}')});

# A job that copies a stream of these columns, from a topic of its name, into a table; with checkpoints.
sub copy
{
	my ($name, $columns, $options, $table_columns) = @_;

	($table_columns = $columns) =~ s/ OPTIONS \([^)]*\)//g;
	$node->sql(qq{
		CREATE FOREIGN TABLE $name ($columns) SERVER kafka OPTIONS (topic '$name', $options);
		CREATE TABLE ${name}_copy ($table_columns);
		SELECT weir.create_job('$name', 'INSERT INTO ${name}_copy SELECT * FROM $name');
		SELECT weir.enable_checkpointing('$name', every => '100 ms');
		SELECT weir.set_restart_strategy('$name', 'none');
		SELECT weir.start_job('$name')});
	return;
}

sub rows
{
	my ($name, $n, $list, $order) = @_;

	$node->wait_until("SELECT count(*) >= $n FROM ${name}_copy");
	return $node->sql("SELECT $list FROM ${name}_copy ORDER BY $order");
}

# ---- what is known of a message beside its value ----

$kafka->create_topic('about', 2, 'retention.ms=-1');
$kafka->put('about', [
	[ 0, 1000, 'k1', 'a', 'trace=7', 'trace=8', 'none=\N' ],
	[ 1, 2500, undef, 'b' ],
	[ 0, 1767225600123, "k\x{e9}", 'c', "raw=\x{ff}" ] ]);
copy('about', q{v text, k bytea OPTIONS (metadata 'key'), p int OPTIONS (metadata 'partition'),
	o bigint OPTIONS (metadata 'offset'), t timestamptz OPTIONS (metadata 'timestamp'),
	h jsonb OPTIONS (metadata 'headers'), l bigint OPTIONS (metadata 'line_number'), s text OPTIONS (metadata 'stream')},
	q{format 'line'});
is(rows('about', 3, q{v, k, p, o, t AT TIME ZONE 'UTC', h, l, s}, 'v'), join("\n",
		'a|\x6b31|0|0|1970-01-01 00:00:01|[{"key": "trace", "value": "7"}, {"key": "trace", "value": "8"}, {"key": "none", "value": null}]|1|public.about',
		'b||1|0|1970-01-01 00:00:02.5||1000000000001|public.about',
		'c|\x6be9|0|1|2026-01-01 00:00:00.123|[{"key": "raw", "bytes": "\\\\xff"}]|2|public.about'),
	'key, partition, offset, timestamp, headers, line, stream');

# ---- formats, and values that are NULL ----

$kafka->create_topic('texts');
$kafka->put('texts', [ [ 0, 0, 'a', '1' ], [ 0, 0, 'b', undef ], [ 0, 0, 'c', '3' ] ]);
copy('texts', q{v int, k text OPTIONS (metadata 'key')}, q{format 'text'});
is(rows('texts', 3, q{k, v}, 'k'), "a|1\nb|\nc|3", 'text: a value that is NULL leaves the columns null');

$kafka->create_topic('csvs');
$kafka->produce('csvs', [ '1,"x;y"', '2,', '3,z' ]);
$kafka->put('csvs', [ [ 0, 0, undef, undef ] ]);
copy('csvs', q{v int, w text}, q{format 'csv'});
is(rows('csvs', 4, q{v, w, w IS NULL}, 'v'), "1|x;y|f\n2||t\n3|z|f\n||t", 'csv');

$kafka->create_topic('jsons');
$kafka->put('jsons', [ [ 0, 0, 'a', '{"v": 1, "w": {"x": [1, 2]}}' ], [ 0, 0, 'b', undef ], [ 0, 0, 'c', '{"w": null}' ] ]);
copy('jsons', q{v int, w jsonb, k text OPTIONS (metadata 'key')}, q{format 'jsonl'});
is(rows('jsons', 3, q{k, v, w}, 'k'), qq{a|1|{"x": [1, 2]}\nb||\nc||}, 'jsonl');

$kafka->create_topic('raws');
$kafka->put('raws', [ [ 0, 0, undef, "\x{ff}\\000x" ], [ 0, 0, undef, '' ], [ 0, 0, undef, undef ] ]);
copy('raws', q{v bytea, o bigint OPTIONS (metadata 'offset')}, q{format 'raw'});
is(rows('raws', 3, q{o, v}, 'o'), "0|\\xff5c30303078\n1|\\x\n2|", 'raw: byte for byte, and NULL is not empty');

# ---- what cannot be decoded ----

$kafka->create_topic('bad', 2);
$kafka->put('bad', [ [ 0, 0, undef, '1' ], [ 1, 0, undef, 'x' ], [ 1, 0, undef, '2' ], [ 1, 0, undef, undef ] ]);
copy('bad', q{v int NOT NULL}, q{format 'text', on_error 'dead_letter'});
is(rows('bad', 2, 'v', 'v'), "1\n2", 'records that cannot be decoded are put aside');
$node->wait_until(q{SELECT count(*) = 2 FROM weir.dead_letters});
like($node->sql(q{SELECT line_number, error FROM weir.dead_letters WHERE error ~ 'integer'}),
	qr/^1000000000001\|.*invalid input syntax for type integer: "x"/s, 'with why');
like($node->sql(q{SELECT error FROM weir.dead_letters WHERE error ~ 'null'}), qr/The record has no value/, 'as one without a value is');
$kafka->create_topic('worse', 4);
$kafka->put('worse', [ [ 3, 0, undef, '1' ], [ 3, 0, undef, 'x' ] ]);
copy('worse', q{v int}, q{format 'text'});
$node->wait_until(q{SELECT status = 'failed' FROM weir.jobs WHERE name = 'worse'});
like($node->sql(q{SELECT last_error FROM weir.jobs WHERE name = 'worse'}), qr{line 3000000000002|partition 3, offset 1}, 'an error says where the record is');

# ---- transactions ----

$kafka->create_topic('committed');
copy('committed', q{v int, o bigint OPTIONS (metadata 'offset')}, q{format 'text'});
$kafka->put('committed', [ map { [ 0, 0, undef, $_ ] } 1 .. 3 ], transaction => 'a');
$kafka->put('committed', [ map { [ 0, 0, undef, $_ ] } 4 .. 6 ], transaction => 'a', end => 'abort');
$kafka->put('committed', [ [ 0, 0, undef, 7 ] ], transaction => 'a');
is(rows('committed', 4, 'v', 'o'), "1\n2\n3\n7", 'what was aborted is not read');
$kafka->put('committed', [ [ 0, 0, undef, 8 ] ], transaction => 'a', end => 'abort');
my ($end) = map { $_->[1] } $kafka->ends('committed');
$node->sql(q{SELECT weir.stop_job('committed'); SELECT weir.start_job('committed')});
$kafka->put('committed', [ [ 0, 0, undef, 9 ] ]);
is(rows('committed', 5, 'v', 'o'), "1\n2\n3\n7\n9", 'a restart behind marks of transactions');

# ---- a checkpoint that is asked for covers what was there ----

$kafka->create_topic('covered', 3);
copy('covered', q{v int}, q{format 'text', source_parallelism '2'});
$node->sql(q{SELECT weir.enable_checkpointing('covered', every => '1 day')});
my $before = 0;
foreach my $round (1 .. 5)
{
	$kafka->put('covered', [ map { [ $_ % 3, 0, undef, $_ ] } 1 .. 200 ]);
	$kafka->put('covered', [ [ $round % 3, 0, undef, 1 ] ], transaction => 'b', end => 'abort');
	$node->sql(q{SELECT weir.trigger_checkpoint('covered')});
	$before = $node->sql('SELECT count(*) FROM covered_copy') - 200 * $round || $before;
}
is($before, 0, 'a checkpoint that is asked for covers what was there, marks of transactions or not');

done_testing();
