# SIGKILL of one process of the server after the other, at random moments of a
# stream that flows, with the reference sender of protocol 'resume': the output
# equals the batch query, and nothing is left prepared.
#
# KILLS, WEIR_LINES and SEED say how many kills, how many lines, which ones;
# "make torture" sets them.  Prints how long recovery took.
#
# With CLOCK=1 the server's clock is set back and forth all the time, by up to an
# hour: times to live of an hour must not notice, and no checkpoint may come
# later than LATE seconds, 2 by default, after there was something for it.
use strict;
use warnings;

use IO::Handle;
use List::Util qw(min);
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use POSIX qw(WNOHANG);
use Test::More;
use Time::HiRes qw(time usleep clock_gettime CLOCK_MONOTONIC);
use Weir::Clock;
use Weir::Node;

my $kills = $ENV{KILLS} || 10;
my $lines = $ENV{WEIR_LINES} || 200_000;
my $seed = $ENV{SEED} || 1;
my $patience = 120;
my $trickle = 1000;				# bytes a look

my $clock = $ENV{CLOCK} ? Weir::Clock->new : undef;
my $latest = $ENV{LATE} || 2;	# seconds
my $node = Weir::Node->create('torture', { clock => $clock });
my $data = Weir::Node::random_lines($lines, 10_000, $seed);
my $bytes = length $data;
my $port = PostgreSQL::Test::Cluster::get_free_port();
my %times = (server => [], process => []);
my %killed;
my $fed = 0;

# ---- the sender, in C, fed through its standard input ----

my $program = $node->basedir . '/sender';
system_or_bail($ENV{CC} || 'cc', '-O2', '-o', $program, "$ENV{top_builddir}/examples/resume/sender.c");
pipe(my $reads, my $feed) or die "pipe: $!";
my $sender = fork() // die "could not fork: $!";
if ($sender == 0)
{
	open(STDIN, '<&', $reads);
	close $feed;
	exec($program, $port) or POSIX::_exit(127);
}
close $reads;
$SIG{PIPE} = 'IGNORE';
$feed->blocking(0);

# Gives the sender what it takes, up to this offset.
sub feed
{
	my ($to) = @_;

	while ($fed < $to)
	{
		my $n = syswrite($feed, $data, $to - $fed, $fed);

		return unless $n;
		$fed += $n;
	}
	return;
}

# ---- the job ----

$node->averaging_job(
	port => $port, job => 'parallelism => 3',
	server => q{protocol 'resume', max_retries '-1', retry_delay '20 ms'},
	checkpointing => q{every => '20 ms', fail_on_errors => false});
$node->sql(q{SELECT weir.set_restart_strategy('s3', 'fixed_delay', attempts => -1, delay => '10 ms')});
$node->sql(q{SELECT weir.start_job('s3')});

# The query's one value; undef while the server does not answer.
sub ask
{
	my ($query) = @_;
	my ($status, $out) = eval { $node->psql('postgres', $query) };

	return defined $status && $status == 0 && $out ne '' ? $out : undef;
}

