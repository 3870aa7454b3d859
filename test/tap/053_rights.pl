# Who sees and may do what with a job that runs: its owner, a member of the owner, a
# member of pg_read_all_stats, a stranger; and that it runs as its owner.
use strict;
use warnings;

use PostgreSQL::Test::Utils;
use Test::More;
use Weir::Node;
use Weir::Sender;

my $node = Weir::Node->create('rights');
my $data = Weir::Node::random_lines(20, 4, 53);
my $sender = Weir::Sender->new($data);
my @roles = qw(alice member stats stranger);

$node->sql(q{CREATE ROLE alice LOGIN; CREATE ROLE member LOGIN IN ROLE alice;
	CREATE ROLE stats LOGIN IN ROLE pg_read_all_stats; CREATE ROLE stranger LOGIN; CREATE ROLE keeper LOGIN});
$node->use_database('rights');
$node->sql(q{GRANT CREATE ON SCHEMA public TO alice; GRANT USAGE ON FOREIGN DATA WRAPPER weir_socket TO alice});
$node->averaging_job(port => $sender->port, server => q{max_retries '-1'}, owner => 'alice',
	checkpointing => q{every => '1 h'}, sink => 'CREATE TABLE averages (f0 bigint, average bigint, who name DEFAULT current_user);',
	query => 'INSERT INTO averages (f0, average) SELECT a.f0, a.average FROM readings r
		JOIN LATERAL count_window_average(r) a ON weir.key_by(r.f0)');
$node->sql(q{SELECT weir.start_job('s3')});
$sender->send_to(length $data);
ok($node->wait_until(q{SELECT sum(records_in) = 20 FROM weir.tasks WHERE kind = 'keyed'}), 'all was read');
$node->sql(q{SELECT weir.create_savepoint('s3', 'first')});
is($node->sql('SELECT string_agg(DISTINCT who::text, $$ $$) FROM averages'), 'alice', 'the sink statement runs as the owner');
is($node->sql(q{SELECT string_agg(DISTINCT usename::text, ' ') FROM pg_stat_activity WHERE application_name LIKE 's3 keyed%'}),
	'alice', 'and so do the tasks');

# An error text, and a checkpoint that failed: the secret is in both.
$node->sql(q{UPDATE weir_internal.run SET last_error = 'secret';
	UPDATE weir_internal.checkpoint SET failure = 'secret'});

sub as_role
{
	my ($role, $query) = @_;
	return $node->sql("SET SESSION AUTHORIZATION $role; $query");
}

sub error_as
{
	my ($role, $query) = @_;
	return $node->sql_error("SET SESSION AUTHORIZATION $role; $query");
}

my %rows = ('weir.jobs' => 1, 'weir.checkpoints' => 1, 'weir.checkpoint_tasks' => 3, 'weir.tasks' => 4, 'weir.sources' => 1);
foreach my $view (sort keys %rows)
{
	foreach my $role (@roles)
	{
		my $expected = $role eq 'stranger' ? 0 : $rows{$view};
		is(as_role($role, "SELECT count(*) FROM $view"), $expected, "$role sees $expected rows of $view");
	}
}
foreach my $role ('alice', 'member', 'stats')
{
	my $all = $role eq 'stats' ? 'f' : 't';
	is(as_role($role, 'SELECT query IS NOT NULL FROM weir.jobs'), $all, "$role and the query");
	is(as_role($role, q{SELECT last_error IS NOT DISTINCT FROM 'secret' FROM weir.jobs}), $all, "$role and the job's error");
	is(as_role($role, q{SELECT failure IS NOT DISTINCT FROM 'secret' FROM weir.checkpoints}), $all, "$role and a checkpoint's failure");
	is(as_role($role, q{SELECT name, status, owner, parallelism FROM weir.jobs}), 's3|running|alice|2', "$role and the rest");
}
# Whoever owns the database may use the schema of Weir's own, for dumps: to see no more.
$node->sql('ALTER DATABASE rights OWNER TO keeper; SET SESSION AUTHORIZATION keeper; CREATE TABLE kept (a bigint)');
foreach my $function ('task_stats', 'stream_sources')
{
	is(as_role('keeper', "SELECT count(*) FROM weir_internal.$function() WHERE to_jsonb($function)->>'task' IS DISTINCT FROM 'coordinator'"), 0, "nor do $function() without the view");
}
like(error_as('keeper', 'CREATE TRIGGER guard AFTER DELETE ON kept FOR EACH STATEMENT EXECUTE FUNCTION weir_internal.guard_dead_letter()'),
	qr/42501: permission denied for function weir_internal.guard_dead_letter/, 'nor is their trigger for others');
# A function that leaks its arguments gets no row of another's.
is(error_as('stranger', q{CREATE TEMP TABLE seen (x text); CREATE FUNCTION pg_temp.leak(text) RETURNS boolean COST 0.0001 LANGUAGE plpgsql
	AS 'BEGIN RAISE NOTICE ''leaked %'', $1; RETURN true; END'; SELECT count(*) FROM weir.jobs WHERE pg_temp.leak(query)}), '', 'a leaky function runs');
unlike(slurp_file($node->logfile), qr/leaked/, 'and leaks nothing');

# Every verb by who may not; none of them gets as far as doing anything.
my @verbs = (
	q{start_job('s3')}, q{stop_job('s3')}, q{stop_job('s3', cancel => true)}, q{drop_job('s3')}, q{explain_job('s3')},
	q{enable_checkpointing('s3')}, q{disable_checkpointing('s3')}, q{trigger_checkpoint('s3')},
	q{set_restart_strategy('s3', 'none')}, q{create_savepoint('s3', 'x')}, q{drop_savepoint('s3', 'first')});
foreach my $role ('stats', 'stranger')
{
	foreach my $verb (@verbs)
	{
		like(error_as($role, "SELECT weir.$verb"), qr/42501: must be owner of job "s3"/, "$role: $verb");
	}
	like(error_as($role, q{SELECT weir.drop_state('public.count_window_average(public.readings)', 'sum')}),
		qr/42501/, "$role: drop_state");
	like(error_as($role, q{SELECT weir.create_value_state('count_window_average(readings)', 'x', 'int')}),
		qr/42501/, "$role: create_value_state");
	like(error_as($role, 'TABLE weir_internal.job'), qr/42501/, "$role: weir's own tables");
	like(error_as($role, q{SELECT weir.create_job('mine', 'INSERT INTO averages (f0) SELECT f0 FROM readings')}),
		qr/42501/, "$role: a job over what is alice's");
}
is(as_role('stats', q{SELECT weir.wait_for_job('s3', 'running')}), 't', 'stats may wait');
like(error_as('stranger', q{SELECT weir.wait_for_job('s3', 'running')}), qr/42501/, 'a stranger may not');
is($node->sql('SELECT attempt, restarts, status FROM weir.jobs'), '1|0|running', 'the job is as it was');

# Rights that tasks need to start with, taken while the job runs.
$node->sql(q{ALTER ROLE alice NOLOGIN; SELECT pg_terminate_backend(pid) FROM weir.tasks WHERE kind = 'source'});
ok($node->wait_until(q{SELECT last_error ~ '^task [a-z]+ \d ended at its start\nHINT: .*allowed to log in' FROM weir.jobs}), 'a job whose owner may not log in says so');
$node->sql('ALTER ROLE alice LOGIN');
ok($node->wait_status('running'), 'and goes on when she may');

# Every verb by a member, who is as good as the owner, and by the owner.
foreach my $role ('member', 'alice')
{
	foreach my $verb (
		q{trigger_checkpoint('s3') > 0}, "create_savepoint('s3', '$role') > 0", "drop_savepoint('s3', '$role') IS NOT NULL",
		q{enable_checkpointing('s3', retain => 2) IS NOT NULL}, q{set_restart_strategy('s3', 'fixed_delay') IS NOT NULL},
		q{explain_job('s3') IS NOT NULL LIMIT 1}, q{wait_for_job('s3', 'running')}, q{stop_job('s3') IS NOT NULL},
		q{start_job('s3') IS NOT NULL})
	{
		is(as_role($role, "SELECT weir.$verb"), 't', "$role: $verb");
	}
	ok($node->wait_status('running'), "$role: it runs again");
}
as_role('member', q{SELECT weir.drop_job('s3')});
ok($node->wait_until('SELECT count(*) = 0 FROM weir.tasks'), 'dropped by a member');

# The owner's rights count, at any time.
$node->sql(q{GRANT SELECT ON readings TO stranger; GRANT INSERT ON averages TO stranger;
	SET SESSION AUTHORIZATION stranger;
	SELECT weir.create_job('mine', 'INSERT INTO averages (f0) SELECT f0 FROM readings')});
is($node->sql('SELECT name, owner FROM weir.jobs'), 'mine|stranger', 'with the rights a stranger has a job of his own');
is(as_role('alice', 'SELECT count(*) FROM weir.jobs'), '0', 'which alice does not see');
$node->sql('REVOKE SELECT ON readings FROM stranger');
like(error_as('stranger', q{SELECT weir.start_job('mine')}), qr/42501: permission denied for foreign table readings/,
	'rights that were taken are missed at the start');
like($node->sql_error(q{SELECT weir.start_job('mine')}), qr/42501: permission denied for foreign table readings/,
	'also by a superuser, since the job runs as its owner');

# What a superuser changes may run the owner's code: as the owner.
$node->use_database('domain');
$node->sql(q{GRANT CREATE ON SCHEMA public TO alice; GRANT USAGE ON FOREIGN DATA WRAPPER weir_socket TO alice});
my $query = 'INSERT INTO numbers SELECT a.* FROM readings r JOIN LATERAL remember(r) a ON weir.key_by(r.f0)';
my $of_domain = Weir::Sender->new("1 1\n");
$node->sql(qq{SET SESSION AUTHORIZATION alice;
	CREATE SERVER sensors FOREIGN DATA WRAPPER weir_socket OPTIONS (host '127.0.0.1', port '@{[$of_domain->port]}');
	CREATE FOREIGN TABLE readings (f0 bigint, f1 bigint) SERVER sensors OPTIONS (delimiter ' ');
	CREATE TABLE numbers (n bigint);
	CREATE FUNCTION seen(v bigint) RETURNS boolean LANGUAGE plpgsql AS 'BEGIN RAISE NOTICE ''checked by %'', current_user; RETURN true; END';
	CREATE DOMAIN checked AS bigint CHECK (seen(VALUE));
	CREATE FUNCTION remember(r readings) RETURNS SETOF bigint LANGUAGE plpgsql AS 'BEGIN
		PERFORM weir.state_update(''n'', r.f1::checked); RETURN NEXT r.f1; END';
	SELECT weir.create_value_state('remember(readings)', 'n', 'checked', default_value => '0');
	SELECT weir.create_job('s3', '$query');
	SELECT weir.enable_checkpointing('s3');
	SELECT weir.start_job('s3')});
$of_domain->finish;
ok($node->wait_status('finished'), 'state of a domain');
my (undef, undef, $notices) = $node->psql('domain', "SELECT weir.alter_job('s3', query => '$query')");
like($notices, qr/checked by alice/, 'alter_job runs the check of its domain');
unlike($notices, qr/checked by (?!alice)/, 'as the owner, whoever calls it');

done_testing();
