# A job starts whole or waits: weir.jobs says what for, wait_for_job does not take
# it for one that runs, and it starts when there is room. What stands in the way:
# weir.max_jobs, max_worker_processes, workers of others, a database that takes no
# connections, a process that does not leave.
use strict;
use warnings;

use IPC::Run qw(start finish);
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(usleep);
use Weir::Node;
use Weir::Sender;

my $node = Weir::Node->create('waiting', 'max_worker_processes = 24', 'max_parallel_workers = 8');
my $sender = Weir::Sender->new('');
my $count = q{SELECT string_agg(status || ' ' || n, ', ' ORDER BY status) FROM (SELECT status, count(*) AS n FROM weir.jobs GROUP BY status) s};

# So many jobs, each of a coordinator, a source and a sink task.
sub jobs
{
	my ($name, $n, @options) = @_;

	$node->use_database($name);
	$node->sql(sprintf(q{
		CREATE SERVER s FOREIGN DATA WRAPPER weir_socket OPTIONS (host '127.0.0.1', port '%d', max_retries '-1', retry_delay '100 ms');
		CREATE FOREIGN TABLE r (v text) SERVER s;
		CREATE TABLE o (v text);}, $sender->port));
	foreach my $i (1 .. $n)
	{
		$node->sql("SELECT weir.create_job('j$i', 'INSERT INTO o SELECT * FROM r')");
		$node->sql("SELECT weir.enable_checkpointing('j$i', every => '100 ms')");
		$node->sql("SELECT weir.start_job('j$i')");
		$node->wait_status('running', "j$i");
	}
	return;
}

sub restart_with
{
	my ($setting) = @_;
	$node->append_conf('postgresql.conf', $setting);
	$node->restart('fast');
	return;
}

sub reason
{
	my ($job) = @_;
	return $node->sql("SELECT status || ': ' || status_reason FROM weir.jobs WHERE name = '$job'");
}

sub drop_all
{
	$node->sql('SELECT weir.drop_job(name) FROM weir.jobs');
	return $node->wait_until(q{SELECT count(*) = 0 FROM pg_stat_activity WHERE backend_type ~ '^weir (task|coordinator)'});
}

# Too few places.
jobs('places', 3);
restart_with('weir.max_jobs = 1');
ok($node->wait_until($count, 'restarting 2, running 1'), 'of three jobs one finds a place');
like(reason('j2'), qr/^restarting: 1 jobs run, and weir\.max_jobs is 1$/, 'the others say what they wait for');
is($node->sql(q{SELECT weir.wait_for_job('j2', 'running', '0')}), 'f', 'and are not taken for running');
like(slurp_file($node->logfile), qr/LOG:  job "j2" waits until another job ends\n.*\n.*HINT:  Raise weir\.max_jobs/, 'so does the log');
$node->sql(q{SELECT weir.stop_job('j1')});
ok($node->wait_status('running', 'j2'), 'the first of them starts when there is one');
like($node->sql_error(q{SELECT weir.start_job('j1')}), qr/2 jobs run on the server, and weir\.max_jobs is 1/, 'before any that is started later');
$node->sql(q{SELECT weir.stop_job('j3')});
is(reason('j3'), 'stopped: it was waiting to be started', 'who does not want to wait is stopped');
$node->sql(q{SELECT weir.stop_job('j2')});
$node->sql(q{SELECT weir.start_job('j1')});
ok($node->wait_status('running', 'j1'), 'and waited for by nobody');
drop_all();

# Too few workers for all: the launcher, logical replication's, and four.
restart_with('weir.max_jobs = 8');
jobs('workers', 3);
$node->sql(q{CREATE TABLE b (v text, PRIMARY KEY (v)); CREATE FUNCTION f(r) RETURNS SETOF text LANGUAGE sql AS 'SELECT $1.v';
	SELECT weir.create_job('wide', 'INSERT INTO o SELECT a FROM r JOIN LATERAL f(r) a ON weir.key_by(r.v)', parallelism => 4)});
