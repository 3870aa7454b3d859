# A job of many parts under SIGKILL: a union of streams of different rates into a
# chain of two keyed steps, with a stateless one between, and into a second output
# that reads the same records; lines that cannot be decoded, and some that one of the
# two SELECTs cannot do with.  The server, or one process of it, is killed at random
# moments: what is written equals the batch query, each record at fault is one dead
# letter, and nothing is left prepared.
#
# SOURCES, PARALLELISM, KILLS, WEIR_LINES and SEED say how many streams, keyed tasks
# and kills, how many lines of the fastest stream, which ones; with SERVER=1 it is
# always the server that dies; with TOGETHER=1 one task writes for both outputs, and
# barriers overtake rows, else the keyed tasks write.  "make torture-shapes" sets them.
use strict;
use warnings;

use List::Util qw(shuffle);
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(time usleep);
use Weir::Node;
use Weir::Sender;

my $sources = $ENV{SOURCES} || 2;
my $parallelism = $ENV{PARALLELISM} || 2;
my $kills = $ENV{KILLS} || 2;
my $most = $ENV{WEIR_LINES} || 20_000;
my $seed = $ENV{SEED} || 1;
my $server_only = $ENV{SERVER};
my $together = $ENV{TOGETHER} ? 1 : 0;
my $overtake = $together ? "'0'" : 'NULL';
my $window = 4;
my $groups = 7;
my $seconds = $kills * ($server_only ? 3 : 1.5);	# that the fastest stream takes

my $node = Weir::Node->create('shapes', 'max_worker_processes = 32', 'max_prepared_transactions = 32');
my @streams = map { "s$_" } 1 .. $sources;
my (%sender, %size);
my @recoveries;

# Of each key a number that windows divide, in a random order; now and then a line at fault.
sub lines_of
{
	my ($n) = @_;
	my $keys = int($most / 40);
	my @keys = shuffle(map { (int($_ / $window)) % $keys } 0 .. $n - $n % $window - 1);
	my $at = 0;

	return map {
		my @lines = ("$_ " . (1 + int rand 1000));
		$at++;
		push @lines, "$_ 0" if $at % 97 == 0;
		push @lines, "no $at" if $at % 131 == 0;
		@lines;
	} @keys;
}

# Streams with their senders, and what comes of each in a table.
sub begin
{
	my ($name, $n) = @_;
	my @lines = lines_of($n);
	my $data = join('', map { "$_\n" } @lines);
	my $file = $node->basedir . "/$name";
	my $line = 0;

	$size{$name} = length $data;
	$sender{$name} = Weir::Sender->new($data, resume => 1, identity => $name);
	open(my $out, '>', $file) or die "could not write $file: $!";
	foreach (@lines)
	{
		my ($k, $v) = split / /;

		print $out join("\t", $name, ++$line, $k eq 'no' ? '\N' : $k, $v), "\n";
	}
	close $out;
	$node->sql(qq{
		CREATE SERVER $name FOREIGN DATA WRAPPER weir_socket OPTIONS (host '127.0.0.1', port '@{[ $sender{$name}->port ]}',
			protocol 'resume', max_retries '-1', retry_delay '20 ms');
		CREATE FOREIGN TABLE $name (k bigint, v bigint) SERVER $name
			OPTIONS (delimiter ' ', on_error 'dead_letter', max_dead_letters '1000000');
		\\copy input from '$file'
		});
	return;
}

sub query
{
	my $group = $together ? 'g.grp' : "s.k % $groups";
	my $union = join(' UNION ALL ', map { "SELECT k, v FROM $_" } @streams);

	return qq{
		INSERT INTO sums SELECT $group, g.n, g.total FROM (
				SELECT c.k, c.n FROM ($union) u JOIN LATERAL count_key(u.k, u.v) c ON weir.key_by(u.k)
			) s JOIN LATERAL add_group(s.k % $groups, s.n * 2) g ON weir.key_by(s.k % $groups)
			WHERE s.n % 3 <> 0
			ON CONFLICT (grp) DO UPDATE SET n = excluded.n, total = excluded.total;
		INSERT INTO windows SELECT k, count(*), sum(v) FROM ($union) u WHERE 1000 / v > 0 GROUP BY k, weir.count_window($window)};
}

# Records that nobody refuses, and what the batch query makes of them.
my %batch = (
	sums => qq{SELECT k % $groups AS grp, count(*) AS n, sum(2 * n)::bigint AS total
		FROM (SELECT k, row_number() OVER (PARTITION BY k) AS n FROM input WHERE k IS NOT NULL AND v <> 0) c
		WHERE n % 3 <> 0 GROUP BY 1},
	windows => q{SELECT k, count(*) AS n, sum(v)::bigint AS total FROM input WHERE k IS NOT NULL AND v <> 0 GROUP BY 1},
	letters => q{SELECT stream, line FROM input WHERE k IS NULL OR v = 0});
my %written = (
	sums => 'SELECT grp, n, total FROM sums',
	windows => 'SELECT k, sum(n)::bigint AS n, sum(total)::bigint AS total FROM windows GROUP BY k',
	letters => q{SELECT split_part(stream, '.', 2), line_number FROM weir.dead_letters});

# "rows, rows that differ" of one of these.
sub compare
{
	my ($what) = @_;
	return qq{WITH batch AS ($batch{$what}), written AS ($written{$what})
		SELECT format('%s %s', (SELECT count(*) FROM batch),
			(SELECT count(*) FROM (TABLE batch EXCEPT ALL TABLE written) x) +
			(SELECT count(*) FROM (TABLE written EXCEPT ALL TABLE batch) x))};
}

