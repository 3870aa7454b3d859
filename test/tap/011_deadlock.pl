# A session and a job wait for each other's rows: the job gives way, at once,
# whether the session waits for the task that waits for it or for another one.
use strict;
use warnings;

use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(time);
use Weir::Node;
use Weir::Sender;

my $node = Weir::Node->create('deadlock', "deadlock_timeout = '30s'");
my $first = join('', map { "$_ 10\n$_ 20\n" } 1 .. 8);

foreach my $parallelism (1, 2)
{
	my $sender = Weir::Sender->new($first, hold => 1);

	$node->use_database("p$parallelism");
	$node->averaging_job(port => $sender->port, job => "parallelism => $parallelism",
		checkpointing => q{every => '1 h', lock_wait => '30 s'},
		sink => 'CREATE TABLE averages (f0 bigint PRIMARY KEY, average bigint, touched int);',
		query => 'INSERT INTO averages AS t SELECT r.f0, a.average FROM readings r
			JOIN LATERAL count_window_average(r) a ON weir.key_by(r.f0)
			ON CONFLICT (f0) DO UPDATE SET average = excluded.average');
	$node->tend($sender);
	$node->sql(q{SELECT weir.start_job('s3')});
	$sender->send_to(length $first);
	ok($node->wait_until(q{SELECT sum(records_in) = 16 FROM weir.tasks WHERE kind = 'keyed'}), 'rows for all keys');
	$node->sql(q{SELECT weir.trigger_checkpoint('s3')});
	is($node->sql('SELECT count(*) FROM averages'), '8', "parallelism $parallelism: eight rows");

	my $session = $node->background_psql($node->{database}, on_error_stop => 0);
	$session->query_safe('BEGIN; UPDATE averages SET touched = 1 WHERE f0 = 8');
	my $more = join('', map { "$_ 30\n$_ 50\n" } 1 .. 8);
	$sender->append($more);
	$sender->send_to(length($first . $more));
	ok($node->wait_until(q{SELECT count(*) > 0 FROM pg_stat_activity
		WHERE application_name LIKE 's3 keyed%' AND wait_event_type = 'Lock'}), 'a task waits for the session');

	my $began = time();
	$session->query_safe('UPDATE averages SET touched = 1 WHERE f0 < 8');
	cmp_ok(time() - $began, '<', 10, 'the session goes through');
	ok($node->wait_until(q{SELECT last_error ~ 'deadlock: task keyed \d waits for process \d+|deadlock detected' FROM weir.jobs}), 'the job gave way');
	$session->query_safe('COMMIT');
	$session->quit;
	ok($node->wait_until(q{SELECT sum(records_in) = 16 FROM weir.tasks WHERE kind = 'keyed'}), 'the next attempt replays');
	$node->sql(q{SELECT weir.trigger_checkpoint('s3')});
	is($node->sql('SELECT count(*) FROM averages WHERE average = 40 AND touched = 1'), '8', 'nothing is lost of either');
	$node->sql(q{SELECT weir.stop_job('s3')});
}

# Sessions that queue for a row, each waiting for all before it, and a task behind
# them: the coordinator, which looks whom each waits for, goes on with its work.
my $sender = Weir::Sender->new("1 1\n", hold => 1);
$node->use_database('queue');
$node->averaging_job(port => $sender->port, checkpointing => q{every => '50 ms', timeout => '1 s', fail_on_errors => false, lock_wait => '60 s'},
	sink => 'CREATE TABLE averages (f0 bigint PRIMARY KEY, average bigint, n int DEFAULT 0); INSERT INTO averages VALUES (1, 0);',
	query => 'INSERT INTO averages (f0, average) SELECT f0, f1 FROM readings ON CONFLICT (f0) DO UPDATE SET average = excluded.average');
$node->tend($sender);
$node->sql(q{SELECT weir.start_job('s3')});
my @sessions = map { $node->background_psql('queue') } 0 .. 30;
$sessions[0]->query_safe('BEGIN; UPDATE averages SET n = n + 1');
foreach my $i (1 .. $#sessions)
{
	$sessions[$i]->query_until(qr/queued/, "\\echo queued\nUPDATE averages SET n = n + 1;\n");
	ok($node->wait_until("SELECT count(*) = $i FROM pg_locks WHERE NOT granted"), "session $i waits");
}
$sender->send_to(4);
ok($node->wait_until(q{SELECT count(*) > 0 FROM pg_stat_activity
	WHERE application_name LIKE 's3 sink%' AND wait_event_type = 'Lock'}), 'so does the task');
ok($node->wait_until(q{SELECT count(*) > 2 FROM weir.checkpoints WHERE status = 'failed'}), 'checkpoints expire in time');
$sessions[0]->query_safe('COMMIT');
$_->quit foreach @sessions;
ok($node->wait_until('SELECT average = 1 AND n = 31 FROM averages'), 'the task has had its turn, and so have all sessions');
is($node->sql('SELECT restarts FROM weir.jobs'), '0', 'without a restart');
$sender->finish;

done_testing();
