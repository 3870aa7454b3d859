# Event time where a stream has partitions: each is in the order of time by itself, so that one
# that is far behind another one has no late records; by a column of the stream and by
# weir.watermark, over kills, with idle partitions and with those that come later.
use strict;
use warnings;

use File::Basename qw(dirname);
use File::Copy qw(copy);
use PostgreSQL::Test::Utils;
use Test::More;
use Weir::Node;

my $top = dirname(dirname($ENV{TESTDIR}));
my $build = PostgreSQL::Test::Utils::tempdir();

copy($_, $build) or die "could not copy $_: $!" foreach glob("$top/test/tap/data/fake_source/*");
system_or_bail('make', '-s', '-C', $build, "PG_CPPFLAGS=-I$top/src", 'PG_CONFIG=' . ($ENV{PG_CONFIG} || 'pg_config'));

my $node = Weir::Node->create('partition_time');
my $dir;

# Lines of a partition, a record each second.
sub write_seconds
{
	my ($p, $from, $to) = @_;
	append_to_file("$dir/$p", join('', map { "$_ $_\n" } $from .. $to));
	return;
}

sub watermark
{
	my ($second, $what) = @_;
	return ok($node->wait_until(qq{SELECT coalesce(extract(epoch FROM watermark - '2000-01-01Z')::int, -1) = $second FROM weir.sources}),
		"$node->{database}: $what: the watermark is $second s");
}

sub windows
{
	my ($expected, $what) = @_;
	return ok($node->wait_until("SELECT coalesce(string_agg(began || '=' || n, ' ' ORDER BY began), '') = '$expected' FROM windows"),
		"$node->{database}: $what: windows are $expected");
}

sub begin
{
	my ($name, $column, $time, $tasks) = @_;

	$dir = PostgreSQL::Test::Utils::tempdir();
	$node->use_database($name);
	$node->sql(<<"SQL");
CREATE FUNCTION fake_handler() RETURNS fdw_handler LANGUAGE c AS '$build/fake_source', 'weir_fake_handler';
CREATE FUNCTION fake_validator(text[], oid) RETURNS void LANGUAGE c AS '$build/fake_source', 'weir_fake_validator';
CREATE FOREIGN DATA WRAPPER fake HANDLER fake_handler VALIDATOR fake_validator;
CREATE SERVER files FOREIGN DATA WRAPPER fake OPTIONS (dir '$dir');
CREATE FOREIGN TABLE lines (p int, n int, at timestamptz $column) SERVER files OPTIONS (source_parallelism '$tasks', idle_timeout '500 ms');
CREATE TABLE windows (began int, n bigint);
SELECT weir.create_job('$name', 'INSERT INTO windows SELECT extract(epoch FROM lower(w) - timestamptz ''2000-01-01Z'')::int, count(*)
	FROM (SELECT p, $time AS ts FROM lines) l, LATERAL weir.tumble(ts, ''10 s'') w GROUP BY w');
SELECT weir.enable_checkpointing('$name', every => '50 ms');
SELECT weir.set_restart_strategy('$name', 'fixed_delay', attempts => 1000, delay => '10 ms');
SQL
	return;
}

foreach my $case ([ 'by_column', q{OPTIONS (watermark '1 s')}, 'at' ], [ 'by_query', '', q{weir.watermark(at, ''1 s'')} ])
{
	my ($name, $column, $time) = @$case;

	begin($name, $column, $time, 1);
	# never idle: the silent partition holds the other one back
	$node->sql(q{ALTER FOREIGN TABLE lines OPTIONS (SET idle_timeout '1 hour')});
	write_seconds(0, 1, 35);
	append_to_file("$dir/3", '');
	$node->sql("SELECT weir.start_job('$name')");
	ok($node->wait_until(q{SELECT records = 35 FROM weir.sources}), "$name: a partition is read, beside an empty one");
	watermark(-1, 'the empty one holds it back');
	write_seconds(3, 1, 12);
	windows('0=18', 'as far as the one that is behind');
	watermark(11, 'which it is');
	$node->sql("SELECT weir.trigger_checkpoint('$name')");
	$node->kill9;
	$node->start;
	watermark(11, 'after a kill');
	write_seconds(3, 13, 35);
	windows('0=18 10=20 20=20', 'each record in its window');
	write_seconds(5, 30, 31);
	ok($node->wait_until(q{SELECT peer = '3 partitions' FROM weir.sources}), "$name: a partition comes later");
	my $read = $node->sql(q{SELECT records + 20 FROM weir.sources});
	write_seconds(0, 36, 45);
	write_seconds(3, 36, 45);
	ok($node->wait_until(qq{SELECT records = $read FROM weir.sources}), "$name: the others go on");
	watermark(34, 'it holds them back, and sets nothing back');
	write_seconds(5, 36, 45);
	windows('0=18 10=20 20=20 30=26', 'it may bring what is not over');
	is($node->sql(q{SELECT sum(late_records) FROM weir.tasks}), '0', "$name: nothing was late");
	$node->sql("SELECT weir.stop_job('$name')");
}

foreach my $tasks (1, 2)
{
	begin("idle_$tasks", q{OPTIONS (watermark '1 s')}, 'at', $tasks);
	write_seconds(0, 1, 35);
	write_seconds(3, 1, 12);
	$node->sql("SELECT weir.start_job('idle_$tasks')");
	windows('0=18 10=13 20=10', 'all are over once both are idle');
	watermark(34, 'as far as the one that is ahead');
	$node->kill9;
	$node->start;
	watermark(34, 'after a kill');
	write_seconds(3, 36, 45);
	watermark(44, 'the one that goes on need not wait for the one that is idle');
	$node->sql("SELECT weir.stop_job('idle_$tasks')");
}

# A task that has no partition holds nobody back.
begin('spare', q{OPTIONS (watermark '1 s')}, 'at', 4);
$node->sql(q{ALTER FOREIGN TABLE lines OPTIONS (SET idle_timeout '0')});
write_seconds(0, 1, 35);
write_seconds(2, 1, 15);
$node->sql(q{SELECT weir.start_job('spare')});
windows('0=18', 'two of four tasks have a partition');
watermark(14, 'the lowest of two tasks');

$node->stop;
done_testing();
