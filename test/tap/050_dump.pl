# A dump holds definitions, and the owner by name: restored where roles have
# other OIDs, the jobs have not run yet; started, they give the exact result.
use strict;
use warnings;

use PostgreSQL::Test::Utils;
use Test::More;
use Weir::Node;
use Weir::Sender;

my $node = Weir::Node->create('original');
my $data = Weir::Node::random_lines(4_000, 100, 50);
my $roles = 'CREATE ROLE alice LOGIN; CREATE ROLE bob LOGIN;';
my $declarations = q{SELECT * FROM weir_internal.state ORDER BY function COLLATE "C", name COLLATE "C"};
my @tables = qw(run timeline completed marker snapshot checkpoint checkpoint_task outbox journal_segment);

sub create_job_of_alice
{
	my ($sender) = @_;

	$node->sql($roles);
	$node->use_database('shop');
	$node->sql(q{GRANT CREATE ON SCHEMA public TO alice, bob;
		GRANT USAGE ON FOREIGN DATA WRAPPER weir_socket TO alice});
	$node->averaging_job(port => $sender->port, owner => 'alice',
		job => 'parallelism => 3, max_parallelism => 12',
		checkpointing => q{every => '50 ms', retain => 2, lock_wait => '7 s', fail_on_errors => false});
	$node->sql(q{
		SET SESSION AUTHORIZATION alice;
		SET search_path = public, pg_temp;
		CREATE TYPE "an item" AS (n int, words text[]);
		CREATE FUNCTION keeps(text, r readings) RETURNS bigint LANGUAGE plpgsql AS $$
		BEGIN
			PERFORM weir.list_add('list', row(1, '{a}')::"an item"), weir.map_put('map', 1.5, row(2, NULL)::"an item"),
				weir.reducing_add('reducing', 3::bigint), weir.aggregating_add('aggregating', 4::bigint),
				weir.aggregating_add('words', 'w'), weir.state_update('value', '(5,{b})');
			RETURN (weir.state_value('value', NULL::"an item")).n + weir.reducing_get('reducing', NULL::bigint)
				+ weir.aggregating_get('aggregating', NULL::numeric);
		END $$;
		SELECT weir.create_value_state('keeps(text, readings)', 'value', '"an item"', default_value => '(0,"{it''s,\"odd\"}")',
				ttl => weir.state_ttl('1 month 2 days', 'on_read_and_write', 'return_expired_if_not_cleaned_up')),
			weir.create_list_state('keeps(text, readings)', 'list', '"an item"', ttl => '1 h'),
			weir.create_map_state('keeps(text, readings)', 'map', 'numeric(5,2)', '"an item"'),
			weir.create_reducing_state('keeps(text, readings)', 'reducing', 'bigint', reduce => 'int8pl(bigint,bigint)'),
			weir.create_aggregating_state('keeps(text, readings)', 'aggregating', aggregate => 'avg(bigint)', ttl => '1 h'),
			weir.create_aggregating_state('keeps(text, readings)', 'words', 'text', aggregate => 'array_agg(anynonarray)');
		ALTER FUNCTION keeps(text, readings) RENAME TO "Keeps all";
		CREATE TABLE kept (n bigint);
		SELECT weir.create_job('kinds', 'INSERT INTO kept SELECT n FROM readings r JOIN LATERAL "Keeps all"(NULL, r) n ON weir.key_by(r.f0)',
			max_state_memory => '64MB');
		SELECT weir.set_restart_strategy('s3', 'failure_rate', max_failures => 9);
		GRANT SELECT ON readings TO bob;
		GRANT INSERT ON averages TO bob;
		SET SESSION AUTHORIZATION bob;
		SELECT weir.create_job('other', 'INSERT INTO averages SELECT f0, f1 FROM readings') });
	return;
}

sub dump_to
{
	my ($name, @options) = @_;
	my $file = $node->basedir . "/$name";

	command_ok([ 'pg_dump', '-d', $node->connstr('shop'), '-f', $file, @options ], "$name was dumped");
	return $file;
}

sub is_defined_only
{
	my ($there, $name) = @_;

	is($there->sql('SELECT name, status, attempt, owner FROM weir.jobs ORDER BY name'),
		"kinds|created|0|alice\nother|created|0|bob\ns3|created|0|alice", "$name: the jobs are there, and have not run");
	is($there->sql($declarations), $node->sql($declarations), "$name: so are declarations of every kind");
	is($there->sql(q{SET SESSION AUTHORIZATION alice; SELECT n FROM weir.try_job('kinds', '{1 1,1 2}', NULL::kept)}), "12\n15",
		"$name: which work");
	is($there->sql('SELECT count(*) FROM kept'), '2', "$name: as the job says") && $there->sql('TRUNCATE kept');
	is($there->sql(q{SELECT weir.explain_job('s3')}), $node->sql(q{SELECT weir.explain_job('s3')}),
		"$name: with their options");
	foreach my $table (@tables)
	{
		is($there->sql("SELECT count(*) FROM weir_internal.$table"), '0', "$name: nothing is in $table");
	}
	is($there->sql(q{SELECT count(*) FROM pg_class WHERE relname ~ '^journal_\d'}), '0', "$name: no journal is there");
	return;
}

