# A stream that several tasks read together, from a source of another module: each record once
# over kills and other numbers of tasks, one position and one row of weir.sources for all.
use strict;
use warnings;

use File::Basename qw(dirname);
use File::Copy qw(copy);
use PostgreSQL::Test::Utils;
use Test::More;
use Weir::Node;

my $top = dirname(dirname($ENV{TESTDIR}));
my $build = PostgreSQL::Test::Utils::tempdir();
my $dir = PostgreSQL::Test::Utils::tempdir();

copy($_, $build) or die "could not copy $_: $!" foreach glob("$top/test/tap/data/fake_source/*");
system_or_bail('make', '-s', '-C', $build, "PG_CPPFLAGS=-I$top/src", 'PG_CONFIG=' . ($ENV{PG_CONFIG} || 'pg_config'));

my $node = Weir::Node->create('partitions');

my %written;

# Appends numbered lines to partitions in turn.
sub write_lines
{
	my ($n, @partitions) = @_;

	foreach my $i (1 .. $n)
	{
		my $p = $partitions[ $i % @partitions ];
		append_to_file("$dir/$p", ++$written{$p} . ' ' . $written{$p} / 10 . "\n");
	}
	return;
}

sub all_seen
{
	my $n = 0;
	$n += $_ foreach values %written;
	return $node->wait_until("SELECT count(*) = $n FROM seen");
}

my $once = q{SELECT count(*) - count(DISTINCT (p, n)) FROM seen};

$node->sql(<<"SQL");
CREATE FUNCTION fake_handler() RETURNS fdw_handler LANGUAGE c AS '$build/fake_source', 'weir_fake_handler';
CREATE FUNCTION fake_validator(text[], oid) RETURNS void LANGUAGE c AS '$build/fake_source', 'weir_fake_validator';
CREATE FOREIGN DATA WRAPPER fake HANDLER fake_handler VALIDATOR fake_validator;
CREATE SERVER files FOREIGN DATA WRAPPER fake OPTIONS (dir '$dir');
CREATE FOREIGN TABLE lines (p int, n int, at timestamptz OPTIONS (watermark '1 s')) SERVER files OPTIONS (source_parallelism '3');
CREATE TABLE seen (p int, n int);
SELECT weir.create_job('copy', 'INSERT INTO seen SELECT p, n FROM lines');
SELECT weir.enable_checkpointing('copy', every => '50 ms');
SELECT weir.set_restart_strategy('copy', 'fixed_delay', attempts => 1000, delay => '10 ms');
SQL
like($node->sql(q{SELECT weir.explain_job('copy')}), qr/Source lines  \(tasks=3\)/, 'several tasks read it');
write_lines(700, 0 .. 6);
$node->sql(q{SELECT weir.start_job('copy')});
ok(all_seen(), 'all partitions are read');
is($node->sql(q{SELECT string_agg(task, ',' ORDER BY task) FROM weir.tasks WHERE kind = 'source'}), 'source 0,source 1,source 2', 'by three tasks');
is($node->sql(q{SELECT count(*) || ' ' || min(status) || ' ' || sum(records) FROM weir.sources}), '1 connected 700', 'which are one source');
ok($node->wait_until(q{SELECT peer = '7 partitions' FROM weir.sources}), 'a checkpoint that completes has the position of all, and each task is told');
is($node->sql(q{SELECT count(*) FROM weir.stages WHERE kind = 'source' AND parallelism = 3}), '1', 'a stage of three tasks');

foreach my $round (1 .. 4)
{
	write_lines(500, 0 .. 6 + $round);
	$node->kill9;
	$node->start;
	write_lines(300, 0 .. 6 + $round);
	ok(all_seen(), "round $round: all records come after a kill of the server");
	is($node->sql($once), '0', "round $round: each once");
}

foreach my $tasks (1, 4, 2)
{
	write_lines(300, 0 .. 10);
	$node->sql("ALTER FOREIGN TABLE lines OPTIONS (SET source_parallelism '$tasks')");
	write_lines(300, 0 .. 10);
	ok($node->wait_until("SELECT count(*) = $tasks FROM weir.tasks WHERE kind = 'source'"), "goes on with $tasks tasks");
	ok(all_seen(), "$tasks tasks: all records come");
	is($node->sql($once), '0', "$tasks tasks: each once");
}

write_lines(100, 0 .. 6);
ok(all_seen(), 'more come');
$node->sql(q{SELECT weir.stop_job('copy', drain => true)});
is($node->sql(q{SELECT status || ': ' || status_reason FROM weir.jobs}), 'finished: drained by stop_job', 'a drain ends all tasks');
write_lines(100, 0 .. 6);
$node->sql(q{SELECT weir.start_job('copy')});
ok(all_seen(), 'a start after that goes on where they ended');
is($node->sql($once), '0', 'with each once');

# A job that begins at the end does so once, whatever becomes of its first attempts, as its owner.
$node->sql(q{CREATE ROLE rob LOGIN; GRANT CREATE ON SCHEMA public TO rob; GRANT USAGE ON FOREIGN SERVER files TO rob;
	SELECT weir.drop_job('copy'); TRUNCATE seen; GRANT INSERT ON seen TO rob});
