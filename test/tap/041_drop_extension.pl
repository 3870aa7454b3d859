# The extension, the schema it is in and an owner's objects are dropped, or given
# away, while jobs run under load with transactions often prepared; what is
# rolled back goes on, and nobody stops a job by asking for what he may not do.
use strict;
use warnings;

use PostgreSQL::Test::Utils;
use Test::More;
use Weir::Node;
use Weir::Sender;

my $node = Weir::Node->create('drop_extension', 'log_min_messages = log');
my $data = Weir::Node::random_lines(300_000, 500, 41);
my $sender;

sub job_under_load
{
	my ($database) = @_;

	$sender = Weir::Sender->new($data);
	$node->use_database($database);
	$node->averaging_job(port => $sender->port, checkpointing => "every => '20 ms'", job => 'parallelism => 3');
	$node->sql(q{SELECT weir.start_job('s3')});
	$sender->rate(40_000)->send_to(length $data);
	flows("$database: started");
	return;
}

sub flows
{
	my ($name) = @_;
	my $before = $node->sql('SELECT count(*) FROM averages');
	return ok($node->wait_until("SELECT count(*) > $before FROM averages"), "$name: output flows");
}

sub attempt { return $node->sql('SELECT attempt FROM weir.jobs'); }

# The job was stopped and goes on.
sub goes_on
{
	my ($name, $before) = @_;
	ok($node->wait_until("SELECT status = 'running' AND attempt > $before FROM weir.jobs"), "$name: the job goes on");
	return flows($name);
}

sub nothing_left
{
	my ($name) = @_;
	is($node->sql('SELECT count(*) FROM pg_prepared_xacts'), '0', "$name: nothing is left prepared");
	ok($node->wait_until(q{SELECT count(*) = 0 FROM pg_stat_activity WHERE application_name LIKE 's3%'}),
		"$name: no process of the job is left");
	return;
}

# Refusals and rollbacks.
job_under_load('kept');
$node->sql('CREATE ROLE nobody LOGIN');
my $before = attempt();
like($node->sql_error("SET ROLE nobody;\nDROP EXTENSION weir CASCADE"), qr/42501: must be owner of extension weir/,
	'DROP EXTENSION by nobody is refused');
like($node->sql_error("SET ROLE nobody;\nDROP OWNED BY postgres"), qr/42501: permission denied to drop objects/, 'so is DROP OWNED');
like($node->sql_error("SET ROLE nobody;\nREASSIGN OWNED BY postgres TO nobody"), qr/42501: permission denied to reassign/,
	'so is REASSIGN OWNED');
like($node->sql_error('DROP EXTENSION IF EXISTS no_such_extension, plpgsql_too CASCADE'), qr/^$/, 'IF EXISTS of none');
like($node->sql_error("SET ROLE nobody;\nDROP SCHEMA public CASCADE"), qr/42501: must be owner of schema public/, 'so is the schema');
is(attempt(), $before, 'the job never stopped');

like($node->sql_error('DROP EXTENSION weir'), qr/2BP01: cannot drop extension weir because other objects depend on it/,
	'streams keep the extension');
like($node->sql_error('DROP EXTENSION weir'), qr/job "s3" depends on extension weir.*HINT:  Use DROP \.\.\. CASCADE/s, 'jobs do');
flows('after a refused drop');
is(attempt(), $before, 'the job never stopped');

my $refused = $node->sql_error('DROP FUNCTION count_window_average(readings)');
like($refused, qr/2BP01: cannot drop function count_window_average\(readings\) because a job depends on it/,
	'the keyed function of a running job stays');
like($refused, qr/job "s3" depends on function/, 'the job in the detail');
like($node->sql_error('DROP TABLE averages CASCADE'), qr/2BP01: cannot drop table averages because a job depends on it/,
	'so does its sink');

$before = attempt();
$node->sql("BEGIN;\nDROP EXTENSION weir CASCADE;\nROLLBACK");
goes_on('after ROLLBACK', $before);
$before = attempt();
$node->sql("BEGIN;\nSAVEPOINT a;\nDROP EXTENSION weir CASCADE;\nROLLBACK TO a;\nSELECT count(*) FROM weir.jobs;\nCOMMIT");
goes_on('after ROLLBACK TO SAVEPOINT', $before);
$before = attempt();
like($node->sql_error("BEGIN;\nDROP EXTENSION weir CASCADE;\nPREPARE TRANSACTION 'mine'"),
	qr/0A000: cannot PREPARE a transaction that has stopped jobs/, 'such a transaction cannot be prepared');
