# The wall clock of the server is set back and forth: checkpoints, retries,
# restarts, waits and times to live go by the time that really passes.
use strict;
use warnings;

use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(time usleep);
use Weir::Clock;
use Weir::Node;
use Weir::Sender;

my $hour = 3600;
my $soon = 20;					# seconds, much less than any step of the clock
my $clock = Weir::Clock->new;
my $node = Weir::Node->create('clock', { clock => $clock });

$clock->set(-$hour);
cmp_ok($node->sql('SELECT extract(epoch FROM clock_timestamp())'), '<', time() - 3000, 'its clock can be set');
$clock->set(0);

# A stream of its own for each job.
my $n = 0;

sub stream
{
	my ($options, $columns) = @_;
	my $sender = Weir::Sender->new('');

	$n++;
	$node->sql(qq{
		CREATE SERVER s$n FOREIGN DATA WRAPPER weir_socket OPTIONS (host '127.0.0.1', port '@{[$sender->port]}', max_retries '-1', $options);
		CREATE FOREIGN TABLE r$n ($columns) SERVER s$n;
		CREATE TABLE o$n ($columns)});
	return $sender;
}

sub send_line
{
	my ($sender, $line) = @_;

	$sender->append("$line\n");
	$sender->send_to(1 << 30);
	return;
}

sub soon
{
	my ($query, $name) = @_;
	return ok($node->wait_until($query, 't', $soon), $name);
}

# ---- checkpoints ----

my $sender = stream(q{retry_delay '1 s'}, 'id int');
$node->sql(qq{
	SELECT weir.create_job('plain', 'INSERT INTO o1 SELECT * FROM r1');
	SELECT weir.enable_checkpointing('plain', every => '200 ms', min_pause => '100 ms');
	SELECT weir.set_restart_strategy('plain', 'fixed_delay', attempts => -1, delay => '1 s');
	SELECT weir.start_job('plain')});
$node->wait_status('running', 'plain');
my $id = 0;

foreach my $step (0, -$hour, 0, $hour, -$hour, $hour, 0)
{
	$clock->set($step);
	foreach (1 .. 2)
	{
		send_line($sender, ++$id);
		soon("SELECT count(*) = $id FROM o1", "$step s: record $id is in a checkpoint");
	}
}
is($node->sql(q{SELECT count(*) FROM weir.checkpoints WHERE duration < '0'}), '0', 'no checkpoint is said to have ended before it began');

# ---- a retry, a restart ----

$sender->disconnect;
$clock->set(-$hour);
soon(q{SELECT status = 'connected' AND retries >= 1 FROM weir.sources}, 'a retry that waits when the clock is set back');
send_line($sender, ++$id);
soon("SELECT count(*) = $id FROM o1", 'and its stream goes on');

my $attempt = $node->sql('SELECT attempt FROM weir.jobs');
$node->sql(q{SELECT pg_terminate_backend(pid) FROM weir.tasks WHERE kind = 'source'});
soon(q{SELECT status = 'restarting' FROM weir.jobs}, 'an attempt fails');
$clock->set(-2 * $hour);
soon("SELECT status = 'running' AND attempt > $attempt FROM weir.jobs", 'the restart comes, though the clock is set back');

# ---- a wait for a lock ----

$node->sql(q{SELECT weir.enable_checkpointing('plain', lock_wait => '2 s')});
$node->sql(q{BEGIN; LOCK TABLE o1 IN ACCESS EXCLUSIVE MODE; PREPARE TRANSACTION 'holder'});
$attempt = $node->sql('SELECT attempt FROM weir.jobs');
send_line($sender, ++$id);
soon(q{SELECT count(*) > 0 FROM pg_stat_activity WHERE application_name LIKE 'plain %' AND wait_event_type = 'Lock'}, 'a task waits for a lock');
$clock->set(-3 * $hour);
soon("SELECT attempt > $attempt FROM weir.jobs", 'it gives up after lock_wait, though the clock is set back');
$node->sql(q{ROLLBACK PREPARED 'holder'});
soon("SELECT count(*) = $id FROM o1", 'and the record is not lost');

# ---- waiting for a job ----

$clock->set($hour);
my $began = time();
is($node->sql(q{SELECT weir.wait_for_job('plain', 'failed', '1 s')}), 'f', 'a wait for a status ends');
cmp_ok(time() - $began, '<', $soon, 'in time');

# ---- a restart of the server, the clock ahead before ----

$clock->set(600);
send_line($sender, ++$id);
soon("SELECT count(*) = $id FROM o1", 'ahead by ten minutes');
$clock->set(0);
$node->restart;
send_line($sender, ++$id);
soon("SELECT count(*) = $id FROM o1", 'and right again at the next start: checkpoints go on');
$node->sql(q{SELECT weir.stop_job('plain')});