# Until the answer is at least n, while the stream flows up to this offset
# (without one: on and on, little by little).
sub wait_for
{
	my ($query, $n, $to) = @_;
	my $deadline = time() + $patience;

	while (time() < $deadline)
	{
		feed($to // min($fed + $trickle, $bytes));
		my $answer = ask($query);

		return 1 if defined $answer && $answer >= $n;
		usleep(10_000);
	}
	$node->diag_jobs($query);
	return 0;
}

# ---- who dies ----

my %victims = (
	coordinator => q{SELECT pid FROM weir.tasks WHERE kind = 'coordinator'},
	source => q{SELECT pid FROM weir.tasks WHERE kind = 'source'},
	(map { ("keyed $_" => "SELECT pid FROM weir.tasks WHERE task = 'keyed $_'") } 0 .. 2),
	checkpointer => q{SELECT pid FROM pg_stat_activity WHERE backend_type = 'checkpointer'},
	walwriter => q{SELECT pid FROM pg_stat_activity WHERE backend_type = 'walwriter'});
my @names = ('postmaster', sort keys %victims);

# Kills one; when the server was started, or that process killed.
sub strike
{
	my ($name) = @_;
	my $began;

	if ($name eq 'postmaster')
	{
		$node->kill9;
		$began = time();
		$node->start;
		return $began;
	}
	wait_for("SELECT count(*) FROM ($victims{$name}) p WHERE pid IS NOT NULL", 1) or return;
	my $pid = ask($victims{$name});
	return unless defined $pid && $pid =~ /^\d+$/ && kill('KILL', $pid);
	return time();
}

# Until a keyed task of a later attempt has processed a record.
sub recovered
{
	my ($attempt) = @_;
	return wait_for("SELECT coalesce(sum(records_in), 0) FROM weir.tasks WHERE kind = 'keyed' AND attempt > $attempt", 1);
}

sub median { my @t = sort { $a <=> $b } @_; return $t[$#t / 2]; }

sub report
{
	my ($what, @t) = @_;

	return note("$what: none") unless @t;
	@t = sort { $a <=> $b } @t;
	diag(sprintf('%s: first record after min %.2f s, median %.2f s, max %.2f s (%d times)',
		$what, $t[0], median(@t), $t[-1], scalar @t));
	return;
}

# ---- the clock, and who watches the checkpoints ----

my $watch = q{SELECT concat_ws(' ', status, attempt, coalesce(last_checkpoint, 0),
	(SELECT coalesce(sum(records_in), 0) FROM weir.tasks WHERE kind = 'keyed')) FROM weir.jobs};
my $watcher;

# How long rows of a running attempt wait for a checkpoint, at worst; sets the clock meanwhile.
sub watch
{
	my ($report) = @_;
	my ($since, $worst, $at, $rows, $steps) = (0, 0, '', 0, 0);
	my $step_at = 0;
	my $stop = 0;

	local $SIG{TERM} = sub { $stop = 1 };
	while (!$stop)
	{
		my $now = clock_gettime(CLOCK_MONOTONIC);
		my ($status, $attempt, $checkpoint, $records) = split ' ', ask($watch) // '';
		my $place = join(' ', map { $_ // '' } $status, $attempt, $checkpoint);

		if ($place ne $at || $status ne 'running') { ($at, $rows, $since) = ($place, $records, 0); }
		elsif ($records > $rows) { $since ||= $now; }
		$worst = $now - $since if $since && $now - $since > $worst;
		if ($now >= $step_at)
		{
			$clock->set(int(rand(3600)) - 1800);
			$step_at = $now + 0.2 + rand(2);
			$steps++;
		}
		usleep(20_000);
	}
	syswrite($report, sprintf('%.2f %d', $worst, $steps));
	return;
}

sub start_watching
{
	pipe(my $near, my $far) or die "pipe: $!";
	my $pid = fork() // die "could not fork: $!";

	if ($pid == 0)
	{
		close $near;
		close $feed;
		srand($seed);
		eval { watch($far); };
		POSIX::_exit(0);
	}
	close $far;
	return { pid => $pid, report => $near };
}

sub end_watching
{
	my ($worst, $steps);

	kill('TERM', $watcher->{pid});
	($worst, $steps) = split ' ', readline($watcher->{report}) // '';
	waitpid($watcher->{pid}, 0);
	$watcher = undef;
	cmp_ok($worst // 999, '<=', $latest, "no checkpoint was later than $latest s");
	diag("the latest checkpoint came after $worst s; the clock was set $steps times");
	return;
}

# ---- the torture ----

$node->load_input($data);
$watcher = start_watching() if $clock;
srand($seed);
my $failed = 0;
foreach my $i (1 .. $kills)
{
	my $share = ($bytes - $fed) / ($kills - $i + 2);
	my $target = int($fed + rand($share));
	my $name = $names[ rand @names ];
	my $in_recovery = rand() < 0.25;

	wait_for('SELECT coalesce(sum(bytes), 0) FROM weir.sources', $target, int($target + $share / 4)) or $failed++;
	usleep(int(rand(50_000)));
	my $attempt = ask('SELECT attempt FROM weir.jobs') // last;
	my $began = strike($name);
	if (!defined $began) { $failed++; diag("kill $i: no $name to be killed"); next; }
	$killed{$name}++;
	next if $in_recovery && $i < $kills;	# the next one dies while it recovers
	if (!recovered($attempt)) { $failed++; diag("kill $i ($name): no record after it"); next; }
	push @{ $times{ $name eq 'postmaster' ? 'server' : 'process' } }, time() - $began;
}
is($failed, 0, "the job came back from each of $kills kills");

my $deadline = time() + 10 * $patience;
my $done = 0;
while (!$done && time() < $deadline)
{
	feed($bytes);
	if ($fed == $bytes) { close $feed; $fed++; }
	$done = waitpid($sender, WNOHANG) == $sender;
	usleep(10_000);
}
ok($done, 'the sender has ended: all was acknowledged');
is($?, 0, 'in order');
end_watching() if $watcher;
$node->wait_status('running');
$node->sql(q{SELECT weir.stop_job('s3')});
$node->is_exact("$kills kills, $lines lines, seed $seed");
diag('killed: ' . join(', ', map { "$_ $killed{$_}" } sort keys %killed));
report('SIGKILL of the server, from its start', @{ $times{server} });
report('SIGKILL of a process', @{ $times{process} });

done_testing();

END
{
	local $?;
	kill('KILL', $sender) if $sender;
	kill('KILL', $watcher->{pid}) if $watcher;
}
