# What acts at commit rolls back, with savepoints too; what acts at once is not
# undone; what could wait for ever is refused; two jobs started at the same moment
# cannot both take what is there for one.
use strict;
use warnings;

use PostgreSQL::Test::Utils;
use Test::More;
use Weir::Node;
use Weir::Sender;

my $node = Weir::Node->create('transactions');
my $lines = join('', map { "$_ $_\n" } 1 .. 10);
my $sender = Weir::Sender->new($lines);

sub status { return $node->sql(q{SELECT status FROM weir.jobs WHERE name = 's3'}); }
sub tasks { return $node->sql('SELECT count(*) FROM weir.tasks'); }
sub every { return $node->sql(q{SELECT substring(e FROM 'every ([^,]*)') FROM weir.explain_job('s3') e WHERE e LIKE 'Checkpointing: every%'}); }

$node->use_database('verbs');
$node->averaging_job(port => $sender->port, server => q{max_retries '-1'}, checkpointing => q{every => '1 h'},
	sink => 'CREATE TABLE averages (f0 bigint, average bigint); CREATE VIEW over AS SELECT * FROM averages;');

# start_job.
$node->sql(q{BEGIN; SELECT weir.start_job('s3'); ROLLBACK});
is(status(), 'created', 'start_job rolls back');
$node->sql(q{BEGIN; SAVEPOINT a; SELECT weir.start_job('s3'); ROLLBACK TO a; COMMIT});
is(status(), 'created', 'to a savepoint, too');
$node->sql(q{DO $$ BEGIN PERFORM weir.start_job('s3'); PERFORM 1 / 0; EXCEPTION WHEN division_by_zero THEN NULL; END $$});
is(status(), 'created', 'and where an exception is caught');
is(tasks(), '0', 'nothing runs');
like($node->sql_error(q{BEGIN; SELECT weir.start_job('s3'); PREPARE TRANSACTION 'x'}), qr/0A000: cannot PREPARE/,
	'a transaction that starts a job cannot be prepared');
is($node->sql(q{SELECT count(*) FROM pg_prepared_xacts}), '0', 'and is not');

# create, enable, start, all in one.
$node->sql(q{
	BEGIN;
	SELECT weir.create_job('fleeting', 'INSERT INTO averages SELECT f0, f1 FROM readings');
	SELECT weir.enable_checkpointing('fleeting');
	SELECT weir.set_restart_strategy('fleeting', 'fixed_delay');
	SELECT weir.start_job('fleeting');
	ROLLBACK });
is($node->sql(q{SELECT count(*) FROM weir.jobs}), '1', 'a job that was created and started rolls back');
is($sender->accepts, '0', 'nobody has connected');

my $other = $node->background_psql('verbs');
$other->query_safe(q{BEGIN; SAVEPOINT a; SELECT weir.start_job('s3'); RELEASE a});
is(tasks(), '0', 'nothing starts before the commit');
$other->query_safe('COMMIT');
ok($node->wait_status('running'), 'at commit it does');

# What a running job is told, it is told at commit.
$node->sql(q{BEGIN; SELECT weir.enable_checkpointing('s3', every => '10 ms'); ROLLBACK});
$node->sql(q{BEGIN; SAVEPOINT a; SELECT weir.enable_checkpointing('s3', every => '10 ms'); ROLLBACK TO a; COMMIT});
is(every(), $node->sql(q{SELECT '1 h'::interval}), 'enable_checkpointing rolls back');
$node->sql(q{BEGIN; SELECT weir.drop_job('s3'); ROLLBACK});
$node->sql(q{BEGIN; SAVEPOINT a; SELECT weir.drop_job('s3'); ROLLBACK TO a; COMMIT});
$sender->send_to(length $lines);
ok($node->wait_until(q{SELECT sum(records_in) = 10 FROM weir.tasks WHERE kind = 'keyed'}), 'a drop that rolls back does not stop the job');
is($node->sql('SELECT attempt, restarts FROM weir.jobs'), '1|0', 'nor disturb it');

# What acts at once is not undone.
$node->sql(q{BEGIN; SELECT weir.trigger_checkpoint('s3'); ROLLBACK});
$node->sql(q{BEGIN; SELECT weir.create_savepoint('s3', 'kept'); ROLLBACK});
is($node->sql('SELECT kind, status FROM weir.checkpoints ORDER BY checkpoint_id'), "manual|completed\nsavepoint|completed",
	'checkpoints are not undone');
$node->sql(q{BEGIN; SELECT weir.drop_savepoint('s3', 'kept'); ROLLBACK});
is($node->sql(q{SELECT savepoint FROM weir.checkpoints WHERE savepoint IS NOT NULL}), 'kept', 'drop_savepoint rolls back');

# Waits that could never end.
my %waits = (
	trigger_checkpoint => q{'s3'}, create_savepoint => q{'s3', 'x'}, stop_job => q{'s3'}, disable_checkpointing => q{'s3'},
	wait_for_job => q{'s3', 'stopped'});