goes_on('after PREPARE', $before);

# The session that holds the jobs is killed.
$before = attempt();
my $session = $node->background_psql($node->{database}, on_error_stop => 0);
$session->query_safe("BEGIN;\nSET client_min_messages = error;\nDROP EXTENSION weir CASCADE");
my $pid = $session->query('SELECT pg_backend_pid()');
is($node->sql(q{SELECT count(*) FROM pg_stat_activity WHERE application_name LIKE 's3%'}), '0', 'held, the job does not run');
$node->safe_psql('postgres', "SELECT pg_terminate_backend($pid)");
goes_on('after its session died', $before);
eval { $session->quit };

# What cannot be had in time ends with the statement, not with the job.
$before = attempt();
like($node->sql_error("BEGIN;\nLOCK TABLE weir_internal.job;\nSET LOCAL statement_timeout = '2s';\nDROP EXTENSION weir CASCADE"),
	qr/57014: canceling statement due to statement timeout/, 'a command that waits can be cancelled');
goes_on('after a cancelled command', $before);

# A drop that is refused does not wait for the epoch, nor the epoch for it.
$node->sql(q{SELECT weir.enable_checkpointing('s3', every => '1 h')});
$before = attempt();
like($node->sql_error("SET statement_timeout = '10s';\nDROP TABLE averages"), qr/2BP01/, 'DROP TABLE is refused at once');
is(attempt(), $before, 'and the job never stopped');
$node->sql(q{SELECT weir.enable_checkpointing('s3', every => '20 ms')});

# Given to another, who is not the one that prepared.
$node->sql('CREATE ROLE first LOGIN SUPERUSER; CREATE ROLE second LOGIN');
$node->sql(q{SELECT weir.stop_job('s3'); SELECT weir.drop_job('s3'); TRUNCATE averages});
$node->sql('ALTER TABLE averages OWNER TO first; ALTER FOREIGN TABLE readings OWNER TO first; ALTER FUNCTION count_window_average OWNER TO first; GRANT CREATE ON SCHEMA public TO second; GRANT USAGE ON FOREIGN SERVER sensors TO second, first; GRANT CREATE ON DATABASE kept TO first, second');
$sender = Weir::Sender->new($data);
$node->sql(sprintf(q{ALTER SERVER sensors OPTIONS (SET port '%d')}, $sender->port));
$node->sql(q{SET ROLE first; SELECT weir.create_job('s3', $$
	INSERT INTO averages SELECT a.* FROM readings r
	JOIN LATERAL count_window_average(r) a ON weir.key_by(r.f0)$$, parallelism => 3);
	SELECT weir.enable_checkpointing('s3', every => '20 ms');
	SELECT weir.start_job('s3')});