$node->sql(<<'SQL');
SET SESSION AUTHORIZATION rob;
CREATE FOREIGN TABLE news (p int, n int, at timestamptz) SERVER files OPTIONS (source_parallelism '2', start 'latest');
SELECT weir.create_job('news', 'INSERT INTO seen SELECT p, n FROM news');
SELECT weir.enable_checkpointing('news', every => '1 hour');
SELECT weir.set_restart_strategy('news', 'fixed_delay', attempts => 1000, delay => '10 ms');
SELECT weir.start_job('news');
SQL
ok($node->wait_until(q{SELECT status = 'running' FROM weir.jobs}), 'a job begins at the end');
my %before = %written;
write_lines(50, 0 .. 12);
$node->kill9;
$node->start;
ok($node->wait_until(q{SELECT status = 'running' FROM weir.jobs}), 'and again where that was');
write_lines(50, 0 .. 12);
ok($node->wait_until(q{SELECT sum(records) = 100 FROM weir.sources}), 'reads what came since then');
$node->sql(q{SELECT weir.trigger_checkpoint('news')});
is($node->sql(q{SELECT count(*) FROM seen}), '100', 'all of it, and no more');
is(scalar(() = slurp_file($node->logfile) =~ /fake source begins as rob/g), 1, 'it was asked once, as the owner');

# What is said of a record names it as its source does: in the task that reads it, and in others.
sub failure
{
	my ($query, $line, $expected) = @_;
	my $before = all_lines();

	append_to_file("$dir/9", "$line\n");
	$node->sql("SELECT weir.create_job('fails', '$query'); SELECT weir.enable_checkpointing('fails', every => '50 ms');
		SELECT weir.set_restart_strategy('fails', 'none'); SELECT weir.start_job('fails')");
	ok($node->wait_until(q{SELECT status = 'failed' FROM weir.jobs WHERE name = 'fails'}), 'a record fails a job');
	like($node->sql(q{SELECT last_error FROM weir.jobs WHERE name = 'fails'}), $expected, 'whose error tells where it is');
	$node->sql(q{SELECT weir.drop_job('fails')});
	truncate "$dir/9", $before;
	return;
}

sub all_lines
{
	return -s "$dir/9";
}

my $next = $written{9} + 1;
$node->sql(q{SELECT weir.drop_job('news'); CREATE TABLE small (p int, n int CHECK (n < 1000000));
	CREATE FUNCTION one(int) RETURNS SETOF int LANGUAGE plpgsql AS $$BEGIN RETURN NEXT 1 / (1000000 - $1); END$$});
failure('INSERT INTO seen SELECT p, n FROM lines', '0 0', qr/task source \d, partition 9, number $next: this is no number/);
failure('INSERT INTO seen SELECT p, 1 / (1000000 - n) FROM lines', '1000000 0', qr/task sink 0, partition 9, number $next: division by zero/);
failure('INSERT INTO seen SELECT l.p, o FROM lines l JOIN LATERAL one(l.n) o ON weir.key_by(l.p)', '1000000 0',
	qr/task keyed 0, partition 9, number $next: division by zero/);

# Keyed state over the rows of several tasks, with barriers that overtake rows: what is on its way to the
# slow sink is kept, also where the next attempt has another number of tasks.
$node->sql(<<'SQL');
CREATE TABLE sums (p int, n bigint);
CREATE FUNCTION slow() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN PERFORM pg_sleep(0.002); RETURN new; END$$;
CREATE TRIGGER slow BEFORE INSERT ON sums FOR EACH ROW EXECUTE FUNCTION slow();
ALTER FOREIGN TABLE lines OPTIONS (SET source_parallelism '3');
SELECT weir.create_job('sums', 'INSERT INTO sums SELECT p, sum(n) FROM lines GROUP BY p, weir.count_window(1)', parallelism => 2);
SELECT weir.enable_checkpointing('sums', every => '50 ms', unaligned_after => '0', fail_on_errors => false);
SELECT weir.set_restart_strategy('sums', 'fixed_delay', attempts => -1, delay => '10 ms');
SELECT weir.start_job('sums');
SQL
my $holds = q{SELECT count(*) > 0 FROM weir_internal.in_flight f WHERE checkpoint = (SELECT max(checkpoint) FROM weir_internal.completed)};
foreach my $tasks (3, 2)
{
	ok($node->wait_until($holds), 'a checkpoint holds rows that its barrier passed');
	$node->kill9;
	$node->start;
	$node->sql("ALTER FOREIGN TABLE lines OPTIONS (SET source_parallelism '$tasks')");
	ok($node->wait_until("SELECT count(*) = $tasks FROM weir.tasks WHERE kind = 'source'"), "it goes on with $tasks tasks");
}
my $rows = join(' ', map { "$_=" . $written{$_} * ($written{$_} + 1) / 2 } sort { $a <=> $b } keys %written);
ok($node->wait_until(qq{SELECT string_agg(p || '=' || s, ' ' ORDER BY p) = '$rows' FROM (SELECT p, sum(n) AS s FROM sums GROUP BY p) t}), 'each row counts once');

$node->stop;
done_testing();
