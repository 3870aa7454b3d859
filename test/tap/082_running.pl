# Running aggregates into an upsert, through crashes of tasks and of the server and
# restarts at another parallelism, where the keyed tasks write and where one sink task
# does: each key's row is that of plain SQL over the same input.  WEIR_LINES sets the
# number of lines.
use strict;
use warnings;

use PostgreSQL::Test::Utils;
use Test::More;
use Weir::Node;
use Weir::Sender;

my $lines = $ENV{WEIR_LINES} || 20_000;
my $keys = 500;
my $node = Weir::Node->create('running');

# By arithmetic, by transition values, and of kept arguments; @ is the order of the records.
my %lists = (
	arithmetic => 'f0, count(*) AS n, sum(f1) AS total, max(f1) FILTER (WHERE f1 < 0) AS highest',
	every => q{f0, count(*) AS n, sum(f1::numeric / 7) AS total, string_agg(f1::text, ',' @) AS list});

my ($sender, $data);

sub begin
{
	my ($name, $kind, $ddl) = @_;
	my $list = $lists{$kind} =~ s/@//r;
	my ($set) = join(', ', map { "$_ = excluded.$_" } $list =~ /AS (\w+)/g);
	my $columns = join(', ', 'f0', $list =~ /AS (\w+)/g);

	$node->tend(undef);
	$data = Weir::Node::random_lines($lines, $keys, length $name);
	$sender = Weir::Sender->new($data, hold => 1);
	$node->use_database($name);
	$node->load_input($data);
	$node->averaging_job(port => $sender->port,
		sink => "CREATE TABLE sums AS SELECT $list FROM input GROUP BY f0 WITH NO DATA; ALTER TABLE sums ADD PRIMARY KEY (f0); $ddl",
		query => "INSERT INTO sums ($columns) SELECT $list FROM readings GROUP BY f0 ON CONFLICT (f0) DO UPDATE SET $set",
		checkpointing => "every => '20 ms', max_concurrent => 2, fail_on_errors => false");
	$node->sql(q{SELECT weir.start_job('s3')});
	$node->tend($sender);
	return;
}

# On to this share of the input.
sub reach
{
	my ($share) = @_;
	my $bytes = int($share * length $data);

	$sender->send_to($bytes + int(length($data) / 8));
	ok($node->wait_consumed($bytes), "reached $bytes bytes");
	return;
}

# A process that is killed takes the server with it: until the job's tasks are there again.
sub end_task
{
	my ($kind, $signal) = @_;
	my $query = "FROM weir.tasks WHERE kind = '$kind' AND pid IS NOT NULL";

	$node->wait_until("SELECT count(*) > 0 $query");
	my $pid = $node->sql("SELECT pid $query ORDER BY subtask LIMIT 1");
	$signal eq 'TERM' ? $node->sql("SELECT pg_terminate_backend($pid)") : kill('KILL', $pid);
	$node->wait_until("SELECT count(*) > 0 AND bool_and(pid <> $pid) $query");
	return;
}

sub rescale
{
	my ($parallelism) = @_;

	$node->sql(q{SELECT weir.stop_job('s3')});
	$node->sql("SELECT weir.alter_job('s3', parallelism => $parallelism)");
	$node->sql(q{SELECT weir.start_job('s3')});
	ok($node->wait_status('running'), "runs at parallelism $parallelism");
	return;
}

sub finish
{
	my ($name, $kind) = @_;
	my $list = $lists{$kind} =~ s/@/ORDER BY line/r;
	my $columns = join(', ', 'f0', $list =~ /AS (\w+)/g);

	$sender->finish;
	ok($node->wait_status('finished'), "$name: finished");
	my $seen = $node->sql(qq{
		WITH plain AS (SELECT $list FROM input GROUP BY f0)
		SELECT format('%s %s', (SELECT count(*) FROM sums), (SELECT count(*) FROM
			((SELECT $columns FROM sums EXCEPT ALL TABLE plain) UNION ALL (TABLE plain EXCEPT ALL SELECT $columns FROM sums)) d))});
	is($seen, "$keys 0", "$name: exactly the rows of plain SQL");
	is($node->sql('SELECT count(*) FROM pg_prepared_xacts'), '0', "$name: nothing is left prepared");
	return;
}

begin('in_keyed_tasks', 'every', '');
reach(1 / 6);
end_task('keyed', 'TERM');
reach(2 / 6);
rescale(3);
reach(3 / 6);
end_task('keyed', 'KILL');
reach(4 / 6);
rescale(1);
reach(5 / 6);
$node->kill9;
$node->start;
finish('in_keyed_tasks', 'every');

# a unique index without the key: rows of two tasks could meet in it
begin('in_one_task', 'arithmetic', 'ALTER TABLE sums ADD COLUMN other bigint UNIQUE;');
reach(1 / 4);
end_task('sink', 'TERM');
reach(2 / 4);
end_task('keyed', 'KILL');
reach(3 / 4);
rescale(3);
finish('in_one_task', 'arithmetic');

$node->stop;
done_testing();