# Started there, with a sender of its own.
sub runs_exactly
{
	my ($there, $name) = @_;
	my $sender = Weir::Sender->new($data);

	$there->sql('ALTER SERVER sensors OPTIONS (SET port ' . "'" . $sender->port . "'" . '); TRUNCATE averages');
	$there->load_input($data);
	$there->sql(q{SELECT weir.start_job('s3')});
	$sender->finish;
	ok($there->wait_status('finished'), "$name: finished");
	$there->is_exact($name);
	is($there->sql(q{SELECT weir.create_job('third', 'INSERT INTO averages SELECT f0, f1 FROM readings');
		SELECT count(DISTINCT id) FROM weir_internal.job}) =~ s/^\s+//r, '4', "$name: a new job gets an id of its own");
	return;
}

my $first = Weir::Sender->new($data);
create_job_of_alice($first);
$node->sql(q{SELECT weir.start_job('s3')});
$first->send_to(int(length($data) / 2));
ok($node->wait_until('SELECT count(*) > 100 FROM averages'), 'the job has written');

my $plain = dump_to('plain');
my $custom = dump_to('custom', '-Fc');
my $inserts = dump_to('inserts', '--inserts');
my $schema = dump_to('schema', '--schema-only');
$node->sql('CREATE ROLE shopkeeper LOGIN; ALTER DATABASE shop OWNER TO shopkeeper; GRANT alice, bob TO shopkeeper');
my $owners = dump_to('owner', '-U', 'shopkeeper');
my $all = $node->basedir . '/all';
command_ok([ 'pg_dumpall', '-d', $node->connstr('postgres'), '-f', $all ], 'the cluster was dumped');
$node->sql(q{SELECT weir.stop_job('s3', cancel => true)});

my $there = Weir::Node->create('restored');
$there->sql("CREATE ROLE shifts_the_oids; $roles");
isnt($there->sql(q{SELECT 'alice'::regrole::oid}), $node->sql(q{SELECT 'alice'::regrole::oid}), 'alice has another OID there');

sub restore
{
	my ($name, @command) = @_;

	$there->sql("CREATE DATABASE $name");
	$there->{database} = $name;
	command_ok([ @command, '-d', $there->connstr($name) ], "$name was restored");
	return;
}

restore('plain', 'psql', '-Xq', '-v', 'ON_ERROR_STOP=1', '-f', $plain);
is_defined_only($there, 'plain');
runs_exactly($there, 'plain');
restore('custom', 'pg_restore', '--exit-on-error', '-j', '2', $custom);
is_defined_only($there, 'custom');
runs_exactly($there, 'custom');
restore('inserts', 'psql', '-Xq', '-v', 'ON_ERROR_STOP=1', '-f', $inserts);
is_defined_only($there, 'inserts');
restore('owner', 'psql', '-Xq', '-v', 'ON_ERROR_STOP=1', '-f', $owners);
is_defined_only($there, 'owner');
restore('schema', 'psql', '-Xq', '-v', 'ON_ERROR_STOP=1', '-f', $schema);
is($there->sql('SELECT (SELECT count(*) FROM weir_internal.job), (SELECT count(*) FROM weir_internal.state)'), '0|0',
	'a dump without data is one without jobs and states');
$there->stop;

# A whole cluster, roles and all.
my $cluster = Weir::Node->create('cluster');
$cluster->sql('DROP EXTENSION weir; DROP FUNCTION journal_end, journal_size, journal_tables; CREATE ROLE shifts_the_oids');
$cluster->psql('postgres', '', extra_params => [ '-Xq', '-f', $all ], on_error_stop => 0);
$cluster->{database} = 'shop';
is_defined_only($cluster, 'pg_dumpall');
runs_exactly($cluster, 'pg_dumpall');
is($cluster->sql(q{ALTER ROLE alice RENAME TO alicia; SELECT owner FROM weir.jobs WHERE name = 's3'}), 'alicia', 'a job follows its owner\'s new name');

# Where a role is missing, what it owned has no owner; everything else is there.
$cluster->sql('CREATE DATABASE ownerless');
$cluster->{database} = 'ownerless';
my (undef, undef, $said) = $cluster->psql('ownerless', '', extra_params => [ '-Xq', '-f', $plain ], on_error_stop => 0);
like($said, qr/WARNING:  role "alice" does not exist/, 'the restore says which role is missing');
is($cluster->sql('SELECT name, owner FROM weir.jobs ORDER BY name'), "kinds|unknown (OID=0)\nother|bob\ns3|unknown (OID=0)", 'the jobs are there');
$cluster->sql('ALTER FOREIGN TABLE readings OWNER TO bob');
like($cluster->sql_error(q{SELECT weir.start_job('s3')}), qr/does not exist/, 'a job without an owner cannot be started');
$cluster->sql(q{SELECT weir.drop_job('s3')});

done_testing();
