# Scenarios 13, 23, 26a, 26b and 27 on the running server.
use strict;
use warnings;

use PostgreSQL::Test::Utils;
use Test::More;
use Weir::Node;
use Weir::Sender;

my $node = Weir::Node->create('scenarios');

sub processed
{
	my ($n, $name) = @_;
	return ok($node->wait_until("SELECT sum(records_in) = $n FROM weir.tasks WHERE kind = 'keyed'"), "$name: $n were processed");
}

# 13: groups are fixed once there is state.
{
	my $sender = Weir::Sender->new("1 10\n2 10\n");

	$node->use_database('groups');
	$node->averaging_job(port => $sender->port, server => q{max_retries '-1'},
		job => 'parallelism => 2, max_parallelism => 8', checkpointing => q{every => '1 h'});
	$node->sql(q{SELECT weir.start_job('s3')});
	$sender->send_to(10);
	processed(2, '13');
	$node->sql(q{SELECT weir.stop_job('s3'); UPDATE weir_internal.job SET max_parallelism = 16; SELECT weir.start_job('s3')});
	ok($node->wait_status('failed'), '13: restored at another max_parallelism, it is refused');
	like($node->sql('SELECT last_error FROM weir.jobs'), qr/max_parallelism 8\b.*\b16\b/, '13: with both numbers');
	$node->sql(q{UPDATE weir_internal.job SET max_parallelism = 8; SELECT weir.start_job('s3')});
	ok($node->wait_status('running'), '13: at the one it had it goes on');
	$node->sql(q{SELECT weir.stop_job('s3', cancel => true)});
}

# 23: keys that nobody touches expire while others are processed.
{
	my $many = join('', map { "$_ 1\n" } 1 .. 400);
	my $sender = Weir::Sender->new($many . ("0 1\n" x 4_000));

	$node->use_database('idle');
	$node->averaging_job(port => $sender->port, server => q{max_retries '-1'}, ttl => '500 ms',
		job => 'parallelism => 1', checkpointing => q{every => '1 h'});
	$node->sql(q{SELECT weir.start_job('s3')});
	$sender->send_to(length $many);
	processed(400, '23');
	my $before = $node->sql(q{SELECT clock_timestamp()});
	$node->sql(q{SELECT weir.trigger_checkpoint('s3')});
	is($node->sql('SELECT dirty_keys FROM weir.checkpoints ORDER BY checkpoint_id DESC LIMIT 1'), '400', '23: all are there');
	ok($node->wait_until("SELECT clock_timestamp() > '$before'::timestamptz + interval '600 ms'"), '23: their time is over');
	$sender->send_to(length($many) + 4 * 4_000);
	processed(4_400, '23');
	$node->sql(q{SELECT weir.trigger_checkpoint('s3')});
	is($node->sql('SELECT dirty_keys BETWEEN 400 AND 401 FROM weir.checkpoints ORDER BY checkpoint_id DESC LIMIT 1'), 't',
		'23: touching another key has removed every one of them');
	my @bytes = split /\n/, $node->sql('SELECT state_bytes FROM weir.checkpoints ORDER BY checkpoint_id');
	cmp_ok($bytes[1], '<', $bytes[0] / 50, '23: and nothing is kept for them');
	$node->sql(q{SELECT weir.stop_job('s3', cancel => true)});
}

# A function that a session can hold up at the key 9, so that a checkpoint expires
# when the other keys' rows, and at parallelism 2 the other task's vote, are there.
my $held = q{
	CREATE FUNCTION held(r readings) RETURNS TABLE (f0 bigint, n bigint) LANGUAGE plpgsql AS $$
	BEGIN
		IF r.f0 = 9 THEN
			PERFORM pg_advisory_lock_shared(26);
			PERFORM pg_advisory_unlock_shared(26);
		END IF;
		PERFORM weir.state_update('n', weir.state_value('n', NULL::bigint) + r.f1);
		RETURN QUERY SELECT r.f0, weir.state_value('n', NULL::bigint);
	END $$;
	SELECT weir.create_value_state('held(readings)', 'n', 'bigint', default_value => '0')};

