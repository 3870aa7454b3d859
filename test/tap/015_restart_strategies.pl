# Restart strategies: how often a failing job comes back, what it says when it
# gives up, and that start_job takes it on from there.
use strict;
use warnings;

use PostgreSQL::Test::Utils;
use Test::More;
use Weir::Node;
use Weir::Sender;

my $node = Weir::Node->create('restart_strategies');
my $data = "1 10\n1 20\n2 30\n2 40\n3 50\n3 60\n";

# Job s3 of a database of its own, started, with the strategy.
sub begin
{
	my ($name, $sender, $strategy, %o) = @_;

	$node->use_database($name);
	$node->averaging_job(port => $sender->port, %o);
	$node->load_input($data);
	$node->sql("SELECT weir.set_restart_strategy('s3', $strategy)") if $strategy;
	$node->sql(q{SELECT weir.start_job('s3')});
	return;
}

sub restarts { return $node->sql('SELECT restarts FROM weir.jobs'); }

# Ends a task as an administrator might, and waits for the job's answer.
sub fail_task
{
	my ($kind) = @_;
	my $attempt = $node->sql('SELECT attempt FROM weir.jobs');

	$node->sql("SELECT count(pg_terminate_backend(pid)) FROM weir.tasks WHERE kind = '$kind'");
	return $node->wait_until(
		"SELECT status = 'failed' OR (status = 'running' AND attempt > $attempt) FROM weir.jobs");
}

# fixed_delay: attempts restarts, one line of the log each.
my $sender = Weir::Sender->new($data);

$sender->refuse;
begin('fixed', $sender, q{'fixed_delay', attempts => 3, delay => '200 ms'});
ok($node->wait_status('failed'), 'fixed_delay gives up');
is(restarts(), '3', 'after so many attempts');
like($node->sql('SELECT status_reason FROM weir.jobs'), qr/^restart strategy fixed_delay gave up: task source 0: /, 'and says so');
like($node->sql('SELECT last_error FROM weir.jobs'), qr/^task source 0: .*refused/s, 'last_error has the cause');
cmp_ok($node->sql('SELECT extract(epoch FROM clock_timestamp() - started_at) FROM weir.jobs'), '>=', 0.6, 'it waited between them');
my $log = slurp_file($node->logfile);
is(scalar(() = $log =~ /LOG: .*"s3" restarts in 0\.(?:200|1\d\d) s: task source 0: /g), 3, 'one line a restart');
cmp_ok(scalar(() = $log =~ /LOG:  .*job "s3"/g), '<=', 6, 'beside its start, its first run, and its failure');
is(scalar(() = $log =~ /ERROR:|exited with exit code/g), 0, 'nor of its tasks');
$sender->listen;
$sender->finish;
$node->sql(q{SELECT weir.start_job('s3')});
ok($node->wait_status('finished'), 'start_job takes it on');
is(restarts(), '0', 'restarts counts from start_job');
$node->is_exact('fixed_delay');

# none: the first failure ends it; last_error names task and record.
$sender = Weir::Sender->new($data);
begin('none', $sender, q{'none'},
	sink => 'CREATE TABLE averages (f0 bigint, average bigint CONSTRAINT low CHECK (average < 50));');
$sender->send_to(20);
ok($node->wait_until(q{SELECT count(*) = 2 FROM averages}), 'two windows are visible');
$sender->finish;
ok($node->wait_status('failed'), 'none gives up at once');
is(restarts(), '0', 'without a restart');
like($node->sql('SELECT last_error FROM weir.jobs'), qr/^task keyed \d, line 6: .*"low"/s, 'last_error has task, record and cause');
$node->sql('ALTER TABLE averages DROP CONSTRAINT low');
$node->sql(q{SELECT weir.start_job('s3')});
ok($node->wait_status('finished'), 'start_job takes it on');
$node->is_exact('none');

# The same record twice: no strategy goes on with it.
$sender = Weir::Sender->new($data);
begin('poison', $sender, q{'fixed_delay', attempts => -1, delay => '10 ms'},
	sink => 'CREATE TABLE averages (f0 bigint, average bigint CHECK (average < 50));');
$sender->finish;
ok($node->wait_status('failed'), 'a record that fails twice ends the job');
is(restarts(), '1', 'after one restart');
like($node->sql('SELECT last_error FROM weir.jobs'), qr/two attempts running/, 'and says why');

# failure_rate; and a restart of the server is no failure of the job.
$sender = Weir::Sender->new($data);
begin('rate', $sender, q{'failure_rate', max_failures => 2, within => '1 h', delay => '10 ms'});
ok($node->wait_status('running'), 'the job runs');
ok(fail_task('keyed'), 'a failure');
is($node->sql('SELECT status FROM weir.jobs'), 'running', 'failure_rate allows one');
foreach my $mode ('fast', 'immediate', 'fast')
{
	my $attempt = $node->sql('SELECT attempt FROM weir.jobs');
	$node->restart($mode);
	ok($node->wait_until("SELECT status = 'running' AND attempt > $attempt FROM weir.jobs"), "runs after a $mode restart of the server");
}
is(restarts(), '4', 'every restart is counted in weir.jobs');
fail_task('source');
fail_task('keyed');
is($node->sql('SELECT status FROM weir.jobs'), 'running', 'failure_rate allows two');
fail_task('source');
is($node->sql('SELECT status FROM weir.jobs'), 'failed', 'the third within the time is one too many');

# Set on a running job: from the next failure on.
$node->sql(q{SELECT weir.start_job('s3')});
ok($node->wait_status('running'), 'started again, it runs');
$node->sql(q{SELECT weir.set_restart_strategy('s3', 'fixed_delay', attempts => 1, delay => '10 ms')});
fail_task('keyed');
is($node->sql('SELECT status FROM weir.jobs'), 'running', 'the new strategy allows one');
$node->sql(q{SELECT weir.set_restart_strategy('s3', 'fixed_delay', attempts => 1, delay => '10 ms')});
$node->sql(q{SELECT weir.enable_checkpointing('s3', every => '50 ms')});
fail_task('keyed');
is($node->sql('SELECT status FROM weir.jobs'), 'failed', 'setting it again does not begin anew');

# The default: exponential_delay with checkpointing, none without.
$sender = Weir::Sender->new($data);
begin('by_default', $sender, undef);
ok($node->wait_status('running'), 'the job runs');
ok(fail_task('keyed'), 'a failure');
is($node->sql('SELECT status FROM weir.jobs'), 'running', 'with checkpointing it comes back');
$node->sql(q{SELECT weir.disable_checkpointing('s3')});
fail_task('keyed');
is($node->sql('SELECT status FROM weir.jobs'), 'failed', 'without it does not');

# A failing job waits; stop_job ends the wait.
$sender = Weir::Sender->new($data);
$sender->refuse;
begin('stopped', $sender, q{'fixed_delay', attempts => 5, delay => '1 h'});
ok($node->wait_status('restarting'), 'the job waits for its restart');
$node->sql(q{SELECT weir.stop_job('s3', cancel => true)});
is($node->sql('SELECT status FROM weir.jobs'), 'stopped', 'stop_job ends the wait');

done_testing();
