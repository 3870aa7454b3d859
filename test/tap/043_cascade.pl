# What a stranger's job uses can be dropped by who owns it: CASCADE stops the job and
# fails it, whatever kind of object it is, while the job runs.
use strict;
use warnings;

use PostgreSQL::Test::Utils;
use Test::More;
use Weir::Node;
use Weir::Sender;

my $node = Weir::Node->create('cascade');
my $data = join('', map { "$_ $_\n" } 1000 .. 1999);
my $sender;
my $port = 9;

$node->use_database('cascade');
$node->sql(qq{
	CREATE ROLE alice LOGIN; CREATE ROLE mallory LOGIN;
	CREATE SCHEMA hers AUTHORIZATION alice; CREATE SCHEMA his AUTHORIZATION mallory;
	GRANT USAGE ON FOREIGN DATA WRAPPER weir_socket TO alice, mallory;
	SET SESSION AUTHORIZATION mallory;
	CREATE SERVER his FOREIGN DATA WRAPPER weir_socket OPTIONS (host '127.0.0.1', port '$port', max_retries '-1');
	CREATE FOREIGN TABLE his.readings (f0 bigint, f1 bigint) SERVER his OPTIONS (delimiter ' ');
	CREATE TABLE his.output (f0 bigint, f1 bigint);
	SET SESSION AUTHORIZATION alice;
	CREATE SERVER hers FOREIGN DATA WRAPPER weir_socket OPTIONS (host '127.0.0.1', port '$port', max_retries '-1');
	GRANT USAGE ON FOREIGN SERVER hers TO mallory;
	CREATE TABLE hers.lookup (f0 bigint, f1 bigint); INSERT INTO hers.lookup VALUES (1, 10);
	CREATE VIEW hers.seen AS SELECT * FROM hers.lookup;
	CREATE FUNCTION hers.f(bigint) RETURNS bigint LANGUAGE sql IMMUTABLE AS 'SELECT \$1';
	CREATE TYPE hers.kind AS ENUM ('a', 'b');
	GRANT USAGE ON SCHEMA hers TO mallory; GRANT SELECT ON ALL TABLES IN SCHEMA hers TO mallory;
	SET SESSION AUTHORIZATION mallory;
	CREATE FOREIGN TABLE his.on_hers (f0 bigint, f1 bigint) SERVER hers OPTIONS (delimiter ' ');});

sub as_alice { my ($sql) = @_; return $node->sql("SET SESSION AUTHORIZATION alice; $sql"); }

sub status { return $node->sql(q{SELECT status FROM weir.jobs WHERE name = 'm'}); }

# mallory's job, running; or just created
sub job
{
	my ($query, $start) = @_;

	$node->sql(qq{SET SESSION AUTHORIZATION mallory; SELECT weir.drop_job('m', if_exists => true);
		SELECT weir.create_job('m', 'INSERT INTO his.output $query');
		SELECT weir.enable_checkpointing('m', every => '50 ms')});
	return 1 unless $start;
	$sender = Weir::Sender->new($data);
	$port = $sender->port;
	$node->sql("ALTER SERVER his OPTIONS (SET port '$port'); ALTER SERVER hers OPTIONS (SET port '$port')");
	$sender->send_to(100);
	$node->sql(q{SET SESSION AUTHORIZATION mallory; SELECT weir.start_job('m')});
	return $node->wait_until(q{SELECT last_checkpoint > 0 AND status = 'running' FROM weir.jobs});
}

my @cases = (
	['DROP TABLE hers.lookup', 'SELECT r.f0, l.f1 FROM his.readings r LEFT JOIN hers.lookup l USING (f0)'],
	['DROP VIEW hers.seen', 'SELECT r.f0, l.f1 FROM his.readings r LEFT JOIN hers.seen l USING (f0)'],
	['DROP FUNCTION hers.f(bigint)', 'SELECT r.f0, hers.f(r.f1) FROM his.readings r'],
	['DROP TYPE hers.kind', q{SELECT r.f0, length(''a''::hers.kind::text) FROM his.readings r}],
	['ALTER TABLE hers.lookup DROP f1', 'SELECT r.f0, l.f1 FROM his.readings r LEFT JOIN hers.seen l USING (f0)'],
	['DROP SCHEMA hers', 'SELECT r.f0, l.f1 FROM his.readings r LEFT JOIN hers.lookup l USING (f0)'],
	['DROP SERVER hers', 'SELECT f0, f1 FROM his.on_hers']);

foreach my $case (@cases)
{
	my ($drop, $query) = @$case;

	foreach my $start (0, 1)
	{
		my $how = $start ? 'running' : 'created';

		# a schema or server has dependents of its own, so that its plain drop names those
		ok(job($query, $start), "$drop, $how: there is a job");
		like($node->sql_error("SET SESSION AUTHORIZATION alice; $drop"), qr/2BP01/, "$drop, $how: a plain drop is refused");
		is(status(), $start ? 'running' : 'created', "$drop, $how: and does nothing to the job");
		as_alice("BEGIN; $drop CASCADE; ROLLBACK");
		ok($node->wait_until(q{SELECT status IN ('created', 'running') FROM weir.jobs}), "$drop, $how: a cascade that is rolled back neither");
		if ($start)
		{
			my $seen = $node->sql(qq{SET SESSION AUTHORIZATION alice; BEGIN; $drop CASCADE; RESET SESSION AUTHORIZATION;
				SELECT status || ': ' || status_reason FROM weir.jobs; ROLLBACK});
			like($seen, qr/^failed: .*hers.*, which the job uses, was dropped$/s, "$drop, $how: it fails the job");
			ok($node->wait_status('running', 'm'), "$drop, $how: which goes on when that is rolled back");
		}
	}
}

# For good; whoever may drop the object.
ok(job($cases[0][1], 1), 'a job');
as_alice('DROP TABLE hers.lookup CASCADE');
ok($node->wait_status('failed', 'm'), 'it is failed');
is($node->sql('SELECT count(*) FROM weir.tasks'), '0', 'nothing of it runs');
is($node->sql('SELECT count(*) FROM pg_prepared_xacts'), '0', 'nor is left prepared');
like($node->sql_error(q{SET SESSION AUTHORIZATION mallory; SELECT weir.start_job('m')}), qr/42P01/, 'a start says what is missing');
as_alice('CREATE TABLE hers.lookup (f0 bigint, f1 bigint); GRANT SELECT ON hers.lookup TO mallory');
$node->sql(q{SET SESSION AUTHORIZATION mallory; SELECT weir.start_job('m')});
ok($node->wait_status('running', 'm'), 'once it is there again, the job goes on');

# What is one's own stays guarded.
ok(job('SELECT * FROM his.readings', 1), 'a job over its own');
like($node->sql_error('SET SESSION AUTHORIZATION mallory; DROP TABLE his.output CASCADE'), qr/2BP01/, 'is no cascade away');
like($node->sql_error('DROP TABLE his.output CASCADE'), qr/2BP01/, 'for a superuser neither');
is(status(), 'running', 'and runs');

# Through what the job's owner has made of it.
ok(job($cases[6][1], 1), 'a job over a stream of its own on the server of another');
$node->sql('DROP OWNED BY alice CASCADE');
ok($node->wait_status('failed', 'm'), 'a superuser drops what alice owns');
is($node->sql(q{SELECT count(*) FROM pg_class WHERE relnamespace = to_regnamespace('hers')}), '0', 'with everything');

$node->stop;
done_testing();