$node->sql(q{SELECT weir.start_job('wide'); });
$node->wait_status('running', 'wide');
restart_with('max_worker_processes = 6');
ok($node->wait_until($count, 'restarting 3, running 1'), 'of four jobs one has what it needs');
like(reason('j2'), qr/^restarting: it needs 3 background workers beside 5 others, and max_worker_processes is 6: set that to 8, or stop another job$/, 'another that could run says what is short');
like(reason('wide'), qr/^restarting: it needs 6 background workers/, 'so does one that never can');
is($node->sql(q{SELECT restarts FROM weir.jobs WHERE name = 'j2'}), '0', 'it has not been tried in vain');
$node->sql(q{SELECT weir.stop_job('j1')});
ok($node->wait_status('running', 'j2'), 'it starts when there is room');
is(() = slurp_file($node->logfile) =~ /LOG:  job "j2" waits: it needs/g, 1, 'the log has one line of it');
like($node->sql_error(q{SELECT weir.start_job('j1')}), qr/needs 3 background workers beside 8 others/, 'what it waits for is not given to one that is started later');
foreach my $undone ('BEGIN; %s; ROLLBACK', 'BEGIN; SAVEPOINT a; %s; ROLLBACK TO a; COMMIT', q{BEGIN; %s; SAVEPOINT a; SELECT weir.drop_job('j3'); ROLLBACK})
{
	$node->sql(sprintf($undone, q{SELECT weir.stop_job('j3')}));
	like(reason('j3'), qr/^restarting: it needs 3 background workers/, "it waits on after $undone");
}
$node->sql(q{SELECT weir.stop_job('j3')});
is(reason('j3'), 'stopped: it was waiting to be started', 'a job that waits can be stopped');
$node->sql(q{SELECT weir.stop_job('j2')});
$node->sql(q{SELECT weir.start_job('j3')});
ok($node->wait_status('running', 'j3'), 'and started again');
$node->sql(q{SELECT weir.stop_job('j3')});
$node->sql(q{SELECT weir.drop_job('wide')});
ok($node->wait_until(q{SELECT count(*) = 0 FROM weir_internal.run r WHERE NOT EXISTS (SELECT FROM weir.jobs j WHERE j.attempt = r.attempt) AND job = 4}),
	'one that waits can be dropped');

# Workers that others have: parallel queries take theirs from the same number.
restart_with('max_worker_processes = 8');
$node->sql(q{CREATE TABLE hog (filler text) WITH (parallel_workers = 8);
	INSERT INTO hog SELECT repeat('x', 1000) FROM generate_series(1, 500)});

sub hog
{
	my ($n) = @_;
	my $h = start([ 'psql', '-XAtq', '-d', $node->connstr($node->{database}),
		'-c', "SET max_parallel_workers_per_gather = $n", '-c', 'SET parallel_setup_cost = 0', '-c', 'SET parallel_tuple_cost = 0',
		'-c', 'SELECT count(*) FROM hog WHERE pg_sleep(60 + length(filler)) IS NULL' ], '<', '/dev/null', '>', \my $out, '2>', \my $err);

	ok($node->wait_until("SELECT count(*) = $n FROM pg_stat_activity WHERE backend_type = 'parallel worker'"), "others have $n workers");
	return $h;
}

sub end_hog
{
	my ($h) = @_;
	$node->sql(q{SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query ~ 'FROM hog WHERE'  AND pid <> pg_backend_pid()});
	finish $h;
	return;
}

my $hog = hog(4);
$node->sql(q{SELECT weir.start_job('j1')});
ok($node->wait_until(q{SELECT status_reason ~ '^only 1 background workers are free for the job''s 2 tasks.*max_worker_processes .8. allows: raise that' FROM weir.jobs WHERE name = 'j1'}),
	'a job that finds too few for its tasks waits');
