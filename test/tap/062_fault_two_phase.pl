# The two-phase commit, broken at its seams (scenarios 24 to 26 and 26c), and a
# COMMIT PREPARED that fails: what is decided is committed in the end, nothing
# is told or trimmed before, and what somebody resolved by hand is said so.
use strict;
use warnings;

use IPC::Run qw(start finish);
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(usleep);
use Weir::Node;
use Weir::Sender;

my $node = Weir::Node->create('two_phase');
my $first = join('', map { "$_ 10\n$_ 20\n" } 1 .. 8);
my $second = join('', map { "$_ 30\n$_ 50\n" } 1 .. 8);
my $sender;

# A job that has read and worked off the first half, in an open epoch, at parallelism 2.
sub begin
{
	my ($name, %o) = @_;

	$node->tend(undef);
	$sender = Weir::Sender->new($first . $second, hold => 1);
	$node->use_database($name);
	$node->load_input($first . $second);
	$node->averaging_job(port => $sender->port, checkpointing => q{every => '1 h'}, %o);
	$node->sql(q{SELECT weir.set_restart_strategy('s3', 'fixed_delay', attempts => -1, delay => '10 ms')});
	$node->sql(q{SELECT weir.start_job('s3')});
	$node->tend($sender);
	$sender->send_to(length $first);
	ok($node->wait_until(q{SELECT sum(records_in) = 16 FROM weir.tasks WHERE kind = 'keyed'}), "$name: records flow");
	return;
}

# Both halves end up visible, once.
sub end
{
	my ($name) = @_;

	$sender->finish;
	ok($node->wait_status('finished'), "$name: finished");
	$node->is_exact($name);
	return;
}

sub in_background
{
	my ($sql) = @_;
	return start([ 'psql', '-XAtq', '-d', $node->connstr($node->{database}), '-c', $sql ], '>', \my $out, '2>', \my $err);
}

sub rows { return $node->sql('SELECT count(*) FROM averages'); }
sub prepared { return $node->sql('SELECT count(*) FROM pg_prepared_xacts'); }
sub armed { my ($what) = @_; return $node->wait_until('SHOW weir.fault', $what); }

# An attempt was broken off here; the database is seen as the crash left it,
# since only the fault after it lets the recovery go on.
sub broken_at
{
	my ($scenario, $name, $point, $left, $visible) = @_;

	begin($name);
	$node->arm("$point, before_resolve:hold:1");
	my $asked = in_background(q{SELECT weir.trigger_checkpoint('s3')});
	ok(armed('held'), "$scenario: recovery has come");
	is(prepared(), $left, "$scenario: $left prepared");
	is(rows(), $visible, "$scenario: $visible rows are visible");
	$node->arm('');
	finish($asked);
	end($scenario);
	return;
}

broken_at('24: all ready, an end before any prepare', 'ready', 'after_completed:error:1', 0, 0);
broken_at('25: some prepared, one PREPARE fails', 'prepare', 'before_prepare:error:2', 1, 0);
broken_at('25: all prepared, an end before the decision', 'undecided', 'before_decision:error:1', 2, 0);
broken_at('26: decided, none committed', 'decided', 'after_decision:error:1', 2, 0);

# Crashes of the server, in recovery too.
begin('crashes');
$node->arm('after_decision:error:1, after_commit_prepared:crash:1');
my $asked = in_background(q{SELECT weir.trigger_checkpoint('s3')});
$node->wait_death;
finish($asked);
$node->start;
ok($node->wait_until('SELECT count(*) = 8 FROM averages'), '26: some committed, another crash during recovery: all of the epoch is visible');
end('26');

