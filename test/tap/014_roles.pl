# A job whose owner, or whose code, takes on another role: it runs and prepares as
# its owner all the same, so that recovery finds what it prepared.
use strict;
use warnings;

use PostgreSQL::Test::Utils;
use Test::More;
use Weir::Node;
use Weir::Sender;

my $node = Weir::Node->create('roles');
my $data = Weir::Node::random_lines(4000, 8, 14);
my $number = 1;

# Prepared transactions are there for a moment only.
my $who_prepares = q{
	CREATE TABLE seen (owner name);
	DO $$
	DECLARE
		deadline timestamptz := clock_timestamp() + '20 s';
	BEGIN
		LOOP
			INSERT INTO seen SELECT owner FROM pg_prepared_xacts;
			EXIT WHEN FOUND OR clock_timestamp() > deadline;
		END LOOP;
	END $$;
	SELECT string_agg(DISTINCT owner::text, ' ') FROM seen};


$node->sql(q{CREATE ROLE grp; CREATE ROLE bob LOGIN IN ROLE grp; CREATE ROLE peter LOGIN IN ROLE grp});
$node->sql(q{ALTER ROLE peter SET role = 'grp'});

foreach my $case (
	['bob', q{PERFORM set_config('role', 'grp', false);}],
	['bob', q{PERFORM set_config('role', 'grp', true);}],
	['bob', q{EXECUTE 'SET ROLE grp';}],
	['bob', q{BEGIN PERFORM 1 / 0; EXCEPTION WHEN division_by_zero THEN SET ROLE grp; END;}],
	['peter', ''])
{
	my ($owner, $code) = @$case;
	my $name = "case_" . $number++;
	my $what = "$owner: " . ($code || 'ALTER ROLE ... SET role');
	my $sender = Weir::Sender->new($data, hold => 1);

	$node->tend(undef);
	$node->use_database($name);
	$node->load_input($data);
	$node->sql('GRANT CREATE ON SCHEMA public TO bob, peter, grp; GRANT USAGE ON FOREIGN DATA WRAPPER weir_socket TO bob, peter, grp');
	$node->averaging_job(port => $sender->port, owner => $owner, checkpointing => q{every => '10 ms'}, job => 'parallelism => 2',
		sink => 'CREATE TABLE averages (f0 bigint, average bigint, who name DEFAULT current_user);',
		query => 'INSERT INTO averages (f0, average) SELECT a.f0, a.average FROM readings r
			JOIN LATERAL count_window_average(r) a ON weir.key_by(r.f0)');
	$node->sql(qq{SET SESSION AUTHORIZATION $owner;
		CREATE OR REPLACE FUNCTION count_window_average(r readings)
		RETURNS TABLE (f0 bigint, average bigint) LANGUAGE plpgsql AS \$\$
		DECLARE
			sum running_sum := weir.state_value('sum', NULL::running_sum);
		BEGIN
			$code
			sum.n := sum.n + 1;
			sum.total := sum.total + r.f1;
			PERFORM weir.state_update('sum', sum);
			IF sum.n >= 2 THEN
				RETURN QUERY SELECT r.f0, sum.total / sum.n;
				PERFORM weir.state_clear('sum');
			END IF;
		END \$\$});
	$node->sql(q{SELECT weir.set_restart_strategy('s3', 'fixed_delay', attempts => -1, delay => '10 ms'); SELECT weir.start_job('s3')});
	$node->tend($sender);
	$sender->rate(20_000);
	$sender->send_to(length $data);
	is($node->sql($who_prepares), $owner, "$what: the tasks prepare as the job's owner");
	$node->kill9;
	$node->start;
	ok($node->wait_until('SELECT count(*) = 0 FROM pg_prepared_xacts'), "$what: recovery finds them");
	$sender->rate(0);
	$sender->finish;
	ok($node->wait_status('finished'), "$what: the job goes on");
	$node->is_exact($what);
	is($node->sql('SELECT string_agg(DISTINCT who::text, $$ $$) FROM averages'), $owner, "$what: every row was written by the owner");
	$node->sql(q{SELECT weir.drop_job('s3')});
}

done_testing();
