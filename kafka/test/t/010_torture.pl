# SIGKILL of one process of the server after the other and of the broker, at random
# moments while messages are produced: three jobs, which read the same topic of six
# partitions with one, two and three tasks, each have every message once, and the
# same counts and sums of each key as what was produced.
#
# KILLS, RESTARTS (of the broker), WEIR_LINES and SEED say how many, and which ones;
# "make torture-kafka" sets them.
use strict;
use warnings;

use IO::Handle;
use KafkaBroker;
use List::Util qw(min shuffle);
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(time usleep);
use Weir::Node;

my $kills = given('KILLS', 6);
my $restarts = given('RESTARTS', 1);
my $lines = given('WEIR_LINES', 30_000);
my $seed = given('SEED', 1);
my $partitions = 6;
my @parallelisms = (1 .. 3);
my $patience = 120;

sub given
{
	my ($name, $default) = @_;
	return length($ENV{$name} // '') ? $ENV{$name} : $default;
}

my $kafka = KafkaBroker->start;
my $node = Weir::Node->create('torture_kafka');
my $data = Weir::Node::random_lines($lines, 1_000, $seed);
my @messages = map { my ($key) = split / /; "-1\t0\t$key\t$_\n" } split /\n/, $data;
my $produced = 0;

# ---- the producer: what it was given is in the topic once, whatever becomes of the broker ----

$kafka->create_topic('readings', $partitions);
my $producer = $kafka->start_put('readings');

# Produces up to this message.
sub produce
{
	my ($to) = @_;

	return if $to <= $produced;
	print { $producer->{in} } @messages[ $produced .. $to - 1 ];
	$producer->{in}->flush;
	$produced = $to;
	return;
}

# ---- the jobs ----

$node->load_input($data);
$node->sql('CREATE EXTENSION weir_kafka');
$node->sql(sprintf(q{CREATE SERVER kafka FOREIGN DATA WRAPPER weir_kafka OPTIONS (brokers '%s', "reconnect.backoff.max.ms" '200')}, $kafka->brokers));
foreach my $n (@parallelisms)
{
	$node->sql(<<"SQL");
CREATE FOREIGN TABLE readings_$n (f0 bigint, f1 bigint, k text OPTIONS (metadata 'key'),
    p int OPTIONS (metadata 'partition'), o bigint OPTIONS (metadata 'offset'))
    SERVER kafka OPTIONS (topic 'readings', delimiter ' ', source_parallelism '$n');
CREATE TABLE totals_$n (f0 bigint PRIMARY KEY, n bigint, total numeric);
CREATE TABLE seen_$n (p int, o bigint, f0 bigint, f1 bigint, k text);
SELECT weir.create_job('job_$n', \$\$
    INSERT INTO totals_$n SELECT f0, count(*), sum(f1) FROM readings_$n GROUP BY f0
    ON CONFLICT (f0) DO UPDATE SET n = excluded.n, total = excluded.total;
    INSERT INTO seen_$n SELECT p, o, f0, f1, k FROM readings_$n
\$\$, parallelism => 2);
SELECT weir.enable_checkpointing('job_$n', every => '50 ms', fail_on_errors => false);
SELECT weir.set_restart_strategy('job_$n', 'fixed_delay', attempts => -1, delay => '20 ms');
SELECT weir.start_job('job_$n');
SQL
}

# The messages that all jobs have done with, as far as can be seen.
my $done = join(', ', map { "(SELECT sum(n) FROM totals_$_)" } @parallelisms);
$done = "SELECT coalesce(least($done), 0)";

sub ask
{
	my ($query) = @_;
	my ($status, $out) = eval { $node->psql('postgres', $query) };

	return defined $status && $status == 0 && $out ne '' ? $out : undef;
}

# Until all jobs have done with so many; false: in vain.
sub wait_done
{
	my ($n) = @_;
	my $deadline = time() + $patience;

	while (time() < $deadline)
	{
		return 1 if (ask($done) // -1) >= $n;
		usleep(20_000);
	}
	$node->diag_jobs($done);
	return 0;
}

# ---- who dies ----

# Of a job one that works, the coordinator or any task.
my $victim = q{SELECT task, pid FROM weir.tasks WHERE job = '%s' AND pid IS NOT NULL ORDER BY random() LIMIT 1};

sub kill_task
{
	my $job = 'job_' . $parallelisms[ rand @parallelisms ];
	my $deadline = time() + $patience;

	while (time() < $deadline)
	{
		my ($task, $pid) = split /\|/, ask(sprintf($victim, $job)) // '';

		return "$job $task" if $pid && kill('KILL', $pid);
		usleep(20_000);
	}
	return;
}

# Sometimes the broker is away for longer, sometimes the server dies meanwhile.
sub kill_broker
{
	$kafka->kill9;
	usleep(int(rand(2_000_000)));
	if (rand() < 0.5)
	{
		$node->kill9;
		$node->start;
	}
	$kafka->again;
	return 'broker';
}

sub kill_server
{
	$node->kill9;
	$node->start;
	return 'server';
}

# ---- the torture ----

srand($seed);
my $servers = int($kills / 3 + 0.5);
my @strikes = shuffle((\&kill_server) x $servers, (\&kill_task) x ($kills - $servers), (\&kill_broker) x $restarts);
my $failed = 0;
my %killed;
foreach my $i (1 .. @strikes)
{
	my $share = $lines / (@strikes + 1);
	my $target = int($share * $i);

	produce($target);
	wait_done(int($target - rand($share))) or $failed++;
	usleep(int(rand(100_000)));
	my $who = $strikes[ $i - 1 ]->();
	if (!defined $who) { $failed++; diag("kill $i: nobody to be killed"); next; }
	note("kill $i: $who");
	$killed{$who}++;
}
is($failed, 0, "the jobs came back from each of $kills kills and $restarts of the broker");

produce($lines);
close $producer->{in};
ok($producer->finish, 'all was produced');
ok(wait_done($lines), 'all jobs have done with all of it');

foreach my $n (@parallelisms)
{
	my $differ = "(SELECT count(*) FROM ((TABLE %1\$s EXCEPT ALL TABLE %2\$s) UNION ALL (TABLE %2\$s EXCEPT ALL TABLE %1\$s)) x)";

	$node->sql("SELECT weir.stop_job('job_$n')");
	is($node->sql('WITH batch AS (SELECT f0, count(*) AS n, sum(f1) AS total FROM input GROUP BY f0) SELECT '
			. sprintf($differ, "totals_$n", 'batch')), 0, "$n tasks: the totals of each key are those of what was produced");
	is($node->sql("WITH rows AS (SELECT f0, f1 FROM seen_$n), i AS (SELECT f0, f1 FROM input) SELECT "
			. sprintf($differ, 'rows', 'i')), 0, "$n tasks: each message once");
	is($node->sql("SELECT count(*) FROM (SELECT p, o FROM seen_$n GROUP BY p, o HAVING count(*) > 1) x"), 0,
		"$n tasks: none of an offset twice");
	is($node->sql("SELECT count(*) FROM seen_$n WHERE k IS DISTINCT FROM f0::text"), 0, "$n tasks: each with its own key");
}
is($node->sql('SELECT count(*) FROM pg_prepared_xacts'), '0', 'nothing is left prepared');
diag('killed: ' . join(', ', map { "$_ $killed{$_}" } sort keys %killed));

done_testing();