foreach my $function (sort keys %waits)
{
	my $call = "SELECT weir.$function($waits{$function})";

	like($node->sql_error("BEGIN; SELECT weir.enable_checkpointing('s3', retain => 2); $call"),
		qr/25001: weir\.$function cannot wait in a transaction that has written/, "$function: the transaction has changed the job");
	like($node->sql_error("BEGIN; CREATE TABLE t (); $call"), qr/25001: .*has written/, "$function: it has written anything");
	like($node->sql_error("BEGIN; LOCK TABLE averages IN SHARE MODE; $call"),
		qr/25001: weir\.$function cannot wait while.*DETAIL:  It holds ShareLock on "averages"/s, "$function: it locks the sink");
	like($node->sql_error("BEGIN; SAVEPOINT a; CREATE TABLE t (); ROLLBACK TO a; $call"), qr/25001/, "$function: it has written what it undid");
}
is($node->sql(q{BEGIN; LOCK TABLE averages IN ROW EXCLUSIVE MODE; SELECT weir.trigger_checkpoint('s3') > 0; COMMIT}), 't',
	'a lock that does not conflict does no harm');
is(status(), 'running', 'the job runs on');
$node->sql(q{BEGIN; SELECT weir.stop_job('s3'); ROLLBACK});
is(status(), 'stopped', 'stop_job is not undone');

# The same through a view, and a partition.
$node->sql(q{
	CREATE TABLE parts (f0 bigint, average bigint) PARTITION BY RANGE (f0);
	CREATE TABLE part PARTITION OF parts DEFAULT;
	SELECT weir.create_job('viewed', 'INSERT INTO over SELECT f0, f1 FROM readings');
	SELECT weir.create_job('parted', 'INSERT INTO parts SELECT f0, f1 FROM readings') });
like($node->sql_error(q{BEGIN; LOCK TABLE averages IN SHARE MODE; SELECT weir.wait_for_job('viewed', 'running')}), qr/25001/,
	'a lock on what a view is over keeps from writing to it');
like($node->sql_error(q{BEGIN; LOCK TABLE ONLY part IN SHARE MODE; SELECT weir.wait_for_job('parted', 'running')}), qr/25001/,
	'and one on a partition');
$node->sql(q{SELECT weir.drop_job('viewed'), weir.drop_job('parted')});

# A drop that commits in a subtransaction, while the job runs.
$node->sql(q{SELECT weir.start_job('s3')});
ok($node->wait_status('running'), 'it runs again');
$node->sql(q{BEGIN; SAVEPOINT a; SELECT weir.drop_job('s3'); RELEASE a; COMMIT});
ok($node->wait_until(q{SELECT count(*) = 0 FROM weir_internal.run}), 'dropped while it ran, nothing is left of it');
ok($node->wait_until(q{SELECT count(*) = 0 FROM pg_stat_activity WHERE application_name LIKE 's3 %'}), 'nor runs');
$other->quit;

# Enough for two jobs of four tasks, and then for two jobs.
sub only_two
{
	my ($what, $setting, $value, $error) = @_;
	my $limit = $node->sql("SHOW $setting");
	my @session;

	$node->append_conf('postgresql.conf', "$setting = $value");
	$node->restart;
	$node->use_database("only_two_$what");
	$node->averaging_job(port => $sender->port, server => q{max_retries '-1'}, job => 'parallelism => 4');
	$node->sql(q{SELECT weir.create_job(n, query, 4) FROM weir.jobs, (VALUES ('b'), ('c')) x(n)});
	$node->sql(q{SELECT weir.enable_checkpointing(n) FROM (VALUES ('b'), ('c')) x(n)});
	@session = map { $node->background_psql("only_two_$what") } 1 .. 2;
	$session[0]->query_safe(q{BEGIN; SELECT weir.start_job('s3')});
	$session[1]->query_safe(q{BEGIN; SELECT weir.start_job('b')});
	like($node->sql_error(q{SELECT weir.start_job('c')}), $error, "$what: a third job is refused before the other two have committed");
	$session[1]->query_safe('ROLLBACK');
	$node->sql(q{SELECT weir.start_job('c')});
	$session[0]->query_safe('COMMIT');
	ok($node->wait_status('running', 's3'), "$what: the first runs");
	ok($node->wait_status('running', 'c'), "$what: the third runs instead of the one that was rolled back");
	like($node->sql_error(q{SELECT weir.start_job('b')}), $error, "$what: which is refused");
	is($node->sql(q{SELECT status FROM weir.jobs WHERE name = 'b'}), 'created', "$what: and is as it was");
	$node->sql(q{SELECT weir.stop_job('c')});
	$session[1]->query_safe(q{BEGIN; SAVEPOINT a; SELECT weir.start_job('b'); ROLLBACK TO a; SELECT weir.start_job('c'); COMMIT});
	ok($node->wait_status('running', 'c'), "$what: a savepoint gives back what it claimed");
	$node->sql(q{SELECT weir.drop_job(name) FROM weir.jobs});
	ok($node->wait_until(q{SELECT count(*) = 0 FROM pg_stat_activity WHERE backend_type LIKE 'weir%' AND backend_type <> 'weir launcher'}),
		"$what: all ended");
	$_->quit foreach @session;
	$node->append_conf('postgresql.conf', "$setting = $limit");
	return;
}

only_two('transactions', 'max_prepared_transactions', 8,
	qr/55000.*needs 4 prepared transactions beside 8 of other jobs, and max_prepared_transactions is 8.*max_prepared_transactions = 12/s);
only_two('workers', 'max_worker_processes', 14,
	qr/55000.*needs 6 background workers beside 14 others, and max_worker_processes is 14.*max_worker_processes = 20/s);
only_two('jobs', 'weir.max_jobs', 2, qr/55000.*2 jobs run on the server, and weir.max_jobs is 2.*weir.max_jobs = 3/s);

done_testing();