# The sink statement leaves the session another role: what it prepared is the owner's.
$node->sql('CREATE ROLE grp SUPERUSER');
foreach my $point ('before_commit_prepared', 'before_decision')
{
	begin("role_$point", query => q{INSERT INTO averages SELECT a.f0, a.average + length(set_config('role', 'grp', false)) - 3
		FROM readings r JOIN LATERAL count_window_average(r) a ON weir.key_by(r.f0)});
	$node->arm("$point:crash:1");
	$asked = in_background(q{SELECT weir.trigger_checkpoint('s3')});
	$node->wait_death;
	finish($asked);
	$node->start;
	ok($node->wait_until('SELECT count(*) = 0 FROM pg_prepared_xacts'), "another role, a crash $point: recovery finds what was prepared");
	end("another role, a crash $point");
}

# 26a: aborted after a sink was ready; both epochs come with the next one.
begin('aborted');
$node->sql(q{SELECT weir.enable_checkpointing('s3', timeout => '100 ms', fail_on_errors => false)});
$node->arm('before_vote:hold:3');		# the source and one keyed task have voted
like($node->sql_error(q{SELECT weir.trigger_checkpoint('s3')}), qr/expired/, '26a: a checkpoint expires');
$node->arm('');
is(rows(), '0', '26a: nothing of it is visible');
$sender->send_to(length $first . $second);
ok($node->wait_until(q{SELECT sum(records_in) = 32 FROM weir.tasks WHERE kind = 'keyed'}), '26a: the epoch goes on');
$node->sql(q{SELECT weir.trigger_checkpoint('s3')});
is(rows(), '16', '26a: the next one makes both visible');
$node->arm('before_output:error:1');
$sender->append("1 1\n1 1\n");
$sender->send_to(length($first . $second) + 8);
ok($node->wait_until(q{SELECT restarts = 1 FROM weir.jobs}), '26a: a restart');
$node->sql('INSERT INTO input (f0, f1) VALUES (1, 1), (1, 1)');
end('26a');