# ---- output within sink_flush, without checkpoints to wait for ----

$sender = stream(q{journal_flush '10 ms'}, 'id int');
$node->sql(qq{
	SELECT weir.create_job('flushed', 'INSERT INTO o2 SELECT * FROM r2');
	SELECT weir.enable_checkpointing('flushed', every => '1 h', mode => 'at_least_once', sink_flush => '200 ms');
	SELECT weir.start_job('flushed')});
$node->wait_status('running', 'flushed');
foreach my $step ($hour, -$hour)
{
	$clock->set($step);
	send_line($sender, 1);
	$clock->set(-$step);
	send_line($sender, 2);
	soon('SELECT count(*) >= 2 FROM o2', "$step s: output comes within sink_flush");
	$node->sql('DELETE FROM o2');
}
$node->sql(q{SELECT weir.stop_job('flushed')});
$clock->set(0);

# ---- time to live ----

# What is written at this moment, and what the state was before it: of 3 seconds, and of an hour.
my %streams;
foreach my $ttl ('3 s', '1 h')
{
	$streams{$ttl} = stream(q{journal_flush '10 ms'}, 'k int, v text');
	$node->sql(qq{
		CREATE TABLE saw$n (k int, v text, before text);
		CREATE FUNCTION see$n(r r$n) RETURNS TABLE (k int, v text, before text) LANGUAGE plpgsql AS \$f\$
		BEGIN
			RETURN QUERY SELECT r.k, r.v, weir.state_value('v', NULL::text);
			PERFORM weir.state_update('v', r.v);
		END \$f\$;
		SELECT weir.create_value_state('see$n(r$n)', 'v', 'text', ttl => '$ttl');
		SELECT weir.create_job('ttl $ttl', 'INSERT INTO saw$n SELECT a.* FROM r$n r JOIN LATERAL see$n(r) a ON weir.key_by(r.k)');
		SELECT weir.enable_checkpointing('ttl $ttl', every => '100 ms');
		SELECT weir.start_job('ttl $ttl')});
	$node->wait_status('running', "ttl $ttl");
}

# A line to both jobs; what each had kept for the key.
sub write_and_see
{
	my ($k, $v) = @_;
	my @saw;

	send_line($_, "$k\t$v") foreach values %streams;
	foreach my $i (3, 4)
	{
		$node->wait_until("SELECT count(*) = 1 FROM saw$i WHERE k = $k AND v = '$v'", 't', $soon)
		  or fail("line $v");
		push @saw, $node->sql("SELECT coalesce(before, '-') FROM saw$i WHERE k = $k AND v = '$v'");
	}
	return "@saw";
}

# Until so many seconds have really passed.
sub wait_seconds
{
	my ($seconds) = @_;
	my $end = time() + $seconds;

	$node->wait_until(sprintf(q{SELECT %f <= extract(epoch FROM clock_timestamp()) - %f}, $end, $clock->{seconds}));
	return;
}

foreach my $step ($hour, -$hour)
{
	my $k = $step > 0 ? 1 : 2;

	is(write_and_see($k, 'a'), '- -', "$step s: the first line of a key");
	$clock->set($step);
	is(write_and_see($k + 10, 'x'), '- -', 'another while the clock is wrong');
	$clock->set(0);
	wait_seconds(4);
	is(write_and_see($k, 'b'), '- a', 'what is kept 3 seconds has expired, what is kept an hour has not');
	is(write_and_see($k, 'c'), 'b b', 'what has just been written is there');
	wait_seconds(4);
	is(write_and_see($k, 'd'), '- c', 'and so it goes on');
}
cmp_ok($node->sql(q{SELECT abs(extract(epoch FROM max(expires_at) - clock_timestamp() - interval '1 hour'))
	FROM weir.state('ttl 1 h')}), '<', 60, 'weir.state() shows when it expires');

# The clock is wrong at the start of the server, in the same boot of the machine and in another.
foreach my $reboot (0, 1)
{
	my $k = 5 + $reboot;

	$node->stop;
	unlink $node->data_dir . '/weir.clock' if $reboot;
	$clock->set(1800);
	$node->start;
	$node->wait_status('running', 'ttl 1 h');
	is(write_and_see($k, 'a'), '- -', 'started half an hour ahead' . ($reboot ? ', after a boot' : ''));
	$node->stop;
	unlink $node->data_dir . '/weir.clock' if $reboot;
	$clock->set(0);
	$node->start;
	is(write_and_see($k, 'b') =~ s/^\S+ //r, 'a', 'right at the next start: what is kept an hour is there');
	wait_seconds(4);
	is(write_and_see($k, 'c'), '- b', 'and times to live go on');
}

$node->stop;
done_testing();
