# A job whose process crashes the server is failed after a few times in a row,
# whatever its strategy; jobs beside it are not, nor is one that comes to a
# checkpoint between, and nobody for a kill of the postmaster.
use strict;
use warnings;

use PostgreSQL::Test::Utils;
use Test::More;
use Weir::Node;
use Weir::Sender;

my $node = Weir::Node->create('server_crash');
my $data = "1 10\n1 20\n2 30\n2 40\n3 50\n3 60\n";
my ($sender, $from);

# A job whose keyed function ends its own process as the table says, at value 13.
sub begin
{
	my ($name, $signal, $strategy, %o) = @_;

	$sender = Weir::Sender->new("1 1\n1 13\n1 3\n");
	$node->use_database($name);
	$node->averaging_job(port => $sender->port, job => 'parallelism => 1', server => q{max_retries '-1', retry_delay '50 ms'}, %o);
	$node->sql(qq{
		CREATE OR REPLACE FUNCTION count_window_average(r readings) RETURNS TABLE (f0 bigint, average bigint)
		LANGUAGE plpgsql AS \$\$
		BEGIN
			IF r.f1 = 13 THEN
				-- not before the journal has it: it must be met again
				WHILE journal_end() < 11 AND (SELECT checkpointing FROM weir_internal.job) LOOP PERFORM pg_sleep(0.01); END LOOP;
				COPY (SELECT 1) TO PROGRAM 'kill -$signal \$PPID';
			END IF;
			RETURN QUERY SELECT r.f0, r.f1;
		END \$\$;
		SELECT weir.set_restart_strategy('s3', $strategy)});
	$from = -s $node->logfile;
	$node->sql(q{SELECT weir.start_job('s3')});
	$sender->send_to(11);
	return;
}

sub crashes
{
	my ($signal) = @_;
	return scalar(() = slurp_file($node->logfile, $from) =~ /background worker "weir task" \(PID \d+\) was terminated by signal $signal/g);
}

# Two that only stand beside: one without checkpoints, one that has nothing to do.
my @beside = map { Weir::Sender->new($data) } 1 .. 2;

foreach my $i (0, 1)
{
	$node->use_database("beside_$i");
	$node->averaging_job(port => $beside[$i]->port, job => 'parallelism => 1', server => q{max_retries '-1', retry_delay '50 ms'},
		$i ? () : (checkpointing => ''));
	$node->sql(q{SELECT weir.start_job('s3')});
	ok($node->wait_status('running'), "job $i beside runs");
}

my $forever = q{'fixed_delay', attempts => -1, delay => '10 ms'};
my $hourly = q{every => '1 h'};

# A fault in the function; the strategy alone would go on for ever.
begin('segfault', 'SEGV', $forever, checkpointing => $hourly);
ok($node->wait_status('failed'), 'a job that crashes the server again and again is failed');
is(crashes(11), 3, 'after three crashes');
like($node->sql('SELECT status_reason FROM weir.jobs'),
	qr/^the job's process "keyed 0" crashed and took the server with it, for the third time in a row without a completed checkpoint between$/,
	'and says which process it was');