is($node->sql(q{SELECT status FROM weir.jobs WHERE name = 'j1'}), 'starting', 'starting');
ok($node->wait_until(q{SELECT attempt >= 3 FROM weir.jobs WHERE name = 'j1'}), 'and tries');
end_hog($hog);
ok($node->wait_status('running', 'j1'), 'until it finds them');
is($node->sql(q{SELECT restarts || ' ' || coalesce(last_error, 'none') FROM weir.jobs WHERE name = 'j1'}), '0 none', 'which is no failure of it');
$node->sql(q{SELECT weir.stop_job('j1')});
$hog = hog(6);
$node->sql(q{SELECT weir.start_job('j1')});
ok($node->wait_until(q{SELECT status || ' ' || status_reason ~ '^starting no background worker is free' FROM weir.jobs WHERE name = 'j1'}),
	'one that finds none waits, too');
ok(slurp_file($node->logfile) =~ /LOG:  job "j1" waits: no background worker is free/, 'the log has it');
end_hog($hog);
ok($node->wait_status('running', 'j1'), 'and starts when there are');
drop_all();

# Too few prepared transactions.
restart_with('max_worker_processes = 16');
jobs('prepared', 2);
restart_with('max_prepared_transactions = 1');
ok($node->wait_until($count, 'restarting 1, running 1'), 'of two jobs one can prepare its output');
is(reason('j2'), 'restarting: it needs 1 prepared transactions beside 1 of other jobs, and max_prepared_transactions is 1: set that to 2, or stop another job',
	'the other says what is short');
$node->sql(q{SELECT weir.stop_job('j1')});
ok($node->wait_status('running', 'j2'), 'and starts when there is one');
drop_all();

# A database that takes no connections.
jobs('closed', 1);
my $session = $node->background_psql('closed', on_error_stop => 0);
$node->safe_psql('postgres', 'ALTER DATABASE closed ALLOW_CONNECTIONS false');
$session->query(q{SELECT weir.stop_job('j1'); SELECT weir.start_job('j1')});
like($session->{stderr}, qr/cannot be started.*\n.*database "closed" accepts no connections.*\n.*\n.*ALTER DATABASE closed ALLOW_CONNECTIONS true;/, 'start_job refuses it');
$session->quit;
$node->safe_psql('postgres', 'ALTER DATABASE closed ALLOW_CONNECTIONS true');
$node->sql(q{SELECT weir.start_job('j1')});
$node->wait_status('running', 'j1');
$node->safe_psql('postgres', 'ALTER DATABASE closed ALLOW_CONNECTIONS false');
my $from = -s $node->logfile;
$node->restart('fast');
sub logged { my ($what) = @_; return scalar(() = slurp_file($node->logfile, $from) =~ /$what/g); }
for (my $i = 0; $i < 6000 && !logged('LOG:  job "j1" waits: database "closed" does not accept connections'); $i++) { usleep(20_000); }
is(logged('LOG:  job "j1" waits: database "closed" does not accept connections'), 1, 'one that ran there waits, which is logged once');
is(logged('FATAL:  database "closed" is not currently accepting'), 0, 'and nothing is tried in vain');
$node->safe_psql('postgres', 'ALTER DATABASE closed ALLOW_CONNECTIONS true');
ok($node->wait_status('running', 'j1'), 'it starts when it does');

# A coordinator that cannot start is tried at growing distances.
$node->sql(q{ALTER TABLE weir_internal.run RENAME TO hidden});
$from = -s $node->logfile;
$node->sql(q{SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'j1 coordinator'});
for (my $i = 0; $i < 6000 && logged('ERROR:  relation "weir_internal.run" does not exist') < 3; $i++) { usleep(20_000); }
my @died = slurp_file($node->logfile, $from) =~ /(\d+):(\d+\.\d+) \S+ \[\d+\] \S* ?ERROR:  relation "weir_internal.run" does not exist/g;
cmp_ok(@died, '>=', 6, 'it dies again and again');
my ($first, $second, $third) = map { $died[ 2 * $_ ] * 60 + $died[ 2 * $_ + 1 ] } 0 .. 2;
cmp_ok(($third - $second) % 3600, '>', 1.4 * (($second - $first) % 3600), 'each time after longer');
$node->sql(q{ALTER TABLE weir_internal.hidden RENAME TO run});
ok($node->wait_until(q{SELECT status = 'running' FROM weir.jobs}), 'and comes back');

