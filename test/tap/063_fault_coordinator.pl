# An error in a step of the coordinator's own ends the attempt like a task's:
# the restart strategy counts it and its delay applies, the log has a line an
# attempt, last_error says what it was, and the coordinator lives on.
use strict;
use warnings;

use PostgreSQL::Test::Utils;
use Test::More;
use Weir::Node;
use Weir::Sender;

my $node = Weir::Node->create('coordinator');
my $data = join('', map { "$_ 10\n$_ 20\n" } 1 .. 4);
my $sender;

sub begin
{
	my ($name, $strategy) = @_;

	$sender = Weir::Sender->new($data);
	$node->use_database($name);
	$node->load_input($data);
	$node->averaging_job(port => $sender->port, checkpointing => q{every => '20 ms', fail_on_errors => false});
	$node->sql("SELECT weir.set_restart_strategy('s3', $strategy)");
	return -s $node->logfile;
}

sub count_in_log
{
	my ($pattern, $from) = @_;
	my $n = () = slurp_file($node->logfile, $from) =~ /$pattern/g;
	return $n;
}

# Errors that go by: writing rows, in recovery, before a task runs, after the decision.
my @steps = qw(before_restore before_attempt after_attempt after_trigger before_completed before_decision after_decision before_visible before_trim);
my $from = begin('passing', q{'fixed_delay', attempts => 20, delay => '10 ms'});
$node->arm(join(', ', map { "$_:error:1" } @steps));
$node->sql(q{SELECT weir.start_job('s3')});
$sender->send_to(length $data);
foreach my $step (@steps)
{
	ok($node->wait_fired($step, $from), "$step: an error");
	# output that is open makes the next checkpoint, whatever the last one had
	$sender->append("1 1\n") && $node->sql('INSERT INTO input (f0, f1) VALUES (1, 1)');
	$sender->send_to(length($data) + 4 * (1 + (grep { $steps[$_] eq $step } 0 .. $#steps)[0]));
}
$sender->finish;
ok($node->wait_status('finished'), 'the job finishes');
$node->is_exact('errors of the coordinator');
is($node->sql('SELECT restarts FROM weir.jobs'), scalar(@steps), 'each was a restart');
is($node->sql('SELECT last_error FROM weir.jobs'), 'fault at before_trim', 'last_error has the last');
is(count_in_log(qr/LOG:  job "s3" restarts in [\d.]+ s: fault at /, $from), scalar(@steps), 'one line each');
is(count_in_log(qr/ERROR:|exited with exit code/, $from), 0, 'and no other');

# They count: the strategy gives up.
$from = begin('counted', q{'fixed_delay', attempts => 2, delay => '10 ms'});
$node->arm(join(', ', ('before_restore:error:1') x 3));
$node->sql(q{SELECT weir.start_job('s3')});
ok($node->wait_status('failed'), 'the strategy gives up');
is($node->sql('SELECT status_reason FROM weir.jobs'), 'restart strategy fixed_delay gave up: fault at before_restore', 'and says why');
is(count_in_log(qr/LOG:  job "s3" restarts in/, $from), 2, 'after two restarts');
$node->sql(q{SELECT weir.start_job('s3')});
$sender->finish;
ok($node->wait_status('finished'), 'start_job takes it on');
$node->is_exact('counted');

# No tight loop: the delay applies.
$from = begin('delayed', q{'fixed_delay', attempts => 10, delay => '300 ms'});
$node->arm(join(', ', ('before_attempt:error:1') x 3));
$node->sql(q{SELECT weir.start_job('s3')});
$sender->finish;
ok($node->wait_status('finished'), 'the job finishes');
is($node->sql(q{SELECT clock_timestamp() - started_at > interval '0.9 s' FROM weir.jobs}), 't', 'after the delays');
$node->is_exact('delayed');

# Who asked for a checkpoint that is decided learns that it completed.
$from = begin('told', q{'fixed_delay', attempts => 10, delay => '10 ms'});
$node->sql(q{SELECT weir.enable_checkpointing('s3', every => '1 h')});
$node->sql(q{SELECT weir.start_job('s3')});
$sender->send_to(length $data);
foreach my $point (qw(after_decision before_tell before_visible after_trim))
{
	ok($node->wait_status('running'), 'the job runs');
	$node->arm("$point:error:1");
	like($node->sql(q{SELECT weir.trigger_checkpoint('s3')}), qr/^\d+$/, "$point: trigger_checkpoint returns its id");
	ok($node->wait_fired($point, $from), 'though its attempt ended');
}
ok($node->wait_status('running'), 'the job runs');
$node->arm('before_visible:error:1');
$node->sql(q{SELECT weir.stop_job('s3')});
is($node->sql('SELECT status FROM weir.jobs'), 'stopped', 'and so does who asked to stop');
is($node->sql(q{SELECT count(*) FROM weir.checkpoints WHERE status <> 'completed'}), '0', 'all are completed');
$node->sql(q{SELECT weir.start_job('s3')});
$sender->finish;
ok($node->wait_status('finished'), 'the job finishes');
$node->is_exact('told');

# An error while a failed attempt is ended does no harm.
$from = begin('twice', q{'fixed_delay', attempts => 10, delay => '10 ms'});
$node->sql(q{SELECT weir.enable_checkpointing('s3', every => '1 h', fail_on_errors => false)});
$node->arm('after_trigger:error:1, before_abort:error:1');
$node->sql(q{SELECT weir.start_job('s3')});
$sender->send_to(length $data);
ok($node->wait_until(q{SELECT sum(records_in) = 8 FROM weir.tasks WHERE kind = 'keyed'}), 'records flow');
like($node->sql_error(q{SELECT weir.trigger_checkpoint('s3')}), qr/the attempt ended/, 'a checkpoint fails');
ok($node->wait_fired('before_abort', $from), 'and its end does');
$sender->finish;
ok($node->wait_status('finished'), 'the job finishes');
$node->is_exact('twice');
$node->arm('');

# A drain has ended the input: its final checkpoint is taken until it completes,
# and so long waits who asked for it.
$from = begin('drained', q{'none'});
$node->sql(q{SELECT weir.enable_checkpointing('s3', every => '1 h', timeout => '200 ms')});
$node->sql(q{SELECT weir.start_job('s3')});
$sender->send_to(length $data);
ok($node->wait_until(q{SELECT sum(records_in) = 8 FROM weir.tasks WHERE kind = 'keyed'}), 'records flow');
$node->arm('before_vote:hold:1');
my $session = $node->background_psql('drained');
$session->query_until(qr/asked/, "\\echo asked\nSELECT weir.stop_job('s3', drain => true);\n");
ok($node->wait_until(q{SELECT count(*) > 1 FROM weir.checkpoints WHERE kind = 'final' AND status = 'failed'}), 'final checkpoints expire');
$node->arm('');
ok($node->wait_status('finished'), 'one completes');
is($session->query_safe('SELECT status FROM weir.jobs') =~ s/^\s+//r, 'finished', 'stop_job has not raised an error');
$session->quit;
$node->is_exact('drained');

# A drain whose attempt fails has failed, and the stream goes on: also from a
# checkpoint that completed behind its end.
$from = begin('undone', q{'fixed_delay', attempts => 20, delay => '10 ms'});
$node->sql(q{SELECT weir.enable_checkpointing('s3', every => '1 h', lock_wait => '60 s')});
$node->sql(q{SELECT weir.start_job('s3')});
$sender->send_to(length $data);
ok($node->wait_until(q{SELECT sum(records_in) = 8 FROM weir.tasks WHERE kind = 'keyed'}), 'records flow');
$node->sql(q{SELECT weir.trigger_checkpoint('s3')});
my $locker = $node->background_psql('undone');
$locker->query_safe('BEGIN; LOCK TABLE averages IN ACCESS EXCLUSIVE MODE');
$sender->append("1 1\n1 1\n") && $node->sql('INSERT INTO input (f0, f1) VALUES (1, 1), (1, 1)');
$sender->send_to(length($data) + 8);
ok($node->wait_until(q{SELECT sum(records_in) = 10 FROM weir.tasks WHERE kind = 'source'}), 'a task waits for a lock');
$session = $node->background_psql('undone', on_error_stop => 0);
$session->query_until(qr/asked/, "\\echo asked\nSELECT weir.stop_job('s3', drain => true);\n");
ok($node->wait_until(q{SELECT status = 'closed' FROM weir.sources}), 'the source has drained');
my $asking = $node->background_psql('undone');
$asking->query_until(qr/asked/, "\\echo asked\nSELECT weir.trigger_checkpoint('s3');\n");
ok($node->wait_until(q{SELECT bool_or(status = 'in_progress') FROM weir.checkpoints}), 'a checkpoint is taken behind its end');
$node->arm('before_decision:error:2');
$locker->query_safe('COMMIT');
$locker->quit;
ok($node->wait_fired('before_decision', $from), 'the final checkpoint fails behind it');
$session->query('SELECT 1');
like($session->{stderr}, qr/fault at before_decision/, 'stop_job raises the error');
$session->quit;
$asking->quit;
$node->arm('');
$sender->append("2 1\n2 1\n") && $node->sql('INSERT INTO input (f0, f1) VALUES (2, 1), (2, 1)');
$sender->send_to(length($data) + 16);
$sender->finish;
ok($node->wait_status('finished'), 'the job finishes with its stream');
$node->is_exact('a drain undone');

done_testing();