# 26a, 26b: epoch N is aborted, N+1 completes; both are visible once, state is whole.
foreach my $parallelism (1, 2)
{
	my $name = "26b, parallelism $parallelism";
	my $first = join('', map { "$_ 1\n" } 1 .. 8) . "9 1\n";
	my $second = join('', map { "$_ 10\n" } 1 .. 9);
	my $sender = Weir::Sender->new($first . $second);

	$node->use_database("aborted_$parallelism");
	$node->averaging_job(port => $sender->port, server => q{max_retries '-1'}, job => "parallelism => $parallelism",
		checkpointing => q{every => '1 h', timeout => '200 ms', lock_wait => '1 min', fail_on_errors => false},
		sink => "CREATE TABLE totals (f0 bigint PRIMARY KEY, n bigint, writes int DEFAULT 1); $held;",
		query => 'INSERT INTO totals AS t (f0, n) SELECT r.f0, a.n FROM readings r JOIN LATERAL held(r) a ON weir.key_by(r.f0)
			ON CONFLICT (f0) DO UPDATE SET n = excluded.n, writes = t.writes + 1');
	my $session = $node->background_psql($node->{database});
	$session->query_safe('SELECT pg_advisory_lock(26)');
	$node->sql(q{SELECT weir.start_job('s3')});
	$sender->send_to(length $first);
	ok($node->wait_until(q{SELECT count(*) = 1 FROM pg_locks WHERE locktype = 'advisory' AND NOT granted}), "$name: a task is held up");
	like($node->sql_error(q{SELECT weir.trigger_checkpoint('s3')}), qr/expired/, "$name: epoch N is aborted");
	is($node->sql('SELECT count(*) FROM totals'), '0', "$name: nothing of it is visible");
	$session->query_safe('SELECT pg_advisory_unlock(26)');
	$session->quit;
	processed(9, $name);
	$sender->send_to(length($first . $second));
	processed(18, $name);

	# The epoch has written the table and is open: both wait for it, and go through.
	$node->sql(q{SELECT weir.enable_checkpointing('s3', every => '300 ms', timeout => '1 min')});
	$node->sql(q{SET statement_timeout = '30 s'; ALTER TABLE totals ADD COLUMN note text});
	$node->sql(q{SET statement_timeout = '30 s'; CREATE INDEX ON totals (n)});
	ok($node->wait_until('SELECT count(*) = 9 FROM totals'), "$name: epoch N+1 completes");
	is($node->sql('SELECT count(*), min(n), max(n), min(writes), max(writes) FROM totals'), '9|11|11|2|2',
		"$name: N and N+1 are there once");
	$node->kill9;
	$node->start;
	ok($node->wait_until(q{SELECT status = 'running' FROM weir.jobs}), "$name: back after a crash");
	$sender->append("1 100\n");
	$sender->send_to(length($first . $second) + 6);
	ok($node->wait_until('SELECT n = 111 AND writes = 3 FROM totals WHERE f0 = 1'), "$name: and the state is whole");
	$node->sql(q{SELECT weir.stop_job('s3', cancel => true)});
}

# 27: parallelism 4, frequent checkpoints, unlimited restarts, one crash in the middle.
{
	my $data = Weir::Node::random_lines($ENV{WEIR_LINES} || 40_000, 500, 27);
	my $sender = Weir::Sender->new($data, hold => 1);

	$node->use_database('middle');
	$node->load_input($data);
	$node->averaging_job(port => $sender->port, job => 'parallelism => 4',
		checkpointing => q{every => '10 ms', fail_on_errors => false});
	$node->sql(q{SELECT weir.set_restart_strategy('s3', 'fixed_delay', attempts => -1, delay => '0');
		SELECT weir.start_job('s3')});
	$node->tend($sender);
	$sender->rate(int(length($data) / 2));
	$sender->send_to(length $data);
	ok($node->wait_consumed(int(length($data) / 2)), '27: in the middle');
	$node->sql(q{SELECT pg_terminate_backend(pid) FROM weir.tasks WHERE task = 'keyed 2'});
	$sender->rate(0);
	$sender->finish;
	ok($node->wait_status('finished'), '27: finished');
	is($node->sql('SELECT restarts FROM weir.jobs'), '1', '27: after one restart');
	$node->is_exact('27');
}

done_testing();
