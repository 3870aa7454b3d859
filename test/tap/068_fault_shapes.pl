# Jobs of many shapes: two sources into one keyed step, two keyed steps in a row by
# different keys, both, and several outputs, by the keyed tasks or together in one.  While their streams run, tasks, coordinator and server are killed at
# points of a checkpoint, the parallelism changes, and the order of the sources;
# what they have written in the end is what the batch query says.
use strict;
use warnings;

use PostgreSQL::Test::Utils;
use Test::More;
use Weir::Node;
use Weir::Sender;

my $keys = 30;
my $lines = $keys * 5;					# of a part, of a source: of each key as many
my $window = 5;							# divides what a key and a group of keys gets in a part
my $groups = 3;

my $node = Weir::Node->create('shapes', 'max_worker_processes = 32', 'max_prepared_transactions = 32');
my %sender;
my %bytes;

# Lines "key value": every key equally often, in a random order.
sub part
{
	my @keys = map { $_ % $keys } 0 .. $lines - 1;

	foreach my $i (reverse 1 .. $#keys)
	{
		my $j = int rand($i + 1);
		@keys[ $i, $j ] = @keys[ $j, $i ];
	}
	return map { [ $_, int rand 1000 ] } @keys;
}

# Streams a and b with their senders, and a table of what has come of each.
sub begin
{
	my ($database) = @_;

	$node->tend(undef);
	$node->use_database($database);
	srand(1);
	foreach my $name (qw(a b))
	{
		$sender{$name} = Weir::Sender->new('', resume => 1, identity => "$database-$name");
		$bytes{$name} = 0;
		$node->sql(qq{
			CREATE TABLE ${name}_input (line bigserial, f0 bigint, f1 bigint);
			CREATE SERVER $name FOREIGN DATA WRAPPER weir_socket OPTIONS (host '127.0.0.1', port '@{[$sender{$name}->port]}',
				protocol 'resume', max_retries '-1', retry_delay '20 ms');
			CREATE FOREIGN TABLE $name (f0 bigint, f1 bigint) SERVER $name OPTIONS (delimiter ' ')});
	}
	$node->sql(qq{
		CREATE TABLE sums (k bigint, n bigint, total bigint);
		CREATE TABLE unused (k bigint, total bigint);
		CREATE TABLE copies (k bigint, v bigint);
		CREATE FUNCTION add_up(f0 bigint, v bigint, OUT g bigint, OUT total bigint)
		LANGUAGE plpgsql AS \$\$
		BEGIN
			PERFORM weir.state_update('total', weir.state_value('total', 0::bigint) + v);
			g := f0 % $groups;
			total := weir.state_value('total', 0::bigint);
		END \$\$;
		SELECT weir.create_value_state('add_up(bigint, bigint)', 'total', 'bigint', default_value => '0')});
	return;
}

# Lines to come of these streams, in their tables already: the server may be gone
# as soon as a fault is armed.
sub prepare
{
	my (@names) = @_;
	my %text;

	foreach my $name (@names)
	{
		my @rows = part();

		$text{$name} = join('', map { "$_->[0] $_->[1]\n" } @rows);
		$node->sql("INSERT INTO ${name}_input (f0, f1) VALUES " . join(', ', map { "($_->[0], $_->[1])" } @rows));
	}
	return \%text;
}

sub send_lines
{
	my ($text) = @_;

	foreach my $name (sort keys %$text)
	{
		$sender{$name}->append($text->{$name});
		$sender{$name}->send_to($bytes{$name} += length $text->{$name});
	}
	return;
}

my $both = '(SELECT * FROM %s UNION ALL SELECT * FROM %s) i';
my $summed = "SELECT f0, count(*), sum(f1) FROM %s GROUP BY f0, weir.count_window($window)";
my $summed_of_both = sprintf($summed, $both);
my $added = 'SELECT a.g, a.total FROM %s r JOIN LATERAL add_up(r.f0, r.f1) a ON weir.key_by(r.f0)';
my $counted = "SELECT a.g, a.total FROM $both JOIN LATERAL add_up(i.f0, 1) a ON weir.key_by(i.f0)";
my $behind = "SELECT g, count(*), sum(total) FROM (%s) s GROUP BY g, weir.count_window($window)";
my $upsert = 'ON CONFLICT (k) DO UPDATE SET n = sums.n + excluded.n, total = sums.total + excluded.total';

sub same
{
	my ($one, $other) = @_;
	return "NOT EXISTS (($one) EXCEPT ALL ($other)) AND NOT EXISTS (($other) EXCEPT ALL ($one))";
}

# Of each shape its query (of the sources in this order), what it reads, and what the windows add up to.
my %shape = (
	union => {
		query => sub { sprintf("INSERT INTO sums $summed_of_both", @_) },
		reads => [qw(a b)],
		batch => 'SELECT f0 AS k, sum(f1) AS total, count(*) AS n FROM (TABLE a_input UNION ALL TABLE b_input) i GROUP BY f0'
	},
	chain => {
		query => sub { sprintf('INSERT INTO sums ' . sprintf($behind, $added), @_) },
		reads => ['a'],
		state => 'SELECT sum(f1) FROM a_input',
		batch => qq{SELECT f0 % $groups AS k, sum(total) AS total, count(*) AS n
			FROM (SELECT f0, sum(f1) OVER (PARTITION BY f0 ORDER BY line) AS total FROM a_input) i GROUP BY 1}
	},
	both => {
		query => sub { sprintf('INSERT INTO sums ' . sprintf($behind, $counted) . " $upsert", @_) },
		reads => [qw(a b)],
		sink => 'ALTER TABLE sums ADD CONSTRAINT sums_total_check CHECK (total > 0), ADD PRIMARY KEY (k)',
		state => 'SELECT count(*) FROM (TABLE a_input UNION ALL TABLE b_input) i',
		batch => qq{SELECT f0 % $groups AS k, sum(n * (n + 1) / 2) AS total, sum(n) AS n
			FROM (SELECT f0, count(*) AS n FROM (TABLE a_input UNION ALL TABLE b_input) u GROUP BY f0) i GROUP BY 1}
	},
	outputs => {
		query => sub { sprintf("INSERT INTO sums $summed; INSERT INTO unused $added", $_[0], $_[0]) },
		reads => ['a'],
		state => 'SELECT sum(f1) FROM a_input',
		batch => 'SELECT f0 AS k, sum(f1) AS total, count(*) AS n FROM a_input GROUP BY f0',
		also => same('TABLE unused', "SELECT f0 % $groups, sum(f1) OVER (PARTITION BY f0 ORDER BY line) FROM a_input")
	},
	outputs_together => {
		query => sub { sprintf("INSERT INTO sums $summed_of_both; INSERT INTO copies SELECT * FROM a", @_) },
		reads => [qw(a b)],
		batch => 'SELECT f0 AS k, sum(f1) AS total, count(*) AS n FROM (TABLE a_input UNION ALL TABLE b_input) i GROUP BY f0',
		also => same('TABLE copies', 'SELECT f0, f1 FROM a_input')
	});

sub exact
{
	my ($shape) = @_;
	my $also = $shape{$shape}{also} // 'true';
	return qq{
		WITH batch AS ($shape{$shape}{batch}), result AS (SELECT k, sum(total) AS total, sum(n) AS n FROM sums GROUP BY k)
		SELECT EXISTS (TABLE batch) AND NOT EXISTS (TABLE batch EXCEPT TABLE result) AND NOT EXISTS (TABLE result EXCEPT TABLE batch)
			AND $also AND NOT EXISTS (SELECT FROM pg_prepared_xacts)};
}

# An error or the end of a process at a point of a checkpoint or a restart, while lines come.
sub break_at
{
	my ($shape, $what, $faults, $point, $kind) = @_;
	my $from = -s $node->logfile;
	my $text = prepare(@{ $shape{$shape}{reads} });

	$node->arm($faults);
	send_lines($text);
	ok($node->wait_fired($point, $from), "$what: fires");
	if ($kind eq 'crash')
	{
		$node->wait_death;
		$node->start;
	}
	ok($node->wait_until(exact($shape)), "$what: exact");
	$node->arm('');
	return;
}

sub run
{
	my ($name, $parallelism) = @_;
	my $shape = $shape{$name};
	my @reads = @{ $shape->{reads} };

	begin("${name}_$parallelism");
	$node->sql($shape->{sink}) if $shape->{sink};
	$node->sql(qq{
		SELECT weir.create_job('s3', \$q\$@{[ $shape->{query}->(@reads) ]}\$q\$, parallelism => $parallelism);
		SELECT weir.enable_checkpointing('s3', every => '20 ms', max_concurrent => 2, fail_on_errors => false);
		SELECT weir.set_restart_strategy('s3', 'fixed_delay', attempts => -1, delay => '10 ms');
		SELECT weir.start_job('s3')});
	ok($node->wait_status('running'), "$name, $parallelism: the job runs");
	send_lines(prepare(@reads));
	ok($node->wait_until(exact($name)), "$name, $parallelism: exact");

	foreach my $fault (qw(after_chunk:error:1 before_vote:kill:3 before_prepare:error:1 after_prepare:kill:1
		after_decision:error:1 before_commit_prepared:crash:1))
	{
		break_at($name, "$name, $parallelism, $fault", $fault, split(/:/, $fault));
	}
	break_at($name, "$name, $parallelism, while state is loaded", 'after_decision:error:1, after_load:error:1', 'after_load', 'error');
	foreach my $kind (qw(source keyed coordinator))
	{
		my $text = prepare(@reads);
		my $pid = $node->sql("SELECT pid FROM weir.tasks WHERE kind = '$kind' ORDER BY task DESC LIMIT 1");

		send_lines($text);
		kill('KILL', $pid);
		ok($node->wait_until(exact($name)), "$name, $parallelism, SIGKILL of a process ($kind): exact");
	}

	# at another parallelism, the sources in another order; then of one source alone
	my $again = $shape->{query}->(reverse @reads);
	my $other = $parallelism % 3 + 1;
	$node->sql("SELECT weir.alter_job('s3', query => \$q\$$again\$q\$, parallelism => $other, restart => true)");
	send_lines(prepare(@reads));
	ok($node->wait_until(exact($name)), "$name, $parallelism to $other: exact");
	send_lines(prepare($reads[-1]));
	ok($node->wait_until(exact($name)), "$name, $other: exact of one source alone");
	$node->sql(q{SELECT weir.stop_job('s3')});
	is($node->sql(q{SELECT sum((value::jsonb)::bigint) FROM weir.state('s3') WHERE state = 'total'}),
		$node->sql($shape->{state}), "$name, $other: weir.state shows the step by its state") if $shape->{state};
	return;
}

run('union', $_) foreach 1, 2;
run('chain', $_) foreach 2, 3;
run('both', $_) foreach 1, 3;
run('outputs', 2);
run('outputs_together', 2);
$node->stop('fast');
done_testing();
