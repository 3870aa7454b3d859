# Dead letters are there once, whatever dies: records of every kind that cannot
# be processed between good ones, under load, at parallelism 1 and 2, with and
# without a sink task.
use strict;
use warnings;

use PostgreSQL::Test::Utils;
use Test::More;
use Weir::Node;
use Weir::Sender;

my $lines = $ENV{WEIR_LINES} || 30_000;
my $node = Weir::Node->create('dead_letters');
my $sender;
my $data;

# What is no number, what the query, the function and the sink choke on.
my @faults = ("x 1\n", "1 7777\n", "1 8888\n", "99999 5000\n99999 5000\n", "1 2 3\n", "\\.\n");

# Good lines with a fault behind every 50th: (all, the good ones, numbers of the
# lines that are to be letters).
sub mixed
{
	my ($seed) = @_;
	my ($all, $good, @bad) = ('', '');
	my $n = 0;

	foreach my $line (split /^/, Weir::Node::random_lines($lines, 1000, $seed))
	{
		$all .= $line;
		$good .= $line;
		next if ++$n % 50;
		my $fault = $faults[ $n / 50 % @faults ];
		$all .= $fault;
		push @bad, $all =~ tr/\n//;
	}
	return ($all, $good, @bad);
}

sub begin
{
	my ($name, $seed, %o) = @_;
	my $sink = $o{sink} // '';
	my ($all, $good, @bad) = mixed($seed);

	$node->tend(undef);
	$data = $all;
	$sender = Weir::Sender->new($data, hold => 1);
	$node->use_database($name);
	$node->load_input($good);
	$node->averaging_job(port => $sender->port, job => "parallelism => $o{parallelism}",
		checkpointing => q{every => '20 ms', max_concurrent => 2, fail_on_errors => false},
		sink => "CREATE TABLE averages (f0 bigint, average bigint CHECK (average <> 5000)); $sink",
		query => 'INSERT INTO averages SELECT a.* FROM readings r
			JOIN LATERAL count_window_average(r) a ON weir.key_by(r.f0) WHERE 1 / (r.f1 - 7777) IS NOT NULL');
	$node->sql(q{
		ALTER FOREIGN TABLE readings OPTIONS (ADD on_error 'dead_letter', ADD max_dead_letters '100000');
		ALTER FUNCTION count_window_average(readings) RENAME TO average;
		CREATE FUNCTION count_window_average(r readings) RETURNS TABLE (f0 bigint, average bigint)
		LANGUAGE plpgsql AS $$
		BEGIN
			RETURN QUERY SELECT * FROM average(r);
			IF r.f1 = 8888 THEN RAISE 'no % here', r.f1; END IF;
		END $$;
		UPDATE weir_internal.state SET function = 'public.count_window_average(public.readings)',
			function_oid = 'count_window_average(readings)'::regprocedure;
		CREATE TABLE bad (line bigint); }
		. 'INSERT INTO bad SELECT unnest(\'{' . join(',', @bad) . '}\'::bigint[])');
	$node->sql(q{SELECT weir.start_job('s3')});
	$sender->rate(int(length($data) / 3));
	$node->tend($sender);
	return;
}

sub reach
{
	my ($share) = @_;
	my $bytes = int($share * length $data);

	$sender->send_to($bytes + int(length($data) / 8));
	ok($node->wait_consumed($bytes), "reached $bytes bytes");
	return;
}

sub kill_task
{
	my ($kind) = @_;
	my $query = "FROM weir.tasks WHERE kind = '$kind' AND pid IS NOT NULL";

	$node->wait_until("SELECT count(*) > 0 $query");
	ok(kill('KILL', $node->sql("SELECT pid $query ORDER BY subtask LIMIT 1")), "killed the $kind");
	return;
}

sub finish
{
	my ($name) = @_;

	$sender->rate(0);
	$sender->finish;
	ok($node->wait_status('finished'), "$name: finished");
	$node->is_exact($name);
	is($node->sql(q{SELECT count(*) FROM (SELECT line_number FROM weir.dead_letters EXCEPT ALL TABLE bad) x}), '0',
		"$name: no letter too many");
	is($node->sql(q{SELECT count(*) FROM (TABLE bad EXCEPT ALL SELECT line_number FROM weir.dead_letters) x}), '0',
		"$name: no letter too few");
	is($node->sql(q{SELECT string_agg(DISTINCT sqlstate, ' ') FROM weir.dead_letters}), '22012 22P02 22P04 23514 P0001',
		"$name: of every kind");
	is($node->sql(q{SELECT count(*) FROM weir.dead_letters d WHERE raw IS NULL OR checkpoint_id IS NULL}), '0',
		"$name: each with its bytes and its checkpoint");
	return;
}

foreach my $parallelism (1, 2)
{
	my $name = "server_$parallelism";

	begin($name, $parallelism, parallelism => $parallelism);
	foreach my $i (1 .. 3)
	{
		reach($i / 5);
		$node->kill9;
		$node->start;
	}
	finish($name);
}

begin('sink_task', 7, parallelism => 2,
	sink => 'CREATE FUNCTION passes() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NEW; END $$;
		CREATE TRIGGER passes BEFORE INSERT ON averages FOR EACH ROW EXECUTE FUNCTION passes();');
reach(1 / 5);
kill_task('sink');
reach(2 / 5);
kill_task('keyed');
reach(3 / 5);
$node->kill9;
$node->start;
finish('sink_task');

# weir.sources counts them over attempts, while the job runs.
$sender = Weir::Sender->new("1 1\nx\n1 3\ny\n");
$node->use_database('counted');
$node->averaging_job(port => $sender->port);
$node->sql(q{ALTER FOREIGN TABLE readings OPTIONS (ADD on_error 'dead_letter'); SELECT weir.start_job('s3')});
$sender->send_to(6);
ok($node->wait_until('SELECT dead_letters = 1 FROM weir.sources'), 'a dead letter is counted');
ok($node->wait_until('SELECT count(*) = 1 FROM weir.dead_letters'), 'and visible with its checkpoint');
$node->kill9;
$node->start;
ok($node->wait_until('SELECT dead_letters = 1 FROM weir.sources'), 'it still counts in the next attempt');
ok($node->wait_status('running'), 'which runs');
$sender->finish;
ok($node->wait_status('finished'), 'finished');
is($node->sql('SELECT string_agg(line_number::text, \' \' ORDER BY 1) FROM weir.dead_letters'), '2 4', 'both letters');

done_testing();