# 26b: the same keys are written in an epoch whose checkpoint is aborted and in
# the next one; the table changes while the former is open.
foreach my $parallelism (1, 2)
{
	begin("upsert_$parallelism", job => "parallelism => $parallelism",
		sink => 'CREATE TABLE averages (f0 bigint PRIMARY KEY, average bigint);',
		query => 'INSERT INTO averages SELECT r.f0, a.average FROM readings r
			JOIN LATERAL count_window_average(r) a ON weir.key_by(r.f0)
			ON CONFLICT (f0) DO UPDATE SET average = excluded.average');
	$node->sql(q{SELECT weir.enable_checkpointing('s3', timeout => '100 ms', fail_on_errors => false, lock_wait => '200 ms')});
	$node->arm('before_vote:hold:' . (1 + $parallelism));
	like($node->sql_error(q{SELECT weir.trigger_checkpoint('s3')}), qr/expired/, "26b, parallelism $parallelism: a checkpoint expires");
	$node->arm('');
	$sender->send_to(length $first . $second);
	ok($node->wait_until(q{SELECT sum(records_in) = 32 FROM weir.tasks WHERE kind = 'keyed'}), '26b: the epoch goes on');
	$node->sql(q{SELECT weir.trigger_checkpoint('s3')});
	is($node->sql('SELECT count(*), min(average), max(average) FROM averages'), '8|40|40', '26b: the later row of each key is there');
	$sender->append("1 100\n1 100\n");
	$sender->send_to(length($first . $second) + 12);
	ok($node->wait_until(q{SELECT sum(records_in) = 34 FROM weir.tasks WHERE kind = 'keyed'}), '26b: another epoch is open');
	$node->sql(q{SELECT weir.enable_checkpointing('s3', every => '300 ms', timeout => '60 s')});
	$node->sql('ALTER TABLE averages ADD COLUMN note text');
	$node->sql('CREATE INDEX ON averages (average)');
	$sender->finish;
	ok($node->wait_status('finished'), '26b: both go through');
	is($node->sql('SELECT count(*), min(average), max(average) FROM averages'), '8|40|100', '26b: nothing is lost');
}

# 26c: somebody resolves a transaction between the decision and its commit.
foreach my $how ('ROLLBACK', 'COMMIT')
{
	begin(lc $how);
	$node->arm('after_decision:hold:1');
	$asked = in_background(q{SELECT weir.trigger_checkpoint('s3')});
	ok(armed('held'), "26c: a checkpoint is decided");
	my $gid = $node->sql('SELECT gid FROM pg_prepared_xacts ORDER BY gid LIMIT 1');
	$node->sql("$how PREPARED '$gid'");
	$node->arm('');
	ok($node->wait_status('failed'), "26c: $how PREPARED by hand: the job is failed");
	like($node->sql('SELECT last_error FROM weir.jobs'),
		$how eq 'COMMIT' ? qr/was committed by hand/ : qr/was rolled back by hand/, '26c: and says so');
	ok(!finish($asked), '26c: who asked for the checkpoint is not told that it completed');
	is(prepared(), '0', '26c: nothing is left prepared');
}

# COMMIT PREPARED of both fails: tried again, and meanwhile nothing is told.
my $fails = join(', ', ('before_commit_prepared:error:1') x 2, 'before_commit_prepared:hold:1');
begin('again');
$node->arm($fails);
$asked = in_background(q{SELECT weir.trigger_checkpoint('s3')});
ok(armed('held'), 'COMMIT PREPARED fails, and is tried again');
like($node->sql('SELECT status, status_reason FROM weir.jobs'), qr/^running\|could not commit prepared transaction "weir_/, 'weir.jobs says so');
is($node->sql('SELECT status FROM weir.checkpoints'), 'in_progress', 'the checkpoint is not completed');
is(prepared(), '2', 'both are prepared');
$node->arm('');
ok(finish($asked), 'trigger_checkpoint returns when it is done');
is(rows(), '8', 'all is visible');
is($node->sql('SELECT status, status_reason, restarts FROM weir.jobs'), 'running||0', 'without a restart');
end('again');

# A stop that is decided stays stopping until its output is committed.
begin('stopping');
$node->arm($fails);
$asked = in_background(q{SELECT weir.stop_job('s3')});
ok(armed('held'), 'the last checkpoint cannot be committed');
like($node->sql('SELECT status, status_reason FROM weir.jobs'), qr/^stopping\|could not commit/, 'the job stays stopping');
$node->arm('');
ok(finish($asked), 'stop_job returns');
is($node->sql('SELECT status FROM weir.jobs'), 'stopped', 'stopped');
is(rows(), '8', 'with its output visible');
begin('stop_decided');
$node->arm('after_decision:error:1, before_commit_prepared:error:1, before_commit_prepared:error:1');
ok(finish(in_background(q{SELECT weir.stop_job('s3')})), 'a stop whose attempt ends behind its decision succeeds');
is($node->sql('SELECT status, attempt FROM weir.jobs'), 'stopped|1', 'without another attempt');
is(rows(), '8', 'with its output visible');
begin('stop_undecided');
$node->arm('before_decision:error:1');
ok(!finish(in_background(q{SELECT weir.stop_job('s3')})), 'one whose attempt ends before it raises');
ok($node->wait_status('running'), 'and the job goes on');
end('stop_undecided');

# A cancel does not wait for a commit that fails; the next start does it.
begin('cancelled');
$node->arm(join(', ', ('before_commit_prepared:error:1') x 24));
$asked = in_background(q{SELECT weir.trigger_checkpoint('s3')});
ok($node->wait_until(q{SELECT status_reason ~ 'could not commit' FROM weir.jobs}), 'COMMIT PREPARED fails');
$node->sql(q{SELECT weir.stop_job('s3', cancel => true)});
is($node->sql('SELECT status FROM weir.jobs'), 'stopped', 'cancel ends the wait');
finish($asked);
$node->arm('');
$node->sql(q{SELECT weir.start_job('s3')});
ok($node->wait_until('SELECT count(*) = 8 FROM averages'), 'the next start commits what was decided');
ok($node->wait_status('running'), 'and goes on');
end('cancelled');

done_testing();
