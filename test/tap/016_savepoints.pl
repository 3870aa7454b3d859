# Savepoints: taken while the job runs and as it stops, kept through retention
# and crashes, started from, dropped.
use strict;
use warnings;

use IPC::Run qw(start finish);
use PostgreSQL::Test::Utils;
use Test::More;
use Weir::Node;
use Weir::Sender;

my $node = Weir::Node->create('savepoints');
my $odd = "1 10\n2 10\n3 10\n";
my $even = "1 20\n2 30\n3 40\n";
my $windows = '1 15, 2 20, 3 25';

sub rows { my ($from) = @_; return $node->sql(q{SELECT string_agg(f0 || ' ' || average, ', ' ORDER BY f0, average) FROM } . ($from // 'averages')); }
sub savepoint { my ($name) = @_; return $node->sql("SELECT weir.create_savepoint('s3', '$name')"); }
sub checkpoint { return $node->sql(q{SELECT weir.trigger_checkpoint('s3')}); }
sub start_job { my ($arguments) = @_; return $node->sql("SELECT weir.start_job('s3'" . ($arguments ? ", $arguments" : '') . ')'); }
sub stop_job { my ($arguments) = @_; return $node->sql("SELECT weir.stop_job('s3'" . ($arguments ? ", $arguments" : '') . ')'); }

sub processed
{
	my ($n) = @_;
	return ok($node->wait_until("SELECT sum(records_in) = $n FROM weir.tasks WHERE kind = 'keyed'"), "$n were processed");
}

# The same wherever the sink runs, in either mode.
sub life_of_a_savepoint
{
	my ($name, %o) = @_;
	my $sender = Weir::Sender->new($odd);
	my $once = $o{checkpointing} =~ /exactly_once/;
	my $from = $once ? 'averages' : '(SELECT DISTINCT f0, average FROM averages) a';

	$node->use_database($name);
	$node->averaging_job(port => $sender->port, %o);
	start_job();
	$sender->send_to(length $odd);
	processed(3);
	my $id = savepoint('half');
	is($node->sql("SELECT kind, status, savepoint, state_bytes > 0, written_bytes > 0, dirty_keys FROM weir.checkpoints WHERE checkpoint_id = $id"),
		'savepoint|completed|half|t|t|3', "$name: create_savepoint returns its id");
	checkpoint();
	my $again = savepoint('again');
	is($node->sql("SELECT a.written_bytes = b.written_bytes, a.dirty_keys FROM weir.checkpoints a, weir.checkpoints b
		WHERE a.checkpoint_id = $again AND b.checkpoint_id = $id"), 't|0', "$name: each is written in full");
	like($node->sql_error(q{SELECT weir.create_savepoint('s3', 'half')}), qr/42710.*already exists/s, "$name: names are unique");

	$sender->append($even);
	$sender->send_to(length($odd . $even));
	processed(6);
	checkpoint() foreach 1 .. 3;
	is(rows(), $windows, "$name: the windows are full");
	is($node->sql(q{SELECT string_agg(savepoint, ' ' ORDER BY checkpoint) FROM weir_internal.completed WHERE savepoint IS NOT NULL}),
		'half again', "$name: retention keeps them");
	is($node->sql(q{SELECT count(*) FROM weir_internal.completed}), '3', "$name: and the newest");
	stop_job();

	$node->sql('TRUNCATE averages');
	start_job(q{from_savepoint => 'half'});
	processed(3);
	is($node->sql('SELECT count(DISTINCT timeline) FROM weir_internal.timeline'), '2', "$name: a start from it begins a timeline");
	$node->kill9;
	$node->start;
	ok($node->wait_status('running'), "$name: runs after a crash before a checkpoint completed");
	processed(3);
	$sender->append($odd);
	$sender->wait_accepts(3);
	$sender->send_to(length($odd . $even . $odd));
	processed(6);
	checkpoint();
	is(rows($from), $windows, "$name: what followed the savepoint is replayed");

	$node->sql(q{SELECT weir.drop_savepoint('s3', 'half')});
	$node->sql(q{SELECT weir.drop_savepoint('s3', 'again')});
	like($node->sql_error(q{SELECT weir.drop_savepoint('s3', 'again')}), qr/42704.*does not exist/s, "$name: dropped");
	checkpoint();
	is($node->sql('SELECT count(*) FROM weir_internal.completed'), '1', "$name: the next completion forgets them");
	is($node->sql('SELECT count(*) FROM weir_internal.snapshot WHERE timeline = 1'), '0', "$name: and their state");

	# The newest completed loses its name: it is still what a crash goes back to.
	$id = savepoint('newest');
	$node->sql(q{SELECT weir.drop_savepoint('s3', 'newest')});
	is($node->sql("SELECT kind, savepoint IS NULL FROM weir.checkpoints WHERE checkpoint_id = $id"), 'savepoint|t', "$name: a dropped one has no name");
	$node->kill9;
	$node->start;
	ok($node->wait_status('running'), "$name: runs after the crash");
	is($node->sql('SELECT last_checkpoint FROM weir.jobs'), $id, "$name: restored from it");
	$sender->append($even);
	$sender->wait_accepts(4);
	$sender->send_to(length(($odd . $even) x 2));
	processed(3);
	stop_job(q{savepoint => 'end'});
	is($node->sql(qq{SELECT string_agg(DISTINCT f0 || ' ' || average, ', ') FROM averages}), $windows, "$name: the state was whole");
	is(rows(), '1 15, 1 15, 2 20, 2 20, 3 25, 3 25', "$name: and each window is there once") if $once;
	is($node->sql(q{SELECT kind, status, savepoint FROM weir.checkpoints ORDER BY checkpoint_id DESC LIMIT 1}), 'savepoint|completed|end', "$name: stop_job takes a savepoint");
	is($node->sql('SELECT status FROM weir.jobs'), 'stopped', "$name: and stops");
	return;
}

my $checkpointing = q{every => '1 h', mode => 'exactly_once'};
my $sink_task = 'CREATE TABLE averages (id bigserial PRIMARY KEY, f0 bigint, average bigint, UNIQUE (f0, average, id));
	CREATE FUNCTION seen() RETURNS trigger LANGUAGE plpgsql AS $t$ BEGIN RETURN NEW; END $t$;
	CREATE TRIGGER seen BEFORE INSERT ON averages FOR EACH ROW EXECUTE FUNCTION seen();';
my $into_columns = q{
    INSERT INTO averages (f0, average)
    SELECT a.f0, a.average FROM readings r
    JOIN LATERAL count_window_average(r) a ON weir.key_by(r.f0)
};

life_of_a_savepoint('exactly_once', checkpointing => $checkpointing);
life_of_a_savepoint('at_least_once', checkpointing => q{every => '1 h', mode => 'at_least_once', sink_flush => '10 ms'});
life_of_a_savepoint('in_a_sink_task', checkpointing => $checkpointing, sink => $sink_task, query => $into_columns);

# Each asked for at once is taken, whatever max_concurrent and min_pause say.
my $sender = Weir::Sender->new($odd);
$node->use_database('several');
$node->averaging_job(port => $sender->port, checkpointing => "$checkpointing, max_concurrent => 1, min_pause => '1 h', history => 3");
like($node->sql_error(q{SELECT weir.create_savepoint('s3', 'x')}), qr/55000.*not running/s, 'a job that does not run has none taken');
start_job();
$sender->send_to(length $odd);
processed(3);
checkpoint();
my @asked = map { start([ 'psql', '-XAtq', '-d', $node->connstr('several'), '-c', "SELECT weir.create_savepoint('s3', 'p$_')" ], '>', \my $out, '2>', \my $err) } 1 .. 5;
my @same = map { start([ 'psql', '-XAtq', '-d', $node->connstr('several'), '-c', q{SELECT weir.create_savepoint('s3', 'same')} ], '>', \my $out, '2>', \my $err) } 1 .. 4;
is(scalar(grep { finish($_) } @asked), 5, 'five savepoints at once');
is(scalar(grep { finish($_) } @same), 1, 'one of four of the same name');
is($node->sql(q{SELECT string_agg(savepoint, ' ' ORDER BY savepoint) FROM weir.checkpoints WHERE savepoint IS NOT NULL}), 'p1 p2 p3 p4 p5 same', 'history keeps them');
like($node->sql_error(q{BEGIN; CREATE TABLE t (); SELECT weir.create_savepoint('s3', 'x')}), qr/25001/, 'not in a transaction that has written');
like($node->sql_error(q{SELECT weir.create_savepoint('s3', repeat('x', 64))}), qr/42622/, 'a name of 64 bytes is too long');
like($node->sql_error(q{SELECT weir.create_savepoint('s3', '')}), qr/42602/, 'an empty one is none');
like($node->sql_error(q{SELECT weir.stop_job('s3', savepoint => 'p1')}), qr/42710/, 'stop_job wants a name that is free');
like($node->sql_error(q{SELECT weir.stop_job('s3', savepoint => 'y', cancel => true)}), qr/22023.*exclude/s, 'cancel takes no savepoint');
is($node->sql('SELECT status FROM weir.jobs'), 'running', 'the job goes on');
stop_job(q{savepoint => 'drained', drain => true});
ok($node->wait_status('finished'), 'drained with a savepoint');
like($node->sql_error(q{SELECT weir.start_job('s3', from_savepoint => 'nothing')}), qr/42704/, 'no start from nothing');
like($node->sql_error(q{SELECT weir.start_job('s3', from_savepoint => 'p1', fresh => true)}), qr/22023.*exclude/s, 'nor fresh from a savepoint');
$sender->append($even);
start_job(q{from_savepoint => 'drained'});
$sender->wait_accepts(2);
$sender->send_to(length($odd . $even));
processed(3);
stop_job();
is(rows(), $windows, 'started from the drained one it goes on behind its end');

# In the middle of a stream: what was visible at the savepoint, and what a start
# from it adds, is all there is to have.
my $lines = Weir::Node::random_lines(30_000, 500, 16);
my $end = 0;
$sender = Weir::Sender->new($lines);
$node->use_database('flowing');
$node->averaging_job(port => $sender->port, checkpointing => "every => '20 ms', max_concurrent => 2, retain => 2");
$node->load_input($lines);
start_job();
foreach my $name ('first', 'second')
{
	$end = index($lines, "\n", $end + length($lines) / 3) - 3;	# within a record
	$sender->send_to($end);
	ok($node->wait_consumed($end), "a third was read, for the $name");
	savepoint("before_$name");
	stop_job("savepoint => '$name'");
	$node->sql("CREATE TABLE at_$name AS TABLE averages");
	start_job();
	ok($node->wait_status('running'), 'the job goes on');
}
$sender->wait_accepts(3);
$sender->finish;
ok($node->wait_status('finished'), 'to its end');
$node->is_exact('savepoints on the way');
foreach my $name ('first', 'second', 'first')
{
	$node->sql("TRUNCATE averages; INSERT INTO averages TABLE at_$name");
	start_job("from_savepoint => '$name'");
	ok($node->wait_status('finished'), "a start from the $name");
	$node->is_exact("from the $name savepoint");
}

# A stop whose savepoint fails raises, and the job goes on.
$sender = Weir::Sender->new($odd . $even);
$node->use_database('locked');
$node->averaging_job(port => $sender->port, checkpointing => "$checkpointing, timeout => '300 ms', lock_wait => '1 min', fail_on_errors => false");
start_job();
ok($node->wait_status('running'), 'the job runs');
my $session = $node->background_psql('locked');
$session->query_safe('BEGIN; LOCK TABLE averages');
$sender->send_to(length($odd . $even));
ok($node->wait_until(q{SELECT count(*) > 0 FROM pg_locks WHERE relation = 'averages'::regclass AND NOT granted}), 'a task waits for a lock');
like($node->sql_error(q{SELECT weir.stop_job('s3', savepoint => 'last')}), qr/55000.*expired/s, 'stop_job says why it failed');
is($node->sql(q{SELECT j.status, c.status, c.savepoint FROM weir.jobs j, weir.checkpoints c}), 'running|failed|last', 'the job goes on');
is($node->sql_error(q{SET statement_timeout = '10 s'; SELECT weir.enable_checkpointing('s3', timeout => '400 ms')}), '', 'its timeout can be changed though the sink is locked');
like($node->sql_error(q{SELECT weir.start_job('s3', from_savepoint => 'last')}), qr/already running/, 'it is not started twice');
$session->query_safe('COMMIT');
$session->quit;
processed(6);
stop_job(q{savepoint => 'last'});
is(rows(), $windows, 'the name is free for the next try');
like($node->sql_error(q{SELECT weir.create_savepoint('s3', 'x')}), qr/not running/, 'then it is stopped');
$node->sql(q{SELECT weir.drop_savepoint('s3', 'last')});
like($node->sql_error(q{SELECT weir.start_job('s3', from_savepoint => 'last')}), qr/42704/, 'what was dropped cannot be started from');

# Its position has left the journal.
my $many = join('', map { $_ % 100 . " $_\n" } 1 .. 60_000);
$sender = Weir::Sender->new($odd . $many);
$node->use_database('trimmed');
$node->append_conf('postgresql.conf', 'weir.journal_segment_size = 64kB');
$node->reload;
$node->averaging_job(port => $sender->port, checkpointing => $checkpointing);
start_job();
$sender->send_to(length $odd);
processed(3);
savepoint('old');
foreach my $part (1 .. 4)
{
	$sender->send_to(length($odd) + int($part * length($many) / 4));
	ok($node->wait_consumed(length($odd) + int($part * length($many) / 4)), 'a part was read');
	checkpoint();
}
ok($node->wait_until('SELECT min(start_offset) > 100000 FROM weir_internal.journal_segment WHERE segment IS NOT NULL'), 'the savepoint does not hold the journal');
stop_job();
my $missing = $node->sql('SELECT min(start_offset) FROM weir_internal.journal_segment WHERE segment IS NOT NULL') - length $odd;
like($node->sql_error(q{SELECT weir.start_job('s3', from_savepoint => 'old')}),
	qr/55000.*DETAIL:  $missing bytes are missing.*HINT:  Set allow_gap/s, 'starting from it says how much is missing');
is($node->sql('SELECT status FROM weir.jobs'), 'stopped', 'and starts nothing');
$node->sql('TRUNCATE averages');
start_job(q{from_savepoint => 'old', allow_gap => true});
ok($node->wait_status('running'), 'allow_gap starts it');
$node->kill9;
$node->start;
ok($node->wait_until(q{SELECT status = 'running' AND attempt > 2 FROM weir.jobs}), 'and again after a crash');
$sender->append("1 30\n2 30\n3 30\n");
$sender->wait_accepts(3);
$sender->finish;
ok($node->wait_status('finished'), 'it goes on behind the gap');
like(slurp_file($node->logfile), qr/LOG:  job "s3" goes on without \d+ bytes/, 'and says so');

done_testing();