like($node->sql('SELECT last_error FROM weir.jobs'), qr/HINT: The server's log/, 'and where to look');
is($node->sql('SELECT restarts FROM weir.jobs'), '2', 'each was a restart');
$node->restart('fast');
ok($node->wait_status('failed'), 'it stays so over a restart of the server');
$from = -s $node->logfile;
$node->sql(q{SELECT weir.start_job('s3')});
ok($node->wait_status('failed'), 'start_job tries again');
is(crashes(11), 3, 'and counts from the beginning');

# Killed from outside, as when the memory is used up.
begin('killed', 'KILL', $forever, checkpointing => $hourly);
ok($node->wait_status('failed'), 'so is one whose process is killed');
is(crashes(9), 3, 'after three times');

# Strategies count it as a failure of the job.
begin('none', 'ABRT', q{'none'}, checkpointing => $hourly);
ok($node->wait_status('failed'), 'none');
is(crashes(6), 1, 'means the first crash');
like($node->sql('SELECT status_reason FROM weir.jobs'), qr/^the job's process "keyed 0" crashed and took the server with it$/, 'with the reason');
begin('fixed', 'SEGV', q{'fixed_delay', attempts => 1, delay => '10 ms'}, checkpointing => $hourly);
ok($node->wait_status('failed'), 'fixed_delay');
is(crashes(11), 2, 'counts crashes over ends of the server');
like($node->sql('SELECT status_reason FROM weir.jobs'), qr/^restart strategy fixed_delay gave up: the job's process/, 'with the reason');

# Without checkpoints the default strategy is none.
begin('without', 'SEGV', q{'none'}, checkpointing => '');
ok($node->wait_status('failed'), 'a job without checkpoints');
is(crashes(11), 1, 'is failed at once');

# The postmaster leaves after a crash, and is started by somebody else.
$node->append_conf('postgresql.conf', 'restart_after_crash = off');
$node->reload;
begin('started_anew', 'SEGV', q{'none'}, checkpointing => $hourly);
$node->wait_death;
$node->start;
ok($node->wait_status('failed'), 'the crash is remembered by a server that is started anew');
like($node->sql('SELECT status_reason FROM weir.jobs'), qr/"keyed 0" crashed/, 'and whose it was');
$node->append_conf('postgresql.conf', 'restart_after_crash = on');
$node->restart;

foreach my $i (0, 1)
{
	$node->{database} = "beside_$i";
	ok($node->wait_status('running'), "job $i beside runs still");
	is($node->sql('SELECT last_error IS NULL FROM weir.jobs'), 't', 'and was never blamed');
}

# Killed by hand again and again, with a checkpoint between: it goes on. Idle, it
# takes one when its process was the one that crashed.
foreach my $task ('keyed', 'source', 'coordinator', 'keyed')
{
	my $checkpoint = $node->sql(q{SELECT coalesce(last_checkpoint, 0) FROM weir.jobs});

	$node->wait_until(q{SELECT count(pid) = 3 FROM weir.tasks});
	kill('KILL', $node->sql("SELECT pid FROM weir.tasks WHERE kind = '$task'"));
	ok($node->wait_until("SELECT status = 'running' AND last_checkpoint > $checkpoint FROM weir.jobs"), "$task killed: it comes to a checkpoint");
}
$node->wait_status('running');

# The postmaster's end is nobody's fault.
my $attempt = $node->sql('SELECT attempt FROM weir.jobs');
foreach my $i (1 .. 6)
{
	$node->kill9;
	$node->start;
	ok($node->wait_until("SELECT status = 'running' AND attempt > $attempt FROM weir.jobs"), "postmaster killed, $i");
	$attempt = $node->sql('SELECT attempt FROM weir.jobs');
}

# Everything at once, before the first record: in the end that counts, too.
sub kill_everything
{
	my @pids = split /\n/, $node->safe_psql('postgres', q{SELECT pid FROM pg_stat_activity});

	kill('STOP', $node->{_pid});
	kill('KILL', @pids, $node->{_pid});
	$node->wait_death;
	$node->start;
	return;
}

$node->use_database('hourly');
$sender = Weir::Sender->new($data);
$node->averaging_job(port => $sender->port, job => 'parallelism => 1', server => q{max_retries '-1'}, checkpointing => $hourly);
$node->sql(q{SELECT weir.start_job('s3')});
ok($node->wait_status('running'), 'a job without a checkpoint runs');
foreach my $i (1 .. 5)
{
	my $checkpoint = $node->safe_psql('beside_1', 'SELECT last_checkpoint FROM weir.jobs');

	kill_everything();
	next unless $i < 5;
	ok($node->wait_status('running'), "everything killed, $i: it runs");
	$node->{database} = 'beside_1';
	ok($node->wait_until("SELECT last_checkpoint > $checkpoint FROM weir.jobs"), "everything killed, $i: the other comes to a checkpoint");
	$node->{database} = 'hourly';
}
ok($node->wait_status('failed'), 'in the end it is failed');
like($node->sql('SELECT status_reason FROM weir.jobs'), qr/^the server was killed 5 times in a row while the job ran/, 'with the reason');
$node->{database} = 'beside_1';
ok($node->wait_status('running'), 'but not one that came to its checkpoints');

done_testing();
