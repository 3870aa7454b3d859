# Eight sessions that INSERT and COPY into a stream at once, roll back, go back to
# savepoints and prepare, while tasks and the server are killed: each committed row
# comes out once, in the order of its session, those rolled back never.
#
# KILLS and WEIR_LINES say how often and how many rows; "make torture-feed" sets them.
use strict;
use warnings;

use POSIX ();
use Test::More;
use Time::HiRes qw(time usleep);
use Weir::Node;

my $sessions = 8;
my $kills = $ENV{KILLS} || 3;
my $rows = $ENV{WEIR_LINES} || 40_000;
my $seed = $ENV{SEED} || 1;
my $copied = int($rows / 2);	# by COPY, the others by the sessions
my $each = int(($rows - $copied) / $sessions);

my $node = Weir::Node->create('feeds', "log_min_messages = log", 'max_wal_size = 4GB');

# What a writer commits is noted by its transaction.
$node->sql(q{
	CREATE FOREIGN TABLE feed (session int, n bigint, filler text) SERVER weir_feed OPTIONS (max_journal '4GB');
	CREATE TABLE committed (session int, n bigint);
	CREATE TABLE seen (at bigint GENERATED ALWAYS AS IDENTITY, session int, n bigint);
	SELECT weir.create_job('feeds', 'INSERT INTO seen (session, n) SELECT session, n FROM feed');
	SELECT weir.enable_checkpointing('feeds', every => '50 ms', fail_on_errors => false);
	SELECT weir.set_restart_strategy('feeds', 'fixed_delay', attempts => -1, delay => '10 ms');
	SELECT weir.start_job('feeds')});

# A statement that writes the rows from .. to.
sub insert
{
	my ($session, $from, $to) = @_;
	return "WITH r AS (INSERT INTO feed SELECT $session, i, repeat('x', i % 50) FROM generate_series($from, $to) i RETURNING session, n)"
	  . ' INSERT INTO committed SELECT * FROM r;';
}

sub copy
{
	my ($session, $from, $to) = @_;
	my $both = '';

	foreach my $target (['feed', "\tcopied"], ['committed', ''])
	{
		$both .= "COPY $target->[0] FROM STDIN;\n" . join('', map { "$session\t$_$target->[1]\n" } $from .. $to) . "\\.\n";
	}
	return $both;
}

# A transaction of up to 20 rows; the next number.
sub transaction
{
	my ($session, $n) = @_;
	my $count = 1 + int(rand(20));
	my $to = $n + $count - 1;
	my $kind = rand();
	my $sql = "BEGIN;\n";

	if ($kind < 0.1)    { $sql .= insert($session, -$to, -$n) . "\nROLLBACK;\n"; }
	elsif ($kind < 0.2) { $sql .= "SAVEPOINT s;\n" . insert($session, -$to, -$n) . "\nROLLBACK TO s;\n" . insert($session, $n, $to) . "\nCOMMIT;\n"; }
	elsif ($kind < 0.3) { $sql .= copy($session, $n, $to) . "COMMIT;\n"; }
	elsif ($kind < 0.35) { $sql .= insert($session, $n, $to) . "\nPREPARE TRANSACTION 'w$session';\nCOMMIT PREPARED 'w$session';\n"; }
	else                { $sql .= insert($session, $n, $to) . "\nCOMMIT;\n"; }
	return ($sql, $to + 1);
}

# What a psql that lost its server has left prepared is rolled back by its session.
sub play
{
	my ($session, $next, $until) = @_;

	while ($next < $until)
	{
		my $script = "SELECT format('ROLLBACK PREPARED %L', gid) FROM pg_prepared_xacts WHERE gid = 'w$session' \\gexec\n";
		my $sql;

		foreach (1 .. 20)
		{
			last if $next >= $until;
			($sql, $next) = transaction($session, $next);
			$script .= $sql;
		}
		open(my $psql, '|-', "psql -XqAt -d 'host=" . $node->host . ' port=' . $node->port . " dbname=postgres' -f - > /dev/null 2>&1") or die $!;
		print $psql $script;
		close $psql or usleep(50_000);
	}
	return;
}

# One COPY after the other, of many rows.
sub load
{
	my ($session, $rows) = @_;
	my $size = int($rows / 10) || 1;

	for (my $n = 1; $n <= $rows; $n += $size)
	{
		my $to = $n + $size - 1;

		open(my $psql, '|-', "psql -XqAt -d 'host=" . $node->host . ' port=' . $node->port . " dbname=postgres' -v ON_ERROR_STOP=1 -f - > /dev/null 2>&1") or die $!;
		print $psql "BEGIN;\n", copy($session, $n, $to), rand() < 0.2 ? "ROLLBACK;\n" : "COMMIT;\n";
		close $psql or usleep(50_000);
	}
	return;
}

sub start
{
	my ($work) = @_;
	my $pid = fork() // die "could not fork: $!";

	if ($pid == 0)
	{
		$SIG{PIPE} = 'IGNORE';
		srand($seed * 100 + $$ % 100);
		eval { $work->(); };
		POSIX::_exit(0);
	}
	return $pid;
}

my $began = time();
my @writers = ((map { my $s = $_; start(sub { play($s, 1, $each + 1) }) } 1 .. $sessions), start(sub { load(0, $copied) }));

srand($seed);
foreach my $kill (1 .. $kills)
{
	my $share = int($rows * $kill / ($kills + 2) / 2);

	$node->wait_until("SELECT count(*) > $share FROM seen");
	if ($kill % 3 == 1)
	{
		$node->kill9;
		$node->start;
	}
	elsif ($kill % 3 == 2)
	{
		$node->sql(q{SELECT pg_terminate_backend(pid) FROM weir.tasks WHERE kind = 'source'});
	}
	else
	{
		$node->sql(q{SELECT pg_terminate_backend(pid) FROM weir.tasks WHERE kind = 'coordinator'});
	}
	ok($node->wait_status('running', 'feeds'), "kill $kill: the job goes on");
}
waitpid($_, 0) foreach @writers;
note(sprintf('written after %.1f s', time() - $began));
$node->sql(q{SELECT pg_terminate_backend(pid) FROM weir.tasks WHERE kind = 'source'});
ok($node->wait_status('running', 'feeds'), 'the job goes on');
$node->wait_until(q{SELECT count(*) = 0 FROM pg_prepared_xacts WHERE gid ~ '^w\d'}, 't', 10)
  or $node->sql(join(';', map { "ROLLBACK PREPARED '$_'" } split /\n/, $node->sql(q{SELECT gid FROM pg_prepared_xacts WHERE gid ~ '^w\d'})));
ok($node->wait_until(q{SELECT status = 'running' AND (SELECT count(*) FROM weir.sources) = 1 FROM weir.jobs}), 'and reads');
$node->sql(q{SELECT weir.trigger_checkpoint('feeds')});

cmp_ok($node->sql('SELECT count(*) FROM committed'), '>', $rows / 3, 'most were committed');
is($node->sql(q{SELECT count(*) FROM (TABLE committed EXCEPT ALL SELECT session, n FROM seen) missing}), '0', 'each committed row is there');
is($node->sql(q{SELECT count(*) FROM (SELECT session, n FROM seen EXCEPT ALL TABLE committed) surplus}), '0', 'once, and no other');
is($node->sql(q{SELECT count(*) FROM (SELECT n, lag(n) OVER (PARTITION BY session ORDER BY at) AS before FROM seen) s WHERE n < before}),
	'0', 'in the order of each session');
is($node->sql(q{SELECT count(*) FROM pg_prepared_xacts}), '0', 'nothing is left prepared');
$node->stop('fast');
done_testing();