# The query's one value; undef while the server does not answer.
sub ask
{
	my ($query) = @_;
	my ($status, $out) = eval { $node->psql('postgres', $query) };

	return defined $status && $status == 0 && $out ne '' ? $out : undef;
}

my %victims = (
	coordinator => q{kind = 'coordinator'},
	(map { ($_ => "task = '$_'") } 'source 0', 'keyed 0', 'keyed ' . (3 * $parallelism - 1)));
my @names = $server_only ? ('server') : ('server', sort keys %victims);

sub strike
{
	my ($name) = @_;

	if ($name eq 'server')
	{
		$node->kill9;
		my $began = time();
		$node->start;
		return $began;
	}
	$node->wait_until("SELECT count(pid) FROM weir.tasks WHERE $victims{$name}", '1') or return;
	my $pid = ask("SELECT pid FROM weir.tasks WHERE $victims{$name}") // return;
	return kill('KILL', $pid) && time();
}

# From a moment till records of a later attempt have been worked off.
sub recovered
{
	my ($attempt) = @_;
	return $node->wait_until("SELECT coalesce(sum(records_in), 0) > 0 FROM weir.tasks WHERE kind = 'keyed' AND attempt > $attempt");
}

srand($seed);
$node->sql(q{
	CREATE TABLE input (stream text, line bigint, k bigint, v bigint);
	CREATE TABLE sums (grp bigint PRIMARY KEY, n bigint, total bigint);
	CREATE TABLE windows (k bigint, n bigint, total bigint);
	CREATE FUNCTION count_key(INOUT k bigint, v bigint, OUT n bigint) LANGUAGE plpgsql AS $$
	BEGIN
		n := weir.state_value('n', 0::bigint) + 1;
		PERFORM weir.state_update('n', n);
	END $$;
	CREATE FUNCTION add_group(INOUT grp bigint, v bigint, OUT n bigint, OUT total bigint) LANGUAGE plpgsql AS $$
	BEGIN
		n := weir.state_value('n', 0::bigint) + 1;
		total := weir.state_value('total', 0::bigint) + v;
		PERFORM weir.state_update('n', n), weir.state_update('total', total);
	END $$;
	SELECT weir.create_value_state('count_key(bigint, bigint)', 'n', 'bigint', default_value => '0');
	SELECT weir.create_value_state('add_group(bigint, bigint)', 'n', 'bigint', default_value => '0');
	SELECT weir.create_value_state('add_group(bigint, bigint)', 'total', 'bigint', default_value => '0')});
begin($streams[$_], $most / ($_ + 1)) foreach 0 .. $#streams;
$node->sql(qq{
	SELECT weir.create_job('s3', \$q\$@{[ query() ]}\$q\$, parallelism => $parallelism);
	SELECT weir.enable_checkpointing('s3', every => '20 ms', unaligned_after => $overtake, max_concurrent => 2,
		fail_on_errors => false);
	SELECT weir.set_restart_strategy('s3', 'fixed_delay', attempts => -1, delay => '10 ms');
	SELECT weir.start_job('s3')});
ok($node->wait_status('running'), 'the job runs');
is($node->sql('SELECT count(*) FROM weir.tasks'), 1 + $sources + 3 * $parallelism + $together, 'as many tasks as its stages say');

# Each stream may go on up to this share of it: something is left for after every kill.
sub go_on
{
	my ($share) = @_;

	$sender{$_}->send_to(int($size{$_} * $share)) foreach @streams;
	return;
}

$sender{ $streams[$_] }->rate(int($size{ $streams[$_] } / $seconds * (1 + $_ % 3))) foreach 0 .. $#streams;
my $failed = 0;
foreach my $i (1 .. $kills)
{
	my $name = $names[ ($i + $seed - 2) % @names ];
	my $again = $i % 5 == 0;	# the next one dies while it recovers

	go_on($i / ($kills + 2));
	usleep(int(rand(2e6 * $seconds / ($kills + 2))));
	my $attempt = ask('SELECT attempt FROM weir.jobs') // 0;
	my $began = strike($name);
	if (!$began) { $failed++; diag("kill $i: no $name to be killed"); next; }
	go_on(($i + 1) / ($kills + 2));
	next if $again && $i < $kills;
	if (!recovered($attempt)) { $failed++; diag("kill $i ($name): no record after it"); next; }
	push @recoveries, time() - $began if $name eq 'server';
}
go_on(1);
is($failed, 0, "the job came back from each of $kills kills");
ok($node->wait_until(compare($_) . q{ ~ '^[1-9]\d* 0$'}), "$_: all is there") foreach sort keys %batch;
$node->sql(q{SELECT weir.stop_job('s3')});
foreach my $what (sort keys %batch)
{
	my $rows = $node->sql("SELECT count(*) FROM ($batch{$what}) b");

	is($node->sql(compare($what)), "$rows 0", "$what: exactly the batch query's");
	note("$what: $rows");
}
is($node->sql('SELECT count(*) FROM pg_prepared_xacts'), '0', 'nothing is left prepared');
@recoveries = sort { $a <=> $b } @recoveries;
diag(sprintf('%d lines of %d streams, %d kills; first record after the start of a killed server: min %.2f s, median %.2f s, max %.2f s',
	$node->sql('SELECT count(*) FROM input'), $sources, $kills, @recoveries[ 0, @recoveries / 2, -1 ])) if @recoveries;
$node->stop('fast');
done_testing();
