# Who may create and start jobs is a privilege on functions, which dumps keep.
use strict;
use warnings;

use PostgreSQL::Test::Utils;
use Test::More;
use Weir::Node;

my $node = Weir::Node->create('who');

sub refused
{
	my ($role, $sql, $what) = @_;
	return like($node->sql_error("SET SESSION AUTHORIZATION $role; $sql"), qr/42501: permission denied for (function|foreign table) $what/, "$node->{database}: $role: $what");
}

sub allowed
{
	my ($role, $sql, $what) = @_;
	return is($node->sql_error("SET SESSION AUTHORIZATION $role; $sql"), '', "$node->{database}: $role: $what");
}

my $create = q{SELECT weir.create_job('j', 'INSERT INTO own SELECT v FROM readings')};
my $print = q{SELECT weir.create_job('p', 'INSERT INTO weir.print SELECT v::text FROM readings')};

sub check
{
	refused('stranger', "BEGIN; $create; ROLLBACK", 'create_job');
	allowed('streaming', "BEGIN; $create; ROLLBACK", 'create_job');
	refused('streaming', "BEGIN; $print; ROLLBACK", 'print');
	return;
}

$node->sql(q{CREATE ROLE streaming LOGIN; CREATE ROLE stranger LOGIN});
$node->use_database('who');
$node->sql(q{
	CREATE SERVER here FOREIGN DATA WRAPPER weir_socket OPTIONS (host '127.0.0.1', port '9', max_retries '-1');
	CREATE FOREIGN TABLE readings (v int) SERVER here;
	CREATE TABLE own (v int);
	GRANT SELECT ON readings TO PUBLIC; GRANT INSERT ON own TO PUBLIC});
allowed('stranger', "BEGIN; $create; $print; ROLLBACK", 'anybody may, who may read and write');
$node->sql(q{
	REVOKE EXECUTE ON FUNCTION weir.create_job, weir.start_job FROM PUBLIC;
	GRANT EXECUTE ON FUNCTION weir.create_job, weir.start_job TO streaming;
	REVOKE INSERT ON weir.print FROM PUBLIC});
check();
$node->sql("SET SESSION AUTHORIZATION streaming; $create");
$node->sql('REASSIGN OWNED BY streaming TO stranger');
refused('stranger', q{SELECT weir.start_job('j')}, 'start_job');
$node->sql(q{SELECT weir.drop_job('j')});

my $dump = PostgreSQL::Test::Utils::tempdir() . '/who.sql';
$node->PostgreSQL::Test::Cluster::command_ok([ 'pg_dump', '-f', $dump, '-d', 'who' ], 'a dump');
$node->safe_psql('postgres', 'CREATE DATABASE restored');
$node->PostgreSQL::Test::Cluster::command_ok([ 'psql', '-Xq', '-v', 'ON_ERROR_STOP=1', '-d', 'restored', '-f', $dump ], 'is restored');
$node->{database} = 'restored';
check();

$node->stop;
done_testing();