# A process that does not leave.
sub task { return $node->sql(q{SELECT pid FROM weir.tasks WHERE kind = 'sink'}); }
my $pid = task();
kill('STOP', $pid);
like($node->sql_error(q{SELECT weir.stop_job('j1', cancel => true)}),
	qr/could not stop job "j1": task sink 0 \(process $pid\) does not leave, though it was told to\n.*DETAIL:  The job stops as soon as that process has left/s, 'stop_job says which process does not leave');
is(reason('j1'), "stopping: task sink 0 (process $pid) does not leave, though it was told to", 'so does weir.jobs');
kill('CONT', $pid);
ok($node->wait_status('stopped', 'j1'), 'when it does, the job is stopped');
$node->sql(q{SELECT weir.start_job('j1')});

# A job that is starting is ready when its tasks run.
cmp_ok($node->sql(q{SELECT weir.trigger_checkpoint('j1')}), '>', 0, 'trigger_checkpoint right after start_job waits for them');
$node->sql(q{SELECT weir.stop_job('j1')});
$node->sql(q{SELECT weir.start_job('j1')});
cmp_ok($node->sql(q{SELECT weir.create_savepoint('j1', 'early')}), '>', 0, 'so does create_savepoint');
$node->sql(q{SELECT weir.stop_job('j1')});
$node->sql(q{SELECT weir.start_job('j1')});
$node->sql(q{SELECT weir.stop_job('j1', savepoint => 'late')});
is($node->sql(q{SELECT status FROM weir.jobs}), 'stopped', 'and stop_job with a savepoint');

$node->sql(q{SELECT weir.start_job('j1')});
$node->wait_status('running', 'j1');
$pid = task();
kill('STOP', $pid);
$node->sql(q{SELECT pg_terminate_backend(pid) FROM weir.tasks WHERE kind = 'source'});
ok($node->wait_until("SELECT status_reason ~ 'process $pid. does not leave' FROM weir.jobs"), 'a restart that waits for a process says so');
is($node->sql('SELECT status FROM weir.jobs'), 'restarting', 'as restarting');
kill('CONT', $pid);
ok($node->wait_status('running', 'j1'), 'and goes on when that has left');

# Several at the same moment: all hear that the job has stopped.
sub stops
{
	my ($options, @more) = @_;
	my (@runs, @err);

	foreach my $i (0 .. 3)
	{
		my $more = $more[$i] // $options;
		push @runs, start([ 'psql', '-XAtq', '-d', $node->connstr($node->{database}), '-c', "SELECT weir.stop_job('j1'$more)" ], '>', \my $out, '2>', \$err[$i]);
	}
	return (\@runs, \@err);
}

$pid = task();
kill('STOP', $pid);
my ($runs, $err) = stops('');
ok($node->wait_until(q{SELECT count(*) = 4 FROM pg_stat_activity WHERE query ~ 'stop_job' AND wait_event = 'Extension'}), 'four sessions stop a job');
kill('CONT', $pid);
finish $_ foreach @$runs;
is(join('', map { $_ // '' } @$err), '', 'all of them succeed');
foreach my $i (1 .. 3)
{
	$node->sql(q{SELECT weir.start_job('j1')});
	$node->wait_status('running', 'j1');
	($runs, $err) = stops(', cancel => true');
	finish $_ foreach @$runs;
	unlike(join('', map { $_ // '' } @$err), qr/The job goes on/, "cancelled by four, $i: nobody hears that it goes on");
	is($node->sql('SELECT status FROM weir.jobs'), 'stopped', "cancelled by four, $i: it has stopped");
}

done_testing();