$sender->rate(300_000)->send_to(length $data);
flows('of the first owner');
$before = attempt();
is((my $error = $node->sql_error('DROP ROLE first')) =~ /2BP01/ ? 1 : 0, 1, 'DROP ROLE of an owner is refused');
like($error, qr/owner of job "s3"/, 'the job in the detail');
my (undef, undef, $elsewhere) = $node->psql('postgres', 'DROP ROLE first', extra_params => [ '-v', 'VERBOSITY=verbose' ]);
like($elsewhere, qr/2BP01/, 'in another database too');
is(attempt(), $before, 'the job never stopped');
$session = $node->background_psql($node->{database});
$session->query_safe("BEGIN;\nREASSIGN OWNED BY first TO second");
my $launcher = q{FROM pg_stat_activity WHERE backend_type = 'weir launcher'};
my $old = $node->sql("SELECT pid $launcher");
$node->sql("SELECT pg_terminate_backend($old)");
ok($node->wait_until("SELECT count(*) = 1 $launcher AND pid <> $old AND wait_event = 'Extension'
	AND NOT EXISTS (SELECT FROM pg_stat_activity WHERE backend_type = 'weir scan')"), 'another launcher has looked');
is($node->sql(q{SELECT count(*) FROM pg_stat_activity WHERE application_name LIKE 's3%'}), '0', 'it starts nothing that is held');
$session->query_safe('ROLLBACK');
$session->quit;
goes_on('REASSIGN OWNED rolled back', $before);
is($node->sql('SELECT owner FROM weir.jobs'), 'first', 'the owner is who it was');
$before = attempt();
$node->sql('REASSIGN OWNED BY first TO second');
goes_on('reassigned', $before);
is($node->sql('SELECT owner FROM weir.jobs'), 'second', 'the job has another owner');
is($node->sql(q{SELECT count(DISTINCT usename) || ' ' || min(usename) FROM pg_stat_activity WHERE application_name LIKE 's3 keyed%'}),
	'1 second', 'as whom its tasks run');
$sender->rate(0);
$node->wait_consumed(length $data);
$node->sql(q{SELECT weir.stop_job('s3')});
$node->load_input($data);
$node->is_exact('through all of this');

# Owned objects dropped while the job runs.
$node->sql('DROP TABLE input');
$sender->finish;
$node->sql(q{SELECT weir.drop_job('s3'); DROP OWNED BY first; DROP ROLE first; GRANT USAGE ON FOREIGN SERVER sensors TO second});
$sender = Weir::Sender->new($data);
$node->sql(sprintf(q{ALTER SERVER sensors OPTIONS (SET port '%d')}, $sender->port));
$node->sql(q{TRUNCATE averages; SET ROLE second; SELECT weir.create_job('s3', $$
	INSERT INTO averages SELECT a.* FROM readings r
	JOIN LATERAL count_window_average(r) a ON weir.key_by(r.f0)$$, parallelism => 3);
	SELECT weir.enable_checkpointing('s3', every => '1 h');
	SELECT weir.start_job('s3')});
$sender->rate(300_000)->send_to(length $data);
ok($node->wait_until(q{SELECT sum(records_in) > 1000 FROM weir.tasks WHERE kind = 'keyed'}), 'an epoch is open for an hour');
$before = attempt();
$node->sql("BEGIN;\nDROP OWNED BY second;\nROLLBACK");
ok($node->wait_until("SELECT status = 'running' AND attempt > $before FROM weir.jobs"), 'DROP OWNED rolled back: the job goes on');
$node->sql('DROP OWNED BY second');
is($node->sql('SELECT count(*) FROM weir.jobs'), '0', 'DROP OWNED drops the job');
nothing_left('DROP OWNED');
$node->sql('DROP ROLE second');
ok($node->wait_until(q{SELECT (SELECT count(*) FROM weir_internal.run) + (SELECT count(*) FROM weir_internal.completed)
	+ (SELECT count(*) FROM journal_tables()) = 0}), 'and all that it has kept');

# The extension, and the schema it is in.
job_under_load('dropped');
$session = $node->background_psql('dropped', on_error_stop => 0);
$session->query_until(qr/waiting/, "\\echo waiting\nSELECT weir.wait_for_job('s3', 'stopped');\n");
ok($node->wait_until(q{SELECT count(*) = 1 FROM pg_stat_activity WHERE query LIKE '%wait_for_job%' AND wait_event = 'Extension'}),
	'a session waits for the job, and has read its tables');
my (undef, undef, $notices) = $node->psql('dropped', "SET statement_timeout = '30s';\nDROP EXTENSION weir CASCADE");
like($notices, qr/NOTICE:  drop cascades to 1 job\nDETAIL:  drop cascades to job "s3"/, 'the job is named');
nothing_left('DROP EXTENSION');
$session->query_until(qr/sent away/, "\\echo sent away\n");
like($session->{stderr}, qr/cannot wait for a job while extension weir is being dropped/, 'it was sent away');
$session->quit;
is($node->sql(q{SELECT count(*) > 0 FROM averages}), 't', 'the output stays');

# Created again in the same transaction, with a job of the same id.
job_under_load('recreated');
my $again = Weir::Sender->new($data);
$node->sql(sprintf(q{
	BEGIN;
	DROP EXTENSION weir CASCADE;
	CREATE EXTENSION weir;
	CREATE SERVER sensors FOREIGN DATA WRAPPER weir_socket OPTIONS (host '127.0.0.1', port '%d');
	CREATE FOREIGN TABLE readings (f0 bigint, f1 bigint) SERVER sensors OPTIONS (delimiter ' ');
	SELECT weir.create_job('s3', 'INSERT INTO averages SELECT f0, f1 FROM readings');
	SELECT weir.enable_checkpointing('s3', every => '20 ms');
	SELECT weir.start_job('s3');
	COMMIT}, $again->port));
$again->rate(200_000)->send_to(length $data);
flows('created again and started in the transaction that drops it');
$node->sql(q{SELECT weir.drop_job('s3')});

job_under_load('unschemed');
$node->sql('DROP SCHEMA public CASCADE');
is($node->sql(q{SELECT count(*) FROM pg_extension WHERE extname = 'weir'}), '0', 'the extension goes with its schema');
nothing_left('DROP SCHEMA');

$node->stop;
unlike(slurp_file($node->logfile), qr/PANIC|TRAP:/, 'nothing else went wrong');

done_testing();
